"""The verification that each account's ledger explains its balance."""
