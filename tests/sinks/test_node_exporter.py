"""Real node_exporter collects what the sink `atomic_file` writes, from two groups side by side."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import pytest

from runner.testing import free_port, running
from tests.formats import samples
from tests.sinks.contexts import sink


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[str]:
    """The address of an exporter that collects from the folder `metrics`."""
    program = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")
    if not program:
        pytest.skip("needs node_exporter: apt-get install prometheus-node-exporter")
    (tmp_path / "metrics").mkdir()
    place = f"127.0.0.1:{free_port()}"
    words = [
        program, "--collector.disable-defaults", "--collector.textfile", f"--web.listen-address={place}",
        f"--collector.textfile.directory={tmp_path / 'metrics'}",
    ]  # fmt: skip
    with running(words, tmp_path / "log", f"http://{place}/metrics"):
        yield f"http://{place}/metrics"


def collected(address: str) -> str:
    with urlopen(address, timeout=5) as answer:
        return str(answer.read().decode())


def test_it_collects_the_files_of_all_groups(exporter: str, tmp_path: Path) -> None:
    one = sink("atomic_file", tmp_path, format_="prometheus", path="metrics/runner-{group}.prom")
    for number, made in enumerate((samples.everything, samples.hostile, samples.bad_night)):
        one.emit(replace(made(), group=f"group-{number}"))
    one.close()
    assert len(list((tmp_path / "metrics").iterdir())) == 3
    text = collected(exporter)
    assert "node_textfile_scrape_error 0" in text
    assert text.count("node_textfile_mtime_seconds{") == 3
    for number in range(3):
        assert f'group="group-{number}"' in text
