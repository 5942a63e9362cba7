"""The delivery of webhooks, when a generation has ended."""
