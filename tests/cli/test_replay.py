"""`runner replay` as it is typed."""

from __future__ import annotations

from pathlib import Path

from tests.app.homes import HOUR, SLOT
from tests.app.recorded import Recording
from tests.app.test_replay import CHECK, NOW, rows, series_of
from tests.cli.support import runner


def test_the_table_compares_what_was_with_what_would_have_been(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK)
    series_of(recording, 10, 60, 10, 30, 10, 30)
    recording.blind(SLOT + 6 * HOUR)
    said = runner("replay", "used", "--warning", "used > 20", "--now", NOW.isoformat(), home=recording.home.path)
    assert (said.code, said.err) == (0, "")
    assert (
        said.out
        == """\
used on main: 7 runs from 2026-03-04 03:00 to 2026-03-04 09:00 UTC
  1 run could not look; problems went on as they were

                      now                        tried
  warning when        used > 50                  used > 20
  critical when       used > 90                  used > 90
  runs ok             5                          3
  runs warning        1                          3
  episodes            1                          3
  different keys      1                          1
  their time          1 h                        3 h
  reports of changes  2 (1 opened, 1 recovered)  5 (3 opened, 2 recovered)
  reminders           0                          0

  episodes with the thresholds tried, the worst first:
  from (UTC)        lasted         state    key  at its worst
  2026-03-04 04:00  1 h            warning  a    used (60) > 20
  2026-03-04 06:00  1 h            warning  a    used (30) > 20
  2026-03-04 08:00  1 h, still on  warning  a    used (30) > 20
"""
    )


def test_a_wrong_threshold_is_shown_with_carets_and_is_wrong_usage(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK)
    recording.see(SLOT, rows(a=60))
    said = runner("replay", "used", "--critical", "usde > 5", "--now", NOW.isoformat(), home=recording.home.path)
    assert (said.code, said.out) == (64, "")
    assert (
        said.err
        == """\
error[expression-column]: `usde` was never recorded for used on main
 --> --critical:1:1
1 | usde > 5
  | ^^^^
  = help: did you mean `used`? recorded are `age`, `size` and `used`
"""
    )


def test_json_has_every_episode(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK)
    series_of(recording, 60, 10)
    said = runner("replay", "used", "--json", "--now", NOW.isoformat(), home=recording.home.path)
    (found,) = said.json()["targets"]
    assert (said.json()["schema"], found["tried"]) == ("runner.replay/1", None)
    (episode,) = found["now"]["episodes"]
    assert (episode["key"], episode["state"], episode["seconds"], episode["over"]) == (["a"], "warning", 3600, True)
    assert found["recorded_columns"] == ["used", "size", "age"]


def test_nothing_recorded_is_said(tmp_path: Path) -> None:
    recording = Recording.make(tmp_path, CHECK)
    said = runner("replay", "used", "--since", "2d", home=recording.home.path)
    assert (said.code, said.out) == (0, "used on main: nothing was recorded in the last 2d\n")


def test_a_span_that_is_no_duration_is_wrong_usage(tmp_path: Path) -> None:
    said = runner("replay", "used", "--since", "long", home=Recording.make(tmp_path, CHECK).home.path)
    assert said.code == 64
    assert "`long` is not a duration" in said.err
