"""Seed 004: the wallet that every customer has, its defaults, limits and automatic top-up, over the API."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing.models import AuditEntry, Job
from invoicing.tasks import auto_top_up
from tests.factories.api import Api, refused
from tests.factories.invoicing import on
from tests.factories.people import make_organization
from tests.seeds.rows import row

pytestmark = pytest.mark.django_db
START = on(2026, 1, 15)
FIELDS = {
    *("id", "organizationId", "customerId", "currency", "mode", "isPrimary", "autoTopupEnabled"),
    *("promotionalBalanceExpiresAt", "createdAt", "updatedAt", "cashBalance", "promotionalBalance"),
    *(
        "heldBalance",
        "creditLimit",
        "maxBalance",
        "maxSingleCredit",
        "lowBalanceThreshold",
        "autoTopupAmount",
    ),
}


@pytest.fixture
def api() -> Api:
    return Api(make_organization())


def customer_of(api: Api, **body: Any) -> str:
    """Path of a new customer in EUR."""
    status, answer = api.post("/customers", {"email": "ap@globex.example", "currency": "EUR"} | body)
    assert status == 201, answer
    return f"/customers/{answer['data']['id']}"


def wallet_of(api: Api, path: str) -> dict[str, Any]:
    """The customer's primary wallet."""
    status, answer = api.get(f"{path}/wallet")
    assert status == 200, answer
    found: dict[str, Any] = answer["data"]
    return found


def grant(api: Api, wallet: dict[str, Any], credits: object, **more: object) -> tuple[int, Any]:
    """Free credits."""
    return api.post(f"/wallets/{wallet['id']}/top-up", {"grantedCredits": credits} | more)


def debit(api: Api, wallet: dict[str, Any], credits: object) -> tuple[int, Any]:
    """Credits taken out."""
    return api.post(f"/wallets/{wallet['id']}/debit", {"credits": credits, "reason": "Use"})


@row("K16", "K60")
def test_a_customer_has_a_primary_wallet_at_once(api: Api) -> None:
    path = customer_of(api)
    first = wallet_of(api, path)
    assert first["isPrimary"] is True and f"/customers/{first['customerId']}" == path
    other = api.post("/wallets", {"customerId": first["customerId"], "currency": "USD"})[1]["data"]
    assert other["isPrimary"] is False
    assert wallet_of(api, path)["id"] == first["id"], "asking again opens no other"
    assert {one["id"] for one in api.get("/wallets")[1]["data"]} == {first["id"], other["id"]}


@row("K61")
def test_a_wallet_has_all_its_fields(api: Api) -> None:
    found = wallet_of(api, customer_of(api))
    assert set(found) >= FIELDS
    assert (found["currency"], found["mode"], found["autoTopupEnabled"]) == ("EUR", "prepaid", False)
    assert found["createdAt"] and found["updatedAt"] and found["promotionalBalanceExpiresAt"] is None


@row("K62")
@pytest.mark.django_db(transaction=True)
def test_promotional_credits_are_gone_when_their_time_is_over() -> None:
    lab = make_organization("Lab", sandbox=True, at=START)
    lab.clock_at = START
    lab.save()
    api = Api(lab)
    path = customer_of(api)
    wallet, end = wallet_of(api, path), START + timedelta(days=10)
    assert grant(api, wallet, 40, grantedCreditsExpireAt=end.isoformat())[0] == 200
    assert api.post("/clock", {"days": 9})[0] == 200
    kept = wallet_of(api, path)
    assert (kept["promotionalBalance"], kept["promotionalBalanceExpiresAt"]) == (40, "2026-01-25T00:00:00Z")
    assert api.post("/clock", {"days": 2})[0] == 200
    gone = wallet_of(api, path)
    assert (gone["promotionalBalance"], gone["availableBalance"], gone["balance"]) == (0, 0, 0)
    assert gone["promotionalBalanceExpiresAt"] is None


