"""`http_send` against a real server: every status, every way to be slow, torn, redirected or not trusted."""

from __future__ import annotations

import base64
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme

from runner.api import Deadline, HttpAnswer, RetryableSinkError, Secret, SinkError, basic_auth, http_send
from runner.net.address import tokens
from tests.net.receiver import Receiver, Request, Stream, reply

SECRET = "pl@nted/S3cret#42"


def send(url: str | Secret, body: bytes = b"report", **options: object) -> HttpAnswer:
    return http_send(url, body, **{"timeout": 10.0, **options})  # type: ignore[arg-type]


def failure(url: str | Secret, body: bytes = b"report", **options: object) -> SinkError:
    with pytest.raises(SinkError) as caught:
        send(url, body, **options)
    return caught.value


# ---- statuses


def by_status(request: Request, _stream: Stream) -> bytes:
    return reply(int(request.target.removeprefix("/status/")))


def fate(url: str, **options: object) -> str:
    try:
        send(url, **options)
    except RetryableSinkError:
        return "later"
    except SinkError:
        return "never"
    return "done"


def test_every_status() -> None:
    """A status of 100 says that the real one follows; here nothing does."""
    with Receiver(by_status) as receiver:
        found = {status: fate(f"{receiver.url}/status/{status}") for status in range(100, 600)}
    expected = {
        **dict.fromkeys(range(100, 200), "later"),
        **dict.fromkeys(range(200, 300), "done"),
        **dict.fromkeys(range(300, 500), "never"),
        **dict.fromkeys([408, 425, 429, *range(500, 600)], "later"),
    }
    assert {status: (found[status], fate) for status, fate in expected.items() if found[status] != fate} == {}


def test_a_caller_may_say_which_statuses_are_worth_another_try() -> None:
    with Receiver(by_status) as receiver:
        assert fate(f"{receiver.url}/status/500", retry_on=(503,)) == "never"
        assert fate(f"{receiver.url}/status/404", retry_on=(404,)) == "later"


def test_what_is_sent_and_what_comes_back() -> None:
    with Receiver(reply(202, b"taken", X_Request_Id="7")) as receiver:
        answer = send(f"{receiver.url}/a/ü?q=1&r=%20", method="PUT", headers={"X-Token": Secret("t"), "X-Plain": "p"})
        request = receiver.last
    assert (answer.status, answer.body, answer.headers["x-request-id"]) == (202, b"taken", "7")
    assert (request.method, request.target, request.body) == ("PUT", "/a/%C3%BC?q=1&r=%20", b"report")
    assert request.headers["x-token"] == "t"
    assert request.headers["x-plain"] == "p"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["user-agent"].startswith("runner/")
    assert request.headers["content-length"] == "6"


def test_a_login_is_a_secret_header() -> None:
    made = basic_auth("ana", "wörd:x")
    assert (str(made), made.reveal()) == ("***", "Basic " + base64.b64encode("ana:wörd:x".encode()).decode())


def test_an_empty_body_has_a_length_too() -> None:
    with Receiver() as receiver:
        send(receiver.url, b"")
        assert receiver.last.headers["content-length"] == "0"
        assert receiver.last.target == "/"


