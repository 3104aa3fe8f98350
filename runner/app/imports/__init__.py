"""`runner import`: what people have for other tools, as checks with the same thresholds."""
