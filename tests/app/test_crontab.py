"""The runner's lines in a crontab, as systemd units and as CronJobs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given, strategies as st

from runner.app import crontab
from runner.app.crontab import (
    Crontab,
    entries,
    is_ours,
    lines,
    machine_timezone,
    marker,
    merge,
    own_command,
    preview,
    remove,
)
from runner.app.timers import kubernetes, systemd
from runner.errors import RunnerError, UsageError
from runner.model.home import Home, Settings
from runner.model.job import Job
from runner.schedule import parse, parse_window

COMMAND = ("/opt/runner/bin/runner",)
SHIPPED = (
    ("health", "daily at 01:30"),
    ("vacuum", "weekly on wednesday at 03:00"),
    ("alerts", "hourly"),
    ("system", "weekly on monday at 06:00"),
    ("restart", "0 1 * * 5"),
)


def job(group: str, schedule: str | None, name: str = "", timezone: str = "UTC") -> Job:
    made = parse(schedule, timezone) if schedule else None
    return Job(name=name or f"{group}-job", kind="check", group=group, title="", spec=None, schedule=made)


def home(*jobs: Job, path: str = "/srv/db health", mark: str = "twzrd") -> Home:
    titles = {item.group: item.group.title() for item in jobs}
    return Home(path=Path(path), settings=Settings(crontab_marker=mark), jobs=jobs, groups=titles)


FIVE = home(*(job(group, schedule) for group, schedule in SHIPPED), path="/srv/db")


def test_one_line_runs_everything_that_is_due() -> None:
    assert lines(FIVE, COMMAND) == ("* * * * * /opt/runner/bin/runner run-due --home /srv/db # twzrd /srv/db",)


def test_per_job_makes_one_line_for_each_group() -> None:
    assert lines(FIVE, COMMAND, per_job=True) == (
        "30 1 * * * /opt/runner/bin/runner run-due --home /srv/db --group health # twzrd /srv/db",
        "0 3 * * 3 /opt/runner/bin/runner run-due --home /srv/db --group vacuum # twzrd /srv/db",
        "0 * * * * /opt/runner/bin/runner run-due --home /srv/db --group alerts # twzrd /srv/db",
        "0 6 * * 1 /opt/runner/bin/runner run-due --home /srv/db --group system # twzrd /srv/db",
        "0 1 * * 5 /opt/runner/bin/runner run-due --home /srv/db --group restart # twzrd /srv/db",
    )


def test_a_group_has_a_line_for_each_of_its_schedules() -> None:
    jobs = (
        job("health", "hourly", "a"),
        job("health", "@hourly", "b"),
        job("health", "every 15min", "c"),
        job("health", None, "d"),
        job("manual", None, "e"),
    )
    made = lines(home(*jobs, path="/srv"), COMMAND, per_job=True)
    assert [line.partition(" /opt")[0] for line in made] == ["0 * * * *", "*/15 * * * *"]
    assert all("--group health #" in line for line in made)


@pytest.mark.parametrize(
    ("schedule", "cron"),
    [
        ("every 1min", "* * * * *"),
        ("every 20min", "*/20 * * * *"),
        ("every 60min", "0 * * * *"),
        ("every 6h", "0 */6 * * *"),
        ("every 1 day", "0 0 * * *"),
    ],
)
def test_periods_that_cron_can_say(schedule: str, cron: str) -> None:
    (line,) = lines(home(job("a", schedule)), COMMAND, per_job=True)
    assert line.startswith(f"{cron} /opt")


@pytest.mark.parametrize(
    ("schedule", "timezone", "machine", "message"),
    [
        ("every 7min", "UTC", "UTC", "cron cannot express `every 7min` of group a in UTC"),
        ("every 90min", "UTC", "UTC", "cron cannot express `every 90min`"),
        ("every 2 days", "UTC", "UTC", "cron cannot express `every 2 days`"),
        ("every 2h", "UTC", "Asia/Kolkata", "cron cannot express `every 2h` of group a in Asia/Kolkata"),
        ("daily at 01:30", "UTC", "Europe/Berlin", "is in UTC, but cron here counts in Europe/Berlin"),
        ("daily at 01:30", "Europe/Berlin", "UTC", "is in Europe/Berlin, but cron here counts in UTC"),
    ],
)
def test_what_cron_cannot_say_points_to_the_one_line(schedule: str, timezone: str, machine: str, message: str) -> None:
    where = home(job("a", schedule, timezone=timezone))
    with pytest.raises(UsageError) as caught:
        lines(where, COMMAND, per_job=True, machine_zone=machine)
    assert message in caught.value.message
    assert "leave out --per-job" in caught.value.hint
    assert len(lines(where, COMMAND, machine_zone=machine)) == 1


def test_schedules_in_the_machines_own_zone_need_no_translation() -> None:
    where = home(job("a", "daily at 01:30", timezone="Europe/Berlin"), job("b", "every 5min"))
    made = lines(where, COMMAND, per_job=True, machine_zone="Europe/Berlin")
    assert [line.partition(" /opt")[0] for line in made] == ["30 1 * * *", "*/5 * * * *"]


def test_words_survive_the_shell_and_the_percent_sign_of_cron() -> None:
    where = home(job("a b", "hourly"), path="/srv/100% it's")
    (line,) = lines(where, ("/opt/my runner",), per_job=True)
    command = line.split(" ", 5)[5]
    assert "%" not in command.replace(r"\%", "")
    echoed = command.replace(r"\%", "%").replace("'/opt/my runner'", "printf '%s\\n'", 1)
    words = subprocess.run(["/bin/sh", "-c", echoed], capture_output=True, text=True, check=True).stdout.splitlines()
    assert words == ["run-due", "--home", "/srv/100% it's", "--group", "a b"]


@pytest.mark.parametrize(
    ("where", "command", "message"),
    [
        (FIVE, ("runner",), "cron does not find `runner`"),
        (FIVE, (), "cron does not find"),
        (home(mark="two words"), COMMAND, "`two words` cannot mark lines"),
        (home(path="/srv/a\nb"), COMMAND, "line break"),
    ],
)
def test_what_cannot_stand_in_a_crontab_is_refused(where: Home, command: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        lines(where, command)


def test_nothing_scheduled_is_nothing_to_install_per_job() -> None:
    with pytest.raises(UsageError, match="no job has a schedule"):
        lines(home(job("a", None)), COMMAND, per_job=True)


OTHERS = (
    "# m h  dom mon dow   command\n",
    "MAILTO=dba@example.org\n",
    "\n",
    "0 5 * * * /usr/local/bin/backup # twzrd\n",
    "5 4 * * * runner run-due --home /other # other\n",
    "# 1 1 * * * runner run-due --home /srv/db # twzrd /srv/db\n",
    "6 4 * * * runner run-due --home /srv/db2 # twzrd /srv/db2\n",
    "7 4 * * * echo one\x0bpage\x0c two\r\n",
    "@reboot gitlab-runner run \u00e9\n",
)
MARK = marker(FIVE)


@given(st.lists(st.sampled_from(OTHERS)).map("".join))
def test_merging_keeps_every_other_line_and_removing_undoes_it(existing: str) -> None:
    ours = lines(FIVE, COMMAND, per_job=True)
    merged = merge(existing, ours, MARK)
    assert merged == existing + "".join(f"{line}\n" for line in ours)
    assert merge(merged, ours, MARK) == merged
    assert remove(merged, MARK) == existing
    assert remove(existing, MARK) == existing


@given(st.lists(st.sampled_from(OTHERS)).map("".join), st.lists(st.sampled_from(OTHERS)).map("".join))
def test_new_lines_take_the_place_of_the_old_ones(before: str, after: str) -> None:
    old, new = lines(FIVE, COMMAND, per_job=True), lines(FIVE, COMMAND)
    merged = merge(merge(before, old, MARK) + after, new, MARK)
    assert merged == before + new[0] + "\n" + after


def test_a_last_line_without_a_line_feed_gets_one() -> None:
    assert merge("0 1 * * * true", ("x",), MARK) == "0 1 * * * true\nx\n"


def test_the_markers_first_word_means_every_home_and_the_whole_one_means_ours() -> None:
    here, there = lines(FIVE, COMMAND)[0], lines(home(path="/srv/db2"), COMMAND)[0]
    assert is_ours(here, MARK)
    assert not is_ours(there, MARK)
    assert is_ours(here, "twzrd")
    assert is_ours(there, "twzrd")
    assert not is_ours(here, "twz")


def test_the_preview_names_every_job_in_words() -> None:
    shown = preview(
        home(
            job("health", "daily at 01:30", "dead-rows"),
            job("health", "*/7 * * * *", "age"),
            Job(
                name="vacuum", kind="maintenance", group="weekly", title="", spec=None,
                schedule=parse("weekly on wednesday at 03:00"), window=parse_window("low", "02:00", "05:00"),
            ),
            job("weekly", None, "by-hand"),
        ),
        ("LINE",),
    )  # fmt: skip
    assert shown == (
        "health: Health\n"
        "  dead-rows  every day at 01:30 UTC\n"
        "  age        every hour at minutes 0, 7, 14, … 56\n"
        "             note: `*/7` begins again with every hour: the last step is 4 minutes; `every 7min` is even\n"
        "weekly: Weekly\n"
        "  vacuum   every Wednesday at 03:00 UTC, within low (02:00 to 05:00 UTC)\n"
        "  by-hand  no schedule: only when asked for by name\n"
        "\n"
        "Lines for the crontab:\n"
        "  LINE\n"
    )


def test_the_own_command_is_absolute_and_the_machine_has_a_zone() -> None:
    assert Path(own_command()[0]).is_absolute()
    assert parse("daily", machine_timezone()).timezone == machine_timezone()


@pytest.mark.parametrize(("value", "name"), [("Europe/Berlin", "Europe/Berlin"), (":Asia/Tokyo", "Asia/Tokyo")])
def test_the_zone_of_the_environment_wins(monkeypatch: pytest.MonkeyPatch, value: str, name: str) -> None:
    monkeypatch.setenv("TZ", value)
    assert machine_timezone() == name


def test_without_a_zone_in_the_environment_the_machines_files_say_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TZ", raising=False)
    files = {"/etc/timezone": "America/Santiago\n"}
    monkeypatch.setattr(crontab, "_read", lambda path: files.get(path, ""))
    assert machine_timezone() == "America/Santiago"


STAND_IN = """\
#!/bin/sh
store="$(dirname "$0")/stored"
case "$1" in
  -l) [ -f "$store" ] || { echo "no crontab for $(id -un)" >&2; exit 1; }; cat "$store";;
  -) cat > "$store.new"; if grep -q REFUSE "$store.new"; then echo "bad minute" >&2; exit 1; fi
     mv "$store.new" "$store";;
  *) exit 2;;
