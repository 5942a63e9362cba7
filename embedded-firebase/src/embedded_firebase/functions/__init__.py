"""Owns serving the functions of a `main.py` on this machine; must not know what any of them does."""
