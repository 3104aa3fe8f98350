"""The YAML parser's complaints, reworded by what the person most likely meant."""

from __future__ import annotations

import re

from runner.records import dataclass

_VALUE = re.compile(r"^\s*(?:- +)*(?:(?P<key>[^\s:#][^:#]*?)\s*:(?:\s+|$))?(?P<value>.*?)\s*$")
_CRON = re.compile(r"[*\d/,-]+(\s+[\w*/,-]+){3,5}")


@dataclass(frozen=True, slots=True)
class Complaint:
    """A code, a place counted from 0, how many characters it covers, and what to say."""

    code: str
    line: int
    column: int
    width: int
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class _Line:
    """A line taken apart: `column` is where the value starts."""

    number: int
    text: str
    key: str
    value: str
    column: int

    def complain(self, message: str, hint: str, code: str = "yaml-syntax") -> Complaint:
        return Complaint(code, self.number, self.column, len(self.value), message, hint)

    def quoted(self) -> str:
        value = self.value.split(" #")[0].rstrip()
        if "\\" in value or '"' in value:
            return "'" + value.replace("'", "''") + "'"
        return f'"{value}"'


def explain(problem: str, place: tuple[int, int], context: str, begun: tuple[int, int], lines: list[str]) -> Complaint:
    """What is wrong at `place`, in a construct that began at `begun` (line and column, counted from 0)."""
    if "quoted scalar" in context:
        return _quotes(problem, place, begun, lines)
    line = _take_apart(lines, begun[0] if "block scalar" in context else place[0])
    if "tab character" in problem or line.text[place[1] : place[1] + 1] == "\t":
        return _tab(place, lines)
    return (
        _no_break_space(begun[0], place[0], lines)
        or _by_first_character(line)
        or _by_construct(problem, context, place, begun, line)
        or Complaint("yaml-syntax", *place, 1, f"this is not YAML: {problem}", "quote texts with special characters")
    )


def _no_break_space(first: int, last: int, lines: list[str]) -> Complaint | None:
    """Copied from a web page, it looks like a space and is none."""
    for number in range(first, min(last + 1, len(lines))):
        if (found := re.search(r"(?<=[:-])\xa0|^\s*\xa0", lines[number])) is not None:
            message = "a no-break space (U+00A0) stands where YAML wants a space"
            return Complaint("yaml-syntax", number, found.end() - 1, 1, message, "type the space anew")
    return None


def _take_apart(lines: list[str], number: int) -> _Line:
    text = lines[number] if number < len(lines) else ""
    match = _VALUE.match(text)
    if not match:
        return _Line(number, text, "", text.strip(), 0)
    return _Line(number, text, match["key"] or "", match["value"], match.start("value"))


def _by_first_character(line: _Line) -> Complaint | None:
    first = line.value[:1]
    if first == "*":
        return _star(line)
    if first == "@":
        return line.complain("an unquoted value cannot start with @", f"quote it: {line.quoted()}")
    if first in (">", "|"):
        return _block(line)
    if line.value.startswith("{{"):
        hint = f"quote it: {line.quoted()}"
        return line.complain("a text that starts with `{{` needs quotes", hint, "yaml-template")
    if first == "%" and not line.key:
        message = "a line cannot start with %"
        return line.complain(message, f"quote it: {line.quoted()}")
    if first in ("%", "`", "&", "!"):
        return line.complain(f"an unquoted value cannot start with {first}", f"quote it: {line.quoted()}")
    return None


def _star(line: _Line) -> Complaint:
    message = "an unquoted value cannot start with * (YAML reads it as an alias)"
    if _CRON.fullmatch(line.value.split(" #")[0].rstrip()):
        return line.complain(message, f"quote the cron expression: {line.quoted()}, or say it in words: every 5min")
    return line.complain(message, f"quote it: {line.quoted()}")


def _block(line: _Line) -> Complaint:
    sign = line.value[0]
    message = f"an unquoted value cannot start with {sign} (YAML reads it as the start of a block of text)"
    if sign == "|":
        return line.complain(message, "start the text on the next line, indented")
    return line.complain(message, "a comparison begins with a column: `dead_rows > 5`")


def _by_construct(
    problem: str, context: str, place: tuple[int, int], begun: tuple[int, int], line: _Line
) -> Complaint | None:
    if "mapping values are not allowed" in problem:
        return _colon(place, line)
    if "flow sequence" in context or "flow mapping" in context:
        sign, end = ("[", "]") if "sequence" in context else ("{", "}")
        message = f"this {sign} is not closed, or something inside needs quotes"
        return Complaint(
            "yaml-syntax", *begun, 1, message, f"end it with {end}; quote texts that have , : [ ] {{ }} in them"
        )
    if "could not find expected ':'" in problem:
        number, column = begun
        message = "this line is neither `key: value` nor part of the value above"
        return Complaint("yaml-syntax", number, column, 1, message, "add the colon, or indent the line below its key")
    if line.value[:1] in ("'", '"') and place[1] > line.column:
        message = "there is text after the closing quote"
        hint = "quote the whole value; inside '…' a quote is written twice: 'it''s'"
        return Complaint("yaml-syntax", *place, max(1, len(line.text.rstrip()) - place[1]), message, hint)
    if "did not find expected key" in problem or "'-' indicator" in problem or "not allowed in this context" in problem:
        message = "this line does not fit the lines above"
        hint = "keys of one mapping, and dashes of one list, stand in the same column"
        return Complaint("yaml-syntax", *place, max(1, len(line.text.rstrip()) - place[1]), message, hint)
    if "incompatible YAML document" in problem:
        return Complaint("yaml-syntax", *place, len(line.text), "this YAML version is not supported", "remove the line")
    return None


def _colon(place: tuple[int, int], line: _Line) -> Complaint:
    number, column = place
    before = line.text[:column]
    if not line.key or ":" not in before.rstrip(":"):
        start = len(before) - len(before.lstrip())
        message = "this line is indented as if it continued the value above"
        return Complaint(
            "yaml-syntax", number, start, column - start, message, "put it in the column of its neighbours"
        )
    message = "`: ` inside an unquoted value"
    return Complaint("yaml-syntax", number, column, 1, message, f"quote the value: {line.quoted()}, or use a | block")


def _quotes(problem: str, place: tuple[int, int], begun: tuple[int, int], lines: list[str]) -> Complaint:
    if "escape" in problem or "hexdecimal" in problem:
        text = lines[place[0]][place[1] : place[1] + 2]
        message = f"`{text}` is not an escape of a text in double quotes"
        return Complaint("yaml-syntax", *place, 2, message, "use single quotes, where \\ is an ordinary character")
    quote = lines[begun[0]][begun[1]]
    message = f"this {quote} is never closed"
    return Complaint("yaml-syntax", *begun, 1, message, f"end the text with {quote}")


def _tab(place: tuple[int, int], lines: list[str]) -> Complaint:
    number = min(place[0], len(lines) - 1)
    column = max(lines[number].find("\t"), 0)
    width = len(lines[number][column:]) - len(lines[number][column:].lstrip("\t"))
    return Complaint("yaml-syntax", number, column, max(1, width), "tabs cannot indent YAML", "use spaces")
