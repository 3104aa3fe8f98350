"""What the commands around the catalogue do: find checks, show one, and begin to use them."""
