"""The outbound client against a real server on this machine."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpcore
import pytest

from billing.clients import http
from billing.clients.http import Unreachable, fetch


class Handler(BaseHTTPRequestHandler):
    """Answers by path and keeps what it was asked."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str, dict, bytes]]

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append((self.command, self.path, headers, body))
        if self.path == "/drip":
            return self.drip()
        if self.path == "/garbage":
            self.wfile.write(b"\x00\x01 what is this\r\n\r\n")
            self.close_connection = True
            return None
        if self.path == "/short":
            self.head(200, {"Content-Length": "100"})
            self.wfile.write(b"half")
            self.close_connection = True
            return None
        status, headers, content = {
            "/big": (200, {}, b"x" * 5000),
            "/bomb": (200, {"Content-Encoding": "gzip"}, gzip.compress(b"0" * 3_000_000)),
            "/packed": (200, {"Content-Encoding": "gzip"}, gzip.compress(b"small")),
            "/brotli": (200, {"Content-Encoding": "br"}, b"?"),
            "/moved": (302, {"Location": "/here"}, b""),
            "/broken": (503, {"Retry-After": "7"}, b"down"),
        }.get(self.path, (200, {"Content-Type": "text/plain"}, b"hello"))
        self.head(status, {"Content-Length": str(len(content)), **headers})
        self.wfile.write(content)
        return None

    def head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def drip(self) -> None:
        """One byte each twentieth of a second: every single wait is short, the whole is not."""
        self.head(200, {"Content-Length": "1000"})
        try:
            for _ in range(200):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            return

    def log_message(self, *_args: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def base(server) -> str:
    server.seen.clear()
    return f"http://127.0.0.1:{server.server_port}"


def test_it_answers_status_headers_and_body(base):
    answer = fetch("GET", f"{base}/", allow_private=True)

    assert (answer.status, answer.body, answer.text) == (200, b"hello", "hello")
    assert answer.headers["content-type"] == "text/plain"


def test_a_form_json_and_headers_are_sent_as_they_are(base, server):
    fetch("POST", f"{base}/f", data={"a": "1 2", "m[x]": "é"}, headers={"X-Key": "k"}, allow_private=True)
    fetch("POST", f"{base}/j", json={"a": [1]}, allow_private=True)
    fetch("POST", f"{base}/x", content=b"<a/>", headers={"Content-Type": "text/xml"}, allow_private=True)

    form, as_json, as_xml = server.seen
    assert form[2]["content-type"] == "application/x-www-form-urlencoded"
    assert form[3] == b"a=1+2&m%5Bx%5D=%C3%A9"
    assert form[2]["x-key"] == "k"
    assert form[2]["host"] == base.removeprefix("http://")
    assert as_json[3].replace(b" ", b"") == b'{"a":[1]}'
    assert (as_xml[2]["content-type"], as_xml[3]) == ("text/xml", b"<a/>")


def test_an_error_status_is_an_answer(base):
    answer = fetch("GET", f"{base}/broken", allow_private=True)

    assert (answer.status, answer.headers["retry-after"], answer.text) == (503, "7", "down")


def test_a_redirect_is_answered_and_not_followed(base, server):
    answer = fetch("GET", f"{base}/moved", allow_private=True)

    assert (answer.status, answer.headers["location"]) == (302, "/here")
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "127.1"]
)
def test_private_addresses_are_refused_under_every_name(server, host):
    server.seen.clear()
    with pytest.raises(Unreachable) as caught:
        fetch("GET", f"http://{host}:{server.server_port}/", timeout=2)

    assert caught.value.forbidden
    assert server.seen == []


