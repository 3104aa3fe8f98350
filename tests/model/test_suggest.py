from __future__ import annotations

import pytest

from runner.model.suggest import did_you_mean, nearest


@pytest.mark.parametrize(
    ("word", "found"),
    [("treshold", "threshold"), ("SQL", "sql"), ("statement-timeout", "statement_timeout"), ("zzz", "")],
)
def test_nearest(word: str, found: str) -> None:
    assert nearest(word, ["threshold", "sql", "statement_timeout"]) == found


def test_the_same_word_in_other_letters_comes_before_a_similar_one() -> None:
    assert nearest("USED", ["user", "used"]) == "used"


def test_a_hint_is_a_question_or_nothing() -> None:
    assert did_you_mean("treshold", ["threshold"]) == "did you mean `threshold`?"
    assert did_you_mean("zzz", ["threshold"]) == ""


def test_a_word_without_end_is_compared_by_its_beginning() -> None:
    assert nearest("threshold" + "x" * 1_000_000, ["threshold"]) == ""
