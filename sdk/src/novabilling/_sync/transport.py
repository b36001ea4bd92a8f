# Made by tools/unasync.py from _async/transport.py: change it there.
"""Sends calls: the token, timeouts, repeats, redirects."""

from __future__ import annotations

import logging
import os
import weakref
from typing import Any, Optional

import httpx

from .._http import (
    MOST_REDIRECTS,
    Call,
    Settings,
    broken,
    build,
    checked,
    is_redirect,
    pause,
    pause_for,
    redirected,
    same_place,
    trusted,
)
from .._waiting import sleep
from ..errors import APIConnectionError, APITimeoutError

logger = logging.getLogger("novabilling")


class Transport:
    """One pool of connections. Safe to share; after a fork the child makes a pool of its own."""

    def __init__(self, settings: Settings, http_client: Optional[httpx.Client] = None) -> None:
        self.settings = settings
        self._given = http_client
        self._client = http_client or pool()
        self._pid = os.getpid()
        self._closed = False
        self.buffers: weakref.WeakSet[Any] = weakref.WeakSet()  # of events, which are sent before it closes

    @property
    def client(self) -> httpx.Client:
        """The pool of this process."""
        if self._closed:
            raise APIConnectionError("The client is closed.")
        if self._given is None and self._pid != os.getpid():
            self._pid, self._client = os.getpid(), pool()
        return self._client

    def send(self, call: Call) -> httpx.Response:
        """The answer of a call, after as many attempts as it takes. Raises a NovaBillingError."""
        attempt, most = 0, self.settings.max_retries
        while True:
            try:
                response = self._follow(call)
            except (httpx.TransportError, httpx.TooManyRedirects) as error:
                wait = pause(attempt) if attempt < most and repeatable(error) else None
                if wait is None:
                    kind = (
                        APITimeoutError if isinstance(error, httpx.TimeoutException) else APIConnectionError
                    )
                    raise kind(broken(error, call)) from error
                logger.info("%s %s: %s, again in %.1f s", call.method, call.path, type(error).__name__, wait)
            else:
                logger.debug("%s %s: %s", call.method, call.path, response.status_code)
                wait = pause_for(response, attempt, most)
                if wait is None:
                    return checked(response)
                logger.info("%s %s: %s, again in %.1f s", call.method, call.path, response.status_code, wait)
            attempt += 1
            sleep(wait)

    def _follow(self, call: Call) -> httpx.Response:
        """One attempt, over its redirects."""
        client, home = self.client, self.settings.base_url
        request = build(client, self.settings, call)
        for _ in range(MOST_REDIRECTS + 1):
            auth: Any = self.settings.auth if same_place(home, request.url) else None
            response = client.send(request, auth=auth, follow_redirects=False)
            if not is_redirect(response) or not self.settings.follow_redirects:
                return response
            request = redirected(client, request, response, home)
        raise httpx.TooManyRedirects("too many redirects", request=request)

    def close(self) -> None:
        """Send what buffers of events hold, then give the connections back. A client that was given stays open."""
        for buffer in list(self.buffers):
            buffer.close()
        self._closed = True
        if self._given is None and self._pid == os.getpid():
            self._client.close()


def pool() -> httpx.Client:
    """Connections that heed nothing of the environment."""
    return httpx.Client(verify=trusted(), trust_env=False)


def repeatable(error: Exception) -> bool:
    """Whether another attempt may do better. A POST has a key: it cannot count twice."""
    return not isinstance(
        error, (httpx.UnsupportedProtocol, httpx.TooManyRedirects, httpx.LocalProtocolError)
    )
