"""Task queues and schedules: what calls functions without a client."""
