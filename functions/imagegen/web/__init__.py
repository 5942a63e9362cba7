"""The HTTP edge: HTTPS functions, the triggers of queues and schedules, the OpenAPI document."""
