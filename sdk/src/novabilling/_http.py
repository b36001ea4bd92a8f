"""How requests are made, repeated and redirected: decisions without a network, the same for both clients."""

from __future__ import annotations

import random
import ssl
import sys
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Dict, Generator, List, Mapping, Optional, Tuple, Union
from uuid import uuid4

import httpx

from ._version import __version__
from ._wire import read_json, to_json, to_query
from .errors import APIConnectionError, APIStatusError, NovaBillingError, error_for

DEFAULT_BASE_URL = "http://localhost:8000"
DEFAULT_TIMEOUT = 60.0
DEFAULT_RETRIES = 3
MOST_REDIRECTS = 5
REPEATED = frozenset({429, 502, 503, 504})
FIRST_WAIT = 0.5  # seconds
LONGEST_WAIT = 8.0
LONGEST_ASKED_WAIT = 60.0  # a server that asks for more is not waited for
PDF = "application/pdf"
AGENT = "novabilling-python/{} python/{}.{}".format(__version__, *sys.version_info[:2])


class BearerAuth(httpx.Auth):
    """Sets the token on a request. It is kept here alone, so that it is in no header, repr or log of ours."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """The request with its token."""
        request.headers["Authorization"] = "Bearer " + self._token
        yield request

    def __repr__(self) -> str:
        return "BearerAuth(…)"


@lru_cache(maxsize=None)
def trusted() -> ssl.SSLContext:
    """The certificate authorities, read once for all clients and never from where the environment says."""
    return httpx.create_ssl_context(trust_env=False)


@dataclass
class Settings:
    """What a client was made with, checked."""

    base_url: httpx.URL
    auth: BearerAuth
    timeout: Union[float, httpx.Timeout, None]
    follow_redirects: bool
    max_retries: int


@dataclass
class Call:
    """A request as it was asked for."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Optional[Any] = None
    headers: Dict[str, str] = field(default_factory=dict)
    timeout: Any = None

    def __post_init__(self) -> None:
        self.headers = {"Accept": "application/json", "User-Agent": AGENT, **self.headers}
        if self.method == "POST":  # the same over all attempts, so that none of them can count twice
            self.headers.setdefault("Idempotency-Key", uuid4().hex)
        if self.body is not None:
            self.headers["Content-Type"] = "application/json"


def check_settings(
    token: str,
    base_url: str,
    timeout: Union[float, httpx.Timeout, None],
    follow_redirects: bool,
    max_retries: int,
) -> Settings:
    """Raises TypeError or ValueError, never with the token in it."""
    if not isinstance(token, str):
        raise TypeError("The token is a text: NovaBilling(token=…)")
    if not token.strip() or not token.isascii() or not token.isprintable():
        raise ValueError("The token is empty, or has characters that no token has.")
    if max_retries < 0:
        raise ValueError("max_retries is 0 or more.")
    return Settings(site_of(base_url), BearerAuth(token.strip()), timeout, follow_redirects, max_retries)


def site_of(base_url: str) -> httpx.URL:
    """Where the API lives: `https://x`, `https://x/` and `https://x/api/` are the same place."""
    url = httpx.URL(base_url.strip().rstrip("/"))
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("base_url is an address such as https://billing.example.com")
    if url.userinfo or url.query or url.fragment:
        raise ValueError("base_url has no user, query or fragment.")
    path = url.path.rstrip("/")
    return url.copy_with(path=path if path.endswith("/api") else path + "/api")


def build(client: Any, settings: Settings, call: Call) -> httpx.Request:
    """The request of a call, without the token."""
    url = settings.base_url.copy_with(
        raw_path=settings.base_url.raw_path.rstrip(b"/") + call.path.encode("ascii")
    )
    content = None if call.body is None else to_json(call.body)
    pairs = to_query(call.query)
    timeout = settings.timeout if call.timeout is None else call.timeout
    request: httpx.Request = client.build_request(
        call.method, url, params=pairs or None, content=content, headers=call.headers, timeout=timeout
    )
    return request


def origin(url: httpx.URL) -> Tuple[str, str, int]:
    """Scheme, host and port."""
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


