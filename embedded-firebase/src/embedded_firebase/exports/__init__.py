"""The export format of Google's emulators, read and written."""
