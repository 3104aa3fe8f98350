"""The runner's lines in a crontab: made, merged with what stands there, taken out again, and shown in words."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from runner.errors import RunnerError, UsageError
from runner.model.home import Home
from runner.model.job import Job, Schedule
from runner.records import dataclass
from runner.schedule import advice, in_words, window_in_words

EVERY_MINUTE = "* * * * *"
_ONE_LINE = "leave out --per-job: the one line that runs every minute works for every schedule and time zone"
_MARKER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing to start regularly: `group` is empty for the entry that runs everything that is due."""

    group: str
    title: str
    schedule: Schedule
    words: tuple[str, ...]


def entries(home: Home, command: Sequence[str], *, per_job: bool) -> tuple[Entry, ...]:
    """What has to be started: `run-due` every minute, or once for each schedule of each group."""
    words = (*_absolute(command), "run-due", "--home", str(home.path))
    if not per_job:
        every_minute = Schedule(text=EVERY_MINUTE, cron=EVERY_MINUTE)
        return (Entry(group="", title="everything that is due", schedule=every_minute, words=words),)
    made: list[Entry] = []
    for group in dict.fromkeys(job.group for job in home.jobs):
        schedules = {_key(job.schedule): job.schedule for job in home.jobs if job.group == group and job.schedule}
        title = home.groups.get(group) or group
        started = (*words, "--group", group)
        made += [Entry(group=group, title=title, schedule=schedule, words=started) for schedule in schedules.values()]
    if not made:
        raise UsageError("no job has a schedule, so there is nothing to install", hint="give a job a `schedule:`")
    return tuple(made)


def _key(schedule: Schedule) -> tuple[str, int, str]:
    """The same for schedules that say the same in other words."""
    return schedule.cron, schedule.every, schedule.timezone if schedule.cron else ""


def _absolute(command: Sequence[str]) -> tuple[str, ...]:
    if not command or not Path(command[0]).is_absolute():
        raise UsageError(
            f"cron does not find `{shlex.join(command)}`: its PATH is /usr/bin:/bin",
            hint="name the command by its absolute path",
        )
    return tuple(command)


def own_command() -> tuple[str, ...]:
    """How cron starts this very installation: the script beside the interpreter, else the module."""
    script = Path(sys.executable).with_name("runner")
    return (str(script),) if script.is_file() else (sys.executable, "-m", "runner")


_NAMES_OF_UTC = frozenset({"UTC", "UCT", "Zulu", "Universal", "Etc/UTC", "Etc/UCT", "Etc/Zulu", "Etc/Universal"})


def machine_timezone() -> str:
    """The zone that cron's times are in; UTC when the machine does not say."""
    name = os.environ.get("TZ", "").lstrip(":") or _read("/etc/timezone").strip()
    name = name or str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2]
    return "UTC" if not name or name in _NAMES_OF_UTC else name


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return ""


def lines(home: Home, command: Sequence[str], *, per_job: bool = False, machine_zone: str = "UTC") -> tuple[str, ...]:
    """The lines to install, each ending in `# <marker> <home>`. Raises UsageError when cron cannot say one.

    `machine_zone` is the zone that the machine's cron counts in; only `per_job` lines depend on it.
    """
    mark = marker(home)
    made = []
    for entry in entries(home, command, per_job=per_job):
        when = cron_line(entry, machine_zone) if per_job else EVERY_MINUTE
        made.append(f"{when} {_for_cron(shlex.join(entry.words))} # {mark}")
    return tuple(dict.fromkeys(made))


def marker(home: Home) -> str:
    """What marks the lines of this home, as it stands in the crontab: `grep` for its first word finds them."""
    word = home.settings.crontab_marker
    if not _MARKER.fullmatch(word):
        raise UsageError(f"`{word}` cannot mark lines of a crontab", hint="use letters, digits, dots and dashes")
    return f"{word} {_for_cron(shlex.quote(str(home.path)))}"


def _for_cron(words: str) -> str:
    """Cron makes a newline of a percent sign that has no backslash before it."""
    if "\n" in words:
        raise UsageError("a path with a line break cannot stand in a crontab", hint="move the home")
    return words.replace("%", r"\%")


def cron_line(entry: Entry, machine_zone: str) -> str:
    """The five fields of an entry in the machine's time. Raises UsageError when cron cannot express it."""
    schedule = entry.schedule
    if schedule.every:
        return _as_cron(entry, schedule.every, machine_zone)
    if schedule.timezone != machine_zone and schedule.cron != EVERY_MINUTE:
        raise UsageError(
            f"`{schedule.text}` of group {entry.group} is in {schedule.timezone}, but cron here counts in {machine_zone}",
            hint=_ONE_LINE,
        )
    return schedule.cron


