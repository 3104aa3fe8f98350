"""Real Nagios Core runs what the format `nagios` writes as a plugin, and keeps its state, text and performance data."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.formats import nagios
from tests.formats import samples
from tests.formats.samples import Templates
from tests.postgres import eventually

WAYS: dict[str, Callable[[], object]] = {
    "bad": samples.bad_night, "quiet": samples.quiet_night, "hostile": samples.hostile, "many": samples.very_many,
}  # fmt: skip
CODES = {"OK": 0, "WARNING": 1, "CRITICAL": 2, "UNKNOWN": 3}

MAIN = """\
cfg_file={folder}/objects.cfg
object_cache_file={folder}/objects.cache
precached_object_file={folder}/objects.precache
status_file={folder}/status.dat
status_update_interval=1
log_file={folder}/nagios.log
log_archive_path={folder}
temp_file={folder}/nagios.tmp
temp_path={folder}
check_result_path={folder}/results
state_retention_file={folder}/retention.dat
lock_file={folder}/nagios.lock
command_file={folder}/nagios.cmd
query_socket={folder}/nagios.qh
check_external_commands=0
execute_host_checks=0
interval_length=1
{user}
"""
OBJECTS = """\
define timeperiod {{
  timeperiod_name always
  alias always
  {days}
}}
define contact {{
  contact_name nobody
  host_notifications_enabled 0
  service_notifications_enabled 0
  host_notification_period always
  service_notification_period always
  host_notification_commands quiet
  service_notification_commands quiet
}}
define command {{
  command_name quiet
  command_line /bin/true
}}
define command {{
  command_name say
  command_line /bin/sh {folder}/say.sh $ARG1$
}}
define host {{
  host_name here
  address 127.0.0.1
  max_check_attempts 1
  check_period always
  contacts nobody
}}
"""
SERVICE = """\
define service {{
  host_name here
  service_description {name}
  check_command say!{name}
  check_interval 5
  retry_interval 5
  max_check_attempts 1
  check_period always
  contacts nobody
}}
"""
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@pytest.fixture
def status(tmp_path: Path) -> Iterator[Path]:
    """The file in which a Nagios keeps what it was told by one plugin for each of the reports."""
    program = shutil.which("nagios4") or shutil.which("nagios4", path="/usr/sbin") or shutil.which("nagios")
    if not program:
        pytest.skip("needs Nagios Core: apt-get install --no-install-recommends nagios4-core")
    is_root = os.geteuid() == 0
    user = "nagios_user=nobody\nnagios_group=nogroup" if is_root else ""
    folder = tmp_path / "nagios"
    (folder / "results").mkdir(parents=True)
    for name, made in WAYS.items():
        text = nagios.render(made(), {}, Templates())  # type: ignore[arg-type]
        (folder / name).write_text(text)
        (folder / f"{name}.code").write_text(str(CODES[text.split(" ")[0]]))
    (folder / "say.sh").write_text(f'cat {folder}/$1\nexit "$(cat {folder}/$1.code)"\n')
    (folder / "nagios.cfg").write_text(MAIN.format(folder=folder, user=user))
    days = "\n  ".join(f"{day} 00:00-24:00" for day in DAYS)
    services = "".join(SERVICE.format(name=name) for name in WAYS)
    (folder / "objects.cfg").write_text(OBJECTS.format(folder=folder, days=days) + services)
    if is_root:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, "nobody", "nogroup")
        for parent in folder.parents:
            if parent.is_relative_to("/tmp") and parent != Path("/tmp"):
                parent.chmod(parent.stat().st_mode | 0o011)
    with subprocess.Popen(
        [program, str(folder / "nagios.cfg")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield folder / "status.dat"
        finally:
            process.terminate()


def seen_by(status: Path) -> dict[str, dict[str, str]]:
    """What Nagios knows of each service that it has checked."""
    text = status.read_text(errors="replace") if status.exists() else ""
    blocks = re.findall(r"^servicestatus \{\n(.*?)^\t\}", text, re.MULTILINE | re.DOTALL)
    found = [dict(re.findall(r"^\t(\w+)=(.*)$", block, re.MULTILINE)) for block in blocks]
    return {block["service_description"]: block for block in found if block["has_been_checked"] == "1"}


def test_nagios_keeps_state_text_and_performance_data(status: Path) -> None:
    eventually(lambda: len(seen_by(status)) == len(WAYS), seconds=60, what="a result for each service")
    seen = seen_by(status)
    for name in WAYS:
        first, *others = (status.parent / name).read_text().splitlines()
        said, _, data = first.partition(" | ")
        assert seen[name]["current_state"] == (status.parent / f"{name}.code").read_text()
        assert seen[name]["plugin_output"] == said
        assert seen[name]["performance_data"] == data
        assert seen[name]["long_plugin_output"].split("\\n")[: len(others)] == others
