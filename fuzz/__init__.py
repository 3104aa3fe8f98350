"""Throws mutated YAML files, expressions, templates and schedules at runner and counts what breaks.

`python -m fuzz.run --inputs 100000 --seconds 600` needs nothing but runner; `python -m fuzz.guided` needs atheris.
"""
