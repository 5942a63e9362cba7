"""Development only: an embedded Firestore and a functions host; knows nothing of the application."""
