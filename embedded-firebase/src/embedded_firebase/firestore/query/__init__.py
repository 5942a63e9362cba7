"""What a query asks for, decided without storage."""