def _as_cron(entry: Entry, seconds: int, machine_zone: str) -> str:
    minutes = seconds // 60
    # Every zone is off UTC by whole quarters of an hour.
    if machine_zone == "UTC" or 15 % minutes == 0:
        if 60 % minutes == 0:
            return f"{_step(minutes, 60)} * * * *"
        if minutes % 60 == 0 and 24 % (minutes // 60) == 0:
            return f"0 {_step(minutes // 60, 24)} * * *"
    raise UsageError(
        f"cron cannot express `{entry.schedule.text}` of group {entry.group} in {machine_zone}", hint=_ONE_LINE
    )


def _step(step: int, size: int) -> str:
    return "*" if step == 1 else "0" if step == size else f"*/{step}"


def merge(existing: str, ours: Sequence[str], marker: str) -> str:
    """The crontab with our lines where the first of them stood, or at its end; every other line is kept."""
    kept: list[str] = []
    place: int | None = None
    for line in _split(existing):
        if is_ours(line, marker):
            place = len(kept) if place is None else place
        else:
            kept.append(line)
    if place is None:
        place = len(kept)
        # A crontab that does not end in a line break is refused by crontab(1) and so cannot be read from it.
        if kept and not kept[-1].endswith("\n"):
            kept[-1] += "\n"
    return "".join((*kept[:place], *(f"{line}\n" for line in ours), *kept[place:]))


def remove(existing: str, marker: str) -> str:
    """The crontab without our lines."""
    return "".join(line for line in _split(existing) if not is_ours(line, marker))


def is_ours(line: str, marker: str) -> bool:
    """Whether a line starts `run-due` and ends in our mark; the mark's first word alone means every home's."""
    before, sign, comment = line.rstrip("\n").rpartition(" # ")
    marked = comment == marker or comment.startswith(f"{marker} ")
    return bool(sign) and marked and " run-due " in before and not line.lstrip().startswith("#")


def _split(text: str) -> Iterator[str]:
    """Lines with their line feed; no other character ends a line of a crontab."""
    yield from re.findall(r"[^\n]*\n|[^\n]+", text)


def preview(home: Home, ours: Sequence[str]) -> str:
    """Every job with its schedule in words, what to mind, and the lines that will be installed."""
    parts = []
    for group in dict.fromkeys(job.group for job in home.jobs):
        jobs = [job for job in home.jobs if job.group == group]
        title = home.groups.get(group, "")
        parts.append(f"{group}: {title}" if title else group)
        width = max(len(job.name) for job in jobs)
        for job in jobs:
            parts.append(f"  {job.name:<{width}}  {_when(job)}")
            parts.extend(f"  {'':<{width}}  note: {sentence}" for sentence in _advice(job))
    return "\n".join((*parts, "", "Lines for the crontab:", *(f"  {line}" for line in ours))) + "\n"


def _when(job: Job) -> str:
    said = in_words(job.schedule) if job.schedule else "no schedule: only when asked for by name"
    return f"{said}, within {window_in_words(job.window)}" if job.window else said


def _advice(job: Job) -> tuple[str, ...]:
    return advice(job.schedule) if job.schedule else ()


class Crontab:
    """The crontab of the user who runs this, through the program `crontab`."""

    def __init__(self, program: str = "crontab") -> None:
        self._program = program

    def read(self) -> str:
        """Its text; empty when the user has none. Raises RunnerError."""
        code, out, err = self._run("-l")
        if code == 0:
            return out
        if "no crontab for" in err:
            return ""
        raise self._failed("read", err)

    def write(self, text: str) -> None:
        """Replaces it. Raises RunnerError; what stood there is then unchanged."""
        code, _, err = self._run("-", text)
        if code != 0:
            raise self._failed("write", err)

    def _run(self, argument: str, text: str = "") -> tuple[int, str, str]:
        import subprocess

        environment = {**os.environ, "LC_ALL": "C"}
        try:
            done = subprocess.run(  # noqa: PLW1510
                [self._program, argument],
                input=text.encode(errors="surrogateescape"),
                capture_output=True,
                env=environment,
                timeout=30,
            )
        except FileNotFoundError:
            raise RunnerError(
                f"there is no program `{self._program}` on this machine",
                hint="install it (apt-get install cron), or use `runner crontab show --format systemd`",
            ) from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise self._failed("use", str(error)) from None
        out, err = (stream.decode(errors="surrogateescape") for stream in (done.stdout, done.stderr))
        return done.returncode, out, err

    def _failed(self, what: str, err: str) -> RunnerError:
        said = " ".join(err.split()) or "it gave no reason"
        return RunnerError(
            f"cannot {what} the crontab: {said}",
            hint=f"try `{self._program} -l` as the same user; /etc/cron.allow and /etc/cron.deny say who may",
        )
