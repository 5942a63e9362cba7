"""Calling the URL that a caller named when a generation has ended."""
