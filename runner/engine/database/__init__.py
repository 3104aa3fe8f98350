"""Sessions with PostgreSQL, through its client library."""
