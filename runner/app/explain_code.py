"""`runner explain CODE`: the page of one code of a diagnostic."""

from __future__ import annotations

from collections.abc import Iterable

from runner.config.codes import CODES
from runner.config.files import shipped
from runner.errors import RunnerError, UsageError
from runner.model.suggest import nearest


def is_code(word: str) -> bool:
    """Whether this is the code of a diagnostic; it may be written as `error[unknown-key]` shows it."""
    return _bare(word) in CODES


def explain_code(word: str) -> str:
    """What the code means, with a wrong and a right example, as Markdown. Raises RunnerError without its page."""
    path = shipped("docs") / "codes" / f"{_bare(word)}.md"
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise RunnerError(f"the page {path} cannot be read: {error.strerror}", hint="install runner anew") from error


def unknown(word: str, jobs: Iterable[str] = ()) -> UsageError:
    """The error for a word that is neither a code nor a job."""
    near = nearest(_bare(word), [*CODES, *jobs])
    hint = (
        f"did you mean `runner explain {near}`?"
        if near
        else "the codes are in docs/format.md: runner validate shows them"
    )
    return UsageError(f"`{word}` is neither the code of a diagnostic nor a job of this home", hint=hint)


def _bare(word: str) -> str:
    return word.partition("[")[2].rstrip("]:") if "[" in word else word
