"""Owns what the embedded Firestore serves over HTTP; must not know any rule of Firestore."""
