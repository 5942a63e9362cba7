"""Owns Google's Firestore emulator export format, read and written; knows nothing of storage or of the server."""

from embedded_firebase.exports.errors import ExportError
from embedded_firebase.exports.folder import read_auth_export, read_export, write_export, write_firestore_export

__all__ = ["ExportError", "read_auth_export", "read_export", "write_export", "write_firestore_export"]
