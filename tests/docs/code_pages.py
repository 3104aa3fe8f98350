"""The pages of docs/codes: their wrong and right examples, and what runner says about them.

`python -m tests.docs.code_pages` writes what is said into the pages anew; those that need a server are left alone.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runner.app.loading import load
from runner.app.validate import Validation, validate
from runner.config.codes import CODES, CONNECT_CODES
from runner.config.diagnostics import render_all
from tests.docs.blocks import ROOT

FOLDER = ROOT / "docs" / "codes"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
_BLOCK = re.compile(
    r"(?:^`(?P<file>[^`\n]+)`:\n\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """Files of a home, and the commands that make what no text can show."""

    files: Mapping[str, str]
    script: str = ""

    def validated(self, home: Path, environ: Mapping[str, str], *, connect: bool) -> Validation:
        (home / "checks.d").mkdir(parents=True)
        for name, text in self.files.items():
            path = home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        if self.script:
            subprocess.run(["bash", "-euc", self.script], cwd=home, check=True)
        return validate(load(str(home), environ=environ), NOW, connect=connect)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page: `said` is what it claims that runner says about the wrong example."""

    code: str
    text: str
    wrong: Example
    right: Example
    said: str

    @property
    def connects(self) -> bool:
        return self.code in CONNECT_CODES


def page(code: str) -> Page:
    """The page of a code; raises FileNotFoundError without one."""
    text = (FOLDER / f"{code}.md").read_text(encoding="utf-8")
    wrong, _, right = text.partition("## Wrong\n")[2].partition("## Right\n")
    [said] = [found["text"] for found in _BLOCK.finditer(wrong) if found["language"] == "text"]
    return Page(code=code, text=text, wrong=_example(wrong), right=_example(right), said=said.rstrip("\n"))


def _example(text: str) -> Example:
    blocks = list(_BLOCK.finditer(text))
    return Example(
        files={found["file"]: found["text"] for found in blocks if found["file"]},
        script="".join(found["text"] for found in blocks if found["language"] == "bash"),
    )


def shown(found: Validation) -> str:
    return render_all(found.diagnostics, found.sources)


def main() -> None:
    for code in CODES:
        known = page(code)
        if known.connects:
            continue
        with tempfile.TemporaryDirectory() as folder:
            found = shown(known.wrong.validated(Path(folder) / "home", {}, connect=False))
        path = FOLDER / f"{code}.md"
        path.write_text(known.text.replace(f"```text\n{known.said}\n```", f"```text\n{found}\n```"), encoding="utf-8")


if __name__ == "__main__":
    main()
