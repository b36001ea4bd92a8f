"""The only outbound HTTP: bounded in time and size, and kept away from private networks.

The name is resolved here, the address checked, and that very address connected to, so a name that points elsewhere
a moment later gains nothing; certificates are still checked against the name. Redirects are answered, not followed.
Proxies and credentials of the environment are not used. Neither addresses nor headers are logged.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx
from django.conf import settings

from billing.rules.outbound import may_reach

MAX_BYTES = 2 * 1024 * 1024
PIECE = 16 * 1024  # of what is sent: the time that is left is looked at between two
AGENT = "Tarn"


class Unreachable(Exception):
    """No usable answer. `reason` can be shown to staff; `forbidden`: the address is one we do not go to; `unsent`: no
    connection came about, so nothing was done.
    """

    def __init__(self, reason: str, *, forbidden: bool = False, unsent: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.forbidden = forbidden
        self.unsent = unsent


class SpeaksOut(BaseException):
    """Something would be sent where nothing may be. No error that code on the way may catch: whoever forbade it takes
    everything back and starts again without a transaction around it.
    """


FORBIDDEN: ContextVar[bool] = ContextVar("nothing_outside", default=False)


@contextmanager
def nothing_outside() -> Iterator[None]:
    """No request leaves while this lasts: `fetch` raises SpeaksOut instead. For work within a transaction that may be
    taken back as a whole, which what was sent cannot be.
    """
    token = FORBIDDEN.set(True)
    try:
        yield
    finally:
        FORBIDDEN.reset(token)


@dataclass(frozen=True)
class Answer:
    """What came back, whatever its status. `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text; bytes that are no UTF-8 are replaced."""
        return self.body.decode("utf-8", "replace")


def fetch(
    method: str,
    url: str,
    *,
    content: bytes | str | None = None,
    data: Mapping[str, Any] | None = None,
    json: Any = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 10.0,
    max_bytes: int = MAX_BYTES,
    cut: bool = False,
    allow_private: bool = False,
) -> Answer:
    """One request. `data` is sent as a form, `json` as JSON. `timeout` bounds the whole of it, name and body
    included, in seconds. Raises Unreachable for everything that is no complete answer; with `cut` a body longer than
    `max_bytes` is cut off instead.
    """
    check(url)
    if FORBIDDEN.get():
        raise SpeaksOut()
    deadline = time.monotonic() + timeout
    allowed = "1" if allow_private else settings.OUTBOUND_ALLOW_PRIVATE
    sent = {"User-Agent": AGENT, "Accept-Encoding": "identity", **(headers or {})}
    try:
        with httpx.Client(transport=Transport(deadline, allowed), trust_env=False) as client:
            request = client.build_request(
                method, url, content=content, data=data, json=json, headers=sent, timeout=timeout
            )
            response = client.send(request, stream=True, follow_redirects=False)
            try:
                body = read(response, max_bytes, cut=cut)
            finally:
                response.close()
    except (httpx.TimeoutException, httpcore.TimeoutException) as error:
        unsent = isinstance(error, httpx.ConnectTimeout | httpcore.ConnectTimeout)
        raise Unreachable(f"No answer within {timeout:g} seconds.", unsent=unsent) from error
    except (httpx.HTTPError, httpx.InvalidURL, httpcore.ProtocolError, httpcore.NetworkError) as error:
        unsent = isinstance(error, httpx.ConnectError | httpcore.ConnectError)
        raise Unreachable(f"The connection failed: {told(error)}", unsent=unsent) from error
    return Answer(response.status_code, dict(response.headers), body)


def check(url: str) -> None:
    """Unreachable when this is no http or https address of a host without user name."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Unreachable("This is not a web address.", forbidden=True) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise Unreachable("Only http and https addresses are reached.", forbidden=True)
    if parts.username is not None or parts.password is not None:
        raise Unreachable("A web address may not hold a user name or password.", forbidden=True)


def check_target(url: str) -> None:
    """`check`, and Unreachable for a host that is a private address itself, in any spelling, or this machine. Where a
    name leads is looked at with each connection.
    """
    check(url)
    host = (urlsplit(url).hostname or "").rstrip(".")
    private = Unreachable("This address is on a private network.", forbidden=True)
    if host == "localhost" or host.endswith(".localhost"):
        if not may_reach(host, "127.0.0.1", settings.OUTBOUND_ALLOW_PRIVATE):
            raise private
        return
    address = literal(host)
    if address and not may_reach(host, address, settings.OUTBOUND_ALLOW_PRIVATE):
        raise private


def literal(host: str) -> str:
    """The address that a host in figures stands for, as the system reads it: `2130706433` and `0x7f.1` are 127.0.0.1.
    Empty for a name.
    """
    for family, read_address in ((socket.AF_INET, socket.inet_aton), (socket.AF_INET6, ipv6)):
        try:
            return socket.inet_ntop(family, read_address(host))
        except (OSError, ValueError):
            continue
    return ""


def ipv6(host: str) -> bytes:
    """The bytes of an IPv6 address, whose zone counts for nothing."""
    return socket.inet_pton(socket.AF_INET6, host.partition("%")[0])


def read(response: httpx.Response, max_bytes: int, *, cut: bool = False) -> bytes:
    """The body, at most `max_bytes` of it both as it travels and as it unpacks. `cut`: the first `max_bytes` of it as
    they travel, and the rest is not waited for.
    """
    body = bytearray()
    for part in response.iter_raw():
        body += part
        if cut and len(body) >= max_bytes:
            return bytes(body[:max_bytes])
        if len(body) > max_bytes:
            raise Unreachable(f"The answer is longer than {max_bytes} bytes.")
    if cut:
        return bytes(body)
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding in {"", "identity"}:
        return bytes(body)
    if coding not in {"gzip", "deflate"}:
        raise Unreachable(f"The answer is packed as {coding[:20]}, which we did not ask for.")
    return unpack(bytes(body), max_bytes)


def unpack(body: bytes, max_bytes: int) -> bytes:
    """A gzip or deflate body, never more than `max_bytes` in memory."""
    try:
        plain = zlib.decompressobj(wbits=47).decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise Unreachable("The answer could not be unpacked.") from error
    if len(plain) > max_bytes:
        raise Unreachable(f"The answer is longer than {max_bytes} bytes.")
    return plain


def told(error: Exception) -> str:
    """What went wrong, in few words and without the address."""
    return (str(error) or type(error).__name__)[:200]


class Transport(httpx.BaseTransport):
    """One connection through the gate below."""

    def __init__(self, deadline: float, allowed: str) -> None:
        self.pool = httpcore.ConnectionPool(
            ssl_context=certificates(), max_connections=1, network_backend=Gate(deadline, allowed)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer's head; its body is read by the caller."""
        url = request.url
        answer = self.pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=Body(answer))

    def close(self) -> None:
        """Close the connection."""
        self.pool.close()


class Body(httpx.SyncByteStream):
    """The answer's body as it arrives."""

    def __init__(self, answer: httpcore.Response) -> None:
        self.answer = answer

    def __iter__(self) -> Any:
        yield from self.answer.iter_stream()

    def close(self) -> None:
        """Give the connection back."""
        self.answer.close()


@lru_cache(maxsize=1)
def certificates() -> ssl.SSLContext:
    """The authorities that we trust; SSL_CERT_FILE names others."""
    return httpx.create_ssl_context()


class Gate(httpcore.NetworkBackend):
    """Opens connections to checked addresses only, and lets no single wait outlive the deadline."""

    def __init__(self, deadline: float, allowed: str) -> None:
        self.deadline = deadline
        self.allowed = allowed
        self.sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first address of the name that answers."""
        failure: Exception = httpcore.ConnectError("the name has no address")
        for address in resolve(host, port, left(self.deadline)):
            if not may_reach(host, address, self.allowed):
                raise Unreachable("This address is on a private network.", forbidden=True)
            try:
                stream = self.sockets.connect_tcp(
                    address, port, left(self.deadline), local_address, socket_options
                )
            except httpcore.ConnectError as error:
                failure = error
            else:
                return Bounded(stream, self.deadline)
        raise failure


class Bounded(httpcore.NetworkStream):
    """A connection whose every wait ends at the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self.stream = stream
        self.deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has come."""
        return self.stream.read(max_bytes, left(self.deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it. A receiver that takes a little now and then would never come to the end of one wait."""
        for start in range(0, len(buffer), PIECE):
            self.stream.write(buffer[start : start + PIECE], left(self.deadline))

    def close(self) -> None:
        """Hang up."""
        self.stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """The same, encrypted."""
        secure = self.stream.start_tls(ssl_context, server_hostname, left(self.deadline))
        return Bounded(secure, self.deadline)

    def get_extra_info(self, info: str) -> Any:
        """What the socket knows of itself."""
        return self.stream.get_extra_info(info)


def left(deadline: float) -> float:
    """Seconds that remain; ReadTimeout when there are none."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise httpcore.ReadTimeout("the time is over")
    return seconds


def resolve(host: str, port: int, seconds: float) -> list[str]:
    """The addresses of a name. The system's resolver knows no time limit, so it works in a thread of its own."""
    found: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = found.get(timeout=seconds)
    except queue.Empty as error:
        raise httpcore.ConnectTimeout("the name was not resolved in time") from error
    if isinstance(answer, Exception):
        raise httpcore.ConnectError("the name is not known")
    return list(dict.fromkeys(str(entry[4][0]) for entry in answer))
