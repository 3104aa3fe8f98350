"""Secrets that came back from a server are masked in every part of a result."""

from __future__ import annotations

from runner.api import Finding, Outcome, Secret, Series, State, Table
from runner.engine.masking import masked

SECRET = Secret("s3cr3t-word")


def test_texts_are_masked_however_deep() -> None:
    outcome = Outcome(
        summary="it was s3cr3t-word",
        findings=(
            Finding(state=State.WARNING, message="s3cr3t-word", series=Series("db", ("a", "see s3cr3t-word"))),
            Finding(state=State.OK, message="fine", series=Series("db", ("b",))),
        ),
        tables=(Table(title="", columns=("x",), rows=(("s3cr3t-word",),)),),
    )
    found = masked(outcome, [SECRET])
    assert "s3cr3t" not in repr(found)
    assert found.findings[0].series == Series("db", ("a", "see ***"))
    assert isinstance(found.findings[0].series, Series)
    assert found.findings[1] is outcome.findings[1]


def test_without_secrets_nothing_is_looked_at() -> None:
    outcome = Outcome(summary="it was s3cr3t-word")
    assert masked(outcome, []) is outcome
