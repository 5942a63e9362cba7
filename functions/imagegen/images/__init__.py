"""Pictures, and their storage."""
