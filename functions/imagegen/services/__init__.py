"""The use cases, one module a subject; knows no HTTP."""
