"""The language of security rules: read, flattened, evaluated."""