esac
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> Crontab:
    program = tmp_path / "crontab"
    program.write_text(STAND_IN)
    program.chmod(0o755)
    return Crontab(str(program))


def test_a_user_without_a_crontab_has_an_empty_one(stand_in: Crontab) -> None:
    assert stand_in.read() == ""


def test_what_is_written_is_read_byte_for_byte(stand_in: Crontab) -> None:
    text = "# caf\u00e9 \udce9\x0b\n* * * * * true\r\n"
    stand_in.write(text)
    assert stand_in.read() == text


def test_a_refused_crontab_says_why_and_changes_nothing(stand_in: Crontab) -> None:
    stand_in.write("* * * * * true\n")
    with pytest.raises(RunnerError, match="cannot write the crontab: bad minute") as caught:
        stand_in.write("REFUSE\n")
    assert "cron.allow" in caught.value.hint
    assert stand_in.read() == "* * * * * true\n"


def test_a_crontab_that_cannot_be_read_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    program = tmp_path / "crontab"
    program.write_text("#!/bin/sh\necho 'You are not allowed to use this program' >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(RunnerError, match="cannot read the crontab: You are not allowed to use this program"):
        Crontab(str(program)).read()


def test_a_machine_without_cron_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="there is no program") as caught:
        Crontab(str(tmp_path / "missing")).read()
    assert "apt-get install cron" in caught.value.hint
    assert "--format systemd" in caught.value.hint
    (tmp_path / "text").write_text("no program")
    with pytest.raises(RunnerError, match="cannot use the crontab"):
        Crontab(str(tmp_path / "text")).read()