@row("K63")
def test_the_defaults_are_copied_and_a_low_balance_is_topped_up(api: Api) -> None:
    path = customer_of(
        api, defaultAutoTopupEnabled=True, defaultAutoTopupAmount=50, defaultLowBalanceThreshold=20
    )
    wallet = wallet_of(api, path)
    assert wallet["autoTopupEnabled"] is True
    assert (wallet["autoTopupAmount"], wallet["lowBalanceThreshold"]) == (50, 20)
    grant(api, wallet, 30)
    assert debit(api, wallet, 10)[1]["data"]["balance"] == 20
    assert not Job.objects.filter(task="invoicing.auto_top_up").exists(), "20 is not below the threshold"
    assert debit(api, wallet, 1)[1]["data"]["balance"] == 19
    auto_top_up(str(Job.objects.get(task="invoicing.auto_top_up").pk))
    [invoice] = api.get("/invoices", customerId=wallet["customerId"])[1]["data"]
    assert (invoice["type"], invoice["amount"]) == ("credit", 50)
    assert api.post(f"/invoices/{invoice['id']}/mark-paid")[0] == 200
    assert wallet_of(api, path)["balance"] == 69


@row("K64")
def test_the_most_for_a_credit_and_for_the_balance(api: Api) -> None:
    path = customer_of(api, defaultMaxBalance=100, defaultMaxSingleCredit=60)
    wallet = wallet_of(api, path)
    assert (wallet["maxBalance"], wallet["maxSingleCredit"]) == (100, 60)
    status, _, field = refused(grant(api, wallet, "60.01"))
    assert status in (400, 409) and field == "grantedCredits"
    assert grant(api, wallet, 60)[0] == 200
    assert grant(api, wallet, "40.01")[0] in (400, 409)
    assert wallet_of(api, path)["balance"] == 60
    assert grant(api, wallet, 40)[1]["data"]["balance"] == 100


@row("K35", "K65")
def test_a_postpaid_customer_goes_down_to_the_credit_limit(api: Api) -> None:
    path = customer_of(api, mode="POSTPAID", defaultCreditLimit=25)
    wallet = wallet_of(api, path)
    assert (wallet["mode"], wallet["creditLimit"]) == ("postpaid", 25)
    grant(api, wallet, 10)
    assert refused(debit(api, wallet, "35.01"))[:2] == (409, "insufficient_credits")
    assert debit(api, wallet, 35)[1]["data"]["balance"] == -25
    assert refused(debit(api, wallet, "0.01"))[:2] == (409, "insufficient_credits")


@row("K31", "K32", "K33", "K34", "K36")
def test_another_mode_reaches_all_wallets_and_moves_nothing(api: Api) -> None:
    path = customer_of(api, defaultCreditLimit=25)
    first = wallet_of(api, path)
    second = api.post("/wallets", {"customerId": first["customerId"], "currency": "USD"})[1]["data"]
    for wallet, credits in ((first, 10), (second, 5)):
        grant(api, wallet, credits)
    assert refused(debit(api, first, "10.01"))[:2] == (409, "insufficient_credits")

    def state(mode: str) -> list[tuple[Any, ...]]:
        found = api.get("/wallets")[1]["data"]
        assert {one["mode"] for one in found} == {mode}
        names = ("balance", "cashBalance", "heldBalance", "promotionalBalance")
        return [tuple(one[name] for name in names) for one in found]

    before = state("prepaid")
    assert sorted(one[0] for one in before) == [5, 10]
    for mode in ("POSTPAID", "PREPAID"):
        status, answer = api.post(f"{path}/mode", {"mode": mode, "reason": f"Now {mode}"})
        assert (status, answer["data"]["mode"]) == (200, mode.lower())
        assert state(mode.lower()) == before
    changes = AuditEntry.objects.filter(action="customer.mode_changed").order_by("at", "pk")
    assert sorted(one.reason for one in changes) == ["Now POSTPAID", "Now PREPAID"]
    assert refused(debit(api, first, "10.01"))[:2] == (409, "insufficient_credits"), "prepaid guards again"
    assert debit(api, first, Decimal("10"))[1]["data"]["balance"] == 0
