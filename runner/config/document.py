"""YAML text to nodes with positions, or to diagnostics: the only module that knows PyYAML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field, replace
from typing import Any, Final

import yaml

from runner.config.diagnostics import source_lines
from runner.config.positions import Places
from runner.config.scalars import resolve
from runner.config.syntax import Complaint, explain
from runner.model.diagnostic import Diagnostic, Severity, Span
from runner.model.node import Entry, MappingNode, Node, Scalar, SequenceNode
from runner.records import dataclass

MAX_DEPTH: Final = 50
MAX_NODES: Final = 50_000
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SECRET_LINE = re.compile(r"(passw|secret|token|dsn)[\w-]*[\"']?\s*:", re.IGNORECASE)
_UNFINISHED = re.compile(r"([<>=!+*/-]|(?<![\w.-])(and|or|not|of|between))$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One parsed file: `root` is None when it is empty or cannot be used."""

    file: str
    text: str = field(repr=False)
    root: MappingNode | None
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def start(self) -> Span:
        return Span(self.file, 1, 1, 1, 2)


def parse_any(text: str, file: str) -> tuple[Node | None, tuple[Diagnostic, ...]]:
    """The root of one document, whatever it is, None when it cannot be used; never raises for what is in the text."""
    text = text.removeprefix("\ufeff")
    composer = _Composer(text, file)
    root: Node | None = None
    try:
        root = composer.document()
    except _RefusedError as refused:
        composer.diagnostics.append(refused.diagnostic)
    except yaml.MarkedYAMLError as error:
        composer.diagnostics.append(_too_deep(text, file, error) or composer.syntax(error))
    except (yaml.YAMLError, UnicodeError):
        complaint = Complaint("file-encoding", 0, 0, 1, "this is not text", "save the file as UTF-8")
        composer.diagnostics.append(composer.diagnostic(complaint))
    failed = any(item.severity is Severity.ERROR for item in composer.diagnostics)
    return None if failed else root, tuple(_discreet(item, composer.lines) for item in composer.diagnostics)


def parse(text: str, file: str) -> Document:
    """Reads one file of a home: `key: value` lines; never raises for what is in the text."""
    root, diagnostics = parse_any(text, file)
    if root is not None and not isinstance(root, MappingNode):
        message = f"a file must be `key: value` lines, not {'a list' if isinstance(root, SequenceNode) else 'a value'}"
        hint = "a file with several jobs has them under `jobs:`" if isinstance(root, SequenceNode) else ""
        diagnostics += (Diagnostic(code="not-a-mapping", span=root.span, message=message, hint=hint),)
    return Document(
        file=file,
        text=text.removeprefix("\ufeff"),
        root=root if isinstance(root, MappingNode) else None,
        diagnostics=diagnostics,
    )


def _too_deep(text: str, file: str, error: yaml.MarkedYAMLError) -> Diagnostic | None:
    """Where our own limit was passed, when the library refused what it met far deeper while it was looking ahead."""
    if error.problem_mark is None or "nesting depth" not in (error.problem or ""):
        return None
    try:
        _Composer(text[: error.problem_mark.index], file).document()
    except _RefusedError as refused:
        return refused.diagnostic
    except yaml.YAMLError:
        return None
    return None


def _discreet(diagnostic: Diagnostic, lines: list[str]) -> Diagnostic:
    """Complaints about YAML repeat what is written, which must not happen beside a password."""
    line = lines[diagnostic.span.line - 1] if diagnostic.span.line <= len(lines) else ""
    if not diagnostic.code.startswith("yaml-") or not _SECRET_LINE.search(line):
        return diagnostic
    message = "this value is not read as it is meant"
    return replace(diagnostic, message=message, hint="put it in single quotes, or better into an env file")


