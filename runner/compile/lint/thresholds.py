"""Advice about thresholds that cannot do what they seem to: proved from their text alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runner.compile.lint.places import Placed, advice, placed, rule_of
from runner.compile.lint.regions import Claim, contradict
from runner.expr import Expression, facts
from runner.expr.tree import Literal, Logic, Node
from runner.model.diagnostic import Diagnostic
from runner.model.job import Job


def about_thresholds(job: Job) -> Iterator[Diagnostic]:
    """Conditions that are never or always true, a warning that is always critical, and a `clear` without a use."""
    found = rule_of(job)
    if found is None:
        return
    warning, critical, clear = (placed(*found, level) for level in ("warning", "critical", "clear"))
    wrong = False
    for item in (*warning, *critical):
        for advised in _alone(item):
            wrong = True
            yield advised
    if wrong:
        return
    yield from _stricter(warning, critical)
    for item in clear:
        yield from _clear(item, (*warning, *critical))


def _alone(item: Placed) -> Iterator[Diagnostic]:
    """What can be said about one condition; a bare `true` or `false` is meant as it stands."""
    if isinstance(item.expression.tree, Literal):
        return
    for part in _alternatives(item.expression.tree):
        whole = part is item.expression.tree
        if contradict(Claim(item.expression if whole else Expression(item.expression.text, part))):
            text = item.expression.text[part.start : part.end]
            hint = "look at its numbers, and whether `or` is meant where `and` stands"
            span = item.scalar.locate(part.start, part.end)
            yield advice("threshold-never", span, f"`{text}` is never true", hint)
            return
    if contradict(Claim(item.expression, holds=False)):
        hint = "look at its numbers, and whether `and` is meant where `or` stands; what is meant is written `true`"
        yield advice("threshold-always", item.span, f"`{item.expression}` is true for every value", hint)


def _alternatives(tree: Node) -> tuple[Node, ...]:
    return tree.parts if isinstance(tree, Logic) and tree.operator == "or" else (tree,)


def _stricter(warning: Sequence[Placed], critical: Sequence[Placed]) -> Iterator[Diagnostic]:
    severe = [item for item in critical if not isinstance(item.expression.tree, Literal)]
    for item in warning if severe else ():
        if isinstance(item.expression.tree, Literal):
            continue
        if contradict(Claim(item.expression), *(Claim(other.expression, holds=False) for other in severe)):
            message = f"whatever meets `{item.expression}` is critical as well, so it is never a warning"
            hint = f"`critical:` is `{_shown(severe)}`; a warning comes before it"
            yield advice("warning-stricter", item.span, message, hint)


def _clear(clear: Placed, thresholds: Sequence[Placed]) -> Iterator[Diagnostic]:
    same = [item for item in thresholds if facts(item.expression).per_row is facts(clear.expression).per_row]
    if not same or len(same) < len(thresholds):
        return
    calm = [Claim(item.expression, holds=False) for item in same]
    if contradict(Claim(clear.expression), *calm):
        message = f"`{clear.expression}` is never true while no threshold is crossed, so a problem never ends"
        hint = f"turn the comparison round, or lower its number; the thresholds are `{_shown(same)}`"
        yield advice("clear-never", clear.span, message, hint)
    elif contradict(Claim(clear.expression, holds=False), *calm):
        message = f"`{clear.expression}` is true as soon as no threshold is crossed, so it changes nothing"
        hint = f"remove it, or let it begin further away from `{_shown(same)}`"
        yield advice("clear-useless", clear.span, message, hint)


def _shown(items: Sequence[Placed]) -> str:
    return "`, `".join(item.expression.text for item in items)
