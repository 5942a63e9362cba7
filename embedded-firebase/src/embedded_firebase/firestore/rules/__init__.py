"""Firestore's security rules: the subset of their language that is documented in emulator/README.md."""