@pytest.fixture
def real() -> Iterator[Crontab]:
    """The crontab of whoever runs the tests, put back as it was."""
    if shutil.which("crontab") is None:
        pytest.skip("there is no crontab program on this machine")
    program = Crontab()
    try:
        before = program.read()
    except RunnerError as error:
        pytest.skip(f"this user may not use crontab: {error}")
    yield program
    if before:
        program.write(before)
    else:
        subprocess.run(["crontab", "-r"], check=True, capture_output=True)


def test_a_real_crontab_takes_our_lines_and_gives_its_own_back(real: Crontab) -> None:
    before = '# mine\nMAILTO=""\n0 0 1 1 * true # kept\n'
    real.write(before)
    jobs = [*FIVE.jobs, *(job(f"g{number}", text) for number, text in enumerate(ACCEPTED))]
    where = home(*jobs, path="/srv/100% real")
    real.write(merge(real.read(), lines(where, COMMAND, per_job=True), marker(where)))
    listed = subprocess.run("crontab -l | grep twzrd", shell=True, capture_output=True, text=True, check=True)
    assert tuple(listed.stdout.splitlines()) == lines(where, COMMAND, per_job=True)
    real.write(remove(real.read(), marker(where)))
    assert real.read() == before


ACCEPTED = ("*/7 9-17/2 1,15 jan-mar MON", "5-59/10 * * * 7", "0 0 29 2 *", "0-59/20 0-23/1 * * 1-5", "every 15min")


