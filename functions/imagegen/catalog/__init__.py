"""What is on offer and for how much."""
