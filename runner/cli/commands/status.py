"""`runner status`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import click

from runner.api import Problem, Result
from runner.app.run_job import known as registered
from runner.app.status import Status, age, require_label, status, with_labels
from runner.app.status_report import report_of
from runner.cli import exits, stdout
from runner.cli.clocks import clock_for, now_option
from runner.cli.commands.silence import plain as silence_as_json, table as show_silences
from runner.cli.console import paint, say, say_json, say_table, write_result
from runner.cli.fleet import parts_of, plain_part, say_more, say_parts
from runner.cli.labels import label_option, read_labels
from runner.cli.loading import load_sound
from runner.cli.trends import knows_blocks, room, trend_rows
from runner.errors import RunnerError
from runner.model.quantity import show_duration
from runner.report.context import renderer
from runner.schedule import show_delay

_SOON = 3
"""Groups whose next slots are shown."""


@click.command("status", epilog="Examples: runner status; runner status --by network --label env=prod")
@click.option("--all", "everything", is_flag=True, help="Show jobs that are well too.")
@label_option
@click.option("--by", "by", metavar="LABEL", default="", help="Count the targets by this label, the worst first.")
@click.option("--limit", type=click.IntRange(min=0), default=50, show_default=True, help="Rows of a table; 0: all.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON; the same as --format json.")
@click.option("--format", "format_name", default="text", show_default=True, help="How to print: a format of reports.")
@now_option
@click.pass_context
def command(
    context: click.Context,
    everything: bool,
    labels: tuple[str, ...],
    by: str,
    limit: int,
    as_json: bool,
    format_name: str,
    now: str,
) -> int:
    """Show what is wrong and since when, and where the numbers go, from history, without asking a server.

    With --label only the targets that have it, without the jobs of this host. Exits like a monitoring plugin: 0 ok,
    1 warning, 2 critical, 3 unknown.
    """
    try:
        wanted = read_labels(labels)
        loaded = load_sound(context, kept=True)
        registered("format", [format_name], loaded.registry.formats)
        moment = clock_for(now).now()
        chosen = with_labels(loaded, wanted)
        if by:
            require_label(loaded, by)
        known = status(loaded, moment)
        known = known.of(chosen) if wanted else known
    except RunnerError as error:
        if format_name != "nagios":
            raise
        say(f"UNKNOWN - {error.message}")
        return exits.NAGIOS_UNKNOWN
    if format_name == "nagios":
        text = "; ".join([*_stale(known), *_wrong(known, limit)]) or "all jobs are well"
        say(f"{known.state.value.upper()} - {text}".replace("|", "/"))
        return exits.of_state(known.state)
    if as_json or format_name == "json":
        say_json({"schema": "runner.status/1", "state": known.state.value, "jobs": [
            {
                "job": result.job, "group": result.group, "target": result.target, "state": result.state.value,
                "summary": result.outcome.summary, "finished": result.finished.isoformat(),
            }
            for result in known.results
        ], "never_ran": [list(item) for item in known.never_ran],
            "overdue": [list(item) for item in known.overdue], "deliveries_waiting": known.waiting,
            "deliveries_given_up": known.given_up,
            "last_tick": known.last_tick.at.isoformat() if known.last_tick else None,
            "problems": [_problem(known, problem) for problem in known.problems],
            "silences": [silence_as_json(item) for item in known.silences],
            "next": [{"group": group, "slot": slot.isoformat()} for slot, group in known.next_slots],
            **({"by": {"label": by, "values": list(map(plain_part, parts_of(known, by, chosen)))}} if by else {}),
        })  # fmt: skip
        return exits.of_state(known.state)
    if format_name != "text":
        write_result(
            renderer(loaded.registry.formats, format_name, {}, loaded.home.path)(
                report_of(known, loaded, moment, chosen if wanted else None)
            )
        )
        return exits.of_state(known.state)
    _print(known, moment, everything, limit, lambda: say_parts(by, parts_of(known, by, chosen), limit) if by else None)
    return exits.of_state(known.state)


def _wrong(known: Status, limit: int) -> list[str]:
    """Jobs with problems in one line each, those that somebody knows of last."""
    known_of = known.known_places()
    wrong = sorted(
        (result for result in known.results if result.state.is_problem),
        key=lambda result: ((result.job, result.target) in known_of, -result.state.rank),
    )
    shown = wrong[:limit] if limit else wrong
    more = [f"and {len(wrong) - len(shown):,} more"] if len(shown) < len(wrong) else []
    words = {True: " (known)", False: ""}
    return [
        *(f"{item.job}: {item.outcome.summary}{words[(item.job, item.target) in known_of]}" for item in shown),
        *more,
    ]


def _problem(known: Status, problem: Problem) -> dict[str, object]:
    ack, silence = known.acknowledged.get(problem.identity), known.silenced.get(problem.identity)
    return {
        "job": problem.job,
        "target": problem.target,
        "database": problem.series.database,
        "row": list(problem.series.key),
        "state": problem.state.value,
        "since": problem.since.isoformat(),
        "message": problem.message,
        "acknowledged": {"by": ack.author, "reason": ack.reason, "until": ack.until.isoformat() if ack.until else None}
        if ack
        else None,
        "silenced": {"id": silence.id or None, "reason": silence.reason} if silence else None,
    }


def _known(known: Status, problem: Problem) -> str:
    """Who knows of the problem: ` (acknowledged by ana: vacuum is planned)`, ` (silenced: bulk load)`, or nothing."""
    ack, silence = known.acknowledged.get(problem.identity), known.silenced.get(problem.identity)
    said = [f"acknowledged by {ack.author}{f': {ack.reason}' if ack.reason else ''}"] if ack else []
    said += [f"silenced: {silence.reason}"] if silence else []
    return f" ({'; '.join(said)})" if said else ""


def _stale(known: Status) -> list[str]:
    """Why the state is unknown although no job is."""
    if not known.results:
        return ["no job has run yet"]
    if not known.overdue:
        return []
    names = ", ".join(sorted({job for job, _ in known.overdue})[:5])
    return [f"{len(known.overdue)} jobs are overdue, nobody calls run-due ({names}{', …' * (len(known.overdue) > 5)})"]


def _print(known: Status, moment: datetime, everything: bool, limit: int, say_by: Callable[[], None]) -> None:
    tick = known.last_tick
    said = f"last tick {show_duration(age(tick.at, moment))} ago" if tick else "no tick yet: cron does not call run-due"
    wrong = [result for result in known.results if result.state.is_problem]
    say(
        f"{paint(known.state, known.state.value.upper())}  {len(wrong)} of {len(known.results)} jobs have problems, {said}"
    )
    for line in _stale(known):
        say(line)
    say_by()
    shown = sorted(known.results if everything else wrong, key=lambda result: -result.state.rank)
    few = shown[:limit] if limit else shown
    if shown:
        say()
        say_table(
            ("state", "job", "target", "seen", "summary"),
            [
                (
                    result.state.value,
                    result.job,
                    result.target or "host",
                    f"{show_duration(age(result.finished, moment))} ago",
                    result.outcome.summary,
                )
                for result in few
            ],
        )
        say_more(len(shown) - len(few))
    problems = sorted(
        known.problems, key=lambda problem: (-problem.state.rank, bool(_known(known, problem)), problem.since)
    )
    if problems:
        say()
        say_table(
            ("problem", "job", "target", "for", "message"),
            [
                (
                    problem.state.value,
                    problem.job,
                    problem.target or "host",
                    show_duration(age(problem.since, moment)),
                    f"{problem.message}{_known(known, problem)}",
                )
                for problem in (problems[:limit] if limit else problems)
            ],
        )
        say_more(len(problems) - limit if limit else 0)
    _say_trends(few)
    if known.silences:
        say()
        show_silences(known.silences)
    if known.never_ran:
        say()
        say(f"{len(known.never_ran)} jobs have not run yet" + (":" if everything else " (--all names them)"))
        named = known.never_ran if everything else ()
        for job, target in named[:limit] if limit else named:
            say(f"  {job} on {target or 'host'}")
        say_more(len(named) - limit if limit else 0)
    if known.waiting or known.given_up:
        say()
        say(f"deliveries: {known.waiting} waiting, {known.given_up} given up (runner sinks list says why)")

    if known.next_slots:
        say()
        soon = [f"{group} {show_delay(slot, moment)}" for slot, group in known.next_slots[:_SOON]]
        say(f"next: {', '.join(soon)}{f' and {len(known.next_slots) - _SOON} more' * (len(known.next_slots) > _SOON)}")


def _say_trends(results: Sequence[Result]) -> None:
    if rows := trend_rows(results, room(), blocks=knows_blocks(getattr(stdout.results(), "encoding", None))):
        say()
        say_table(("trend", "of", "course", "job", "target"), rows)
