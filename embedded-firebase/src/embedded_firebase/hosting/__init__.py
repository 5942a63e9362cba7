"""A site in front of the functions."""
