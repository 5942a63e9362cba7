"""The functions of a `main.py`, found, served and started anew when their code changes."""
