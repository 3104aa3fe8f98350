"""A report as a mail: its subject, its text and what stands beside it, and headers that stay the same for a report."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from html import escape
from typing import Any

from runner.api import Report, RetryableSinkError, RunnerError, SinkContext, SinkError
from runner.records import dataclass
from runner.sinks.events import document_of
from runner.template import Template, clean

DEFAULT_SUBJECT = "{{ state | upper }} {{ title }}{% if targets %} on {{ targets }}{% endif %}: {{ counts }}"
_LONGEST_SUBJECT = 200
_FEW = 3
_POLICY = SMTP.clone(cte_type="7bit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """What all mails of a sink have in common."""

    sender: Address
    recipients: tuple[Address, ...]
    subject: Template
    format: str
    threads: bool = False


def address(written: str) -> Address:
    """`ana@example.org` or `Ana <ana@example.org>`; raises SinkError."""
    name, spec = parseaddr(written)
    try:
        # A line break is none of its own: it could begin another header.
        return Address(display_name=clean(name, limit=100), addr_spec=_plain(written, spec))
    except (MessageError, ValueError, LookupError):
        shown = clean(written, limit=100)
        raise SinkError(f"`{shown}` is no address for mail", hint="for example ana@example.org, in ASCII") from None


def _plain(written: str, spec: str) -> str:
    if not (written.isprintable() and spec.isascii()):
        raise ValueError
    return spec


def written(report: Report, head: Letterhead, context: SinkContext, refused: Sequence[str] = ()) -> bytes:
    """The whole mail in ASCII; `refused` are sentences about recipients that it does not reach."""
    document = document_of(report, context)
    mail = EmailMessage(policy=_POLICY)
    mail["Subject"] = _subject(document, head, context)
    mail["From"] = head.sender
    mail["To"] = head.recipients
    mail["Date"] = report.created
    mail["Message-ID"] = _identity(head, context.name, report.id)
    if head.threads:
        root = _identity(head, context.name, f"all of {report.group}")
        mail["In-Reply-To"], mail["References"] = root, root
    # RFC 3834 §5: whoever answers by himself, such as an absence note, leaves this mail alone.
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["X-Runner-State"] = document["state"]
    _fill(mail, report, head.format, context, refused)
    return mail.as_bytes()


def _fill(mail: EmailMessage, report: Report, name: str, context: SinkContext, refused: Sequence[str]) -> None:
    notes = "".join(f"{sentence}\n" for sentence in refused)
    text = context.format("text")(report)
    mail.set_content(f"{notes}\n{text}" if notes else text)
    if name == "text":
        return
    kind, other = context.format_of(name), context.format(name)(report)
    if name == "html":
        marked = "".join(f"<p><strong>{escape(sentence)}</strong></p>\n" for sentence in refused)
        # The last part of an alternative is the one to prefer, RFC 2046 §5.1.4.
        mail.add_alternative(other.replace("<body>\n", f"<body>\n{marked}", 1), subtype="html")
        return
    maintype, _, subtype = kind.media_type.partition(";")[0].strip().partition("/")
    mail.add_attachment(
        other.encode("utf-8", "replace"), maintype=maintype, subtype=subtype, filename=f"report.{kind.extension}"
    )


def _subject(document: Mapping[str, Any], head: Letterhead, context: SinkContext) -> str:
    try:
        subject = clean(head.subject.render(facts(document)), limit=_LONGEST_SUBJECT)
        return " ".join(subject.split()) or "runner"
    except RunnerError as error:
        # Reports that are late are better than reports that are lost to a misspelt name.
        hint = f"mend `subject` of the sink `{context.name}`; {error.hint}".rstrip("; ")
        raise RetryableSinkError(error.message, hint=hint) from None


def facts(document: Mapping[str, Any]) -> dict[str, str]:
    """What a subject may name."""
    targets = list(dict.fromkeys(item["target"] for item in document["results"] if item["target"]))
    more = f" and {len(targets) - _FEW} more" if len(targets) > _FEW else ""
    return {
        "state": document["state"] if document["results"] else "unknown",
        "title": clean(document["title"] or document["group"], limit=100),
        "group": clean(document["group"], limit=100),
        "slot": document["slot"],
        "counts": _counts(document),
        "targets": clean(", ".join(targets[:_FEW]) + more, limit=100),
    }


def _counts(document: Mapping[str, Any]) -> str:
    parts = [f"{number:,} {word}" for word, number in document["counts"].items() if number] or ["no results"]
    changes = [item["change"] for result in document["results"] for item in result["transitions"]]
    recovered = changes.count("recovered")
    return ", ".join(parts + ([f"{recovered:,} recovered"] if recovered else []))


def _identity(head: Letterhead, sink: str, text: str) -> str:
    """A Message-ID that the same report has again, RFC 5322 §3.6.4."""
    digest = hashlib.sha256(f"{sink}\n{text}".encode("utf-8", "replace")).hexdigest()[:32]
    return f"<{digest}.runner@{head.sender.domain}>"
