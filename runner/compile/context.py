"""What a kind is handed while it reads a job: parameters, probes, functions, and a place for complaints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from runner.api import Function, ProbeType
from runner.model.diagnostic import Diagnostic, Severity, Span
from runner.records import dataclass


@dataclass(slots=True, kw_only=True)
class Context:
    """Gathers diagnostics; `failed` is true as soon as the job cannot be used."""

    params: Mapping[str, object]
    probes: Mapping[str, ProbeType]
    functions: Mapping[str, Function] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    failed: bool = False

    def complain(self, code: str, span: Span, message: str, hint: str = "") -> None:
        """An error: the job is left out."""
        self.failed = True
        self.diagnostics.append(Diagnostic(code=code, span=span, message=message, hint=hint))

    def advise(self, code: str, span: Span, message: str, hint: str = "") -> None:
        """A warning: the job is used as it is."""
        self.diagnostics.append(Diagnostic(code=code, span=span, message=message, hint=hint, severity=Severity.WARNING))

    def probe(self, name: str) -> ProbeType | None:
        return self.probes.get(name)
