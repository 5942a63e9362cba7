"""What a document is made of: paths, values and their order, times, and the limits of all."""
