"""Finds the calls in Nagios object files, Icinga 2 files, NRPE files and crontabs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from runner.app.imports.calls import Call, is_call, read_call
from runner.model.diagnostic import Span
from runner.records import dataclass

Source = Literal["nagios", "icinga", "nrpe", "crontab", "pgwatch"]
_DEFINE = re.compile(r"^[ \t]*define\s+(\w+)\s*\{(.*?)^[ \t]*\}", re.MULTILINE | re.DOTALL)
_DIRECTIVE = re.compile(r"^[ \t]*(\w+)[ \t]+(.+?)[ \t]*$", re.MULTILINE)
_NRPE = re.compile(r"^[ \t]*command\[([^\]]+)\][ \t]*=[ \t]*(.+?)[ \t]*$", re.MULTILINE)
_ICINGA = re.compile(
    r'^[ \t]*(?:object|template|apply)\s+(\w+)\s+(?:"([^"]*)"|(for)\b[^{]*)[^{]*\{(.*?)^\}', re.MULTILINE | re.DOTALL
)
_ASSIGNED = re.compile(r'^[ \t]*(?:vars\.|vars\[")?(\w+)(?:"\])?[ \t]*\+?=[ \t]*(.+?)[ \t]*;?[ \t]*$', re.MULTILINE)
_CRON = re.compile(r"^[ \t]*((?:@\w+)|(?:[\d*/,\-A-Za-z]+[ \t]+){4}[\d*/,\-A-Za-z]+)[ \t]+(\S.*)$", re.MULTILINE)
_MACRO = re.compile(r"\$(\w+)\$")
# Icinga's own command for check_postgres takes its options from these variables.
_ICINGA_OPTIONS = {
    "warning": "-w", "critical": "-c", "host": "--host", "port": "--port", "dbname": "--dbname", "dbuser": "--dbuser",
    "dbpass": "--dbpass", "dbservice": "--dbservice", "include": "--include", "exclude": "--exclude",
    "includeuser": "--includeuser", "excludeuser": "--excludeuser", "query": "--query", "valtype": "--valtype",
    "reverse": "--reverse",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """What is not carried over, where it stands, and why; what a line says is never in it."""

    span: Span
    what: str
    why: str


@dataclass(slots=True)
class Reading:
    """The calls of all files, and what could not be read."""

    calls: list[Call] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)


def recognise(text: str) -> Source:
    """What sort of file this is."""
    if re.search(r"^[ \t]*define\s+\w+\s*\{", text, re.MULTILINE):
        return "nagios"
    if re.search(r"^[ \t]*(object|template|apply)\s+\w+", text, re.MULTILINE):
        return "icinga"
    if _NRPE.search(text):
        return "nrpe"
    return "pgwatch" if re.search(r"^\s*sqls:", text, re.MULTILINE) else "crontab"


def read(name: str, text: str, source: Source, reading: Reading) -> None:
    """Adds the calls of one file. Commands and hosts of Nagios must be in the same file as what uses them."""
    joined = text.replace("\\\n", "  ")
    {"nagios": _nagios, "icinga": _icinga, "nrpe": _nrpe, "crontab": _crontab}[source](
        _Text(name, joined, text), reading
    )


@dataclass(frozen=True, slots=True)
class _Text:
    """A file with its continued lines joined, and as it is, both of the same length."""

    name: str
    text: str
    original: str

    def span(self, offset: int) -> Span:
        line = self.original.count("\n", 0, offset) + 1
        column = offset - (self.original.rfind("\n", 0, offset) + 1) + 1
        return Span(self.name, line, column, line, column + 1)


def _add(line: str, where: Span, reading: Reading, *, name: str = "", minutes: int = 0, comment: bool = True) -> bool:
    try:
        words = shlex.split(line, comments=comment)
    except ValueError:
        if "check_postgres" in line or "check_pgactivity" in line:
            reading.lost.append(Lost(span=where, what=name or "a line", why="its quotes do not match"))
        return False
    if not is_call(words):
        return False
    reading.calls.append(read_call(words, span=where, name=name, minutes=minutes))
    return True


def _nrpe(file: _Text, reading: Reading) -> None:
    for found in _NRPE.finditer(file.text):
        if not file.text[: found.start()].rpartition("\n")[2].lstrip().startswith("#"):
            _add(found[2], file.span(found.start(2)), reading, name=found[1])


def _crontab(file: _Text, reading: Reading) -> None:
    for found in _CRON.finditer(file.text):
        _add(found[2], file.span(found.start(2)), reading)


@dataclass(frozen=True, slots=True)
class _Object:
    kind: str
    values: Mapping[str, tuple[str, int]]

    def get(self, name: str) -> str:
        return self.values.get(name, ("", 0))[0]


def _nagios(file: _Text, reading: Reading) -> None:
    objects = []
    for block in _DEFINE.finditer(file.text):
        pairs = _DIRECTIVE.finditer(file.text, block.start(2), block.end(2))
        values = {pair[1]: (pair[2].split(" ;")[0].strip(), pair.start(2)) for pair in pairs}
        objects.append(_Object(block[1], values))
    commands = {item.get("command_name"): item for item in objects if item.kind == "command"}
    hosts = {item.get("host_name"): item.get("address") for item in objects if item.kind == "host"}
    used = set()
    for item in objects:
        if item.kind == "service" and item.get("check_command"):
            command, *arguments = re.split(r"(?<!\\)!", item.get("check_command"))
            used.add(command)
            if command in commands:
                _service(file, item, commands[command].get("command_line"), arguments, hosts, reading)
    for name, item in commands.items():
        line = item.get("command_line")
        if name not in used and not re.search(r"\$ARG\d+\$", line):
            _add(_expanded(line, {}), file.span(item.values["command_line"][1]), reading, name=name, comment=False)


def _service(
    file: _Text, item: _Object, line: str, arguments: list[str], hosts: Mapping[str, str], reading: Reading
) -> None:
    host = item.get("host_name")
    macros = {f"ARG{number}": value for number, value in enumerate(arguments, start=1)}
    macros |= {f"ARG{number}": "" for number in range(len(arguments) + 1, 33)}
    if host and "," not in host:
        macros |= {"HOSTADDRESS": hosts.get(host) or host, "HOSTNAME": host, "HOSTALIAS": host}
    where = file.span(item.values["check_command"][1])
    interval = item.get("check_interval") or item.get("normal_check_interval")
    minutes = int(interval) if interval.isdigit() else 0
    name = item.get("service_description")
    _add(_expanded(line, macros), where, reading, name=name, minutes=minutes, comment=False)


def _expanded(line: str, macros: Mapping[str, str]) -> str:
    return _MACRO.sub(lambda found: macros.get(found[1], found[0]), line)


def _icinga(file: _Text, reading: Reading) -> None:
    for block in _ICINGA.finditer(file.text):
        kind, name = block[1], block[2] or ""
        pairs = {
            pair[1]: (pair[2], pair.start(2)) for pair in _ASSIGNED.finditer(file.text, block.start(4), block.end(4))
        }
        where = file.span(block.start())
        if kind == "CheckCommand":
            _check_command(block[4], name, where, reading)
        elif kind == "Service" and "postgres_action" in pairs:
            values = {key.removeprefix("postgres_"): _literal(value) for key, (value, _) in pairs.items()
                      if key.startswith("postgres_")}  # fmt: skip
            words = [f"check_postgres_{values.pop('action')}"]
            for key, value in values.items():
                option = _ICINGA_OPTIONS.get(key, f"--{key}")
                words += [option] if value == "true" else [] if value == "false" else [f"{option}={value}"] \
                    if option.startswith("--") else [option, value]  # fmt: skip
            minutes = _minutes(pairs.get("check_interval", ("", 0))[0])
            reading.calls.append(
                read_call(words, span=file.span(pairs["postgres_action"][1]), name=name, minutes=minutes)
            )


def _check_command(body: str, name: str, where: Span, reading: Reading) -> None:
    """`command = [ … ]` and the constant values of `arguments = { … }`."""
    listed = re.search(r"\bcommand\s*=\s*\[(.*?)\]", body, re.DOTALL)
    words = re.findall(r'"((?:[^"\\]|\\.)*)"', listed[1]) if listed else []
    arguments = re.search(r"\barguments\s*=\s*\{(.*)\}", body, re.DOTALL)
    for key, value in re.findall(r'"(-[\w-]+)"\s*=\s*"((?:[^"\\]|\\.)*)"', arguments[1]) if arguments else ():
        words += [key, value]
    if is_call(words):
        reading.calls.append(read_call(words, span=where, name=name))


def _literal(value: str) -> str:
    bare = value.strip()
    return bare[1:-1].replace('\\"', '"') if len(bare) > 1 and bare[0] == bare[-1] == '"' else bare


def _minutes(value: str) -> int:
    found = re.fullmatch(r"(\d+)\s*([smhd]?)", value.strip())
    if not found:
        return 0
    seconds = int(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]
    return max(1, seconds // 60)