NOW = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        (format_datetime(NOW + timedelta(minutes=5), usegmt=True), 300),
        (format_datetime(NOW - timedelta(minutes=5), usegmt=True), 0),
        ("Tuesday, 24-Nov-26 01:31:00 GMT", 60),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("١٢", None),
        ("9" * 400, None),
        ("", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_receivers_own_wish_when_to_come_back(status: int, written: str, seconds: float | None) -> None:
    answer = reply(status, Retry_After=written, Date=format_datetime(NOW, usegmt=True))
    with Receiver(answer.replace("١٢".encode(), b"\xd9\xa1")) as receiver:
        error = failure(receiver.url)
    assert isinstance(error, RetryableSinkError)
    assert error.retry_after == seconds


def test_without_a_date_of_the_receiver_its_wish_counts_from_now() -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    with Receiver(reply(503, Retry_After=then)) as receiver:
        error = failure(receiver.url)
    assert isinstance(error, RetryableSinkError)
    assert 3500 < (error.retry_after or 0) <= 3600


# ---- slow, torn and endless


def dribble(start: bytes, piece: bytes) -> Receiver:
    """Says `start`, and then a piece again and again: no single wait is long."""

    def answer(_request: Request, stream: Stream) -> None:
        stream.sendall(start)
        while not receiver.ended.wait(0.02):
            stream.sendall(piece)

    receiver = Receiver(answer)
    return receiver


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: "])
def test_a_head_that_comes_byte_by_byte_is_too_late(start: bytes) -> None:
    with dribble(start, b"x") as receiver:
        began = time.monotonic()
        error = failure(receiver.url, timeout=0.5)
        assert time.monotonic() - began < 5
        receiver.ended.set()
    assert isinstance(error, RetryableSinkError)
    assert error.message == f"127.0.0.1:{receiver.port} did not answer within 0.5 s"
    assert "`timeout:`" in error.hint


def test_requests_share_a_deadline() -> None:
    with Receiver() as receiver:
        until = Deadline(0.2)
        time.sleep(0.3)
        error = failure(receiver.url, timeout=until)
        assert receiver.requests == []
    assert isinstance(error, RetryableSinkError)
    assert error.message.endswith(" did not answer within 0.2 s")


def test_of_a_body_there_is_what_came_in_time() -> None:
    with dribble(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nok", b"x") as receiver:
        assert send(receiver.url, timeout=1.5).body.startswith(b"okx")
        receiver.ended.set()


def test_of_an_endless_body_a_bounded_part_is_read() -> None:
    with dribble(b"HTTP/1.1 200 OK\r\n\r\n", b"y" * 50_000) as receiver:
        assert send(receiver.url).body == b"y" * 65536
        receiver.ended.set()


def test_a_body_in_chunks_is_put_together() -> None:
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3\r\n, a\r\n0\r\n\r\n"
    with Receiver(chunks) as receiver:
        assert send(receiver.url).body == b"ok, a"
    with Receiver(chunks[:-12]) as receiver:
        assert send(receiver.url).status == 200


def test_a_receiver_that_does_not_read_is_left_in_time() -> None:
    def wait(_request: Request, _stream: Stream) -> None:
        receiver.ended.wait(30)

    with Receiver(wait, read_body=False) as receiver:
        began = time.monotonic()
        assert "did not answer within 0.5 s" in failure(receiver.url, b"x" * 50_000_000, timeout=0.5).message
        assert time.monotonic() - began < 5
        receiver.ended.set()


def reset(_request: Request, stream: Stream) -> None:
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (reset, "broke the connection off: connection reset by peer"),
        (b"", "broke the connection off: it said nothing that can be understood"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "broke the connection off: it said nothing that can be understood"),
        (b"HTTP/1.1 20x OK\r\n\r\n", "broke the connection off: it said nothing that can be understood"),
        (
            b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 200,
            "broke the connection off: it said nothing that can be understood",
        ),
        (b"HTTP/1.1 200 " + b"x" * 100_000, "broke the connection off: it said nothing that can be understood"),
    ],
)
def test_what_is_no_answer_is_tried_again(answer: bytes, said: str) -> None:
    with Receiver(answer) as receiver:
        error = failure(receiver.url)
    assert isinstance(error, RetryableSinkError)
    assert error.message == f"127.0.0.1:{receiver.port} {said}"


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    error = failure(f"http://127.0.0.1:{port}/x")
    assert isinstance(error, RetryableSinkError)
    assert error.message == f"127.0.0.1:{port} takes no connection: connection refused"


def test_a_name_that_does_not_exist() -> None:
    error = failure("https://receiver.invalid/x")
    assert isinstance(error, RetryableSinkError)
    assert error.message.startswith("receiver.invalid cannot be found: ")


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "/path", "ftp://host/x", "file:///etc/passwd", "http://", "http:///x", "https://host:port/",
        "http://host:99999/", "http://[::1/", "http://ho st/", "http://host/\r\nX: y", f"gopher://u:{SECRET}@h/",
        "http://" + "a" * 300 + ".example/",
    ],
)  # fmt: skip
def test_urls_that_are_none_are_refused_for_good_and_not_shown(url: str) -> None:
    error = failure(url)
    assert not isinstance(error, RetryableSinkError)
    assert "the `url` cannot be used" in error.message
    assert url not in error.message or len(url) < len("http://x")


