"""Owns Google's Firestore emulator export format, read and written; knows nothing of storage or of the server."""

from emulator.export_format.errors import ExportError
from emulator.export_format.folder import read_auth_export, read_export, write_export, write_firestore_export

__all__ = ["ExportError", "read_auth_export", "read_export", "write_export", "write_firestore_export"]
