"""Whatever has a name has a suggestion when it is misspelled: one table over all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.compile.home import load_home
from runner.plugins.host import PluginHost

REGISTRY = PluginHost({}, no_plugins=True).registry()
CHECK = "check: example\nsql: select used, state from t\n"
WORK = "maintenance: example\ntimeout: 1h\n"
SETTINGS = """targets: {main: {host: a}, reporting: {host: b}}
sinks: {screen: {type: stdout}}
windows: {low-traffic: {from: "02:00", to: "05:00"}}
"""


def hints(folder: Path, job: str, settings: str = SETTINGS) -> list[str]:
    (folder / "checks.d").mkdir()
    (folder / "checks.d" / "example.yaml").write_text(job)
    (folder / "runner.yaml").write_text(settings)
    home = load_home(folder, REGISTRY, {"MOST": "5"})
    return [item.hint for item in home.diagnostics]


@pytest.mark.parametrize(
    ("job", "meant"),
    [
        # keys
        (CHECK + "waning: used > 1\n", "warning"),
        (CHECK + "requires: {verison: 14+}\n", "version"),
        (CHECK + "retry: {tims: 1}\n", "times"),
        (CHECK + "tests: [{rows: [], expct: ok}]\n", "expect"),
        ("chekc: example\nsql: select 1 as used\n", "check"),
        ("jobs:\n  - usee: pg.connections\n", "use"),
        (WORK + "steps: [{vacum: {}}]\n", "vacuum"),
        (WORK + "steps: [{vacuum: {analyse: true}}]\n", "analyze"),
        # values
        (CHECK + "on_gone: criticl\n", "critical"),
        (CHECK + "columns: {used: cuont}\n", "count"),
        (CHECK + "tests: [{rows: [], expect: warnin}]\n", "warning"),
        (WORK + "steps: [{vacuum: {tables: neded}}]\n", "needed"),
        (CHECK + "schedule: hurly\n", "hourly"),
        (CHECK + "schedule: weekly on wendesday at 03:00\n", "wednesday"),
        # columns
        (CHECK + "warning: usd > 1\n", "used"),
        (CHECK + "warning: delta(usd) > 1\n", "used"),
        (CHECK + "critical: previous.usd > 1\n", "used"),
        (CHECK + "clear: usd < 1\n", "used"),
        (CHECK + "computed: {double: usd * 2}\n", "used"),
        (CHECK + "computed: {double: used * 2}\nwarning: duble > 1\n", "double"),
        (CHECK + "key: [sate]\n", "state"),
        (CHECK + "show: [sate]\n", "state"),
        (CHECK + "trend: usd\n", "used"),
        (CHECK + "message: '{{ usd }}'\n", "used"),
        (CHECK + "hint: '{{ usd }}'\n", "used"),
        (CHECK + "summary: '{{ cuont }}'\n", "count"),
        ("check: example\nprobe: latency\nwarning: mediam > 1s\n", "median"),
        (WORK + "measure: {key: [t], columns: {dead: count}, sql: select 1}\nsteps: [{vacuum: {}}]\n"
                "verify: {warning: after.ded > 1}\n", "dead"),
        # parameters, functions, spaces, units
        (CHECK + "params: {limit: 1}\nwarning: used > params.limt\n", "limit"),
        (CHECK + "params: {limit: 1}\ndetail: select :limt\n", "limit"),
        (WORK + "params: {limit: 1}\nsteps: [{sql: 'select :limt'}]\n", "limit"),
        (CHECK + "warning: detla(used) > 1\n", "delta"),
        (CHECK + "warning: avg_ovr(used, 7d) > 1\n", "avg_over"),
        (CHECK + "warning: prevous.used > 1\n", "previous.used"),
        (CHECK + "warning: used > 10Gb\n", "10GB"),
        (CHECK + "warning: used > 10mins\n", "10min"),
        # names elsewhere
        (CHECK + "targets: reportng\n", "reporting"),
        (CHECK + "targets: [mian]\n", "main"),
        (CHECK + "window: low-trafic\n", "low-traffic"),
        (CHECK + "timezone: Eurpoe/Paris\nschedule: hourly\n", "Europe/Paris"),
        (CHECK + "timezone: Paris\nschedule: hourly\n", "Europe/Paris"),
        ("check: example\nprobe: latncy\n", "latency"),
        ("check: example\nprobe: disk\nwith: {pths: [/]}\n", "paths"),
        ("use: pg.conections\n", "pg.connections"),
        (CHECK + "message: '{{ used | byts }}'\n", "bytes"),
        (CHECK + "params: {most: '${MSOT}'}\n", "MOST"),
    ],
)  # fmt: skip
def test_jobs(job: str, meant: str, tmp_path: Path) -> None:
    found = hints(tmp_path, job)
    assert any(f"did you mean {quoted}?" in hint for hint in found for quoted in (f"`{meant}`", meant)), found


@pytest.mark.parametrize(
    ("settings", "meant"),
    [
        ("alow: [command]\n", "allow"),
        ("targets: {main: {hots: a}}\n", "host"),
        ("sinks: {a: {type: log_fil, path: x}}\n", "log_file"),
        ("sinks: {a: {type: log_file, pth: x}}\n", "path"),
        ("sinks: {a: {type: stdout, send: [critcal]}}\n", "critical"),
        ("sinks: {a: {type: stdout, format: txt}}\n", "text"),
        (SETTINGS + "routes: [{sinks: [scren]}]\n", "screen"),
        (SETTINGS + "routes: [{sinks: [screen], groups: [exmple]}]\n", "example"),
        (SETTINGS + "routes: [{sinks: [screen], jobs: [exmple]}]\n", "example"),
        (SETTINGS + "routes: [{sinks: [screen], tags: [sesions]}]\n", "sessions"),
        (SETTINGS + "routes: [{sinks: [screen], states: [critcal]}]\n", "critical"),
        (SETTINGS + "routes: [{sinks: [screen], targets: [reportng]}]\n", "reporting"),
        (SETTINGS + "silences: [{jobs: [exmple], until: 2027-01-31, reason: x}]\n", "example"),
        (SETTINGS + "silences: [{jobs: [example], window: low-trafic, reason: x}]\n", "low-traffic"),
        (SETTINGS + "routes: [{sinks: screen, quiet: low-trafic}]\n", "low-traffic"),
        ("windows: {night: {from: '22:00', to: '05:00', days: [monady]}}\n", "monday"),
        ("windows: {night: {frm: '22:00', to: '05:00'}}\n", "from"),
        ("defaults: {timezone: Eurpe/Paris}\n", "Europe/Paris"),
        ("defaults: {lock_timout: 1s}\n", "lock_timeout"),
    ],
)
def test_settings(settings: str, meant: str, tmp_path: Path) -> None:
    found = hints(tmp_path, CHECK + "warning: used > 1\ntags: [sessions]\n", settings)
    assert f"did you mean `{meant}`?" in found
