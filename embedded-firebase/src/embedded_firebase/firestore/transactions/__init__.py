"""Snapshots, atomic commits and serializable transactions."""