def test_the_setting_lets_named_hosts_through(base, settings):
    settings.OUTBOUND_ALLOW_PRIVATE = "127.0.0.0/8"

    assert fetch("GET", f"{base}/").status == 200


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "http:///nothing",
        "//example.com",
        "http://user:secret@example.com/",
        "http://example.com:0/",
        "http://example.com:99999/",
        "http://[::1",
        "",
    ],
)
def test_what_is_no_web_address_is_refused(url):
    with pytest.raises(Unreachable) as caught:
        fetch("GET", url, allow_private=True)

    assert caught.value.forbidden
    assert "secret" not in caught.value.reason


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(server, monkeypatch):
    """A name that changes its mind after the check is not asked a second time."""
    answers = ["127.0.0.1", "169.254.169.254"]
    asked = []
    real = socket.getaddrinfo

    def lookup(host: str, port: int, *rest: object, **options: object) -> list:
        if host != "shifty.example":
            return real(host, port, *rest, **options)
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers.pop(0), port))]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    server.seen.clear()

    answer = fetch("GET", f"http://shifty.example:{server.server_port}/", allow_private=True)

    assert answer.text == "hello"
    assert (asked, answers) == (["shifty.example"], ["169.254.169.254"])
    assert server.seen[0][2]["host"] == f"shifty.example:{server.server_port}"


def test_a_name_with_a_private_address_among_public_ones_is_refused(monkeypatch):
    monkeypatch.setattr(http, "resolve", lambda *_args: ["10.0.0.1", "8.8.8.8"])

    with pytest.raises(Unreachable) as caught:
        fetch("GET", "http://mixed.example/")

    assert caught.value.forbidden


def test_the_whole_is_bounded_in_time_even_when_every_wait_is_short(base):
    start = time.monotonic()
    with pytest.raises(Unreachable, match=r"No answer within 0\.4 seconds"):
        fetch("GET", f"{base}/drip", timeout=0.4, allow_private=True)

    assert time.monotonic() - start < 1.5


def test_sending_is_bounded_in_time_even_when_a_little_is_taken_now_and_then():
    class Reluctant(httpcore.NetworkStream):
        """Takes a piece, and with the second the time is over."""

        taken = 0

        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            assert timeout is not None and 0 < timeout <= 60
            self.taken += len(buffer)
            if self.taken > http.PIECE:
                stream.deadline = time.monotonic()

    inner = Reluctant()
    stream = http.Bounded(inner, time.monotonic() + 60)
    with pytest.raises(httpcore.ReadTimeout):
        stream.write(b"x" * http.PIECE * 5)
    assert inner.taken == 2 * http.PIECE


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch):
    gate = threading.Event()
    monkeypatch.setattr(http.socket, "getaddrinfo", lambda *_a, **_k: gate.wait(10) or [])

    with pytest.raises(Unreachable, match=r"No answer within 0\.2 seconds"):
        fetch("GET", "http://slow.example/", timeout=0.2)
    gate.set()


@pytest.mark.parametrize("path", ["/big", "/bomb"])
def test_the_answer_is_bounded_in_size(base, path):
    with pytest.raises(Unreachable, match="longer than 4000 bytes"):
        fetch("GET", base + path, max_bytes=4000, allow_private=True)


def test_a_packed_answer_is_unpacked(base):
    assert fetch("GET", f"{base}/packed", allow_private=True).text == "small"
    with pytest.raises(Unreachable, match="packed as br"):
        fetch("GET", f"{base}/brotli", allow_private=True)


@pytest.mark.parametrize("path", ["/garbage", "/short"])
def test_what_is_no_complete_answer_is_unreachable(base, path):
    with pytest.raises(Unreachable, match="The connection failed"):
        fetch("GET", base + path, allow_private=True)


def test_nobody_listening_and_unknown_names(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable, match="The connection failed"):
            fetch("GET", f"http://127.0.0.1:{taken.getsockname()[1]}/", allow_private=True)
    monkeypatch.setattr(http.socket, "getaddrinfo", lambda *_a, **_k: (_ for _ in ()).throw(OSError("x")))
    with pytest.raises(Unreachable, match="the name is not known"):
        fetch("GET", "http://nowhere.example/")


def test_proxies_of_the_environment_are_not_used(base, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert fetch("GET", f"{base}/", allow_private=True).status == 200


def test_no_credentials_reach_the_log(base, caplog):
    with caplog.at_level(logging.INFO):
        fetch("GET", f"{base}/?token=hush", headers={"Authorization": "Bearer hush"}, allow_private=True)

    assert "hush" not in caplog.text
