"""Image models: the protocol that a provider implements, and the simulated ones."""
