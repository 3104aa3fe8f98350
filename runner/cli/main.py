"""The command line: options that every command has, commands that load when called, errors as one message."""

from __future__ import annotations

import errno
import signal
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from runner.cli import exits
from runner.cli.console import complain, say_diagnostics
from runner.cli.crash import tell_bugs, tell_crash
from runner.cli.stdout import give_back, silence
from runner.errors import ConfigurationError, RunnerError
from runner.model.secret import mask
from runner.model.suggest import nearest
from runner.version import VERSION

COMMANDS = {
    "init": "Write a home: runner.yaml, .env.example and the shipped jobs.",
    "validate": "Check every file of the home, and with --connect the SQL on every server.",
    "explain": "Explain the code of a diagnostic with examples, or the state of a job.",
    "list": "List the jobs with their schedules.",
    "targets": "List the targets, where each is named, and how fresh that is.",
    "show": "Show one job as it takes effect, and where each value comes from.",
    "plan": "Say what would run, where, and why everything else would not.",
    "run": "Run jobs or groups now.",
    "run-due": "Run what is due. Cron calls this every minute.",
    "worker": "Perform the runs that `run-due` hands out.",
    "status": "Show the last known state of every job, without asking a server.",
    "ack": "Acknowledge open problems: no reminders until they change.",
    "silence": "Tell nobody of some jobs for a while.",
    "unsilence": "End silences before their time.",
    "history": "Show past runs.",
    "replay": "Judge recorded history again, with other thresholds.",
    "crontab": "Show, install or remove the lines that call `runner run-due`.",
    "test": "Run the `tests:` blocks of the jobs, without a database.",
    "catalogue": "Find checks in the catalogue, look at one, and begin to use them.",
    "import": "Turn command lines of check_postgres and check_pgactivity, and pgwatch's metrics, into checks.",
    "new": "Write a new check or maintenance job, or a plugin.",
    "doctor": "Look for what keeps the jobs from working, and print the SQL for missing grants.",
    "sinks": "List the sinks of this home, or send one a test report.",
    "plugins": "List the plugins that were found, loaded or refused.",
    "schema": "Print the JSON Schema of runner.yaml or of the job files.",
    "docs": "Write the schedule, the quick reference and the procedures of this home.",
    "demo": "Start a PostgreSQL with real problems in it and run the shipped jobs on it.",
}


class LazyGroup(click.Group):
    """Imports a command's module when the command is called; `--help` needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if "." in cmd_name:
            from runner.cli.plugin_commands import plugin_command

            return plugin_command(ctx, cmd_name)
        if cmd_name not in COMMANDS:
            return None
        # `import` is a word of Python's own.
        name = "import_" if cmd_name == "import" else cmd_name.replace("-", "_")
        module = import_module(f"runner.cli.commands.{name}")
        command: click.Command = module.command
        _accept_home(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and "." not in args[0] and not args[0].startswith("-"):
            near = nearest(args[0], COMMANDS)
            hint = f" Did you mean `runner {near}`?" if near else ""
            raise click.UsageError(f"there is no command `{args[0]}`.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _accept_home(command: click.Command) -> None:
    """`--home` counts behind a command's name as well: there it stands in crontabs and unit files."""
    below = command.commands.values() if isinstance(command, click.Group) else ()
    for each in (command, *below):
        if all(param.name != "home" for param in each.params):
            each.params.append(click.Option(["--home"], hidden=True, expose_value=False, callback=_take_home))


def _take_home(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value:
        ctx.find_root().obj["home"] = value


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Begin with `runner init` in an empty folder, or `runner demo` to see it at work.",
)
@click.option(
    "--home", "home", metavar="DIR", default="", help="The home; else RUNNER_HOME, else upward, else /etc/runner."
)
@click.option("--no-plugins", is_flag=True, help="Load only what is built in.")
@click.version_option(VERSION, prog_name="runner")
@click.pass_context
def cli(ctx: click.Context, home: str, no_plugins: bool) -> None:
    """Looks after PostgreSQL: checks and maintenance jobs in YAML, run by cron, reported to sinks."""
    ctx.obj.update(home=home, no_plugins=no_plugins)


def run(words: Sequence[str]) -> int:
    """Runs the command line and returns its exit code; nothing escapes as a traceback."""
    signal.signal(signal.SIGTERM, _terminated)
    state: dict[str, Any] = {}
    try:
        code = cli.main(args=list(words), prog_name="runner", standalone_mode=False, obj=state)
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.ClickException as error:
        complain(error.format_message().replace("No such option:", "there is no option"), _usage_hint(error))
        code = exits.USAGE
    except (click.Abort, KeyboardInterrupt) as stop:
        # Click makes its own Abort of whatever is a KeyboardInterrupt.
        terminated = isinstance(stop.__cause__ or stop, _TerminatedError)
        complain("terminated" if terminated else "interrupted")
        code = exits.TERMINATED if terminated else exits.INTERRUPTED
    except ConfigurationError as error:
        say_diagnostics(error.diagnostics, {})
        complain(error.message, error.hint)
        code = exits.CONFIGURATION
    except RunnerError as error:
        secrets = state.get("secrets", ())
        complain(mask(error.message, secrets), mask(error.hint, secrets))
        code = exits.of_error(error)
    except SystemExit as stop:
        # Click's way out when the reader has gone (`runner list | head`): nothing to say, and Python must not
        # complain at exit.
        silence()
        code = stop.code if isinstance(stop.code, int) else exits.PROBLEMS
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            tell_crash(error, list(words), state.get("secrets", ()))
            code = exits.BUG
        else:
            # What click writes itself, such as a help page.
            silence()
            complain(f"the output cannot be written: {error.strerror}", "free some space")
            code = exits.MACHINERY
    except Exception as error:
        tell_crash(error, list(words), state.get("secrets", ()))
        code = exits.BUG
    finally:
        give_back()
    return exits.BUG if tell_bugs(state.get("host"), state.get("secrets", ())) else int(code or 0)


class _TerminatedError(KeyboardInterrupt):
    """SIGTERM: work on the servers is cancelled as on Ctrl-C, with its own exit code."""


def _terminated(_signal: int, _frame: object) -> None:
    raise _TerminatedError


def _usage_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path} --help" if context else "runner --help"
