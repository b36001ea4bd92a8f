"""Usage thresholds, lifetime usage and alerts over the API."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing.actions.wallets import void_credits
from billing.models import Alert, AlertCrossing, EmittedEvent, Metric, Organization, Subscription
from invoicing.actions import ongoing, usage_watch
from invoicing.models import Invoice
from tests.factories.api import Api
from tests.factories.catalog import charge, make_metric
from tests.factories.invoicing import billed_customer, make_plan, make_wallet, subscribe
from tests.factories.people import ACTOR, NOW, make_organization
from tests.factories.usage import use

pytestmark = pytest.mark.django_db


class Caller:
    """The API whose answers have the status that is expected."""

    def __init__(self, organization: Organization) -> None:
        self.api = Api(organization)

    def __getattr__(self, method: str) -> Any:
        def call(path: str, body: Any = None, status: int | set[int] = 200) -> Any:
            given = () if body is None else (body,)
            found, answer = getattr(self.api, method)(path, *given)
            assert found in ({status} if isinstance(status, int) else status), answer
            return answer

        return call


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def api(organization: Organization) -> Caller:
    return Caller(organization)


def calls() -> Metric:
    """The metric of the plan."""
    return Metric.objects.get(code="calls")


@pytest.fixture
def subscription(organization: Organization) -> Subscription:
    metric = make_metric(organization, code="calls")
    plan = make_plan(organization, 3100, charge(metric, properties={"amount": "1"}), code="growth")
    return subscribe(billed_customer(organization), plan, NOW)


def test_own_thresholds_go_before_those_of_the_plan(api: Caller, subscription: Subscription) -> None:
    body = {
        "thresholds": [{"amount": 50}, {"amount": "20.5", "name": "soft"}, {"amount": 10, "recurring": True}]
    }
    plan = api.put("/plans/growth/thresholds", body)
    assert [row["amount"] for row in plan["data"]["thresholds"]] == [20.5, 50, 10]
    path = f"/subscriptions/{subscription.public_id}/thresholds"
    assert api.get(path)["data"]["inherited"] is True
    own = api.put(path, {"thresholds": [{"amount": 7}], "historicalUsage": 3})
    assert (own["data"]["inherited"], own["data"]["historicalUsage"]) == (False, 3)
    assert [row["amount"] for row in api.get(path)["data"]["thresholds"]] == [7]
    assert api.put(path, {"thresholds": []})["data"]["inherited"] is True


@pytest.mark.parametrize(
    "thresholds",
    [
        [{"amount": 5}, {"amount": 5}],
        [{"amount": 5, "recurring": True}, {"amount": 6, "recurring": True}],
        [{"amount": "0.001"}],
        [{"amount": -1}],
        [{"amount": 1}] * 21,
    ],
)
def test_thresholds_that_make_no_sense_are_named(
    api: Caller, subscription: Subscription, thresholds: list[dict[str, Any]]
) -> None:
    path = f"/subscriptions/{subscription.public_id}/thresholds"
    answer = api.put(path, {"thresholds": thresholds}, status={400, 422})
    assert "thresholds" in str(answer["error"])
    assert not subscription.thresholds.exists()


def test_lifetime_usage_and_the_next_threshold(api: Caller, subscription: Subscription) -> None:
    api.put("/plans/growth/thresholds", {"thresholds": [{"amount": 10}, {"amount": 100}]})
    use(subscription, calls(), 12, at=NOW)
    assert usage_watch.run(at=NOW) == 1
    invoice = Invoice.objects.get()
    assert (invoice.type, invoice.total_minor) == ("progressive_billing", 1200)
    use(subscription, calls(), 3, at=NOW)
    found = api.get(f"/subscriptions/{subscription.public_id}/lifetime-usage")["data"]
    assert (found["total"], found["progressivelyBilled"], found["nextThreshold"]) == (15, 12, 100)
    line = api.get(f"/invoices/{invoice.public_id}")["data"]["lines"][0]
    assert line["progressiveAmount"] == 0


def test_an_alert_on_usage_fires_once_per_crossing(api: Caller, subscription: Subscription) -> None:
    path = f"/subscriptions/{subscription.public_id}/alerts"
    body = {"type": "current_usage_amount", "code": "spend", "thresholds": [{"value": 10, "code": "soft"}]}
    made = api.post(path, body, status=201)["data"]
    for value, count in ((4, 0), (6, 1), (5, 1)):
        use(subscription, calls(), value, at=NOW)
        usage_watch.run(at=NOW)
        assert AlertCrossing.objects.count() == count
    crossing = api.get(f"/alerts/{made['id']}/crossings")["data"][0]
    assert (crossing["previousValue"], crossing["currentValue"]) == (4, 10)
    assert crossing["crossedThresholds"] == [{"value": 10, "code": "soft", "recurring": False}]
    assert EmittedEvent.objects.filter(name="alert.triggered").count() == 1
    assert api.get(path)["meta"]["total"] == 1


def test_an_alert_of_a_metric_and_one_since_the_start(api: Caller, subscription: Subscription) -> None:
    path = f"/subscriptions/{subscription.public_id}/alerts"
    for kind, extra in (
        ("billable_metric_current_usage_units", {"metric": "calls"}),
        ("billable_metric_current_usage_amount", {"metric": "calls"}),
        ("billable_metric_lifetime_usage_units", {"metric": "calls"}),
        ("lifetime_usage_amount", {}),
    ):
        api.post(path, {"type": kind, "code": kind, "recurringStep": 5} | extra, status=201)
    use(subscription, calls(), 11, at=NOW)
    usage_watch.run(at=NOW)
    crossed = {row.alert.code: [step["value"] for step in row.crossed] for row in AlertCrossing.objects.all()}
    assert len(crossed) == 4
    assert set(map(tuple, crossed.values())) == {("5", "10")}


def test_an_alert_on_a_balance_that_falls(api: Caller, subscription: Subscription) -> None:
    wallet = make_wallet(subscription.customer, "100", NOW)
    path = f"/wallets/{wallet.public_id}/alerts"
    api.post(
        path, {"type": "wallet_balance_amount", "code": "low", "thresholds": [{"value": 20}]}, status=201
    )
    void_credits(wallet, Decimal(85), reason="", key="taken out", by=ACTOR, at=NOW)
    (row,) = AlertCrossing.objects.all()
    assert (row.previous_value, row.value) == (100, 15)
    body = {"type": "wallet_ongoing_balance_amount", "code": "left", "thresholds": [{"value": 12}]}
    data = api.post(path, body, status=201)["data"]
    assert (data["type"], data["previousValue"]) == ("wallet_ongoing_balance_amount", 15)
    use(subscription, Metric.objects.get(), 4, at=NOW)  # 1.00 a unit
    ongoing.run(at=NOW)
    found = api.get(f"/alerts/{data['id']}/crossings")["data"]
    assert [(one["previousValue"], one["currentValue"]) for one in found] == [(15, 11)]


def test_bad_alerts_name_the_field(api: Caller, subscription: Subscription) -> None:
    path = f"/subscriptions/{subscription.public_id}/alerts"
    good = {"type": "lifetime_usage_amount", "code": "a", "thresholds": [{"value": 1}]}
    api.post(path, good, status=201)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"code": "b"}, "type"),
        ({"type": "current_usage_amount"}, "code"),
        ({"type": "nonsense", "code": "c"}, "kind"),
        ({"type": "wallet_balance_amount", "code": "c"}, "kind"),
        ({"type": "billable_metric_current_usage_units", "code": "c"}, "metric"),
        ({"type": "billable_metric_current_usage_units", "code": "c", "metric": "none"}, "metric"),
        ({"type": "current_usage_amount", "code": "c", "thresholds": []}, "steps"),
        ({"type": "current_usage_amount", "code": "c", "thresholds": [{"value": -1}]}, "steps"),
        ({"type": "current_usage_amount", "code": "c", "recurringStep": 0}, "recurringStep"),
    ]
    for change, field in cases:
        answer = api.post(path, good | change, status={400, 409, 422})
        assert field in str(answer["error"]) or field == "type", (change, answer)
    assert Alert.objects.count() == 1


def test_an_alert_is_changed_and_taken_away(api: Caller, subscription: Subscription) -> None:
    body = {"type": "current_usage_amount", "code": "a", "thresholds": [{"value": 1}]}
    made = api.post(f"/subscriptions/{subscription.public_id}/alerts", body, status=201)["data"]
    path = f"/alerts/{made['id']}"
    changed = api.patch(path, {"name": "Spend", "thresholds": [{"value": 9}], "recurringStep": 3})["data"]
    assert [row["value"] for row in changed["thresholds"]] == [9, 3]
    api.delete(path, status=204)
    api.get(path, status=404)
