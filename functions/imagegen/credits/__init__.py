"""Accounts and their ledgers: the arithmetic of credits, grants, statements."""
