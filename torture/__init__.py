"""Real ticks that are killed by the hundred, and an account of what they leave."""
