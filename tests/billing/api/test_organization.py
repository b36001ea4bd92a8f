"""/api/organization."""

from __future__ import annotations

import pytest

from billing.models import AuditEntry
from tests.factories.api import Api, refused
from tests.factories.people import make_organization

pytestmark = pytest.mark.django_db


def test_the_organization_of_the_key() -> None:
    organization = make_organization()
    api = Api(organization)
    status, body = api.get("/organization")
    assert (status, body["data"]["id"], body["data"]["name"]) == (
        200,
        organization.public_id,
        organization.name,
    )
    assert body["data"]["defaultBillingEntityId"].startswith("ent_")
    status, body = api.patch("/organization", {"name": "  New   name ", "defaultCurrency": "ugx"})
    assert status == 200
    assert (body["data"]["name"], body["data"]["defaultCurrency"]) == ("New name", "UGX")
    assert body["data"]["timezone"] == organization.timezone
    assert AuditEntry.objects.filter(action="organization.updated").count() == 1
    api.patch("/organization", {"name": "New name"})
    assert AuditEntry.objects.filter(action="organization.updated").count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": None}, "name"),
        ({"defaultCurrency": "ZZZ"}, "defaultCurrency"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"sandbox": True}, "sandbox"),
    ],
)
def test_what_cannot_be_is_named(body: dict[str, object], field: str) -> None:
    assert refused(Api(make_organization()).patch("/organization", body))[::2] == (400, field)
