"""Rendering: frames, carets, order, suggestions."""

from __future__ import annotations

import pytest

from runner.config.diagnostics import one_line, ordered, render, suggest
from runner.model.diagnostic import Diagnostic, Severity, Span


def complaint(span: Span, **more: object) -> Diagnostic:
    return Diagnostic(**{"code": "bad-value", "span": span, "message": "no", **more})  # type: ignore[arg-type]


def test_carets_cover_what_is_wrong() -> None:
    span = Span("a.yaml", 2, 4, 2, 7)
    assert render(complaint(span, hint="try\nthis"), {"a.yaml": "x: 1\ny: usd > 5\n"}).splitlines() == [
        "error[bad-value]: no",
        " --> a.yaml:2:4",
        "2 | y: usd > 5",
        "  |    ^^^",
        "  = help: try",
        "          this",
    ]


@pytest.mark.parametrize(
    ("line", "span", "carets"),
    [
        ("日本: usd", Span("a", 1, 5, 1, 8), "      ^^^"),
        ("\tx: 1", Span("a", 1, 2, 1, 3), "\t^"),
        ("e\u0301 x", Span("a", 1, 4, 1, 5), "  ^"),
        ("a: 1", Span("a", 1, 40, 1, 44), "    ^"),
        ("a: |", Span("a", 1, 4, 3, 1), "   ^"),
        ("a: x", Span("a", 1, 4, 1, 4), "   ^"),
    ],
)
def test_carets_stand_below_their_characters(line: str, span: Span, carets: str) -> None:
    assert render(complaint(span), {"a": line}).splitlines()[3] == f"  | {carets}"


def test_a_long_line_is_cut_around_the_place() -> None:
    line = "a: " + "x" * 500 + " usd " + "y" * 500
    shown, carets = render(complaint(Span("a", 1, 505, 1, 508)), {"a": line}).splitlines()[2:4]
    assert len(shown) < 200
    assert shown[carets.index("^") : carets.rindex("^") + 1] == "usd"


def test_without_a_source_the_place_is_enough() -> None:
    assert render(complaint(Span("gone.yaml", 9, 1)), {}) == "error[bad-value]: no\n --> gone.yaml:9:1"


def test_one_line_form() -> None:
    item = complaint(Span("a.yaml", 3, 7), severity=Severity.WARNING, hint="do this")
    assert one_line(item) == "a.yaml:3:7: warning[bad-value]: no (do this)"


def test_sorted_and_each_once() -> None:
    late, early = complaint(Span("a", 9, 1)), complaint(Span("a", 2, 5))
    assert ordered([late, early, late]) == (early, late)


def test_suggestions_fall_back_to_the_list() -> None:
    assert suggest("zzz", ["b", "a"], "target") == "there are: a, b"
    assert suggest("zzz", ["main"], "target") == "there is: main"
    assert suggest("zzz", [], "target") == "there is no target yet"