@pytest.mark.parametrize("headers", [{"X-A": "one\r\nX-B: two"}, {"X-A": Secret("\u20ac")}, {"X A\n": "x"}])
def test_headers_that_cannot_be_sent_are_refused_for_good(headers: dict[str, str | Secret]) -> None:
    with Receiver() as receiver:
        error = failure(receiver.url, headers=headers)
        assert receiver.requests == []
    assert not isinstance(error, RetryableSinkError)
    assert error.message.startswith("a header of the request cannot be sent")


# ---- redirects


@pytest.mark.parametrize("status", [307, 308])
def test_on_the_same_host_the_same_request_is_made_again(status: int) -> None:
    def answer(request: Request, _stream: Stream) -> bytes:
        return reply(status, Location="/there?x=1") if request.target == "/here" else reply(200)

    with Receiver(answer) as receiver:
        send(f"http://user:pass@127.0.0.1:{receiver.port}/here", headers={"X-Token": Secret("token")})
        first, second = receiver.requests
    assert (second.method, second.target, second.body) == ("POST", "/there?x=1", b"report")
    assert first.headers == second.headers
    assert second.headers["authorization"] == "Basic " + base64.b64encode(b"user:pass").decode()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_to_another_host_nothing_is_sent(status: int) -> None:
    with Receiver() as other:
        with Receiver(reply(status, Location=f"{other.url}/{SECRET}")) as receiver:
            error = failure(receiver.url, headers={"Authorization": Secret("Bearer x")})
        assert other.requests == []
    assert not isinstance(error, RetryableSinkError)
    assert SECRET not in error.message + error.hint
    if status in (307, 308):
        assert error.message == (
            f"127.0.0.1:{receiver.port} redirects to http://127.0.0.1:{other.port}, which is not followed: "
            "it would be given the secrets"
        )


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirect_that_would_drop_the_report_is_not_followed(status: int) -> None:
    with Receiver(reply(status, Location="/there")) as receiver:
        error = failure(f"{receiver.url}/here")
        assert len(receiver.requests) == 1
    assert error.message.startswith(f"127.0.0.1:{receiver.port} answered {status} ")
    assert error.hint == "set `url` to the address that it redirects to"


def test_redirects_that_never_end_or_lead_nowhere() -> None:
    with Receiver(reply(307, Location="/again")) as receiver:
        assert "redirects again and again" in failure(receiver.url).message
        assert len(receiver.requests) == 4
    for location in ("ftp://x/y", "http://[", "http://ho st/"):
        with Receiver(reply(308, Location=location)) as receiver:
            assert "redirects to nowhere" in failure(receiver.url).message


# ---- TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def test_a_certificate_of_the_named_authority_is_trusted(authority: trustme.CA, ca_file: str) -> None:
    with Receiver(tls=serving(authority.issue_cert("127.0.0.1"))) as receiver:
        assert send(receiver.url, ca_file=ca_file).status == 200
        assert receiver.last.body == b"report"


@pytest.mark.parametrize(
    ("names", "trusted", "expired", "said"),
    [
        (["127.0.0.1"], False, False, "has a certificate that is not trusted: "),
        (["other.example"], True, False, "has a certificate that is not trusted: IP address mismatch"),
        (["127.0.0.1"], True, True, "has a certificate that is not trusted: certificate has expired"),
    ],
)
def test_other_certificates_are_not(
    authority: trustme.CA, ca_file: str, names: list[str], trusted: bool, expired: bool, said: str
) -> None:
    end = datetime.now(UTC) - timedelta(days=1) if expired else None
    begin = datetime.now(UTC) - timedelta(days=9) if expired else None
    certificate = authority.issue_cert(*names, not_before=begin, not_after=end)
    with Receiver(tls=serving(certificate)) as receiver:
        error = failure(receiver.url, headers={"X": Secret(SECRET)}, ca_file=ca_file if trusted else "")
        assert receiver.requests == []
    assert isinstance(error, RetryableSinkError)
    assert said in error.message
    assert "`ca_file`" in error.hint


