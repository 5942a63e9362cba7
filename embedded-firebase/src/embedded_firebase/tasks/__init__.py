"""Task queues and schedules: what calls functions by itself."""
