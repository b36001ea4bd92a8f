"""Thresholds and alerts in the pages: drawers, the list of what has fired, the row on Home."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from billing.actions.wallets import void_credits
from billing.models import Alert, AlertCrossing, Organization, Subscription, UsageThreshold
from invoicing.actions import usage_watch
from tests.factories.catalog import charge, make_metric
from tests.factories.invoicing import billed_customer, make_plan, make_wallet, subscribe
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in
from tests.factories.usage import use

pytestmark = pytest.mark.django_db
ROWS = {
    "rows-TOTAL_FORMS": "2",
    "rows-INITIAL_FORMS": "0",
    "rows-MIN_NUM_FORMS": "0",
    "rows-MAX_NUM_FORMS": "20",
}


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def subscription(organization: Organization) -> Subscription:
    metric = make_metric(organization, code="calls")
    plan = make_plan(organization, 3100, charge(metric, properties={"amount": "1"}))
    return subscribe(billed_customer(organization), plan, NOW)


@pytest.fixture
def staff(client: Client, organization: Organization) -> Client:
    sign_in(client, make_member(organization, role="manager"))
    return client


def test_thresholds_are_entered_and_shown(staff: Client, subscription: Subscription) -> None:
    url = reverse("subscription-thresholds-edit", args=[subscription])
    data = ROWS | {
        "rows-0-amount": "200",
        "rows-0-name": "Soft",
        "rows-1-amount": "",
        "progressive_billing": "on",
        "recurring": "50",
        "historical": "12.50",
    }
    assert staff.post(url, data).status_code == 302
    rows = UsageThreshold.objects.values_list("amount_minor", "name", "recurring")
    assert set(rows) == {(20000, "Soft", False), (5000, "", True)}
    page = staff.get(reverse("subscription-thresholds", args=[subscription])).content.decode()
    assert "Then every" in page and "€200.00" in page and "€12.50" in page


@pytest.mark.parametrize(
    "change",
    [{"rows-0-amount": "x"}, {"rows-0-amount": "-1"}, {"recurring": "0.001"}, {"historical": "many"}],
)
def test_bad_thresholds_stay_in_the_form(
    staff: Client, subscription: Subscription, change: dict[str, str]
) -> None:
    data = ROWS | {"rows-0-amount": "200", "rows-0-name": "Soft", "progressive_billing": "on"} | change
    answer = staff.post(reverse("subscription-thresholds-edit", args=[subscription]), data)
    assert answer.status_code == 422
    assert "Soft" in answer.content.decode()
    assert not UsageThreshold.objects.exists()


def test_two_equal_thresholds_are_refused(staff: Client, subscription: Subscription) -> None:
    data = ROWS | {"rows-0-amount": "5", "rows-1-amount": "5.00"}
    answer = staff.post(reverse("subscription-thresholds-edit", args=[subscription]), data)
    assert answer.status_code == 422 and "same amount" in answer.content.decode()


def test_an_alert_is_added_fires_and_is_seen(staff: Client, subscription: Subscription) -> None:
    url = reverse("subscription-alert", args=[subscription])
    data = ROWS | {"kind": "current_usage_amount", "code": "spend", "name": "Spend", "rows-0-value": "10"}
    assert staff.post(url, data).status_code == 302
    use(subscription, Alert.objects.get().subscription.plan.charges.get().metric, 12, at=NOW)
    usage_watch.run(at=NOW)
    assert "alert has fired" in staff.get(reverse("home")).content.decode()
    page = staff.get(reverse("alerts"), {"seen": "no"}).content.decode()
    assert "Spend" in page and "12.00" in page
    crossing = AlertCrossing.objects.get()
    staff.post(reverse("alerts-seen"), {"crossing": crossing.public_id})
    staff.post(reverse("alerts-seen"))
    crossing.refresh_from_db()
    assert crossing.seen_at and crossing.seen_by
    assert "alert has fired" not in staff.get(reverse("home")).content.decode()


def test_an_alert_of_a_wallet_is_changed_and_removed(staff: Client, subscription: Subscription) -> None:
    wallet = make_wallet(subscription.customer, "100", NOW)
    data = ROWS | {"kind": "wallet_balance_amount", "code": "low", "rows-0-value": "20"}
    page = staff.get(reverse("wallet-alert", args=[wallet])).content.decode()
    assert "Ongoing balance, credits" in page and "comes down to a threshold" in page
    staff.post(reverse("wallet-alert", args=[wallet]), data)
    alert = Alert.objects.get()
    assert "Balance, amount" in staff.get(reverse("wallet", args=[wallet])).content.decode()
    change = ROWS | {"rows-INITIAL_FORMS": "1", "code": "low", "rows-0-value": "30", "recurring": "5"}
    assert staff.post(reverse("alert-edit", args=[alert]), change).status_code == 302
    void_credits(wallet, Decimal(71), reason="", key="out", by=ACTOR, at=NOW)
    assert [step["value"] for step in AlertCrossing.objects.get().crossed] == ["30"]
    staff.post(reverse("alert-delete", args=[alert]))
    assert not Alert.objects.kept().exists()
    assert AlertCrossing.objects.count() == 1


def test_two_alerts_of_a_kind_are_refused_with_a_reason(staff: Client, subscription: Subscription) -> None:
    data = ROWS | {"kind": "lifetime_usage_amount", "code": "a", "rows-0-value": "1"}
    url = reverse("subscription-alert", args=[subscription])
    staff.post(url, data)
    answer = staff.post(url, data | {"code": "b"})
    assert answer.status_code == 422 and "of this kind already" in answer.content.decode()
