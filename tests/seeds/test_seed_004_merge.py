"""Seed 004: merging a duplicate: what the answer counts, and whose everything is afterwards, over the API."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing.models import AppliedCoupon
from invoicing.models import ProviderLink
from tests.factories.api import Api
from tests.factories.merging import AT, Case, make_case
from tests.factories.providers import make_provider
from tests.seeds.rows import row

pytestmark = pytest.mark.django_db


@pytest.fixture
def case() -> Case:
    """On 16 January, the source also known to a payment provider."""
    found = make_case()
    found.organization.sandbox, found.organization.clock_at = True, AT
    found.organization.save()
    provider = make_provider(found.organization)
    ProviderLink.objects.filter(customer__in=(found.source, found.target)).delete()
    ProviderLink.objects.create(
        organization=found.organization, provider=provider, customer=found.source, external_id="cus_acme"
    )
    return found


@pytest.fixture
def api(case: Case) -> Api:
    return Api(case.organization)


def merged(api: Api, case: Case, **more: str) -> dict[str, Any]:
    """The answer."""
    body = {"sourceCustomerId": case.source.public_id, "targetCustomerId": case.target.public_id}
    status, answer = api.post("/customers/merge", body | more)
    assert status == 200, answer
    found: dict[str, Any] = answer["data"]
    return found


@row("K20")
@pytest.mark.parametrize(
    ("strategy", "name", "phone"),
    [
        ("keep_target", "Acme", None),
        ("keep_source", "ACME Ltd", "+4930123456"),
        ("fill_missing", "Acme", "+4930123456"),
    ],
)
def test_a_strategy_decides_whose_values_stay(
    api: Api, case: Case, strategy: str, name: str, phone: str | None
) -> None:
    merged(api, case, strategy=strategy)
    data = api.get(f"/customers/{case.target.public_id}")[1]["data"]
    assert (data["name"], data["phone"]) == (name, phone)


@row("K05", "K21", "K24")
def test_the_answer_counts_and_the_source_is_gone(api: Api, case: Case) -> None:
    source = f"/customers/{case.source.public_id}"
    assert api.get(source)[0] == 200 and api.get("/customers")[1]["meta"]["total"] == 2
    assert merged(api, case) == {
        "sourceCustomerId": case.source.public_id,
        "targetCustomerId": case.target.public_id,
        "subscriptionsCount": 1,
        "invoicesCount": 3,
        "paymentMethodsCount": 1,
        "usageEventsCount": 1,
        "promotionRedemptionsCount": 1,
        "customerScopedPricesCount": 0,
        "walletsMovedCount": 1,
        "walletsMergedCount": 1,
    }
    assert api.get(source)[0] == 404
    assert [one["id"] for one in api.get("/customers")[1]["data"]] == [case.target.public_id]
    every = {one["id"]: one for one in api.get("/customers", includeDeleted="true")[1]["data"]}
    gone = every[case.source.public_id]
    assert gone["deletedAt"] and gone["mergedInto"] == case.target.public_id


@row("K22")
def test_the_target_owns_everything(api: Api, case: Case) -> None:
    path = f"/customers/{case.target.public_id}"
    before = {one["id"] for one in api.get(f"/customers/{case.source.public_id}/invoices")[1]["data"]}
    assert len(before) == 3 and api.get(f"{path}/invoices")[1]["data"] == []
    merged(api, case)
    assert {one["id"] for one in api.get(f"{path}/invoices")[1]["data"]} == before
    subscriptions = api.get(f"{path}/subscriptions")[1]["data"]
    assert [one["id"] for one in subscriptions] == [case.subscription.public_id]
    for noun, count in (("payments", 1), ("credit-notes", 1), ("subscriptions", 1), ("invoices", 3)):
        for customer, wanted in ((case.target, count), (case.source, 0)):
            assert api.get(f"/{noun}", customerId=customer.public_id)[1]["meta"]["total"] == wanted, noun
    [usage] = api.get(f"{path}/usage")[1]["data"]
    assert [Decimal(one["units"]) for one in usage["charges"]] == [30]
    assert api.get(path)[1]["data"]["providerCustomerIds"] == {"stripe": "cus_acme"}
    assert AppliedCoupon.objects.get().customer == case.target


@row("K23")
def test_wallets_of_one_currency_add_up_and_others_move(api: Api, case: Case) -> None:
    """EUR 100.00 and EUR 20.00 are EUR 120.00; the USD 5.00 move."""
    found = merged(api, case)
    assert (found["walletsMergedCount"], found["walletsMovedCount"]) == (1, 1)
    wallets = api.get("/wallets", customerId=case.target.public_id, status="active")[1]["data"]
    held = {one["id"]: (one["currency"], one["balance"]) for one in wallets if not one["isPrimary"]}
    assert held == {case.kept.public_id: ("EUR", 120), case.dollars.public_id: ("USD", 5)}
    [primary] = [one for one in wallets if one["isPrimary"]]
    assert (primary["currency"], primary["balance"]) == ("EUR", 0), "the target's own, and no other"
    assert api.get("/wallets", customerId=case.source.public_id, status="active")[1]["data"] == []
