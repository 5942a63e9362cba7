"""Sells AI image generations on credits; knows Firestore and the image models, never an emulator."""