def same_place(old: httpx.URL, new: httpx.URL) -> bool:
    """Whether the token may go along: the same origin, or the same host on to https."""
    if origin(old) == origin(new):
        return True
    upgrade = old.scheme == "http" and new.scheme == "https" and old.host == new.host
    return upgrade and (origin(old)[2], origin(new)[2]) == (80, 443)


def redirected(
    client: Any, request: httpx.Request, response: httpx.Response, home: httpx.URL
) -> httpx.Request:
    """The request that follows a redirect. The method and body stay (a POST is not made a GET, save by 303). To
    another place only what reads goes, without the token. Raises APIConnectionError for the rest.
    """
    try:
        url = request.url.join(response.headers["Location"])
    except (httpx.InvalidURL, ValueError):
        raise APIConnectionError("The server redirects to an address that is none.") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise APIConnectionError("The server redirects to an address that is none.")
    method, content = request.method, request.content
    headers = {
        name: value
        for name, value in request.headers.items()
        if name not in {"authorization", "host", "content-length", "cookie", "transfer-encoding"}
    }
    if response.status_code == 303 and method not in ("GET", "HEAD"):
        method, content = "GET", b""
    if not same_place(home, url):
        if method not in ("GET", "HEAD"):
            text = "The server redirects to another host ({}); nothing was sent there. Is base_url right?"
            raise APIConnectionError(text.format(url.host))
        headers = {name: value for name, value in headers.items() if name in ("accept", "user-agent")}
    if method == "GET":
        headers.pop("content-type", None)
        headers.pop("idempotency-key", None)
    following: httpx.Request = client.build_request(
        method, url, content=content or None, headers=headers, extensions=request.extensions
    )
    return following


def is_redirect(response: httpx.Response) -> bool:
    """A redirect that says where to."""
    return response.status_code in (301, 302, 303, 307, 308) and "Location" in response.headers


def retry_after(response: httpx.Response) -> Optional[float]:
    """Seconds that the server asks to wait; it may say a number or a moment."""
    text = response.headers.get("Retry-After", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
        return seconds if 0 <= seconds < float("inf") else None
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=timezone.utc)
    return max(0.0, (at - datetime.now(timezone.utc)).total_seconds())


def pause(attempt: int, asked: Optional[float] = None) -> Optional[float]:
    """Seconds before the next attempt: what the server asked for, else twice as long each time, with jitter so that
    many clients do not come back at once. None: not worth waiting for.
    """
    if asked is not None:
        return None if asked > LONGEST_ASKED_WAIT else asked + random.uniform(0, 0.25)  # noqa: S311
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0**attempt) * random.uniform(0.5, 1.0)  # noqa: S311


def pause_for(response: httpx.Response, attempt: int, most: int) -> Optional[float]:
    """How long to wait before this is asked again; None: this is the answer."""
    asked = retry_after(response)
    again = response.status_code in REPEATED or (response.status_code == 409 and asked is not None)
    return pause(attempt, asked) if again and attempt < most else None


def checked(response: httpx.Response) -> httpx.Response:
    """The response, unless it is an error."""
    if response.is_success:
        return response
    raise failure(response)


def failure(response: httpx.Response) -> APIStatusError:
    """The error behind a response."""
    try:
        body = read_json(response.content)
    except ValueError:
        body = None
    return error_for(
        response.status_code,
        body,
        request_id=response.headers.get("X-Request-Id"),
        retry_after=retry_after(response),
    )


def body_of(response: httpx.Response) -> Any:
    """The JSON of an answer; None when it has none. Raises NovaBillingError for what is not JSON."""
    if not response.content:
        return None
    try:
        return read_json(response.content)
    except ValueError:
        kind = response.headers.get("Content-Type", "no type")
        text = "The server answered with something that is not JSON ({}). Is base_url right?".format(kind)
        raise NovaBillingError(text, status_code=response.status_code) from None


def broken(error: Exception, call: Call) -> str:
    """What is said of a connection that failed: where, not what was sent."""
    return "{} {}: {}".format(call.method, call.path, str(error) or type(error).__name__)


Answer = Union[Dict[str, Any], List[Any], None]
