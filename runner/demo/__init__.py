"""A PostgreSQL server of one's own, for the demonstration and for the tests."""
