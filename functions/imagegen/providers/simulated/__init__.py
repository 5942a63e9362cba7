"""The simulated models, for development and demonstrations."""
