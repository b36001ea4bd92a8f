"""planOverrides: terms of one subscription by the API, their errors by field, other people's ids, and retries."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing.actions.charge_terms import FilterTerms
from billing.models import AuditEntry, Charge, PlanVersion, Subscription
from tests.factories.api import Api, refused
from tests.factories.catalog import charge, make_metric, make_tax
from tests.factories.invoicing import billed_customer, make_plan
from tests.factories.people import make_organization

pytestmark = pytest.mark.django_db


def test_agreed_on_creation_changed_and_given_up() -> None:
    """20.00 instead of 31.00, 0.25 instead of 1.00 and in Europe 0.10 instead of 2.00; a retry makes it once."""
    organization = make_organization()
    metric = make_metric(organization, "calls", filters=[{"key": "region", "values": ["eu", "us"]}])
    make_plan(
        organization,
        3100,
        charge(
            metric, properties={"amount": "1"}, filters=[FilterTerms({"region": ["eu"]}, {"amount": "2"})]
        ),
        code="team",
    )
    tax, customer, api = make_tax(organization), billed_customer(organization), Api(organization)
    own = {
        "amount": 20,
        "invoiceDisplayName": "Deal",
        "minimumCommitment": {"amount": 25},
        "taxCodes": [tax.code],
        "trialPeriod": 3,
        "charges": [
            {
                "metricCode": "calls",
                "properties": {"amount": "0.25"},
                "filters": [{"values": {"region": ["eu"]}, "properties": {"amount": "0.1"}}],
            }
        ],
        "usageThresholds": [{"amount": 500}],
    }
    body = {"customerId": customer.public_id, "planId": "team", "externalId": "s-1", "planOverrides": own}
    status, answer = api.post("/subscriptions", body)
    assert (status, refused(api.post("/subscriptions", body))[:2]) == (201, (409, "external_id_taken"))
    data = answer["data"]
    assert (data["hasOwnTerms"], data["status"]) == (True, "trialing")
    parts = {one["part"]: (one["before"], one["after"]) for one in data["ownTerms"]}
    assert parts["fee"] == (31, 20) and parts["commitment"] == (None, 25)
    assert parts["charge"][1]["properties"] == {"amount": "0.25"}
    row = Subscription.objects.get()
    kept = PlanVersion.objects.get()
    assert (row.amount_minor, row.thresholds.get().amount_minor, kept.subscription) == (2000, 50000, row)
    assert kept.terms["charges"][0]["filters"][0]["properties"] == {"amount": "0.1"}

    path = f"/subscriptions/{row.public_id}"
    assert api.patch(path, {"name": "x"})[1]["data"]["hasOwnTerms"] is True  # what is not named stays
    for _ in range(2):
        _, answer = api.patch(path, {"planOverrides": {"amount": 19, "minimumCommitment": None}})
    assert [(one["part"], one["after"]) for one in answer["data"]["ownTerms"] if one["part"] != "charge"][
        :1
    ] == [("fee", 19)]
    assert PlanVersion.objects.count() == 2
    assert AuditEntry.objects.filter(action="subscription.prices_changed").count() == 1
    _, answer = api.patch(path, {"planOverrides": None})
    assert (answer["data"]["hasOwnTerms"], answer["data"]["ownTerms"]) == (False, None)
    row.refresh_from_db()
    assert row.amount_minor == 3100


def test_what_makes_no_sense_is_named_and_nothing_is_written() -> None:
    """By field, the same for a new subscription, one that runs, and a preview; ids of others are unknown."""
    organization = make_organization()
    plan = make_plan(organization, 3100, charge(make_metric(organization, "calls")), code="team")
    make_plan(organization, 3100, charge(make_metric(organization, "others")), code="other")
    stranger = make_organization("Other")
    make_plan(stranger, 3100, charge(make_metric(stranger, "calls")), code="theirs")
    make_tax(stranger, "theirs")
    mine, elsewhere = Charge.objects.get(plan=plan), Charge.objects.get(plan__code="other")
    theirs = Charge.objects.get(organization=stranger)
    customer, api, their_api = billed_customer(organization), Api(organization), Api(stranger)
    _, made = api.post("/subscriptions", {"customerId": customer.public_id, "planId": "team"})
    path = f"/subscriptions/{made['data']['id']}"
    before = (Subscription.objects.count(), PlanVersion.objects.count(), AuditEntry.objects.count())
    half = {"properties": {"amount": "0.5"}}
    table: list[tuple[dict[str, Any], str, str]] = [
        ({"amount": -1}, "invalid", "amount"),
        ({"amount": Decimal("1.005")}, "invalid", "amount"),
        ({"minimumCommitment": {"amount": -1}}, "invalid", "minimumCommitment.amount"),
        ({"taxCodes": ["theirs"]}, "invalid_own_terms", "taxCodes[0]"),
        ({"charges": [{"id": theirs.public_id, **half}]}, "unknown", "charges[0].id"),
        ({"charges": [{"id": elsewhere.public_id, **half}]}, "unknown", "charges[0].id"),
        ({"charges": [{"metricCode": "others", **half}]}, "unknown", "charges[0].metricCode"),
        ({"charges": [{"id": mine.public_id, **half}] * 2}, "invalid", "charges[1]"),
        (
            {"charges": [{"id": mine.public_id, "properties": {"amount": "-1"}}]},
            "invalid_own_terms",
            "charges[0].properties.amount",
        ),
        (
            {"charges": [{"id": mine.public_id, "filters": [{"values": {"region": ["eu"]}, **half}]}]},
            "invalid_own_terms",
            "charges[0].filters[0].values",
        ),
        ({"fixedCharges": [{"id": theirs.public_id}]}, "unknown", "fixedCharges[0].id"),
        ({"usageThresholds": [{"amount": 5}, {"amount": 5}]}, "invalid", "usageThresholds"),
        ({"surprise": 1}, "invalid", "surprise"),
    ]
    for own, code, field in table:
        named = (400, code, f"planOverrides.{field}")
        body = {"customerId": customer.public_id, "planId": "team", "planOverrides": own}
        assert refused(api.post("/subscriptions", body)) == named, own
        assert refused(api.patch(path, {"planOverrides": own})) == named, own
        planned = {
            "customerId": customer.public_id,
            "subscriptions": [{"planId": "team", "planOverrides": own}],
        }
        if "usageThresholds" not in own:  # they make no invoice of what is not used yet
            there = (400, code, f"subscriptions[0].planOverrides.{field}")
            assert refused(api.post("/invoices/preview", planned)) == there, own
    assert refused(api.patch(path, {"planOverrides": {"trialDays": 3}}))[2] == "planOverrides.trialDays"
    assert (
        refused(api.patch(path, {"planOverrides": {"amount": 1}, "overridesFrom": "soon"}))[2]
        == "overridesFrom"
    )
    twice = {
        "customerId": customer.public_id,
        "planId": "team",
        "trialDays": 1,
        "planOverrides": {"trialDays": 2},
    }
    assert refused(api.post("/subscriptions", twice))[2] == "trialDays"
    foreign = {"customerId": customer.public_id, "planId": "theirs", "planOverrides": {"amount": 1}}
    assert refused(api.post("/subscriptions", foreign))[1] == "plan_not_found"
    assert their_api.patch(path, {"planOverrides": {"amount": 1}})[0] == 404
    after = (Subscription.objects.count(), PlanVersion.objects.count(), AuditEntry.objects.count())
    assert after == before


def test_a_preview_is_what_the_overrides_bring() -> None:
    """24.80 a month in advance instead of 31.00: a full month is the fee itself; nothing is kept."""
    organization = make_organization(sandbox=True)
    plan = make_plan(organization, 3100, code="team", pay_in_advance=True)
    api, customer = Api(organization), billed_customer(organization)
    asked = {
        "customerId": customer.public_id,
        "planId": plan.public_id,
        "billingTime": "anniversary",
        "planOverrides": {"amount": "24.80"},
    }
    status, answer = api.post("/invoices/preview", asked)
    assert status == 200, answer
    assert [one["total"] for one in answer["data"]["invoices"]] == [Decimal("24.8")] * 2
    assert not PlanVersion.objects.exists()
    alone = {"customerId": customer.public_id, "planOverrides": {"amount": 1}, "subscriptionIds": ["x"]}
    assert refused(api.post("/invoices/preview", alone))[2] == "planOverrides"
