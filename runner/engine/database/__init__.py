"""Sessions with PostgreSQL: the only package that imports psycopg."""
