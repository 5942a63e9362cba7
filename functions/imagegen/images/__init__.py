"""Pictures that are kept: what one is, and where it lies."""
