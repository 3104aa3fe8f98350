"""The sink `webhook` against a real server: what it sends, what it makes of answers, and what it never shows."""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
from pathlib import Path

import pytest
import trustme

from runner.api import RetryableSinkError, Secret, SinkError
from runner.formats.registered import FORMATS
from tests.formats import samples
from tests.net.receiver import Receiver, reply
from tests.sinks.contexts import sink

REPORT = samples.bad_night()


def test_it_posts_the_report_as_json(tmp_path: Path) -> None:
    with Receiver(reply(204)) as receiver:
        sink("webhook", tmp_path, url=Secret(f"{receiver.url}/hook")).emit(REPORT)
        request = receiver.last
    assert (request.method, request.target) == ("POST", "/hook")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == REPORT.id
    assert json.loads(request.body)["id"] == REPORT.id
    assert "x-hub-signature-256" not in request.headers


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
def test_it_carries_every_format(known, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with Receiver() as receiver:
        sink("webhook", tmp_path, url=receiver.url, format_=known.name).emit(REPORT)
        assert receiver.last.headers["content-type"] == known.media_type
        assert len(receiver.last.body) > 100


def test_the_body_is_signed_as_it_is_sent(tmp_path: Path) -> None:
    with Receiver() as receiver:
        options = {"url": receiver.url, "secret": Secret("kéy"), "format_": "text"}
        sink("webhook", tmp_path, **options).emit(REPORT)
        sink("webhook", tmp_path, signature_header="X-Own", **options).emit(REPORT)
        first, second = receiver.requests
    digest = "sha256=" + hmac.new("kéy".encode(), first.body, hashlib.sha256).hexdigest()
    assert first.headers["x-hub-signature-256"] == digest
    assert second.headers["x-own"] == digest
    assert "x-hub-signature-256" not in second.headers


def test_headers_and_the_method_are_the_operators(tmp_path: Path) -> None:
    headers = {"Authorization": "Bearer abcdefgh", "X-Number": 7, "Content-Type": "text/x-own"}
    with Receiver() as receiver:
        sink("webhook", tmp_path, url=receiver.url, method="PUT", headers=headers).emit(REPORT)
        request = receiver.last
    assert request.method == "PUT"
    assert {name: request.headers[name] for name in ("authorization", "x-number", "content-type")} == {
        "authorization": "Bearer abcdefgh",
        "x-number": "7",
        "content-type": "text/x-own",
    }


def test_its_own_authority_is_trusted(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Receiver(tls=context) as receiver:
        sink("webhook", tmp_path, url=receiver.url, ca_file=str(tmp_path / "ca.pem")).emit(REPORT)
        with pytest.raises(RetryableSinkError, match="certificate that is not trusted"):
            sink("webhook", tmp_path, url=receiver.url).emit(REPORT)
        assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("answer", "error", "after"),
    [
        (reply(400, b"no such field"), SinkError, None),
        (reply(404), SinkError, None),
        (reply(429, Retry_After="90"), RetryableSinkError, 90.0),
        (reply(503), RetryableSinkError, None),
    ],
)
def test_what_it_makes_of_answers(answer: bytes, error: type[SinkError], after: float | None, tmp_path: Path) -> None:
    with Receiver(answer) as receiver, pytest.raises(SinkError) as caught:
        sink("webhook", tmp_path, url=receiver.url).emit(REPORT)
    assert type(caught.value) is error
    assert getattr(caught.value, "retry_after", None) == after


def test_it_keeps_to_the_sinks_timeout(tmp_path: Path) -> None:
    with Receiver(lambda *_: receiver.ended.wait(20) and None) as receiver:
        with pytest.raises(RetryableSinkError, match=r"did not answer within 0\.3 s"):
            sink("webhook", tmp_path, timeout=0.3, url=receiver.url).emit(REPORT)
        receiver.ended.set()


def test_a_rehearsal_sends_nothing(tmp_path: Path) -> None:
    with Receiver() as receiver:
        sink("webhook", tmp_path, url=receiver.url, dry_run=True).emit(REPORT)
        assert receiver.requests == []
