"""The embedded Firestore: a server of `google.firestore.v1.Firestore` over SQLite; knows nothing of the application."""