class _RefusedError(Exception):
    """Ends the reading of a document that cannot be used."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class _Composer:
    """Builds nodes from parser events with an own depth limit: the C loader's composer recurses without one."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.lines = source_lines(text)
        self.diagnostics: list[Diagnostic] = []
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        self._anchors: dict[str, Node | None] = {}
        self._sizes: dict[str, int] = {}
        self._count = 0

    def document(self) -> Node | None:
        """The first document's root; a second document is refused."""
        root: Node | None = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._refusal(
                        "yaml-documents", event, "a second document starts here", "put it into its own file"
                    )
                root = self._node(next(self._events), 0)
        return None if isinstance(root, Scalar) and root.value is None else root

    def _node(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        self._bound(event, depth)
        if event.tag is not None:
            self._complain_tag(event)
        if event.anchor is None:
            return self._content(event, depth)
        before = self._count
        self._anchors[event.anchor] = None
        node = self._content(event, depth)
        self._anchors[event.anchor] = node
        self._sizes[event.anchor] = self._count - before
        return node

    def _content(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(event, depth)
        return self._mapping(event, depth)

    def _sequence(self, start: Any, depth: int) -> SequenceNode:
        items = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return SequenceNode(tuple(items), self._span(start, event))

    def _mapping(self, start: Any, depth: int) -> MappingNode:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, start)
            span = self._span(event)
            node = self._node(next(self._events), depth + 1)
            if key in entries:
                first = entries[key].key_span.line
                hint = "YAML would silently keep only the last one"
                self._complain("duplicate-key", span, f"`{key}` is set twice; the first is on line {first}", hint)
            elif key == "<<":
                hint = "write the keys out; what several jobs of a file share stands at its top"
                self._complain("yaml-merge", span, "merge keys (`<<`) are not supported", hint)
            else:
                entries[key] = Entry(span, node)
        return MappingNode(entries, self._span(start, event))

    def _key(self, event: Any, parent: Any) -> str:
        if isinstance(event, yaml.ScalarEvent) and event.value and event.tag is None:
            return str(event.value)
        line = self.lines[parent.start_mark.line]
        if line[parent.start_mark.column :].startswith("{{"):
            written = line[parent.start_mark.column :].strip()
            span = self._written_span(parent.start_mark, written)
            message = "a text that starts with `{{` needs quotes"
            raise _RefusedError(
                Diagnostic(code="yaml-template", span=span, message=message, hint=f"quote it: {_quoted(written)}")
            )
        raise self._refusal("yaml-key", event, "a key must be a plain text", "write `key: value`")

    def _scalar(self, event: Any) -> Scalar:
        span = self._span(event)
        value = resolve(event.value) if event.implicit[0] and not event.style else event.value
        if not isinstance(value, str):
            return Scalar(value, span, written=event.value if value is not None else "")
        if event.style in (">", "|") and not value.strip():
            self._complain_block(event)
        elif not event.style:
            self._notice_comment(event)
        start, end = event.start_mark, event.end_mark
        places = Places(value, event.style or "", self.lines, (start.line, start.column), (end.line, end.column))
        return Scalar(value, span, event.style or "", places)

    def _alias(self, event: Any) -> Node:
        if event.anchor not in self._anchors:
            hint = f"if it is a text, quote it: {_quoted('*' + event.anchor)}"
            raise self._refusal("yaml-alias", event, f"no anchor `&{event.anchor}` stands before this alias", hint)
        node = self._anchors[event.anchor]
        if node is None:
            raise self._refusal("yaml-alias", event, f"`*{event.anchor}` stands inside what it repeats", "write it out")
        self._bound(event, 0, self._sizes[event.anchor])
        return node

    def _bound(self, event: Any, depth: int, size: int = 1) -> None:
        self._count += size
        if depth > MAX_DEPTH:
            raise self._refusal("yaml-depth", event, f"this is nested more than {MAX_DEPTH} deep", "flatten it")
        if self._count > MAX_NODES:
            message = f"the document has more than {MAX_NODES:,} values, aliases counted where they are used"
            raise self._refusal("yaml-size", event, message, "split it into several files")

    def _complain_tag(self, event: Any) -> None:
        start = event.start_mark
        written = self.lines[start.line][start.column :].split(" #")[0].rstrip()
        span = self._written_span(start, written)
        if event.tag == "!=":
            message, hint = "an unquoted value cannot start with !", "name a column before the operator, as in `x != 0`"
        else:
            message, hint = (
                "tags (words that start with !) are not supported",
                f"for a text, quote it: {_quoted(written)}",
            )
        self._complain("yaml-tag", span, message, hint)

    def _complain_block(self, event: Any) -> None:
        start = event.start_mark
        written = self.lines[start.line][start.column :].split(" #")[0].rstrip()
        span = self._written_span(start, written)
        if len(written) > 1 and written[0] == ">":
            message = f"YAML reads `{written}` as the start of a block of text, which is empty"
            hint = "a comparison begins with a column: `dead_rows > 5`"
        else:
            message, hint = "this block of text is empty", "indent its lines below the key, or remove the key"
        self._complain("yaml-block", span, message, hint)

    def _notice_comment(self, event: Any) -> None:
        end = event.end_mark
        if self.lines[end.line][end.column :].lstrip(" ").startswith("#") and _UNFINISHED.search(event.value):
            hint = "quote the value when # belongs to it"
            message = "the value ends here, because ` #` starts a comment"
            diagnostic = Diagnostic(
                code="yaml-comment", span=self._span(event), message=message, hint=hint, severity=Severity.WARNING
            )
            self.diagnostics.append(diagnostic)

    def _complain(self, code: str, span: Span, message: str, hint: str) -> None:
        self.diagnostics.append(Diagnostic(code=code, span=span, message=message, hint=hint))

    def _refusal(self, code: str, event: Any, message: str, hint: str) -> _RefusedError:
        """For complaints after which the parser's events no longer mean anything useful."""
        return _RefusedError(Diagnostic(code=code, span=self._span(event), message=message, hint=hint))

    def syntax(self, error: yaml.MarkedYAMLError) -> Diagnostic:
        """The parser's complaint in words that a person can act on."""
        mark = error.problem_mark or error.context_mark
        context = error.context_mark or mark
        place = (mark.line, mark.column) if mark else (0, 0)
        begun = (context.line, context.column) if context else place
        return self.diagnostic(explain(str(error.problem or ""), place, str(error.context or ""), begun, self.lines))

    def diagnostic(self, complaint: Complaint) -> Diagnostic:
        line, column = complaint.line + 1, complaint.column + 1
        span = Span(self.file, line, column, line, column + max(1, complaint.width))
        return Diagnostic(code=complaint.code, span=span, message=complaint.message, hint=complaint.hint)

    def _written_span(self, start: Any, written: str) -> Span:
        line, column = start.line + 1, start.column + 1
        return Span(self.file, line, column, line, column + len(written))

    def _span(self, event: Any, last: Any = None) -> Span:
        start, end = event.start_mark, (last or event).end_mark
        return Span(self.file, start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def _quoted(text: str) -> str:
    if '"' not in text and "\\" not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "''") + "'"
