# Made by tools/unasync.py from _async/resource.py: change it there.
"""What every group of calls can do."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, Optional, Type, TypeVar

import httpx

from .._http import PDF, Call, body_of
from .._waiting import sleep
from ..errors import ConflictError
from ..types import Model, PaginatedResponse
from .transport import Transport

M = TypeVar("M", bound=Model)
READY_AFTER = 0.5  # seconds between two looks at a document that is being made


class Resource:
    """A group of calls on one transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _call(
        self,
        model: Type[M],
        method: str,
        path: str,
        *,
        query: Optional[Mapping[str, Any]] = None,
        body: Optional[Any] = None,
        idempotency_key: Optional[str] = None,
        if_match: Optional[str] = None,
    ) -> M:
        """One object."""
        headers = {}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        if if_match is not None:
            headers["If-Match"] = if_match
        response = self._transport.send(Call(method, path, query or {}, body, headers))
        return one(model, response)

    def _list(self, model: Type[M], path: str, query: Mapping[str, Any]) -> PaginatedResponse[M]:
        """One page."""
        response = self._transport.send(Call("GET", path, query))
        page = PaginatedResponse.read(model, body_of(response) or {})
        page.request_id = response.headers.get("X-Request-Id")
        return page

    def _walk(self, model: Type[M], path: str, query: Mapping[str, Any]) -> Iterator[M]:
        """All rows of all pages, fetched as they are asked for; by cursor where the list has one."""
        asked: Dict[str, Any] = {"limit": 100, **query}
        while True:
            page = self._list(model, path, asked)
            for row in page.data:
                yield row
            following = page.following()
            if following is None:
                return
            asked.update(following)

    def _bytes(self, path: str, query: Mapping[str, Any]) -> bytes:
        """A file."""
        call = Call("GET", path, query, headers={"Accept": "*/*"})
        return (self._transport.send(call)).content

    def _document(self, path: str, patience: float) -> bytes:
        """A PDF's bytes; one that is being made is waited for."""
        waited = 0.0
        while True:
            try:
                call = Call("GET", path, headers={"Accept": PDF})
                return (self._transport.send(call)).content
            except ConflictError as error:
                if error.code != "pdf_not_ready" or waited >= patience:
                    raise
            sleep(READY_AFTER)
            waited += READY_AFTER


def one(model: Type[M], response: httpx.Response) -> M:
    """The object of an answer, with its version and the id of its request."""
    body = body_of(response)
    data = body.get("data", body) if isinstance(body, dict) else body
    found = model.read(data if data is not None else {})
    found._etag = response.headers.get("ETag")
    found._request_id = response.headers.get("X-Request-Id")
    return found
