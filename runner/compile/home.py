"""Loads a home: the one way from files to settings, targets and jobs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

from runner.compile.catalogue import Catalogue, load_catalogue
from runner.compile.expand import Expander, Expansion, Source, repeated
from runner.compile.follows import wrong_followers
from runner.compile.jobs import compile_job
from runner.compile.mends import mending, wrong_remedies
from runner.compile.references import Known, check_job, check_settings, unknown_targets
from runner.config.assemble import checks_schema
from runner.config.diagnostics import ordered
from runner.config.document import Document, parse
from runner.config.dsn import passwords_in
from runner.config.files import SETTINGS_FILE, display_name, job_files, read_text
from runner.config.interpolate import Interpolator
from runner.config.schema import Checker
from runner.config.settings import LoadedSettings, load_settings
from runner.model.diagnostic import Diagnostic, Severity
from runner.model.home import Home
from runner.model.job import Job
from runner.model.secret import Secret
from runner.plugins.registry import Registry

# In a line that cannot be parsed there is no node that would know its secret.
_WRITTEN_SECRET = re.compile(r"(?i)(?:password|passwd|secret|token)[\"']?\s*[:=]\s*[\"']?(?!\$\{)([^\s\"',}]+)")


def load_home(path: Path, registry: Registry, environ: Mapping[str, str], loaded: LoadedSettings | None = None) -> Home:
    """The home in this folder. Bad content becomes diagnostics; jobs with errors are left out.

    `loaded` are its settings when they were read already.
    """
    return _Loader(path, registry, loaded or load_settings(path, registry, environ)).home()


class _Loader:
    """Holds what is gathered while the files of one home are read."""

    def __init__(self, path: Path, registry: Registry, loaded: LoadedSettings) -> None:
        self._path = path
        self._registry = registry
        self._loaded = loaded
        self._interpolator = Interpolator(
            environment=self._loaded.environment, home=path, sources=registry.secret_sources
        )
        self._diagnostics: list[Diagnostic] = list(self._loaded.diagnostics)
        self._sources: dict[str, str] = dict(self._loaded.sources)
        self._files: list[Path] = list(self._loaded.files)
        self._groups: dict[str, str] = {}
        self._broken: set[str] = set()
        self._elsewhere = bool(loaded.settings.targets_from)

    @cached_property
    def _checker(self) -> Checker:
        return Checker(checks_schema(self._registry))

    @cached_property
    def _catalogue(self) -> Catalogue:
        catalogue = load_catalogue(self._path, self._registry, self._checker)
        self._diagnostics.extend(catalogue.diagnostics)
        self._files.extend(catalogue.files)
        self._sources.update(catalogue.sources)
        return catalogue

    def home(self) -> Home:
        sources = self._read_groups()
        self._refuse_repeated(sources)
        jobs = self._that_fit_together(tuple(filter(None, map(self._compile, sources))))
        self._diagnostics.extend(check_settings(self._loaded.root, self._known(jobs)))
        secrets = tuple(dict.fromkeys((*self._loaded.secrets, *self._interpolator.secrets)))
        return Home(
            path=self._path,
            settings=self._loaded.settings,
            targets=self._loaded.targets,
            jobs=jobs,
            groups=self._groups,
            diagnostics=ordered(self._diagnostics),
            broken=frozenset(self._broken),
            secrets=secrets,
            files=tuple(dict.fromkeys(self._files)),
            sources=shown(self._sources, secrets),
        )

    def _that_fit_together(self, jobs: tuple[Job, ...]) -> tuple[Job, ...]:
        known = {*(job.name for job in jobs), *self._broken}
        wrong = set[str]()
        for job, diagnostic in (*wrong_followers(jobs, known), *wrong_remedies(jobs, known, self._registry)):
            self._diagnostics.append(diagnostic)
            wrong.add(job.name)
        self._broken |= wrong
        return mending([job for job in jobs if job.name not in wrong])

    def _known(self, jobs: tuple[Job, ...]) -> Known:
        tags = frozenset(tag for job in jobs for tag in job.tags)
        return Known(
            declared=self._loaded.declared,
            jobs=frozenset({*(job.name for job in jobs), *self._broken}),
            groups=frozenset({*self._groups, *self._broken}),
            tags=None if self._broken else tags,
            elsewhere=self._elsewhere,
        )

    def _read_groups(self) -> list[Source]:
        paths, complaints = job_files(self._path)
        self._diagnostics.extend(complaints)
        expander = Expander(self._registry, self._loaded.defaults, lambda: self._catalogue)
        first: dict[str, Path] = {}
        sources: list[Source] = []
        for path in paths:
            self._files.append(path)
            document = self._document(path)
            if path.stem in first:
                self._refuse_group(document, path.stem, first[path.stem])
            else:
                first[path.stem] = path
                sources.extend(self._expanded(path.stem, document, expander))
        return sources

    def _document(self, path: Path) -> Document:
        name = display_name(path, self._path)
        file = read_text(path, name)
        document = (
            Document(file=name, text="", root=None, diagnostics=file.diagnostics)
            if file.text is None
            else parse(file.text, name)
        )
        self._sources[name] = document.text
        self._diagnostics.extend(document.diagnostics)
        return document

    def _expanded(self, group: str, document: Document, expander: Expander) -> list[Source]:
        self._groups[group] = group
        if document.root is None:
            if document.diagnostics:
                self._broken.add(group)
            else:
                self._advise_empty(document)
            return []
        expansion: Expansion = expander.expand(group, document.root, self._checker.complaints(document.root))
        self._groups[group] = expansion.title
        self._diagnostics.extend(expansion.diagnostics)
        self._broken |= expansion.broken
        if not expansion.sources and not expansion.diagnostics:
            self._advise_empty(document)
        return expansion.sources

    def _compile(self, source: Source) -> Job | None:
        compiled = compile_job(source, self._registry, self._loaded, self._interpolator)
        found = list(compiled.diagnostics)
        job = compiled.job
        if job is not None:
            found.extend(
                check_job(job, self._loaded.targets, self._loaded.declared["targets"], elsewhere=self._elsewhere)
            )
        else:
            chosen, declared = source.node.get("targets"), self._loaded.declared["targets"]
            found.extend(unknown_targets(chosen, declared, elsewhere=self._elsewhere))
        self._diagnostics.extend(found)
        if source.is_trial or any(item.severity is Severity.ERROR for item in found) or job is None:
            self._broken.add(source.name)
            return None
        return job

    def _refuse_repeated(self, sources: list[Source]) -> None:
        """Neither of two jobs of one name is used: each would read the other's history."""
        names = set()
        for source, first in repeated(sources):
            message = f"the job `{source.name}` is already defined at {first.span}"
            hint = "rename one of them; the name identifies a job's history"
            self._diagnostics.append(Diagnostic(code="duplicate-job", span=source.span, message=message, hint=hint))
            names.add(source.name)
        sources[:] = [source for source in sources if source.name not in names]
        self._broken |= names

    def _refuse_group(self, document: Document, group: str, first: Path) -> None:
        message = f"the group `{group}` is already {display_name(first, self._path)}"
        hint = "rename the file; its name is the name of the group"
        self._diagnostics.append(Diagnostic(code="duplicate-group", span=document.start, message=message, hint=hint))
        self._broken.add(group)

    def _advise_empty(self, document: Document) -> None:
        self._diagnostics.append(
            Diagnostic(
                code="empty-file",
                span=document.start,
                message="there are no jobs in this file",
                hint="add one with `runner new check`, or remove the file",
                severity=Severity.WARNING,
            )
        )


def shown(sources: Mapping[str, str], secrets: Iterable[Secret]) -> dict[str, str]:
    """The texts with secrets starred out, each as long as before so that carets still fit."""
    words = sorted({secret.reveal() for secret in secrets if len(secret.reveal()) > 3}, key=len, reverse=True)
    found: dict[str, str] = {}
    for name, source in sources.items():
        text = source
        for word in words:
            text = text.replace(word, "*" * len(word))
        found[name] = _WRITTEN_SECRET.sub(_starred, text) if name == SETTINGS_FILE else text
        for word in passwords_in(found[name]):
            found[name] = found[name].replace(f":{word}@", f":{'*' * len(word)}@")
    return found


def _starred(match: re.Match[str]) -> str:
    return match[0][: match.start(1) - match.start()] + "*" * len(match[1])
