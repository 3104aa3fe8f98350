"""The formats that come with runner."""

from __future__ import annotations

from runner.api import Format, JsonSchema

_ROWS: JsonSchema = {
    "rows": {
        "type": "integer",
        "minimum": 1,
        "description": "Rows shown of each table, and findings of each job; 20 by default.",
        "examples": [20],
    }
}

FORMATS = (
    Format(
        name="text",
        summary="For people: problems first, then tables, then one line per job",
        media_type="text/plain; charset=utf-8",
        extension="txt",
        render="runner.formats.text:render",
        options=_ROWS,
    ),
    Format(
        name="json",
        summary="The whole report as one indented JSON document",
        media_type="application/json",
        extension="json",
        render="runner.formats.json_text:render",
    ),
    Format(
        name="json_lines",
        summary="The whole report as one line of JSON",
        media_type="application/x-ndjson",
        extension="jsonl",
        render="runner.formats.json_text:render_line",
    ),
    Format(
        name="nagios",
        summary="The output of a monitoring plugin: state, text, performance data",
        media_type="text/plain; charset=utf-8",
        extension="txt",
        render="runner.formats.nagios:render",
    ),
    Format(
        name="markdown",
        summary="For wikis, issues and chats: the same as text, in GitHub's Markdown",
        media_type="text/markdown; charset=utf-8",
        extension="md",
        render="runner.formats.markdown:render",
        options=_ROWS,
    ),
    Format(
        name="html",
        summary="One page for a browser or a mail, without scripts and remote parts",
        media_type="text/html; charset=utf-8",
        extension="html",
        render="runner.formats.html:render",
        options=_ROWS,
    ),
    Format(
        name="prometheus",
        summary="Metrics for Prometheus: states, and every observed value",
        media_type="text/plain; version=0.0.4; charset=utf-8",
        extension="prom",
        render="runner.formats.prometheus:render",
        options={
            "values": {
                "type": "integer",
                "minimum": 0,
                "description": "Observed values in the metrics of a report, 2000 by default.",
                "examples": [2000],
            }
        },
    ),
    Format(
        name="junit",
        summary="JUnit XML: a test case for each job and target",
        media_type="application/xml",
        extension="xml",
        render="runner.formats.junit:render",
    ),
    Format(
        name="csv",
        summary="A table: one line for each finding",
        media_type="text/csv; charset=utf-8; header=present",
        extension="csv",
        render="runner.formats.csv_text:render",
        options={
            "header": {
                "type": "boolean",
                "description": "Whether the first line names the columns; true by default.",
                "examples": [False],
            }
        },
    ),
)
