"""/api/dunning-campaigns and /api/customers/{id}/dunning."""

from __future__ import annotations

import pytest
from django.db.models import Q

from billing.models import Organization
from invoicing.actions.dunning import run
from invoicing.models import DunningCampaign
from tests.factories.api import Api, refused
from tests.factories.invoicing import on, set_entity
from tests.factories.overdue import make_debtor, owe
from tests.factories.people import make_organization

pytestmark = pytest.mark.django_db
BODY = {
    "name": "Usual",
    "code": "usual",
    "thresholds": [{"currency": "eur", "amount": 50}],
    "maxAttempts": 2,
    "steps": [{"day": 21, "kind": "pause"}],
}


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def test_a_campaign_and_what_it_would_do(organization: Organization) -> None:
    api, entity = Api(organization), set_entity(organization).public_id
    customer = make_debtor(organization)
    owe(customer, 100)
    status, made = api.post("/dunning-campaigns", BODY | {"billingEntityIds": [entity]})
    row = made["data"]
    assert (status, row["active"], row["daysBetween"], row["maxAttempts"]) == (201, False, 7, 2)
    assert row["thresholds"] == [{"currency": "EUR", "amount": 50}] and row["billingEntityIds"] == [entity]
    assert api.get("/dunning-campaigns/USUAL")[1] == api.get(f"/dunning-campaigns/{row['id']}")[1] == made
    found = api.get("/dunning-campaigns/usual/preview")[1]["data"]
    assert (found["count"], found["overdue"]) == (1, [{"currency": "EUR", "amount": 100}])
    assert [day["steps"][0]["kind"] for day in found["days"]] == ["remind", "remind", "pause"]
    assert found["customers"][0]["customerId"] == customer.public_id

    changed = api.patch("/dunning-campaigns/usual", {"active": True, "steps": []})[1]["data"]
    assert (changed["active"], changed["steps"], changed["name"]) == (True, [], "Usual")
    assert changed["billingEntityIds"] == [entity]
    run(Q(), on(2026, 4, 1, 9))
    path = f"/customers/{customer.public_id}/dunning"
    mine = api.get(path)[1]["data"]
    assert (mine["campaignCode"], mine["own"], mine["stoppedAt"]) == ("usual", False, None)
    (case,) = mine["cases"]
    assert (case["attempts"], case["overdueAmount"], case["outcome"]) == (1, 100, None)
    assert api.post(f"{path}/stop", {"reason": "They called"})[1]["data"]["stopReason"] == "They called"
    assert api.post(f"{path}/resume")[1]["data"]["stoppedAt"] is None
    api.post("/dunning-campaigns", BODY | {"code": "own"})
    assert api.patch(path, {"campaignId": "own"})[1]["data"]["own"] is True
    assert api.patch(path, {"campaignId": None})[1]["data"]["campaignCode"] == "usual"
    assert refused(api.patch(path, {"campaignId": "none"})) == (400, "unknown", "campaignId")
    assert Api(make_organization("Other")).get("/dunning-campaigns/usual")[0] == 404
    assert api.delete("/dunning-campaigns/usual")[0] == 204
    assert api.get("/dunning-campaigns/usual")[0] == 404
    assert api.get("/dunning-campaigns")[1]["meta"]["total"] == 1


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"thresholds": []}, (400, "invalid", "thresholds")),
        ({"thresholds": [{"currency": "EUR", "amount": "0.001"}]}, (400, "invalid", "thresholds[0].amount")),
        ({"daysBetween": 0}, (400, "invalid", "daysBetween")),
        ({"steps": [{"day": 7, "kind": "pause"}]}, (400, "invalid", "steps")),
        ({"steps": [{"day": 9, "kind": "shout"}]}, (400, "invalid", "steps[0].kind")),
        ({"bcc": ["nobody"]}, (400, "invalid_address", "bcc")),
        ({"billingEntityIds": ["ent_none"]}, (400, "invalid", "billingEntityIds[0]")),
        ({"code": "TAKEN"}, (400, "code_taken", "code")),
    ],
)
def test_what_is_refused(
    organization: Organization, change: dict[str, object], answer: tuple[int, str, str]
) -> None:
    api = Api(organization)
    api.post("/dunning-campaigns", BODY | {"code": "taken"})
    assert refused(api.post("/dunning-campaigns", BODY | change)) == answer
    assert DunningCampaign.objects.count() == 1
