"""/api/clock."""

from __future__ import annotations

import pytest

from billing.models import Organization
from invoicing.models import Invoice
from tests.factories.api import Api, refused
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import make_organization

pytestmark = pytest.mark.django_db(transaction=True)
START = on(2026, 1, 15)


@pytest.fixture
def lab() -> Organization:
    organization = make_organization("Lab", sandbox=True, at=START)
    organization.clock_at = START
    organization.save()
    return organization


def test_moves_by_moment_days_months_and_to_what_comes_next(lab: Organization) -> None:
    customer = billed_customer(lab, name="Acme")
    subscribe(customer, make_plan(lab, 3100), START)
    api = Api(lab)
    status, body = api.get("/clock")
    assert (status, body["data"]["now"]) == (200, "2026-01-15T00:00:00Z")
    assert body["data"]["next"] == {"at": "2026-02-01T00:00:00Z", "what": "A period ends", "customer": "Acme"}

    status, body = api.post("/clock", {"next": True})
    assert (status, body["data"]["now"], body["data"]["status"]) == (200, "2026-02-01T00:00:00Z", "arrived")
    assert ("invoice.finalized", customer.public_id) in {
        (row["event"], row["customerId"]) for row in body["data"]["events"]
    }
    assert list(Invoice.objects.of(lab).values_list("total_minor", flat=True)) == [1700]

    assert api.post("/clock", {"days": 3})[1]["data"]["now"] == "2026-02-04T00:00:00Z"
    assert api.post("/clock", {"months": 1})[1]["data"]["now"] == "2026-03-04T00:00:00Z"
    assert (
        api.post("/clock", {"now": "2026-03-05T12:00:00+02:00"})[1]["data"]["now"] == "2026-03-05T10:00:00Z"
    )
    assert Invoice.objects.of(lab).count() == 2


def test_says_what_is_wrong(lab: Organization) -> None:
    api = Api(lab)
    assert refused(api.post("/clock", {})) == (400, "invalid", "now")
    assert refused(api.post("/clock", {"days": 1, "months": 1})) == (400, "invalid", "now")
    assert refused(api.post("/clock", {"days": 0})) == (400, "invalid", "days")
    assert refused(api.post("/clock", {"now": "2026-01-14T00:00:00Z"})) == (400, "invalid", "now")
    assert refused(api.post("/clock", {"next": True})) == (409, "nothing_due", "next")


def test_a_live_organization_has_no_clock() -> None:
    api = Api(make_organization("Live"))
    assert api.get("/clock")[1]["data"]["sandbox"] is False
    assert refused(api.post("/clock", {"days": 1})) == (409, "not_a_sandbox", "now")
