"""The API in tests: a client with a key that speaks JSON."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.test import Client

from billing.models import Organization
from tests.factories.people import make_key


class Api:
    """`api.post("/wallets", {...}) -> (status, body)`, numbers exact."""

    def __init__(self, organization: Organization, **key: Any) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {make_key(organization, **key)}"})

    def get(self, path: str, **query: Any) -> tuple[int, Any]:
        """A list or an object."""
        return self._read(self.client.get(f"/api{path}", query))

    def post(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Something new."""
        url = f"/api{path}"
        return self._read(self.client.post(url, body or {}, content_type="application/json", headers=headers))

    def patch(self, path: str, body: Any) -> tuple[int, Any]:
        """A change."""
        return self._read(self.client.patch(f"/api{path}", body, content_type="application/json"))

    def put(self, path: str, body: Any) -> tuple[int, Any]:
        """All of it anew."""
        return self._read(self.client.put(f"/api{path}", body, content_type="application/json"))

    def delete(self, path: str) -> tuple[int, Any]:
        """An end."""
        return self._read(self.client.delete(f"/api{path}"))

    @staticmethod
    def _read(answer: Any) -> tuple[int, Any]:
        return answer.status_code, answer.json(parse_float=Decimal) if answer.content else None


def refused(answer: tuple[int, Any]) -> tuple[int, str, str]:
    """(status, code, first field) of an error."""
    status, body = answer
    errors = body["error"]["errors"]
    return status, body["error"]["code"], errors[0]["field"] if errors else ""
