"""quick-reference.md: the commands for this home, its logs and targets, and the exit codes."""

from __future__ import annotations

from runner.app.pages.home import Group, groups_of
from runner.app.pages.markdown import anchor, block, code, heading, table, text
from runner.model.home import Home, SinkSettings
from runner.model.quantity import show_duration
from runner.model.target import Target

STATES = (
    ("0", "ok (also learning and skipped)"),
    ("1", "warning"),
    ("2", "critical"),
    ("3", "unknown: it could not look"),
)
EVERYWHERE = (
    ("4", "a delivery was given up, or a run could not be recorded"),
    ("64", "wrong words on the command line"),
    ("70", "a bug; a file with the details is named"),
    ("78", "the configuration is broken: `runner validate`"),
    ("130, 143", "interrupted, terminated"),
)


def quick_page(home: Home) -> list[str]:
    """The page's lines."""
    groups = groups_of(home)
    return [
        *heading(1, "Quick reference"),
        "Every command takes `--home DIR` when it is not called inside the home.", "",
        *_by_hand(groups),
        *_looking(groups),
        *_cron(home),
        *_silences(home, groups),
        *_logs(home),
        *_targets(home),
        *_exits(),
    ]  # fmt: skip


def _by_hand(groups: tuple[Group, ...]) -> list[str]:
    lines = [*heading(2, "Run by hand"), "`--dry-run` says what would run, and where, and runs nothing.", ""]
    lines += table(
        ("group", "what", "all of it"),
        [(code(group.name), text(group.title), code(f"runner run {group.name}")) for group in groups],
    )
    names = {group.name for group in groups}
    jobs = [(group, job) for group in groups for job in group.jobs]
    rows = [
        (
            f"[{text(job.name)}](procedures.md#{anchor(job.name)})",
            code(f"runner run {job.name}") + (" runs its whole group" if job.name in names else ""),
        )
        for _, job in jobs
    ]
    return [*lines, *table(("job", "alone"), rows)]


def _looking(groups: tuple[Group, ...]) -> list[str]:
    job = _example(groups)
    wanted = (
        ("What is wrong now, and since when", "runner status"),
        ("The same for a monitoring system", "runner status --format nagios"),
        ("What would run now, and why the rest would not", "runner plan"),
        ("What would run at another time", "runner plan --at 2027-01-01T03:00Z"),
        ("What ran, what was missed, and why", "runner history --since 7d"),
        ("The past of one job", f"runner history {job}"),
        ("What a job says, and where each value stands", f"runner show {job} --origin"),
        ("Whether the files are right", "runner validate"),
        ("Whether the thresholds do what their tests say", "runner test"),
        ("What is missing: rights, programs, cron, sinks", "runner doctor"),
    )
    return [*heading(2, "Look"), *table(("you want", "command"), [(what, code(words)) for what, words in wanted])]


def _example(groups: tuple[Group, ...]) -> str:
    """The first check, because its past and its silence are what people ask for."""
    jobs = [job for group in groups for job in group.jobs]
    checks = [job for job in jobs if job.kind == "check"]
    return next((job.name for job in (*checks, *jobs)), "JOB")


def _cron(home: Home) -> list[str]:
    mark = home.settings.crontab_marker
    wanted = (
        ("See the line that calls `runner run-due`", "runner crontab show"),
        ("Add it to the crontab of this user; asks first", "runner crontab install"),
        ("Take it out again", "runner crontab remove"),
        ("Find it", f"crontab -l | grep {mark}"),
    )
    return [*heading(2, "Cron"), *table(("you want", "command"), [(what, code(words)) for what, words in wanted])]


def _silences(home: Home, groups: tuple[Group, ...]) -> list[str]:
    job = _example(groups)
    wanted = (
        ("Hear nothing of a job for two hours", f'runner silence {job} --for 2h --reason "why it is quiet"'),
        ("See what is silent, and end it early", "runner silence --list; runner unsilence s1"),
        ("Say that you work on its problems", f'runner ack {job} --reason "what is done about it"'),
    )
    example = f"silences:\n  - {{jobs: [{job}], until: 2027-01-31, reason: why it is quiet}}"
    lines = [
        *heading(2, "Silence"),
        "The checks go on; only reports are held back. What somebody works on is acknowledged instead: no reminders.", "",
        *table(("you want", "command"), [(what, code(words)) for what, words in wanted]),
        "What lasts longer, or comes back, stands in `runner.yaml`:", "",
        *block(example, "yaml"),
    ]  # fmt: skip
    rows = [
        (
            ", ".join(code(name) for name in item.jobs),
            f"until {item.until:%Y-%m-%d %H:%M} UTC" if item.until else f"within {code(item.window)}",
            text(item.reason),
        )
        for item in home.settings.silences
    ]
    return [*lines, *(table(("silenced now", "how long", "why"), rows) if rows else [])]


def _logs(home: Home) -> list[str]:
    rows = [(code(name), code(sink.type), _place(sink)) for name, sink in home.settings.sinks.items()]
    keep = home.settings
    each, values, runs = map(show_duration, (keep.keep_samples, keep.keep_daily, keep.keep_runs))
    history = (
        f"History is kept in {code(keep.state)}: measured values for {values}, of every run for {each}, "
        f"runs and reports for {runs}."
    )
    return [
        *heading(2, "Logs and history"),
        *table(("sink", "type", "where"), rows),
        "`runner sinks list` says what each is sent, `runner sinks test NAME` sends one a test report.", "",
        history,
        "",
    ]  # fmt: skip


def _place(sink: SinkSettings) -> str:
    path = sink.options.get("path")
    if isinstance(path, str):
        return code(path) if path.startswith("/") else f"{code(path)} in the home"
    return "standard output; from cron that is cron's mail" if sink.type == "stdout" else ""


def _targets(home: Home) -> list[str]:
    rows = [
        (code(target.name), code(target.address), code(_user(target)), _labels(target))
        for target in home.targets.values()
    ]
    return [*heading(2, "Targets"), *table(("target", "address", "role", "labels"), rows)]


def _user(target: Target) -> str:
    return str(target.options.get("user") or "(libpq's default)")


def _labels(target: Target) -> str:
    return ", ".join(code(f"{name}={value}") for name, value in target.labels.items())


def _exits() -> list[str]:
    return [
        *heading(2, "Exit codes"),
        *table(("`run`, `status`, `run-due --exit-state`", "meaning"), STATES),
        "`run-due` exits 0 when it did its work, whatever the checks found.", "",
        "`validate`, `test`, `doctor` and `docs --check` exit 1 when something is not right.", "",
        *table(("every command", "meaning"), EVERYWHERE),
    ]  # fmt: skip
