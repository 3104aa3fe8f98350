"""Diagnostics for machines: what each format says about the same complaints."""

from __future__ import annotations

import json

from runner.config.outputs import as_github, as_json, as_sarif
from runner.model.diagnostic import BUILT_IN, Diagnostic, Severity, Span

FOUND = (
    Diagnostic(
        code="acme.odd",
        span=Span("checks.d/b,1.yaml", 3, 2, 5, 1),
        message="50% odd:\ntwice",
        severity=Severity.WARNING,
    ),
    Diagnostic(
        code="unknown-key",
        span=Span("checks.d/a.yaml", 2, 1, 2, 7),
        message="unknown key `waning`",
        hint="did you mean `warning`?",
    ),
    Diagnostic(code="target-unreachable", span=BUILT_IN, message="target main: away"),
    Diagnostic(
        code="unknown-key",
        span=Span("checks.d/a.yaml", 2, 1, 2, 7),
        message="unknown key `waning`",
        hint="did you mean `warning`?",
    ),
)


def test_json() -> None:
    data = json.loads(as_json(FOUND))
    assert data["schema"] == "runner.diagnostics/1"
    assert [item["code"] for item in data["diagnostics"]] == ["target-unreachable", "unknown-key", "acme.odd"]
    assert data["diagnostics"][1] == {
        "code": "unknown-key", "severity": "error", "file": "checks.d/a.yaml", "line": 2, "column": 1, "end_line": 2,
        "end_column": 7, "message": "unknown key `waning`", "hint": "did you mean `warning`?",
    }  # fmt: skip


def test_github_escapes_what_would_end_a_property() -> None:
    assert as_github(FOUND, "ops/home").splitlines() == [
        "::error title=target-unreachable::target main: away",
        (
            "::error file=ops/home/checks.d/a.yaml,line=2,endLine=2,col=1,endColumn=7,title=unknown-key"
            "::unknown key `waning`%0Adid you mean `warning`?"
        ),
        "::warning file=ops/home/checks.d/b%2C1.yaml,line=3,endLine=5,col=2,title=acme.odd::50%25 odd:%0Atwice",
    ]
    assert as_github(()) == ""


def test_github_paths_begin_where_the_workflow_runs() -> None:
    assert "file=checks.d/a.yaml," in as_github(FOUND, ".")
    assert "file=/srv/home/checks.d/a.yaml," in as_github(FOUND, "/srv/home")


def test_sarif() -> None:
    log = json.loads(as_sarif(FOUND, "ops"))
    assert log["version"] == "2.1.0"
    [run] = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["acme.odd", "target-unreachable", "unknown-key"]
    assert all(rule["shortDescription"]["text"] and rule["help"]["text"] for rule in run["tool"]["driver"]["rules"])
    assert [(result["ruleId"], rules[result["ruleIndex"]], result["level"]) for result in run["results"]] == [
        ("target-unreachable", "target-unreachable", "error"),
        ("unknown-key", "unknown-key", "error"),
        ("acme.odd", "acme.odd", "warning"),
    ]
    assert run["results"][0]["locations"] == []
    assert run["results"][1]["message"]["text"] == "unknown key `waning`\ndid you mean `warning`?"
    assert run["results"][2]["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "ops/checks.d/b%2C1.yaml"},
                "region": {"startLine": 3, "startColumn": 2, "endLine": 5, "endColumn": 1},
            }
        }
    ]
    absolute = json.loads(as_sarif(FOUND, "/srv/my home"))["runs"][0]["results"][1]["locations"][0]
    assert absolute["physicalLocation"]["artifactLocation"]["uri"] == "file:///srv/my%20home/checks.d/a.yaml"
