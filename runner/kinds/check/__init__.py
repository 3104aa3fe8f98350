"""The kind `check`: reads, judges, changes nothing."""
