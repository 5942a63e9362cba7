"""What an operator runs beside the deployed functions, on their own code and records; nothing here is deployed."""
