"""The command lines: the embedded Firestore, the functions host, and making an export."""
