"""The same subjects under atheris, which keeps inputs that reach new lines: `python -m fuzz.guided SUBJECT [libFuzzer options]`.

atheris is no dependency: install it beside runner (`pip install atheris`). Inputs that break something are written to
the current folder, as libFuzzer does it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory


def main(words: list[str]) -> int:
    """Runs until libFuzzer's own limit (`-max_total_time=60`, `-runs=100000`); exits 1 when something broke."""
    try:
        import atheris
    except ImportError:
        print("atheris is not installed: pip install atheris", file=sys.stderr)
        return 64
    with atheris.instrument_imports(include=["runner.expr", "runner.config", "runner.schedule", "runner.template"]):
        from fuzz.subjects import SUBJECTS

    name, *options = words or [""]
    if name not in SUBJECTS:
        print(f"name a subject: {', '.join(SUBJECTS)}", file=sys.stderr)
        return 64
    with TemporaryDirectory(prefix="runner-fuzz-") as folder:
        for number, seed in enumerate(SUBJECTS[name].seeds()):
            (Path(folder) / str(number)).write_text(seed, encoding="utf-8")
        atheris.Setup([name, "-timeout=20", "-rss_limit_mb=1024", *options, folder], SUBJECTS[name].run)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
