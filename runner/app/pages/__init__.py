"""The Markdown pages that `runner docs` makes of a home."""
