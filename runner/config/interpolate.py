"""Replaces `${…}` in values after parsing, so that no value can change the document's structure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import field
from pathlib import Path
from typing import Final

from runner.api import SecretSource
from runner.config.dsn import passwords_in
from runner.config.environment import Environment, is_secret_name
from runner.config.files import MAX_BYTES, below, why
from runner.config.nodes import HIDDEN, INTERPOLATED, map_scalars
from runner.errors import RunnerError
from runner.model.diagnostic import Diagnostic
from runner.model.node import Entry, MappingNode, Node, Scalar
from runner.model.secret import Secret
from runner.model.suggest import did_you_mean
from runner.plugins.registry import describe, resolve
from runner.records import dataclass

INTERPOLATED_KEYS: Final = frozenset({"params", "env", "run", "cwd", "with"})
"""The keys of a job in which `${…}` is replaced; SQL, expressions and templates have their own uses for `$`."""

# `$${` first, so that it is never taken for a reference; an opening that is not closed is complained about.
_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<body>[^{}]*)\}|\$\{")
_NAME = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<operator>:[-?])(?P<rest>.*))?", re.DOTALL)
_SCHEME = re.compile(r"(?P<scheme>[a-z][a-z0-9_.-]*):(?P<argument>[^-?].*)", re.DOTALL)
_SECRET_KEYS: Final = frozenset({"password", "sslpassword"})
_BROKEN = "this is a fault of the plugin that offers it: runner plugins list"
_HINT = "write ${NAME}, ${NAME:-default}, ${NAME:?message} or ${file:/path}; a literal one is $${"


@dataclass(slots=True)
class Interpolator:
    """Replaces references and remembers the secrets that it saw and what was wrong."""

    environment: Environment
    home: Path
    sources: Mapping[str, SecretSource] = field(default_factory=dict)
    secrets: list[Secret] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def node(self, node: Node) -> Node:
        """The node with every text replaced."""
        return map_scalars(node, self._scalar)

    def keys(self, node: MappingNode, keys: Collection[str]) -> MappingNode:
        """The mapping with the values of some keys replaced; the others may hold any `$`."""
        entries = {
            key: Entry(entry.key_span, self.node(entry.node)) if key in keys else entry
            for key, entry in node.entries.items()
        }
        return MappingNode(entries, node.span)

    def _scalar(self, scalar: Scalar, key: str) -> Scalar:
        if not isinstance(scalar.value, str):
            return self._literal(scalar, key)
        matches = list(_REFERENCE.finditer(scalar.value))
        if not matches:
            return self._literal(scalar, key)
        parts: list[str] = []
        position, secret = 0, key in _SECRET_KEYS
        for match in matches:
            parts.append(scalar.value[position : match.start()])
            text, is_secret = self._resolve(match, scalar)
            parts.append(text)
            whole = match.span() == (0, len(scalar.value))
            secret = secret or (is_secret and whole)
            position = match.end()
        text = "".join((*parts, scalar.value[position:]))
        self._remember(text, secret)
        return Scalar(text, scalar.span, HIDDEN if secret and text else INTERPOLATED)

    def _literal(self, scalar: Scalar, key: str) -> Scalar:
        if isinstance(scalar.value, str):
            self._remember(scalar.value, secret=False)
        if key in _SECRET_KEYS and scalar.value is not None:
            self._remember(scalar.text, secret=True)
            return Scalar(scalar.text, scalar.span, HIDDEN)
        return scalar

    def _remember(self, text: str, secret: bool) -> None:
        self.secrets.extend(Secret(word) for word in ([text] if secret and text else passwords_in(text)))

    def _resolve(self, match: re.Match[str], scalar: Scalar) -> tuple[str, bool]:
        if match[0] == "$${":
            return "${", False
        body = match["body"]
        if body is None:
            self._complain("bad-reference", match, scalar, "this `${` is not closed", _HINT)
            return "", False
        if name := _NAME.fullmatch(body):
            return self._variable(name, match, scalar)
        if scheme := _SCHEME.fullmatch(body):
            return self._secret(scheme["scheme"], scheme["argument"], match, scalar), True
        self._complain("bad-reference", match, scalar, f"`${{{body}}}` cannot be read", _HINT)
        return "", False

    def _variable(self, name: re.Match[str], match: re.Match[str], scalar: Scalar) -> tuple[str, bool]:
        value = self.environment.get(name["name"])
        secret = is_secret_name(name["name"])
        # As in a shell, the colon makes an empty value count as unset.
        if value or (value is not None and not name["operator"]):
            if secret and value:
                self.secrets.append(Secret(value))
            return value, secret
        if name["operator"] == ":-":
            return name["rest"], False
        message = f"`{name['name']}` is not set"
        if name["operator"] == ":?" and name["rest"].strip():
            message += f": {name['rest'].strip()}"
        near = did_you_mean(name["name"], self.environment.names())
        hint = f"looked in {self.environment.where()}"
        self._complain("unset-variable", match, scalar, message, f"{near} ({hint})" if near else hint)
        return "", False

    def _secret(self, scheme: str, argument: str, match: re.Match[str], scalar: Scalar) -> str:
        try:
            text = self._read_file(argument) if scheme == "file" else self._read_source(scheme, argument)
        except RunnerError as error:
            self._complain("secret-unreadable", match, scalar, error.message, error.hint)
            return ""
        if text:
            self.secrets.append(Secret(text))
        return text

    def _read_file(self, argument: str) -> str:
        path = below(self.home, argument)
        try:
            with path.open("rb") as stream:
                data = stream.read(MAX_BYTES)
            text = data.decode()
        except UnicodeDecodeError as error:
            raise RunnerError(f"{path} is not UTF-8 text", hint="a secret is one line of text") from error
        except (OSError, ValueError) as error:
            raise RunnerError(
                f"{path} cannot be read: {why(error)}", hint="check the path and its permissions"
            ) from error
        return text.removesuffix("\n").removesuffix("\r")

    def _read_source(self, scheme: str, argument: str) -> str:
        source = self.sources.get(scheme)
        if source is None:
            known = ["file", *self.sources]
            hint = did_you_mean(scheme, known) or f"there are: {', '.join(sorted(known))}"
            raise RunnerError(f"there is no source of secrets `{scheme}`", hint=hint)
        try:
            return str(resolve(source.read)(argument))
        except RunnerError:
            raise
        except Exception as error:
            raise RunnerError(f"`{scheme}` could not give `{argument}`: {describe(error)}", hint=_BROKEN) from error

    def _complain(self, code: str, match: re.Match[str], scalar: Scalar, message: str, hint: str) -> None:
        span = scalar.locate(match.start(), match.end())
        self.diagnostics.append(Diagnostic(code=code, span=span, message=message, hint=hint))
