"""Sells AI image generations on credits; knows Firestore and the image models, never an emulator."""

# The one source of the version: pyproject.toml and the OpenAPI document read it. A constant costs no cold start.
__version__ = "0.1.0"
