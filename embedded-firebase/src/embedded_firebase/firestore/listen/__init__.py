"""Listen: which changes a client hears of."""
