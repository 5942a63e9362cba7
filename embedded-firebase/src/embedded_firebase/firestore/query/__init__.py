"""What a query selects, decided without storage."""
