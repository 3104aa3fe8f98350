"""The crontab's lines as systemd units and as Kubernetes CronJobs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from runner.app.crontab import Entry, cron_line
from runner.model.home import Home
from runner.schedule.cron import CronLine, Field, read_cron

_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


def systemd(home: Home, entries: Sequence[Entry]) -> str:
    """A service and a timer for each entry, each under a comment that names its file. Raises UsageError."""
    names = _names(home, entries)
    return "\n".join(_units(entry, name) for entry, name in zip(entries, names, strict=True))


def _units(entry: Entry, name: str) -> str:
    calendars = "\n".join(f"OnCalendar={when}" for when in _calendars(entry))
    return f"""\
# /etc/systemd/system/{name}.service
[Unit]
Description={_for_systemd(f"runner: {entry.title}")}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart={" ".join(_quoted(word) for word in entry.words)}

# /etc/systemd/system/{name}.timer: systemctl enable --now {name}.timer
[Unit]
Description={_for_systemd(f"runner: {entry.title}")}

[Timer]
{calendars}
AccuracySec=1s
Persistent=true

[Install]
WantedBy=timers.target
"""


def _for_systemd(text: str) -> str:
    return " ".join(text.split()).replace("%", "%%")


def _quoted(word: str) -> str:
    text = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{text}"' if re.search(r"[^A-Za-z0-9_./:=@%+-]", text, re.ASCII) or not text else text


def _calendars(entry: Entry) -> list[str]:
    """Calendars ask for both days, so that either of two days needs two of them."""
    line, zone = _line_and_zone(entry)
    if line.every_day:
        return [f"{_calendar(line, day=False, weekday=False)} {zone}"]
    if line.either_day:
        return [f"{_calendar(line, weekday=False)} {zone}", f"{_calendar(line, day=False)} {zone}"]
    return [f"{_calendar(line)} {zone}"]


def _calendar(line: CronLine, *, day: bool = True, weekday: bool = True) -> str:
    weekdays = sorted(line.weekday.values, key=lambda number: number or 7)
    week = "" if line.weekday.full or not weekday else ",".join(_WEEKDAYS[number] for number in weekdays) + " "
    date = f"*-{_numbers(line.month)}-{_numbers(line.day) if day else '*'}"
    return f"{week}{date} {_numbers(line.hour)}:{_numbers(line.minute)}:00"


def _numbers(field: Field) -> str:
    return "*" if field.full else ",".join(f"{value:02}" for value in field.values)


def _line_and_zone(entry: Entry) -> tuple[CronLine, str]:
    zone = "UTC" if entry.schedule.every else entry.schedule.timezone
    return read_cron(cron_line(entry, zone)), zone


def kubernetes(home: Home, entries: Sequence[Entry], *, image: str = "pgrunner:latest") -> str:
    """A CronJob for each entry; the home is a volume, because the runner keeps its history in it."""
    names = _names(home, entries)
    claim = json.dumps(f"{_dns(home.settings.crontab_marker)}-home")
    documents = [_cron_job(home, entry, name, image, claim) for entry, name in zip(entries, names, strict=True)]
    return "---\n".join(documents)


def _cron_job(home: Home, entry: Entry, name: str, image: str, claim: str) -> str:
    zone = "UTC" if entry.schedule.every else entry.schedule.timezone
    return f"""\
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {json.dumps(name)}
spec:
  schedule: {json.dumps(cron_line(entry, zone))}
  timeZone: {json.dumps(zone)}
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 300
  jobTemplate:
    spec:
      backoffLimit: 0
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: runner
              image: {json.dumps(image)}
              command: {json.dumps(["runner", *entry.words[entry.words.index("run-due") :]])}
              volumeMounts:
                - {{name: home, mountPath: {json.dumps(str(home.path))}}}
          volumes:
            - {{name: home, persistentVolumeClaim: {{claimName: {claim}}}}}
"""


def _names(home: Home, entries: Sequence[Entry]) -> list[str]:
    """A name for each entry; the second schedule of a group gets a number."""
    names: list[str] = []
    for entry in entries:
        base = _dns("-".join(filter(None, (home.settings.crontab_marker, entry.group))))
        count = sum(1 for name in names if name == base or re.fullmatch(rf"{re.escape(base)}-[0-9]+", name))
        names.append(f"{base}-{count + 1}" if count else base)
    return names


def _dns(text: str) -> str:
    """Kubernetes takes 52 characters of lower-case letters, digits and dashes for a CronJob."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower(), flags=re.ASCII)[:48].strip("-") or "runner"
