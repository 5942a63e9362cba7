"""The audit: whether each account's ledger explains its balance."""
