"""The functions of a `main.py`, discovered, served and reloaded when their code changes."""
