"""Asking for pages in tests: as a browser, as htmx, as each role."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing.models import Organization
from billing.rules.roles import Role
from tests.factories.people import make_member, make_organization, sign_in


def htmx(target: str) -> dict[str, str]:
    """The headers of an htmx request for a piece of the page."""
    return {"HX-Request": "true", "HX-Target": target}


def text(answer: Any) -> str:
    """The answer's HTML."""
    return str(answer.content.decode())


def queries(client: Client, path: str, **headers: Any) -> int:
    """How many queries a GET of the page makes."""
    with CaptureQueriesContext(connection) as found:
        assert client.get(path, **headers).status_code == 200
    return len(found)


def statuses(organization: Organization, path: str, data: dict[str, Any] | None = None) -> dict[str, int]:
    """What each role, and an admin of another organization, is answered: {"admin": 200, …, "stranger": 404}."""
    members = {role.value: make_member(organization, role) for role in Role}
    members["stranger"] = make_member(make_organization("Other"))
    found = {}
    for name, member in members.items():
        client = sign_in(Client(), member)
        answer = client.get(path) if data is None else client.post(path, data)
        found[name] = answer.status_code
    return found


def token(client: Client, path: str) -> str:
    """The one-time token of the form on a page."""
    return str(client.get(path).context["form"]["once"].value())
