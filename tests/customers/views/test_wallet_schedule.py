"""The drawer of a wallet's schedule: who may, what it saves, the next three top-ups, and where they are shown."""

from __future__ import annotations

import pytest
from django.test import Client

from billing.models import Organization, TopUpSchedule, Wallet
from tests.factories.invoicing import billed_customer, make_wallet, on
from tests.factories.pages import htmx, queries, statuses, text, token
from tests.factories.people import NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
MONTHLY = {"interval": "monthly", "method": "fixed", "starts_on": "2026-01-31", "paid_credits": "50"}


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def wallet(organization: Organization) -> Wallet:
    organization.clock_at = on(2026, 1, 31, 9)
    organization.sandbox = True
    organization.save()
    return make_wallet(billed_customer(organization), "40", NOW, name="Prepaid")


@pytest.fixture
def staff(client: Client, organization: Organization) -> Client:
    return sign_in(client, make_member(organization))


def test_who_may(organization: Organization, wallet: Wallet) -> None:
    path = f"/wallets/{wallet.public_id}/schedule"
    answers = {"admin": 200, "manager": 200, "finance": 200, "support": 403, "stranger": 404}
    assert statuses(organization, path) == answers


def test_it_is_saved_shown_changed_and_ended(staff: Client, wallet: Wallet) -> None:
    path = f"/wallets/{wallet.public_id}/schedule"
    body = MONTHLY | {"once": token(staff, path)}
    for _ in range(2):  # the same form twice is one act
        assert staff.post(path, body).status_code == 302
    row = TopUpSchedule.objects.get(wallet=wallet)
    assert (row.paid_credits, row.next_at) == (50, on(2026, 2, 28))
    page = text(staff.get(f"/wallets/{wallet.public_id}"))
    assert "Every month" in page and "50</span> credits sold" in page and "28 Feb 2026" in page
    assert "is topped up by its schedule" in text(staff.get(f"/customers/{wallet.customer.public_id}"))
    drawer = text(staff.get(path))
    assert 'value="50"' in drawer and "31 Mar 2026" in drawer
    changed = MONTHLY | {
        "method": "target",
        "target_credits": "200",
        "expires_on": "2026-06-30",
        "once": token(staff, path),
    }
    assert staff.post(path, changed).status_code == 302
    row.refresh_from_db()
    assert (row.paid_credits, row.target_credits, row.expires_at) == (0, 200, on(2026, 7, 1))
    assert (
        staff.post(
            path,
            {"interval": "", "once": token(staff, path)} | {"method": "fixed", "starts_on": "2026-01-31"},
        ).status_code
        == 302
    )
    assert not TopUpSchedule.objects.exists()


def test_the_next_three_are_shown_while_typing(staff: Client, wallet: Wallet) -> None:
    path = f"/wallets/{wallet.public_id}/schedule"
    query = "interval=monthly&method=fixed&starts_on=2026-01-31"
    piece = text(staff.get(f"{path}?{query}", headers=htmx("effects")))
    assert piece.strip().startswith('<div id="effects"')
    assert [day in piece for day in ("28 Feb", "31 Mar", "30 Apr", "31 May")] == [True, True, True, False]
    ends = text(staff.get(f"{path}?{query}&expires_on=2026-03-30", headers=htmx("effects")))
    assert "28 Feb" in ends and "31 Mar" not in ends
    for nothing in ("interval=&method=fixed&starts_on=2026-01-31", "interval=monthly&starts_on=never"):
        assert "No top-up comes" in text(staff.get(f"{path}?{nothing}", headers=htmx("effects")))


def test_errors_stand_at_their_fields(staff: Client, wallet: Wallet) -> None:
    path = f"/wallets/{wallet.public_id}/schedule"
    for changes, field in (
        ({"paid_credits": ""}, "paid_credits"),
        ({"method": "target"}, "target_credits"),
        ({"expires_on": "2026-01-30"}, "expires_on"),
    ):
        answer = staff.post(path, MONTHLY | changes | {"once": token(staff, path)})
        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == [field]
    assert not TopUpSchedule.objects.exists()


def test_a_threshold_and_what_is_left_with_usage_are_shown(staff: Client, wallet: Wallet) -> None:
    path, page = f"/wallets/{wallet.public_id}/schedule", f"/wallets/{wallet.public_id}"
    assert "Once for each time" in text(staff.get(f"{path}?interval=threshold", headers=htmx("effects")))
    body = {"interval": "threshold", "method": "fixed", "paid_credits": "50", "once": token(staff, path)}
    assert list(staff.post(path, body).context["form"].errors) == ["threshold_credits"]
    assert staff.post(path, body | {"threshold_credits": "12.5"}).status_code == 302
    row = TopUpSchedule.objects.get(wallet=wallet)
    assert (row.trigger, row.interval, row.threshold_credits, row.next_at) == ("threshold", "", 12.5, None)
    assert 'value="12.5"' in text(staff.get(path))
    shown = text(staff.get(page))
    assert "12.5</span> credits are left" in shown and "Ongoing" not in shown
    Wallet.objects.filter(pk=wallet.pk).update(ongoing_usage_minor=4100, ongoing_at=NOW, depleted=True)
    for place in (page, f"/customers/{wallet.customer.public_id}/wallets"):
        shown = text(staff.get(place))
        assert "Depleted" in shown and "-€1.00" in shown.replace("−", "-")
    staff.post(path, MONTHLY | {"once": token(staff, path)})
    row.refresh_from_db()
    assert (row.trigger, row.threshold_credits) == ("interval", None)


def test_queries(staff: Client, wallet: Wallet) -> None:
    assert queries(staff, f"/wallets/{wallet.public_id}/schedule") <= 7
