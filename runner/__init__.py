"""runner looks after PostgreSQL: checks and maintenance jobs as YAML files, run by cron."""
