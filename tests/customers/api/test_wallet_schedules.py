"""/api/wallets/{id}/top-up-schedule."""

from __future__ import annotations

import pytest

from billing.models import Organization, Wallet
from billing.rules.errors import Invalid
from customers.api.wallet_credits import own_key
from tests.factories.api import Api, refused
from tests.factories.invoicing import billed_customer, make_wallet, on
from tests.factories.people import NOW, make_organization

pytestmark = pytest.mark.django_db
BODY = {"interval": "monthly", "paidCredits": 50, "startedAt": "2026-01-31T09:00:00Z", "name": "Pack"}


@pytest.fixture
def organization() -> Organization:
    return make_organization(sandbox=True, at=on(2026, 1, 31, 9))


@pytest.fixture
def wallet(organization: Organization) -> Wallet:
    organization.clock_at = on(2026, 1, 31, 9)
    organization.save()
    return make_wallet(billed_customer(organization), "40", NOW)


def test_put_get_and_delete(organization: Organization, wallet: Wallet) -> None:
    api, path = Api(organization), f"/wallets/{wallet.public_id}/top-up-schedule"
    assert api.get(path)[0] == 404
    status, answer = api.put(path, BODY)
    assert status == 200
    data = answer["data"]
    assert (data["interval"], data["method"], data["paidCredits"], data["name"]) == (
        "monthly",
        "fixed",
        50,
        "Pack",
    )
    assert data["nextAt"] == "2026-02-28T00:00:00Z"
    assert [moment[5:10] for moment in data["nextTopUps"]] == ["02-28", "03-31", "04-30"]
    assert api.get(path)[1]["data"] == data
    again = api.put(
        path, {"interval": "weekly", "method": "target", "target_credits": 90, "grants_target": True}
    )
    assert again[1]["data"]["id"] == data["id"]
    assert (again[1]["data"]["targetCredits"], again[1]["data"]["paidCredits"]) == (90, 0)
    mark = api.put(path, {"threshold_credits": 5.5, "grantedCredits": 9})[1]["data"]
    assert (mark["trigger"], mark["interval"], mark["thresholdCredits"], mark["nextAt"]) == (
        "threshold",
        None,
        5.5,
        None,
    )
    shown = api.get(f"/wallets/{wallet.public_id}")[1]["data"]
    assert (shown["ongoingBalance"], shown["ongoingUsageBalance"], shown["ongoingBalanceDepleted"]) == (
        40,
        0,
        False,
    )
    assert api.delete(path)[0] == 200
    assert api.get(path)[0] == 404
    assert api.delete(path)[0] == 200


def test_what_is_refused_names_its_field(organization: Organization, wallet: Wallet) -> None:
    api, path = Api(organization), f"/wallets/{wallet.public_id}/top-up-schedule"
    for changes, field in (
        ({"paidCredits": None}, "paidCredits"),
        ({"interval": "daily"}, "interval"),
        ({"interval": None}, "interval"),
        ({"thresholdCredits": 5}, "interval"),
        ({"interval": None, "thresholdCredits": 1e30}, "thresholdCredits"),
        ({"method": "target"}, "targetCredits"),
        ({"expirationAt": "2026-01-31T08:00:00Z"}, "expirationAt"),
        ({"name": "x" * 101}, "name"),
        ({"startedAt": "9999-12-31T23:59:59-12:00"}, "startedAt"),
        ({"startedAt": "9998-12-31T23:59:59Z"}, "startedAt"),
    ):
        status, _, named = refused(api.put(path, BODY | changes))
        assert (status // 100, named) == (4, field)
    assert Api(make_organization("Other")).put(path, BODY)[0] == 404
    with pytest.raises(Invalid):
        own_key("scheduled-top-up:20260228T000000Z")
