"""The kind `command`: starts a program and judges how it ended."""
