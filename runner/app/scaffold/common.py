"""The files that every new distribution has: `@name@` and its siblings are filled in by `app.new_plugin`."""

from __future__ import annotations

PYPROJECT = """\
[build-system]
requires = ["hatchling>=1.26"]
build-backend = "hatchling.build"

[project]
name = "@distribution@"
version = "0.1.0"
description = "@summary@, for runner"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["pgrunner>=@version@"]

[project.optional-dependencies]
test = ["pytest>=8"]

# What makes it a plugin: runner imports the package that stands here. The name on the left is the plugin's name in
# `runner plugins list`, and in `plugins: {disabled: [...]}` of runner.yaml.
[project.entry-points.runner]
@plugin@ = "@package@"

[tool.hatch.build.targets.wheel]
packages = ["@package@"]

[tool.pytest.ini_options]
testpaths = ["tests"]
filterwarnings = ["error"]
"""

README = """\
# @distribution@

@summary@, for `runner` (the distribution `pgrunner`).

@use@
Install it where runner is installed, and `runner plugins list` shows it:

```sh
pip install @distribution@
```

To work on it:

```sh
python3 -m venv .venv
.venv/bin/pip install -e '.[test]'
.venv/bin/pytest
```
"""

GITIGNORE = """\
.venv/
dist/
__pycache__/
.pytest_cache/
"""