def test_a_port_without_tls_is_told(ca_file: str) -> None:
    def answer(connection: Stream) -> None:
        with connection:
            connection.sendall(reply(400))
            connection.recv(4096)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: answer(server.accept()[0]), daemon=True)
        thread.start()
        error = failure(f"https://127.0.0.1:{server.getsockname()[1]}/", ca_file=ca_file)
        thread.join(30)
    assert isinstance(error, RetryableSinkError)
    assert "speaks no TLS that can be used: " in error.message
    assert error.hint == "is it the port for TLS?"


def test_a_handshake_that_never_ends_is_too_late(ca_file: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        error = failure(f"https://127.0.0.1:{server.getsockname()[1]}/", ca_file=ca_file, timeout=0.3)
    assert "did not answer within 0.3 s" in error.message


def test_a_file_of_authorities_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    with Receiver() as receiver:
        url = receiver.url.replace("http:", "https:")
        missing = failure(url, ca_file=str(tmp_path / "none.pem"))
        empty = failure(url, ca_file=str(tmp_path / "empty.pem"))
    assert isinstance(missing, RetryableSinkError)
    assert "none.pem cannot be used: No such file or directory" in missing.message
    assert "empty.pem cannot be used: it holds no certificate" in empty.message


# ---- proxies


@pytest.fixture
def tunnel(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Receiver, Receiver]]:
    """A proxy, and a server with TLS behind it."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)

    def answer(request: Request, stream: Stream) -> bytes | None:
        if request.method != "CONNECT":
            return reply(200, b"by the proxy")
        stream.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as onward:
            pump(stream, onward)
        return None

    with Receiver(tls=serving(authority.issue_cert("localhost"))) as server, Receiver(answer) as proxy:
        yield proxy, server


def pump(one: Stream, other: Stream) -> None:
    """Carries bytes both ways until one side is done."""
    import selectors

    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in selector.select(10):
                if not (data := key.fileobj.recv(65536)):  # type: ignore[union-attr]
                    return
                key.data.sendall(data)


def test_https_goes_through_a_tunnel(
    tunnel: tuple[Receiver, Receiver], ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, server = tunnel
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{quote(SECRET, safe='')}@127.0.0.1:{proxy.port}")
    assert send(f"https://localhost:{server.port}/x", headers={"X-Token": Secret("t")}, ca_file=ca_file).status == 200
    asked = proxy.last
    assert (asked.method, asked.target) == ("CONNECT", f"localhost:{server.port}")
    assert asked.headers["proxy-authorization"] == "Basic " + base64.b64encode(f"user:{SECRET}".encode()).decode()
    assert "x-token" not in asked.headers
    assert server.last.target == "/x"
    assert "proxy-authorization" not in server.last.headers


def test_http_asks_the_proxy_for_the_whole_address(
    tunnel: tuple[Receiver, Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, _ = tunnel
    monkeypatch.setenv("http_proxy", f"user:pass@127.0.0.1:{proxy.port}")
    assert send("http://receiver.invalid/x?y").body == b"by the proxy"
    assert proxy.last.target == "http://receiver.invalid/x?y"
    assert proxy.last.headers["host"] == "receiver.invalid"
    assert proxy.last.headers["proxy-authorization"].startswith("Basic ")


def test_no_proxy_leads_past_it(tunnel: tuple[Receiver, Receiver], monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, _ = tunnel
    monkeypatch.setenv("all_proxy", proxy.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Receiver() as receiver:
        send(receiver.url)
        assert len(receiver.requests) == 1
    assert proxy.requests == []


def test_a_proxy_that_leads_to_no_tunnel(monkeypatch: pytest.MonkeyPatch, ca_file: str) -> None:
    with Receiver(reply(407)) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        error = failure("https://receiver.invalid/", ca_file=ca_file)
    assert isinstance(error, RetryableSinkError)
    assert error.message.endswith("leads to no tunnel: it answered 407 Proxy Authentication Required")


@pytest.mark.parametrize(
    "written", ["socks5://localhost:1080", f"http://u:{quote(SECRET, safe='')}@", "https://localhost:1"]
)
def test_proxies_that_are_no_use_are_told_and_not_shown(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("http_proxy", written)
    error = failure("http://receiver.invalid/")
    assert isinstance(error, RetryableSinkError)
    assert "`http_proxy`" in error.message
    assert SECRET not in error.message


# ---- secrets, and what hostile receivers say


PLANTED = {
    "the path": lambda base: {"url": Secret(f"{base}/hook/{quote(SECRET, safe='')}")},
    "a path that is no secret": lambda base: {"url": f"{base}/hook/{quote(SECRET, safe='')}"},
    "the query": lambda base: {"url": f"{base}/hook?token={quote(SECRET, safe='')}&x=1"},
    "a password in the URL": lambda base: {"url": base.replace("//", f"//user:{quote(SECRET, safe='')}@")},
    "a header": lambda base: {"url": base, "headers": {"Authorization": Secret(f"Bearer {SECRET}")}},
    "the body": lambda base: {"url": base, "body": SECRET.encode(), "secrets": [Secret(SECRET)]},
}
WRITTEN = {
    "as it is": SECRET,
    "as in a URL": quote(SECRET, safe=""),
    "in base64": base64.b64encode(SECRET.encode()).decode(),
    "with a header's word": f"Bearer {SECRET}",
    "torn by controls": "\x1b[31m".join(SECRET),
}


@pytest.mark.parametrize("place", PLANTED)
def test_no_error_shows_a_secret(place: str) -> None:
    def echo(request: Request, _stream: Stream) -> bytes:
        said = [request.target, *request.headers.values(), request.body.decode(), *WRITTEN.values()]
        return reply(418, "\n".join(said).encode())

    with Receiver(echo) as receiver:
        error = failure(**PLANTED[place](receiver.url))  # type: ignore[no-untyped-call]
    shown = f"{error.message} {error.hint} {error!r} {error.args}"
    hidden = ["Bearer", *WRITTEN.values()] if place == "a header" else list(WRITTEN.values())
    assert [word for word in hidden if word in shown and word != f"Bearer {SECRET}" and word != "Bearer"] == []
    assert error.message.startswith(f"127.0.0.1:{receiver.port} answered 418 ")


def test_what_a_receiver_says_is_one_short_tidy_line() -> None:
    said = "\x1b]0;title\x07bad\r\n\trequest\u202e{{ 1 }}<b>" + "x" * 100_000
    with Receiver(reply(400, said.encode() + b"\xff")) as receiver:
        message = failure(receiver.url).message
    assert message.startswith(f"127.0.0.1:{receiver.port} answered 400 Bad Request: bad request{{{{ 1 }}}}<b>xxx")
    assert message.isprintable()
    assert len(message) < 300


def test_nothing_of_it_is_imported_before_it_is_used() -> None:
    script = (
        "import sys, runner.api; from runner.plugins.host import PluginHost; PluginHost({}, no_plugins=True).registry(); "
        "heavy = {'http', 'http.client', 'urllib.request', 'ssl', 'socket', 'email', 'email.message', 'smtplib'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://hooks.example/services/T00000000/B00000000/abcdefghijkl9", {"abcdefghijkl9"}),
        ("https://db1.hooks.example:8443/webhook?token=0123456789ab&page=report", {"0123456789ab"}),
        ("https://x.example/pl%40nted%2Fs3cret-one", {"pl%40nted%2Fs3cret-one", "pl@nted/s3cret-one"}),
        ("https://ana:s3cret-password@x.example/", {"s3cret-password"}),
        ("slack://TokenA/abcdefghijkl9/0123456789AB", {"abcdefghijkl9", "0123456789AB"}),
        ("tgram://0123456789ab:AAF0123456789/12345", {"0123456789ab", "AAF0123456789"}),
        ("https://x.example/notifications/messages", set()),
        ("not a url 0123456789", set()),
    ],
)
def test_tokens_of_an_address_are_known_from_its_words(url: str, found: set[str]) -> None:
    assert {item.reveal() for item in tokens(url)} == found
