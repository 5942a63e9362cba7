"""Listen: which changes a client is sent."""
