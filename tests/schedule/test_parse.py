"""Schedules as people write them, and what they are told when that cannot be read."""

from __future__ import annotations

import subprocess
import sys

import pytest

from runner.errors import ScheduleError
from runner.schedule import parse


@pytest.mark.parametrize(
    ("text", "cron"),
    [
        ("hourly", "0 * * * *"),
        ("hourly at :15", "15 * * * *"),
        ("hourly at minute 5", "5 * * * *"),
        ("every hour at :15", "15 * * * *"),
        ("daily", "0 0 * * *"),
        ("Daily  at 01:30", "30 1 * * *"),
        ("daily at 1:30", "30 1 * * *"),
        ("daily at 01:30 and 13:30", "30 1,13 * * *"),
        ("every day at 01:30", "30 1 * * *"),
        ("weekly", "0 0 * * 0"),
        ("weekly at 04:00", "0 4 * * 0"),
        ("weekly on wednesday at 03:00", "0 3 * * 3"),
        ("weekly on Wed, sat and sunday at 03:00", "0 3 * * 0,3,6"),
        ("every wednesday at 03:00", "0 3 * * 3"),
        ("every monday and friday", "0 0 * * 1,5"),
        ("weekdays at 8:00", "0 8 * * 1-5"),
        ("every weekday at 08:00", "0 8 * * 1-5"),
        ("weekends at 08:00", "0 8 * * 0,6"),
        ("monthly", "0 0 1 * *"),
        ("monthly on 1 at 02:00", "0 2 1 * *"),
        ("monthly on the 1st at 02:00", "0 2 1 * *"),
        ("monthly on 15 and 1 at 02:00", "0 2 1,15 * *"),
        ("yearly at 02:00", "0 2 1 1 *"),
        ("every minute", "* * * * *"),
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@Weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("  30 1  * * *", "30 1 * * *"),
        ("*/7 9-17/2 1,15 jan-mar MON", "*/7 9-17/2 1,15 jan-mar MON"),
        ("5-59/10 * * * 7", "5-59/10 * * * 7"),
        ("0 0 29 2 *", "0 0 29 2 *"),
        ("0 0 30 2 mon", "0 0 30 2 mon"),
    ],
)
def test_words_and_lines_become_cron(text: str, cron: str) -> None:
    schedule = parse(text, "Europe/Berlin")
    assert (schedule.cron, schedule.every, schedule.timezone, schedule.text) == (cron, 0, "Europe/Berlin", text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("every 1min", 60),
        ("every 15min", 900),
        ("every 15 minutes", 900),
        ("every 2 hours", 7200),
        ("every 1h 30min", 5400),
        ("every 1 day", 86400),
        ("Every 120s", 120),
    ],
)
def test_periods(text: str, seconds: int) -> None:
    schedule = parse(text)
    assert (schedule.cron, schedule.every) == ("", seconds)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "is empty", "daily at 01:30"),
        ("* * * * * *", "has 6 fields; a cron line has exactly five", "try `* * * * *`"),
        ("0 30 1 * * *", "has 6 fields", "try `30 1 * * *`"),
        ("* * * *", "has 4 fields", "day of the week"),
        ("5-5/2 * * * *", "`5-5/2` in the minute has a step but one value only", "write `5`"),
        ("5/10 * * * *", "is a step without a range", "write `5-59/10`"),
        ("0 0 * * 1/2", "is a step without a range", "write `1-6/2`"),
        ("*/70 * * * *", "the step of `*/70` is larger than the minute allows", "up to 59"),
        ("0 */24 * * *", "the step of `*/24` is larger than the hour allows", "write `0`"),
        ("0 0 * */12 *", "larger than the month allows", "write `1`"),
        ("0 0 * * */7", "larger than the day of the week allows", "up to 6"),
        ("0 9-17/20 * * *", "larger than the hour allows", "up to 8"),
        ("*/0 * * * *", "`0` is no step", "from 1"),
        ("*/x * * * *", "`x` is no step", "*/5"),
        ("60 * * * *", "`60` is no minute", "from 0 to 59"),
        ("0 24 * * *", "`24` is no hour", "from 0 to 23"),
        ("0 0 0 * *", "`0` is no day of the month", "from 1 to 31"),
        ("0 0 * 13 *", "`13` is no month", "from 1 to 12"),
        ("0 0 * * 8", "`8` is no day of the week", "from 0 to 7"),
        ("0 0 * jn *", "`jn` is no month", "did you mean `jun`?"),
        ("0 0 * * mond", "`mond` is no day of the week", "did you mean `mon`?"),
        ("0 22-2 * * *", "runs backwards", "write `22-23,0-2`"),
        ("0 0 30 2 *", "never comes: no month that it names has a day 30", "up to 28"),
        ("0 0 31 4,6,9,11 *", "never comes", "up to 28"),
        ("0 0 31 2 */2", "never comes", "up to 28"),
        ("0 0 L * *", "`L` in the day of the month is an extension", "not supported"),
        ("0 0 LW * *", "is an extension", "not supported"),
        ("0 0 15W * *", "`15W` in the day of the month is an extension", "not supported"),
        ("0 0 * * 5L", "`5L` in the day of the week is an extension", "not supported"),
        ("0 0 * * 1#2", "`1#2` in the day of the week is an extension", "not supported"),
        ("0 0 ? * 1", "`?` in the day of the month is an extension", "not supported"),
        ("H * * * *", "`H` in the minute is an extension", "not supported"),
        ("0~30 * * * *", "is an extension", "not supported"),
        ("5,, * * * *", "`5,,` cannot be read as a minute", "a list `1,15`"),
        ("-5 * * * *", "cannot be read as a minute", "a number"),
        ("1_0 * * * *", "`1_0` is no minute", "from 0 to 59"),
        ("*\u0663 * * * *", "cannot be read as a minute", "a number"),
        ("dayly at 03:00", "`dayly at 03:00` is not a schedule", "did you mean `daily`?"),
        ("weekly on wendsday at 03:00", "`wendsday` is no day of the week", "did you mean `wednesday`?"),
        ("every wendsday", "`wendsday` is no day of the week", "did you mean `wednesday`?"),
        ("wednesday at 03:00", "is not a schedule", "write `weekly on wednesday at 03:00`"),
        ("sometimes", "`sometimes` is not a schedule", "daily at 01:30"),
        ("@dialy", "there is no schedule `@dialy`", "did you mean `@daily`?"),
        ("@reboot", "`@reboot` has no times", "service manager"),
        ("daily at 25:00", "`25:00` is no time of the day", "from 00:00 to 23:59"),
        ("daily at 24:00", "`24:00` is no time of the day", "write 00:00"),
        ("daily at 8am", "`8am` is no time of the day", "in 24 hours"),
        ("daily at 90", "`90` is no time of the day", "in 24 hours"),
        ("daily at 1320", "`1320` is no time of the day", 'quote the time, "22:00"'),
        ("daily at 01:30 and 02:45", "different minutes", "two jobs"),
        ("daily on monday", "`daily` takes no `on`", "weekly on"),
        ("hourly at 15", "`15` is no minute of an hour", "hourly at :15"),
        ("hourly at :60", "`:60` is no minute of an hour", "hourly at :15"),
        ("every minute at :15", "says more than an hour or a minute has", "hourly at :15"),
        ("monthly on last at 02:00", "`last` is no day of a month", "monthly on 1 at 02:00"),
        ("monthly on 32", "`32` is no day of a month", "monthly on 1 at 02:00"),
        ("15min", "`15min` is a duration, not a schedule", "write `every 15min`"),
        ("03:00", "`03:00` is a time, not a schedule", "write `daily at 03:00`"),
        ("every 30s", "is not a whole number of minutes", "every 1min"),
        ("every 90s", "is not a whole number of minutes", "every 1min"),
        ("every 0min", "is not a whole number of minutes", "every 1min"),
        ("every 5 parsecs", "`5 parsecs` is not a duration", "5min"),
        ("every 2 hours at :15", "is counted from 1970 and cannot be set to a time", "15 */2 * * *"),
    ],
)
def test_what_cannot_be_read_is_said_with_what_to_write(text: str, message: str, hint: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse(text)
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Berln", "did you mean `Europe/Berlin`?"),
        ("europe/berlin", "did you mean `Europe/Berlin`?"),
        ("Berlin", "did you mean `Europe/Berlin`?"),
        ("New York", "did you mean `America/New_York`?"),
        ("", "use a name such as UTC"),
        ("../UTC", "UTC"),
        ("Europe", "Europe"),
    ],
)
def test_an_unknown_time_zone_is_refused_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(ScheduleError, match="there is no time zone") as caught:
        parse("daily", name)
    assert hint in caught.value.hint


def test_importing_the_package_and_reading_words_loads_no_third_party_module() -> None:
    code = (
        "import sys; from runner.schedule import parse; parse('daily at 01:30');"
        "print(sorted({'cronsim', 'difflib', 'statistics', 'psycopg', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