def test_systemd_units_for_the_one_line() -> None:
    assert (
        systemd(FIVE, entries(FIVE, COMMAND, per_job=False))
        == """\
# /etc/systemd/system/twzrd.service
[Unit]
Description=runner: everything that is due
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart=/opt/runner/bin/runner run-due --home /srv/db

# /etc/systemd/system/twzrd.timer: systemctl enable --now twzrd.timer
[Unit]
Description=runner: everything that is due

[Timer]
OnCalendar=*-*-* *:*:00 UTC
AccuracySec=1s
Persistent=true

[Install]
WantedBy=timers.target
"""
    )


@pytest.mark.parametrize(
    ("schedule", "calendars"),
    [
        ("daily at 01:30", ["*-*-* 01:30:00 Europe/Berlin"]),
        ("weekly on sunday and wednesday at 03:00", ["Wed,Sun *-*-* 03:00:00 Europe/Berlin"]),
        ("*/15 9,10 1 3 *", ["*-03-01 09,10:00,15,30,45:00 Europe/Berlin"]),
        ("0 3 1 * 1", ["*-*-01 03:00:00 Europe/Berlin", "Mon *-*-* 03:00:00 Europe/Berlin"]),
        ("0 3 1-31 * 1", ["*-*-* 03:00:00 Europe/Berlin"]),
        ("0 3 1-7 * */6", ["Sat,Sun *-*-01,02,03,04,05,06,07 03:00:00 Europe/Berlin"]),
        ("every 6h", ["*-*-* 00,06,12,18:00:00 UTC"]),
    ],
)
def test_calendars_of_systemd(schedule: str, calendars: list[str]) -> None:
    where = home(job("a", schedule, timezone="Europe/Berlin"))
    text = systemd(where, entries(where, COMMAND, per_job=True))
    assert re.findall(r"^OnCalendar=(.*)$", text, re.MULTILINE) == calendars


def test_systemd_quotes_words_and_numbers_the_schedules_of_a_group() -> None:
    where = home(job("a", "hourly", "x"), job("a", "daily", "y"), path='/srv/5% "of" $x')
    text = systemd(where, entries(where, COMMAND, per_job=True))
    assert re.findall(r"system/(\S+)\.service", text) == ["twzrd-a", "twzrd-a-2"]
    assert 'ExecStart=/opt/runner/bin/runner run-due --home "/srv/5%% \\"of\\" $$x" --group a' in text


def test_kubernetes_cron_jobs() -> None:
    where = home(job("Daily_Health", "daily at 01:30", timezone="Europe/Berlin"), job("b", "every 15min"))
    documents = list(yaml.safe_load_all(kubernetes(where, entries(where, COMMAND, per_job=True), image="registry/x:1")))
    first, second = documents
    assert (first["kind"], first["metadata"]["name"]) == ("CronJob", "twzrd-daily-health")
    assert (first["spec"]["schedule"], first["spec"]["timeZone"]) == ("30 1 * * *", "Europe/Berlin")
    assert (second["spec"]["schedule"], second["spec"]["timeZone"]) == ("*/15 * * * *", "UTC")
    pod = first["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == "registry/x:1"
    assert container["command"] == ["runner", "run-due", "--home", "/srv/db health", "--group", "Daily_Health"]
    assert container["volumeMounts"] == [{"name": "home", "mountPath": "/srv/db health"}]
    assert pod["volumes"] == [{"name": "home", "persistentVolumeClaim": {"claimName": "twzrd-home"}}]
    assert json.dumps(documents)


def test_what_cron_cannot_say_kubernetes_cannot_either() -> None:
    where = home(job("a", "every 7min"))
    with pytest.raises(UsageError, match="cannot express"):
        kubernetes(where, entries(where, COMMAND, per_job=True))
