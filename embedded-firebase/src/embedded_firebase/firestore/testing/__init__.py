"""What tests use beside the protocol: faults on demand, and counts of calls and billed operations."""
