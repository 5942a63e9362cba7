"""Documents, their past versions and their indexes in SQLite, and queries carried out on them."""
