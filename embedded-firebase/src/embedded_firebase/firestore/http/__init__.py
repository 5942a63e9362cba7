"""What is served over HTTP: REST, and the control of the server itself."""
