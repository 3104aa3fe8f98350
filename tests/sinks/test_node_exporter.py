"""Real node_exporter collects what the sink `atomic_file` writes, from two groups side by side."""

from __future__ import annotations

import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.formats import samples
from tests.postgres import eventually
from tests.sinks.contexts import sink


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


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
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield f"http://{place}/metrics"
        finally:
            process.terminate()


def collected(address: str) -> str:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return str(answer.read().decode())
    except urllib.error.URLError:
        return ""


def test_it_collects_the_files_of_all_groups(exporter: str, tmp_path: Path) -> None:
    one = sink("atomic_file", tmp_path, format_="prometheus", path="metrics/runner-{group}.prom")
    for number, made in enumerate((samples.everything, samples.hostile, samples.bad_night)):
        one.emit(replace(made(), group=f"group-{number}"))
    one.close()
    assert len(list((tmp_path / "metrics").iterdir())) == 3
    text = eventually(lambda: collected(exporter), what="the exporter answers")
    assert "node_textfile_scrape_error 0" in text
    assert text.count("node_textfile_mtime_seconds{") == 3
    for number in range(3):
        assert f'group="group-{number}"' in text
