"""The `runner` command: the quiet path first, everything else behind it."""

from __future__ import annotations

import sys

from runner.gate import is_quiet_call
from runner.version import VERSION


def main() -> int:
    """The exit code; a quiet `run-due` ends here, after a few file stats."""
    if is_quiet_call(sys.argv[1:], VERSION):
        return 0
    from runner.cli.leaving import leave
    from runner.cli.main import run

    return leave(run(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
