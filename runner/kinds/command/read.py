"""Compiles the YAML of a command job to its spec."""

from __future__ import annotations

import re

from runner.api import CompileContext, MappingNode, Node, Scalar, SequenceNode
from runner.kinds.command.spec import CommandSpec

_WORDS_HINT = "write a list of words, `run: [pm2, restart, all]`, or a script, `shell: |`"


def read(node: MappingNode, context: CompileContext) -> CommandSpec:
    """The spec of the job; what is wrong goes to the context."""
    run, script = node.get("run"), node.get("shell")
    if run is None and script is None:
        context.complain("missing-key", node.key_span("command"), "this command has nothing to run", _WORDS_HINT)
    if run is not None and script is not None:
        context.complain(
            "bad-value", node.key_span("shell"), "`run` and `shell` cannot both be given", "keep one of them"
        )
    expect = node.get("expect")
    exits, pattern = _expected(expect, context) if isinstance(expect, MappingNode) else (frozenset({0}), None)
    return CommandSpec(
        words=_words(run, context) if run is not None else (),
        script=_text(script),
        cwd=_text(node.get("cwd")),
        env=_environment(node.get("env")),
        exits=exits,
        stdout_matches=pattern,
    )


def _words(node: Node, context: CompileContext) -> tuple[str, ...]:
    if isinstance(node, SequenceNode) and node.items:
        return tuple(_text(item) for item in node.items)
    context.complain("bad-value", node.span, "`run` is a list of words, not a line for a shell", _WORDS_HINT)
    return ()


def _expected(node: MappingNode, context: CompileContext) -> tuple[frozenset[int], re.Pattern[str] | None]:
    exits = node.get("exit")
    items = exits.items if isinstance(exits, SequenceNode) else (exits,) if exits else ()
    codes = frozenset(item.value for item in items if isinstance(item, Scalar) and isinstance(item.value, int))
    return codes or frozenset({0}), _pattern(node.get("stdout_matches"), context)


def _pattern(node: Node | None, context: CompileContext) -> re.Pattern[str] | None:
    text = _text(node)
    if node is None or not text:
        return None
    try:
        return re.compile(text, re.MULTILINE)
    except re.error as error:
        context.complain(
            "bad-value",
            node.span,
            f"not a regular expression: {error}",
            "a backslash before ( ) [ ] { } . * + ? makes it an ordinary character",
        )
        return None


def _environment(node: Node | None) -> dict[str, str]:
    if not isinstance(node, MappingNode):
        return {}
    return {name: _text(entry.node) for name, entry in node.entries.items()}


def _text(node: Node | None) -> str:
    if not isinstance(node, Scalar) or node.value is None:
        return ""
    return node.text.lower() if isinstance(node.value, bool) else node.text
