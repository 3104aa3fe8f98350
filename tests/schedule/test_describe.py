"""Schedules and instants in words, and advice about them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from runner.schedule import advice, in_words, parse, parse_window, show_delay, show_instant, window_in_words

NOW = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hourly", "every hour at minute 0"),
        ("hourly at :15", "every hour at minute 15"),
        ("daily at 01:30", "every day at 01:30 UTC"),
        ("daily at 01:30 and 13:30", "every day at 01:30 and 13:30 UTC"),
        ("weekly on wednesday at 03:00", "every Wednesday at 03:00 UTC"),
        ("weekly on mon, wed and sun at 03:00", "every Monday, Wednesday and Sunday at 03:00 UTC"),
        ("weekdays at 8:00", "every day from Monday to Friday at 08:00 UTC"),
        ("monthly on 1 at 02:00", "on day 1 of every month at 02:00 UTC"),
        ("yearly", "on day 1 of January at 00:00 UTC"),
        ("every 15min", "every 15 minutes"),
        ("every 1min", "every minute"),
        ("every 90min", "every 90 minutes"),
        ("every 2 hours", "every 2 hours"),
        ("every 1 day", "every day"),
        ("every 2 weeks", "every 2 weeks"),
        ("* * * * *", "every minute"),
        ("*/5 * * * *", "every 5 minutes"),
        ("*/7 * * * *", "every hour at minutes 0, 7, 14, … 56"),
        ("0 1 * * 5", "every Friday at 01:00 UTC"),
        ("*/5 9-17 * * 1-5", "every 5 minutes from 09:00 to 17:59, every day from Monday to Friday, UTC"),
        ("* 2 * * *", "every minute from 02:00 to 02:59, UTC"),
        ("0 * * * 1", "every hour at minute 0, every Monday, UTC"),
        ("0,10,20,50 2,4 * * *", "minutes 0, 10, 20 and 50 in the hours 2 and 4, UTC"),
        ("0 3 1 * 1", "on day 1 of every month or every Monday at 03:00 UTC"),
        ("0 3 1 3 1", "on day 1 of March or every Monday in March at 03:00 UTC"),
        ("0 3 1-7 * */3", "on days 1, 2, 3, … 7 of every month if it is Wednesday, Saturday and Sunday at 03:00 UTC"),
        ("0 3 1-31 * 1", "every day at 03:00 UTC"),
        ("0 3 * 1,7 *", "every day in January and July at 03:00 UTC"),
    ],
)
def test_in_words(text: str, words: str) -> None:
    assert in_words(parse(text)) == words


def test_a_zone_is_named_where_it_matters() -> None:
    assert in_words(parse("daily at 01:30", "Europe/Berlin")) == "every day at 01:30 Europe/Berlin"
    assert in_words(parse("hourly at :15", "Asia/Kathmandu")) == "every hour at minute 15, Asia/Kathmandu"
    assert in_words(parse("every 15min", "Europe/Berlin")) == "every 15 minutes"


@pytest.mark.parametrize(
    ("text", "zone", "sentences"),
    [
        ("daily at 01:30", "UTC", []),
        ("*/15 */6 * * *", "UTC", []),
        ("*/7 * * * *", "UTC", ["the last step is 4 minutes; `every 7min` is even"]),
        ("0 */5 * * *", "UTC", ["`*/5` begins again with every day: the last step is 4 hours; `every 5h` is even"]),
        ("0 0 1 */5 *", "UTC", ["the last step is 2 months"]),
        ("0 0 * * */2", "UTC", ["the last step is 1 day"]),
        ("0 0 */2 * *", "UTC", ["begins again on day 1 of every month"]),
        ("0 0 1 * 1", "UTC", ["when either of them matches"]),
        ("0 0 1-7 * */6", "UTC", ["the last step is 1 day", "both must match"]),
        ("0 0 1-31 * 1", "UTC", ["cron runs it every day"]),
        ("0 0 31 * *", "UTC", ["months without a day 31 are left out"]),
        ("0 0 29 * *", "UTC", ["months without a day 29 are left out"]),
        ("daily at 01:30", "Europe/Berlin", []),
        ("daily at 03:00", "Europe/Berlin", []),
        (
            "daily at 02:30",
            "Europe/Berlin",
            [
                "02:30 does not exist in Europe/Berlin on the day the clock goes forward: it runs at 03:00",
                "02:30 comes twice in Europe/Berlin on the day the clock goes back: it runs the first time only",
            ],
        ),
        ("*/10 2 * * *", "Europe/Berlin", ["those slots are left out", "it runs both times"]),
        ("daily at 01:30", "America/New_York", ["01:30 comes twice in America/New_York"]),
        ("daily at 02:30", "Asia/Tokyo", []),
        ("hourly", "Europe/Berlin", []),
        ("every 1 day", "Europe/Berlin", ["00:00 UTC and not at midnight in Europe/Berlin"]),
        ("every 2 weeks", "UTC", ["Thursdays at 00:00 UTC"]),
        ("every 7min", "Europe/Berlin", []),
    ],
)
def test_advice(text: str, zone: str, sentences: list[str]) -> None:
    given = advice(parse(text, zone))
    assert len(given) == len(sentences)
    for sentence, part in zip(given, sentences, strict=True):
        assert part in sentence


@pytest.mark.parametrize(
    ("ahead", "zone", "words", "delay"),
    [
        (timedelta(hours=20, minutes=30), "UTC", "Wednesday 25 Nov 03:00 UTC", "in 20 h 30 min"),
        (timedelta(0), "UTC", "Tuesday 24 Nov 06:30 UTC", "now"),
        (timedelta(minutes=-5), "Europe/Berlin", "Tuesday 24 Nov 07:25 Europe/Berlin", "5 min ago"),
        (timedelta(days=40), "UTC", "Sunday 3 Jan 2027 06:30 UTC", "in 40 d"),
    ],
)
def test_instants_and_delays(ahead: timedelta, zone: str, words: str, delay: str) -> None:
    assert show_instant(NOW + ahead, zone, NOW) == words
    assert show_delay(NOW + ahead, NOW) == delay


@pytest.mark.parametrize(
    ("start", "end", "days", "words"),
    [
        ("02:00", "05:00", ("tue", "wed"), "low (02:00 to 05:00 UTC on Tuesday and Wednesday)"),
        ("22:00", "06:00", (), "low (22:00 to 06:00 UTC)"),
        ("", "", ("sat", "sun"), "low (the whole day UTC on Saturday and Sunday)"),
    ],
)
def test_windows_in_words(start: str, end: str, days: tuple[str, ...], words: str) -> None:
    assert window_in_words(parse_window("low", start, end, days)) == words
