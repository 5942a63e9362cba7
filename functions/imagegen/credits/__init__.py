"""Accounts and their ledgers: balances, charges, refunds, grants."""
