"""The home that comes with runner loads without a word."""

from __future__ import annotations

from pathlib import Path

import yaml

from runner.compile.catalogue import load_catalogue
from runner.compile.home import load_home
from runner.config.assemble import checks_schema
from runner.config.diagnostics import render_all
from runner.config.files import shipped
from runner.config.schema import Checker
from runner.plugins.host import PluginHost

HOME = shipped("checks.d").parent
REGISTRY = PluginHost({}, no_plugins=True).registry()


def test_the_shipped_jobs_have_no_complaints() -> None:
    home = load_home(HOME, REGISTRY, {})
    assert render_all(home.diagnostics, home.sources) == ""
    assert {"db-health-check", "db-vacuum-analyze"} <= set(home.groups)
    assert all(job.schedule for job in home.jobs)


def test_every_catalogue_check_can_be_used(tmp_path: Path) -> None:
    catalogue = load_catalogue(HOME, REGISTRY, Checker(checks_schema(REGISTRY)))
    assert render_all((*catalogue.diagnostics, *catalogue.foreign), catalogue.sources) == ""
    (tmp_path / "checks.d").mkdir()
    uses = "".join(f"  - use: {name}\n" for name in catalogue.entries)
    (tmp_path / "checks.d" / "all.yaml").write_text(f"jobs:\n{uses}")
    home = load_home(tmp_path, REGISTRY, {})
    assert render_all(home.diagnostics, home.sources) == ""
    assert len(home.jobs) == len(catalogue.entries) > 10


def test_every_shipped_file_is_read_alike_by_stricter_parsers() -> None:
    """PyYAML without its C library, as some machines have it, refuses what libyaml lets pass."""
    files = sorted(shipped("checks.d").rglob("*.yaml"))
    assert len(files) > 15
    for file in files:
        text = file.read_text()
        assert list(yaml.parse(text, Loader=yaml.SafeLoader)), file
        assert yaml.load(text, Loader=yaml.SafeLoader) == yaml.load(text, Loader=yaml.CSafeLoader), file
