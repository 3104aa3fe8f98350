"""The sink `smtp` against a real server: the mail itself, TLS and logins, recipients that are refused, and lost sessions."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import trustme

from runner.api import RetryableSinkError, Secret, Sink, SinkError
from tests.formats import samples
from tests.formats.hostile import CELLS, everywhere
from tests.sinks.contexts import sink
from tests.sinks.mailbox import Mailbox, serving

REPORT = samples.bad_night()
ANA, BEN, EVA = "ana@example.org", "ben@example.org", "eva@example.org"
PASSWORD = "pl@nted S3cret"


def smtp(home: Path, port: int, **options: object) -> Sink:
    given = {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "from": "runner@example.org",
        "to": [ANA],
        **options,
    }
    return sink("smtp", home, **given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def context_of(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(made)
    return made


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return str(tmp_path / "ca.pem")


# ---- the mail


def test_text_with_the_page_beside_it(tmp_path: Path) -> None:
    box = Mailbox()
    with serving(box) as port:
        smtp(
            tmp_path, port, **{"from": "Database checks <runner@example.org>", "to": [ANA, "Ben <ben@example.org>"]}
        ).emit(REPORT)
    (envelope,), (mail,) = box.envelopes, box.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == ("runner@example.org", [ANA, BEN])
    assert mail["From"] == "Database checks <runner@example.org>"
    assert mail["To"] == f"{ANA}, Ben <ben@example.org>"
    assert mail["Subject"] == (
        "CRITICAL Daily database health check on main: 4 ok, 1 learning, 1 warning, 1 unknown, 1 critical, 1 skipped, 1 recovered"
    ) or mail["Subject"].startswith("CRITICAL Daily database health check on main: ")
    assert parsedate_to_datetime(mail["Date"]).astimezone(UTC) == REPORT.created
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Runner-State"] == "critical"
    assert mail.get_content_type() == "multipart/alternative"
    text, page = mail.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert "public.orders: 1,250,000 dead rows" in text.get_content()
    assert page.get_content_type() == "text/html"
    assert page.get_content().startswith("<!doctype html>")


def test_a_report_has_the_same_identity_again_and_another_sink_has_another(tmp_path: Path) -> None:
    box = Mailbox()
    with serving(box) as port:
        for report in (REPORT, REPORT, replace(REPORT, id="other")):
            smtp(tmp_path, port, threads=True).emit(report)
        smtp(tmp_path, port, threads=False).emit(REPORT)
    first, again, other, alone = box.mails
    assert first["Message-ID"] == again["Message-ID"] == alone["Message-ID"] != other["Message-ID"]
    assert first["Message-ID"].endswith(".runner@example.org>")
    assert first["References"] == first["In-Reply-To"] == other["References"]
    assert first["References"] not in {first["Message-ID"], other["Message-ID"]}
    assert alone["References"] is None


def test_text_alone(tmp_path: Path) -> None:
    box = Mailbox()
    with serving(box) as port:
        smtp(tmp_path, port, format_="text").emit(REPORT)
    assert box.mails[0].get_content_type() == "text/plain"


@pytest.mark.parametrize(
    ("name", "kind", "file"),
    [
        ("csv", "text/csv", "report.csv"),
        ("json", "application/json", "report.json"),
        ("junit", "application/xml", "report.xml"),
    ],
)
def test_other_formats_are_attached(name: str, kind: str, file: str, tmp_path: Path) -> None:
    box = Mailbox()
    with serving(box) as port:
        smtp(tmp_path, port, format_=name).emit(REPORT)
    text, attached = box.mails[0].iter_parts()
    assert text.get_content_type() == "text/plain"
    assert (attached.get_content_type(), attached.get_filename()) == (kind, file)


def test_the_subject_is_the_operators(tmp_path: Path) -> None:
    box = Mailbox()
    with serving(box) as port:
        smtp(tmp_path, port, to=ANA, subject="[db] {{ group }} {{ state | upper }} {{ targets }}").emit(
            samples.two_targets()
        )
    assert box.mails[0]["Subject"] == "[db] db-health-check WARNING standby, main"


@pytest.mark.parametrize("subject", ["{{ stat }}", "{{ state", "{% for x in y %}", "{{ state | nothing }}"])
def test_a_subject_that_cannot_be_used_loses_no_report(subject: str, tmp_path: Path) -> None:
    with pytest.raises(RetryableSinkError, match="`subject`") as caught:
        smtp(tmp_path, 25, subject=subject)
    assert caught.value.hint or "`receiver`" in caught.value.message


@pytest.mark.parametrize("cell", CELLS)
def test_hostile_texts_make_no_headers(cell: str, tmp_path: Path) -> None:
    box = Mailbox()
    with serving(box) as port:
        smtp(tmp_path, port).emit(everywhere(CELLS[cell]))
    (mail,) = box.mails
    assert sorted(mail.keys()) == sorted(
        ["Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress", "X-Runner-State",
         "MIME-Version", "Content-Type"]
    )  # fmt: skip
    subject = " ".join(mail["Subject"].split())
    assert subject.startswith("CRITICAL")
    assert len(subject) <= 200
    assert box.envelopes[0].rcpt_tos == [ANA]
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


# ---- TLS and logins


def test_starttls_and_a_login(tmp_path: Path, authority: trustme.CA, ca_file: str) -> None:
    box = Mailbox(passwords={"user": PASSWORD})
    with serving(box, starttls=context_of(authority)) as port:
        smtp(tmp_path, port, security="starttls", user="user", password=Secret(PASSWORD), ca_file=ca_file).emit(REPORT)
    assert (box.logins, box.over_tls, len(box.mails)) == (["user"], [True], 1)


def test_tls_from_the_first_byte(tmp_path: Path, authority: trustme.CA, ca_file: str) -> None:
    box = Mailbox(passwords={"user": PASSWORD})
    with serving(box, tls=context_of(authority)) as port:
        smtp(tmp_path, port, security="tls", user="user", password=Secret(PASSWORD), ca_file=ca_file).emit(REPORT)
    assert len(box.mails) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_is_not_trusted_gets_no_password(
    tmp_path: Path, authority: trustme.CA, security: str
) -> None:
    box = Mailbox(passwords={"user": PASSWORD})
    context = context_of(authority)
    kinds = {"starttls": {"starttls": context}, "tls": {"tls": context}}
    with serving(box, **kinds[security]) as port, pytest.raises(RetryableSinkError, match="is not trusted"):
        smtp(tmp_path, port, security=security, user="user", password=Secret(PASSWORD)).emit(REPORT)
    assert box.logins == []


def test_without_starttls_nothing_is_sent(tmp_path: Path) -> None:
    box = Mailbox()
    with serving(box) as port, pytest.raises(RetryableSinkError, match="offers no STARTTLS"):
        smtp(tmp_path, port, security="starttls").emit(REPORT)
    assert box.mails == []


def test_a_password_is_not_sent_in_clear_text(tmp_path: Path) -> None:
    with pytest.raises(RetryableSinkError, match="in clear text, and does not"):
        smtp(tmp_path, 25, host="mail.example.org", user="user", password=Secret(PASSWORD))


def test_a_refused_login_is_tried_again_and_shows_no_password(
    tmp_path: Path, authority: trustme.CA, ca_file: str
) -> None:
    box = Mailbox(passwords={"user": "another"})
    with serving(box, starttls=context_of(authority)) as port, pytest.raises(RetryableSinkError) as caught:
        smtp(tmp_path, port, security="starttls", user="user", password=Secret(PASSWORD), ca_file=ca_file).emit(REPORT)
    assert "refuses the login of user: 535 " in caught.value.message
    assert PASSWORD not in caught.value.message + caught.value.hint


def test_a_login_that_is_not_offered_or_not_ascii(tmp_path: Path, authority: trustme.CA, ca_file: str) -> None:
    with serving(Mailbox()) as port, pytest.raises(RetryableSinkError, match="offers no login"):
        smtp(tmp_path, port, user="user", password=Secret(PASSWORD)).emit(REPORT)
    box = Mailbox(passwords={"user": "x"})
    with serving(box, tls=context_of(authority)) as port, pytest.raises(RetryableSinkError, match="not ASCII"):
        smtp(tmp_path, port, security="tls", user="user", password=Secret("é"), ca_file=ca_file).emit(REPORT)


# ---- refusals


@pytest.mark.parametrize(
    ("says", "error"),
    [
        ({ANA: "550 no such user"}, SinkError),
        ({ANA: "451 come back later"}, RetryableSinkError),
        ({"from": "550 not from you"}, SinkError),
        ({"from": "421 closing"}, RetryableSinkError),
        ({"data": "554 this is spam"}, SinkError),
        ({"data": "452 no room"}, RetryableSinkError),
    ],
)
def test_refusals_by_their_code(says: dict[str, str], error: type[SinkError], tmp_path: Path) -> None:
    box = Mailbox(says)
    with serving(box) as port, pytest.raises(SinkError) as caught:
        smtp(tmp_path, port).emit(REPORT)
    assert type(caught.value) is error
    assert next(iter(says.values())) in caught.value.message
    assert list((tmp_path / ".runner").glob("*")) == []


def test_who_is_put_off_is_tried_again_without_the_others(tmp_path: Path) -> None:
    box = Mailbox({BEN: "450 greylisted", EVA: "550 gone"})
    with serving(box) as port:
        mailer = smtp(tmp_path, port, to=[ANA, BEN, EVA])
        for _ in range(2):
            with pytest.raises(RetryableSinkError, match=r"ben@example\.org: 450 greylisted"):
                mailer.emit(REPORT)
        del box.says[BEN]
        smtp(tmp_path, port, to=[ANA, BEN, EVA]).emit(REPORT)
    assert [envelope.rcpt_tos for envelope in box.envelopes] == [[ANA], [BEN]]
    text, page = box.mails[0].iter_parts()
    note = "eva@example.org does not get this mail: 550 gone"
    assert text.get_content().startswith(note)
    assert f"<p><strong>{note}</strong></p>" in page.get_content()
    assert list((tmp_path / ".runner").glob("*")) == []


def test_a_broken_memory_costs_a_second_mail_and_no_report(tmp_path: Path) -> None:
    (tmp_path / ".runner").mkdir()
    box = Mailbox({BEN: "450 greylisted"})
    with serving(box) as port:
        for text in ("{", "[]", '{"x": 1}'):
            (tmp_path / ".runner" / "mail-receiver.json").write_text(text)
            with pytest.raises(RetryableSinkError, match="greylisted"):
                smtp(tmp_path, port, to=[ANA, BEN]).emit(REPORT)
    assert len(box.envelopes) == 3


# ---- lost and slow sessions


def saying(*answers: bytes) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        for answer in answers:
            connection.sendall(answer)
            connection.recv(4096)

    return serve


def silent(connection: socket.socket) -> None:
    connection.recv(1)


def dribbling(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"2")
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("serve", "seconds", "said"),
    [
        (saying(b"554 no service\r\n"), 20.0, "refuses the connection: 554 no service"),
        (saying(b"220 hi\r\n", b"500 what\r\n", b"500 what\r\n"), 20.0, "broke off: 500 what"),
        (saying(b"HTTP/1.1 400 Bad Request\r\n"), 20.0, "refuses the connection: "),
        (saying(b"220 hi\r\n"), 20.0, "broke the connection off"),
        (silent, 0.5, "did not answer within 0.5 s"),
        (dribbling, 0.5, "did not answer within 0.5 s"),
    ],
)  # fmt: skip
def test_a_session_that_is_none_is_tried_again(
    serve: Callable[[socket.socket], None], seconds: float, said: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def one() -> None:
            with suppress(OSError), server.accept()[0] as connection:
                serve(connection)

        thread = threading.Thread(target=one, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        with pytest.raises(RetryableSinkError) as caught:
            sink("smtp", tmp_path, timeout=seconds, **options(port)).emit(REPORT)
        thread.join(30)
    assert said in caught.value.message
    assert f"the mail server 127.0.0.1:{port}" in caught.value.message


def options(port: int) -> dict[str, object]:
    return {"host": "127.0.0.1", "port": port, "security": "none", "from": "runner@example.org", "to": ANA}


def test_a_server_that_hangs_after_the_mail_is_left_in_time(tmp_path: Path) -> None:
    box = Mailbox({"data": "hang"})
    with serving(box) as port, pytest.raises(RetryableSinkError, match=r"did not answer within 0\.5 s"):
        sink("smtp", tmp_path, timeout=0.5, **options(port)).emit(REPORT)


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(RetryableSinkError, match="takes no connection: connection refused"):
        smtp(tmp_path, port).emit(REPORT)


@pytest.mark.parametrize("address", ["ana", "@x", "a@b\r\nBcc: c@d", "é@example.org", "a b@c"])
def test_addresses_that_are_none(address: str, tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="is no address for mail"):
        smtp(tmp_path, 25, to=[address])


def test_a_rehearsal_writes_the_mail_and_sends_nothing(tmp_path: Path) -> None:
    box = Mailbox()
    with serving(box) as port:
        sink("smtp", tmp_path, dry_run=True, **options(port)).emit(REPORT)
    assert box.envelopes == []
