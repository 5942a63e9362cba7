"""The HTTP edge: from a request to an endpoint and back, triggers of queues and schedules, the OpenAPI document."""
