"""The formats `markdown`, `junit` and `csv`, and very many findings in every format."""

from __future__ import annotations

import csv
import io
from xml.etree import ElementTree as ET

import pytest

from runner.formats import csv_text, junit, markdown
from runner.formats.registered import FORMATS
from runner.plugins.registry import resolve
from tests.formats import samples
from tests.formats.samples import Templates

MARKDOWN = """\
# CRITICAL: Daily database health check

2026-11-24 01:30 UTC, 1 critical, 1 unknown, 1 learning, 4 ok, 1 skipped, 1 recovered, 1 fault

## Problems

- **CRITICAL** dead-rows: public.orders: 1,250,000 dead rows (was warning, since 2026-11-22 22:30, 1 d 3 h)
  - hint: `runner run vacuum-table --param table=public.orders`
  - trend: ▁▂▃▅█ public.orders dead_rows 200,000 → 1,250,000 in 4 d
  - runbook: <https://wiki.example/dead-rows>
- **UNKNOWN** backup-age: permission denied for function pg_ls_archive_statusdir
  - hint: `grant pg_monitor to checker;`
- **WARNING** dead-rows: public.items: 150,000 dead rows (new)
  - hint: `runner run vacuum-table --param table=public.items`

## Recovered

- **recovered** long-transactions: pid 4242: open for 6 h (was critical for 6 h)

## Tables with the most dead rows (dead-rows)

| schema | table | dead_rows | size |
| --- | --- | --: | --: |
| public | orders | 1,250,000 | 12.3 GB |
| public | items | 150,000 | 870 MB |

and 12 more
"""


def test_markdown() -> None:
    text = markdown.render(samples.bad_night(), {}, Templates())
    assert text.startswith(MARKDOWN)
    assert text.endswith("\ntook 1.4 s, next run 2026-11-25 01:30 UTC\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dead_rows _x_ *y*", r"dead_rows \_x\_ \*y\*"),
        ("a | b", r"a \| b"),
        ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
        ("https://a www.b", "&#104;ttps://a &#119;ww.b"),
        ("@all #1 a@b", "@<!-- -->all #<!-- -->1 a@<!-- -->b"),
        ("{{ x }} {% y %} {z}", "&#123;{ x }} &#123;% y %} {z}"),
        (r"\*", r"\\\*"),
    ],
)
def test_what_markdown_escapes(text: str, expected: str) -> None:
    assert markdown.escaped(text) == expected


def test_known_problems_come_after_those_that_nobody_knows() -> None:
    text = markdown.render(samples.everything(), {}, Templates())
    assert text.index("## Problems") < text.index("## Acknowledged") < text.index("standby-lag")


def test_junit() -> None:
    suite = ET.fromstring(junit.render(samples.bad_night(), {}, Templates()))[0]
    assert dict(suite.attrib) == {
        "name": "db-health-check", "timestamp": "2026-11-24T01:30:00Z", "tests": "9", "failures": "1", "errors": "2",
        "skipped": "2", "time": "11.200",
    }  # fmt: skip
    said = {(case.get("name"), part.tag, part.get("message")) for case in suite for part in case}
    assert said == {
        ("dead-rows@main", "failure", "critical: public.orders: 1,250,000 dead rows (since 2026-11-22T22:30:00Z)"),
        ("dead-rows@main", "system-out", None),
        ("backup-age@main", "error", "unknown: permission denied for function pg_ls_archive_statusdir"),
        ("blocked-sessions@main", "system-out", None),
        ("growth@main", "skipped", "2 of 7 days of history"),
        ("replication-lag@main", "skipped", "this server is not a standby"),
        ("plugin acme", "error", "cannot be imported: ImportError: no acme"),
    }
    failure = suite.findtext("testcase/failure") or ""
    assert failure.splitlines()[1:3] == [
        "warning: public.items: 150,000 dead rows (since 2026-11-24T01:30:00Z)",
        "hint: runner run vacuum-table --param table=public.orders",
    ]


def test_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_text.render(samples.everything(), {}, Templates()), newline="")))
    assert [(row["job"], row["row"], row["state"], row["pending"]) for row in rows][:4] == [
        ("dead-rows", "public.items", "warning", "false"),
        ("dead-rows", "public.orders", "critical", "false"),
        ("backup-age", "", "unknown", "false"),
        ("blocked-sessions", "4711", "warning", "true"),
    ]
    assert rows[1]["since"] == "2026-11-22T22:30:00Z"
    assert rows[-1]["reason"].startswith("silenced until")
    assert [row["acknowledged_by"] for row in rows if row["job"] == "standby-lag"] == ["ana"]
    bare = csv_text.render(samples.quiet_night(), {"header": False}, Templates())
    assert bare.startswith("db-health-check-2026")
    assert bare.endswith("\r\n")


@pytest.mark.parametrize("name", [item.name for item in FORMATS])
def test_very_many_findings_fit_every_format(name: str) -> None:
    found = next(item for item in FORMATS if item.name == name)
    text = resolve(found.render)(samples.very_many(), {}, Templates())
    assert len(text) < 6_000_000
    if name in ("csv", "junit", "json", "json_lines"):
        assert text.count("public.table_99: 99 dead rows") == 100
