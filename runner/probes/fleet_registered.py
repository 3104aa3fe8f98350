"""The probes that compare targets with each other."""

from __future__ import annotations

from runner.api import ProbeType

PATTERNS = {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1}

_COMPARED = {
    "jobs": {
        **PATTERNS,
        "description": "The jobs whose rows are compared, or patterns; of each target the newest result counts.",
        "examples": [["reachable", "server-down"]],
    },
    "column": {
        "type": "string",
        "minLength": 1,
        "description": "The column that is compared: a number, or a text that the check's conditions or `computed:` look at.",
        "examples": ["release"],
    },
    "by": {
        "type": "string",
        "minLength": 1,
        "description": "A label: only targets with the same value are compared with each other.",
        "examples": ["env"],
    },
    "keys": {
        **PATTERNS,
        "description": "Patterns of the rows to compare; all by default.",
        "examples": [["work_mem"]],
    },
    "exclude": {**PATTERNS, "description": "Patterns of the rows to leave out.", "examples": [["port", "data_*"]]},
    "least": {
        "type": "integer",
        "minimum": 2,
        "description": "How many targets there must be to compare; 3 by default.",
        "examples": [3],
    },
    "within": {"type": "string", "description": "How old a result may be: 7d by default.", "examples": ["7d"]},
}
_PLACE = {"target": "text", "part": "text", "what": "text"}

FLEET_PROBES: tuple[ProbeType, ...] = (
    ProbeType(
        name="fleet_values",
        summary="Targets whose value in a check's newest rows differs from that of most others, from history",
        fetch="runner.probes.fleet:values",
        options={
            **_COMPARED,
            "words": {
                "type": "integer",
                "minimum": 1,
                "description": "Compare only so many words of the value.",
                "examples": [1],
            },
        },
        columns={**_PLACE, "value": "text", "usual": "text", "agree": "ratio", "among": "count"},
        key=("target", "what"),
        needs_server=False,
    ),
    ProbeType(
        name="fleet_numbers",
        summary="The number that a check saw on each target, and how many times the median of all that is, from history",
        fetch="runner.probes.fleet:numbers",
        options=_COMPARED,
        columns={**_PLACE, "number": "number", "median": "number", "times": "number", "among": "count", "told": "text"},
        key=("target", "what"),
        needs_server=False,
    ),
    ProbeType(
        name="fleet_unseen",
        summary="How long nobody has looked at each target, from history",
        fetch="runner.probes.fleet:unseen",
        columns={"target": "text", "silent": "interval", "never": "bool", "told": "text"},
        key=("target",),
        needs_server=False,
    ),
)
