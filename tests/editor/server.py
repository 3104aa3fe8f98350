"""A language server in a process of its own, spoken to over its standard input and output."""

from __future__ import annotations

import hashlib
import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "runner-tests"
SECONDS = 120.0
# Nothing is fetched: the schemas are those that the files themselves name.
SETTINGS = {"yaml": {"schemaStore": {"enable": False}, "validate": True, "completion": True, "hover": True}}


def missing() -> str:
    """Why there is no language server, empty when there can be one."""
    absent = [name for name in ("node", "npm") if not shutil.which(name)]
    return f"{' and '.join(absent)} is not installed, so there is no YAML language server to ask" if absent else ""


def installed() -> Path:
    """The program, installed once for each lock file; `npm ci` compares every package with its checksum."""
    lock = (HERE / "package-lock.json").read_bytes()
    folder = CACHE / f"editor-{hashlib.sha256(lock).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as stream:
        flock(stream, LOCK_EX)
        if not (folder / "complete").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, folder / name)
            words = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(words, cwd=folder, check=False, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, f"npm ci: {done.stdout}{done.stderr}"
            (folder / "complete").touch()
    return folder / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"


@dataclass(slots=True)
class LanguageServer:
    """What an editor asks: files are opened, and completion, hover and diagnostics come back."""

    process: subprocess.Popen[bytes]
    root: Path
    _arrived: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)
    _published: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _number: int = 0
    _version: int = 0

    def begin(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()
        uri = self.root.as_uri()
        self.ask("initialize", {
            "processId": os.getpid(), "rootUri": uri, "workspaceFolders": [{"uri": uri, "name": "home"}],
            "capabilities": {
                "textDocument": {
                    "completion": {"completionItem": {"documentationFormat": ["markdown"], "snippetSupport": True}},
                    "hover": {"contentFormat": ["markdown"]}, "publishDiagnostics": {},
                },
                "workspace": {"configuration": True, "didChangeConfiguration": {}},
            },
        })  # fmt: skip
        self.tell("initialized", {})
        self.tell("workspace/didChangeConfiguration", {"settings": SETTINGS})

    def completion(self, path: Path, text: str) -> dict[str, dict[str, Any]]:
        """What is offered where `|` stands in the text, by its label."""
        before, _, after = text.partition("|")
        uri = self.opened(path, before + after)
        found = self.ask("textDocument/completion", {"textDocument": {"uri": uri}, "position": position(before)})
        items = found["items"] if isinstance(found, dict) else found or []
        self.close(uri)
        return {item["label"]: item for item in items}

    def hover(self, path: Path, text: str) -> str:
        """What is shown over the character behind `|`."""
        before, _, after = text.partition("|")
        uri = self.opened(path, before + after)
        found = self.ask("textDocument/hover", {"textDocument": {"uri": uri}, "position": position(before)})
        self.close(uri)
        contents = (found or {}).get("contents", "")
        return str(contents["value"] if isinstance(contents, dict) else contents)

    def diagnostics(self, path: Path, text: str) -> list[tuple[int, str]]:
        """Line (from 1) and message of each complaint."""
        uri = self.opened(path, text)
        while uri not in self._published:
            self._take()
        found = self._published.pop(uri)
        self.close(uri)
        return sorted((item["range"]["start"]["line"] + 1, item["message"]) for item in found)

    def opened(self, path: Path, text: str) -> str:
        """Every opened file has another name, so that no late answer is taken for one about it."""
        self._version += 1
        uri = path.with_name(f"{path.stem}-{self._version}{path.suffix}").as_uri()
        item = {"uri": uri, "languageId": "yaml", "version": self._version, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": item})
        return uri

    def close(self, uri: str) -> None:
        self.tell("textDocument/didClose", {"textDocument": {"uri": uri}})

    def ask(self, method: str, params: object) -> Any:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while True:
            message = self._take()
            if message.get("id") == self._number and "method" not in message:
                assert "error" not in message, message
                return message["result"]

    def tell(self, method: str, params: object) -> None:
        self._send({"method": method, "params": params})

    def _take(self) -> dict[str, Any]:
        """The next message; what the server itself asks is answered on the way."""
        message = self._arrived.get(timeout=SECONDS)
        if message.get("method") == "textDocument/publishDiagnostics":
            self._published[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "method" in message and "id" in message:
            self._send({"id": message["id"], "result": self._answer(message)})
        return message

    @staticmethod
    def _answer(message: dict[str, Any]) -> object:
        if message["method"] != "workspace/configuration":
            return None
        return [SETTINGS.get(item.get("section", ""), {}) for item in message["params"]["items"]]

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while line := stream.readline():
            length = 0
            while line.strip():
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
                line = stream.readline()
            self._arrived.put(json.loads(stream.read(length)))


def position(before: str) -> dict[str, int]:
    """The place behind a text, as the protocol counts."""
    lines = before.split("\n")
    return {"line": len(lines) - 1, "character": len(lines[-1])}


@contextmanager
def started(root: Path) -> Iterator[LanguageServer]:
    """A server that knows this folder, until the end."""
    process = subprocess.Popen(
        ["node", str(installed()), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        server = LanguageServer(process, root)
        server.begin()
        yield server
    finally:
        process.kill()
        process.communicate()
