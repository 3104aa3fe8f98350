"""The kind `maintenance`: vacuums, analyzes and runs statements, and proves what they did."""
