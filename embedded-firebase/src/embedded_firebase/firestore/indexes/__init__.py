"""Which indexes there are, which a query needs, and which ranges of them answer it."""
