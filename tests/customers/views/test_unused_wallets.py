"""A wallet that nobody has used invites to be used, and is left out wherever it would only be noise."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from billing.actions.clock import now
from billing.actions.wallets import grant
from billing.models import Organization, Wallet
from customers.actions.delete import carry_out, request_deletion
from customers.actions.portal import create_link
from customers.models import Customer
from customers.queries.classification import mode_preview
from customers.queries.needs import waiting
from customers.queries.overview_strip import balance_strip
from customers.views.frame import tab_counts
from tests.factories.catalog import charge, make_metric
from tests.factories.customers import make_customer
from tests.factories.invoicing import make_plan, make_wallet, subscribe
from tests.factories.pages import htmx, queries, statuses, text
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in
from tests.factories.usage import use

pytestmark = pytest.mark.django_db
DO: dict[str, Any] = {"by": ACTOR, "at": NOW}


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def customer(organization: Organization) -> Customer:
    """Prepaid, in EUR; wallets of hers are low below 20.00."""
    return make_customer(organization, name="Kampala Tech", currency="EUR", default_low_balance_threshold=20)


@pytest.fixture
def own(customer: Customer) -> Wallet:
    """The wallet she came with."""
    found: Wallet = Wallet.objects.get(customer=customer)
    return found


@pytest.fixture
def staff(client: Client, organization: Organization) -> Client:
    return sign_in(client, make_member(organization))


def listed(staff: Client, query: str = "") -> set[Any]:
    """The ids of the wallets on the list."""
    return {row.wallet.pk for row in staff.get(f"/wallets{query}").context["rows"]}


def test_the_tab_invites_to_top_up_and_to_create_more(staff: Client, customer: Customer, own: Wallet) -> None:
    path = f"/customers/{customer.public_id}/wallets"
    page = text(staff.get(path))
    assert "Ready, no credits yet" in page and "Not used yet" in page and "Low balance" not in page
    assert f"/wallets/{own.public_id}/top-up" in page and f"{path}/add" in page
    staff.get(path)
    assert queries(staff, path) == 6
    grant(own, Decimal(5), key="k", **DO)
    page = text(staff.get(path))
    assert "Ready" not in page and "Not used yet" not in page and "Low balance" in page and "€5.00" in page


def test_support_sees_it_without_the_invitation(organization: Organization, customer: Customer) -> None:
    support = sign_in(Client(), make_member(organization, "support"))
    page = text(support.get(f"/customers/{customer.public_id}/wallets"))
    assert "Ready, no credits yet" in page and "/top-up" not in page and "Create wallet" not in page
    assert statuses(organization, f"/customers/{customer.public_id}/wallets")["stranger"] == 404


def test_beside_a_used_one_it_stays_in_the_tab_and_topping_up_is_about_the_used(
    staff: Client, customer: Customer, own: Wallet
) -> None:
    used = make_wallet(customer, "40", NOW, name="Project")
    rows = staff.get(f"/customers/{customer.public_id}/wallets").context["rows"]
    assert [row.wallet for row in rows] == [own, used]
    counts, first = tab_counts(customer)
    assert (counts["wallets"], first) == (1, used.pk)


def test_the_tab_counts_those_in_use(customer: Customer, own: Wallet) -> None:
    counts, first = tab_counts(customer)
    assert (counts["wallets"], first) == (0, own.pk)


def test_the_list_leaves_it_out_until_it_is_asked_for(
    staff: Client, organization: Organization, customer: Customer, own: Wallet
) -> None:
    """Those that ended without being used are among all only."""
    empty = text(staff.get("/wallets"))
    assert "No wallet is used yet" in empty
    other = make_customer(organization, name="Nairobi Ltd", currency="EUR")
    gone = Wallet.objects.get(customer=other)
    carry_out(request_deletion(other, **DO))
    used = make_wallet(customer, "40", NOW, name="Project")
    assert listed(staff) == {used.pk}
    page = text(staff.get("/wallets"))
    assert "never used are left out" in page and 'href="/wallets?use=all"' in page
    assert listed(staff, "?use=never") == {own.pk}
    assert listed(staff, "?use=all") == {own.pk, used.pk, gone.pk}
    assert listed(staff, "?q=kampala") == {own.pk, used.pk}
    assert listed(staff, "?q=nairobi") == set()
    assert listed(staff, "?balance=low") == set(), "neither is low: one holds 40.00, one is not used"
    assert "left out" not in text(staff.get("/wallets?use=all", headers=htmx("wallet-table")))
    assert [row.count for row in staff.get("/wallets").context["totals"]] == [1]


def test_home_counts_it_once_it_is_used(organization: Organization, own: Wallet) -> None:
    assert "low_wallets" not in waiting(organization, NOW, NOW.date())
    grant(own, Decimal(5), key="k", **DO)
    assert [(row.count, row.minor) for row in waiting(organization, NOW, NOW.date())["low_wallets"]] == [
        (1, 500)
    ]


def test_deleting_asks_nothing_about_it(staff: Client, customer: Customer, own: Wallet) -> None:
    dialog = text(staff.get(f"/customers/{customer.public_id}/delete", headers=htmx("dialog")))
    assert "Nothing else is affected" in dialog and "wallet" not in dialog and "confirmation" not in dialog
    job = request_deletion(customer, confirmation="", **DO)
    carry_out(job)
    job.refresh_from_db()
    assert [step["note"] for step in job.steps if step["name"] == "wallets"] == ["Nothing to do"]
    own.refresh_from_db()
    assert (own.status, own.is_primary, own.entries.count()) == ("terminated", False, 0)


def test_deleting_says_what_the_closing_bill_takes_from_it(staff: Client, organization: Organization) -> None:
    """Half of March at 31.00 and 30 units are on credit in the end: the wallet's debt goes on an invoice."""
    metric = make_metric(organization)
    customer = make_customer(
        organization, currency="EUR", mode="postpaid", grace_period_days=0, default_credit_limit=500
    )
    subscription = subscribe(customer, make_plan(organization, 3100, charge(metric)), NOW)
    use(subscription, metric, 30, at=NOW)
    dialog = text(staff.get(f"/customers/{customer.public_id}/delete", headers=htmx("dialog")))
    assert "The wallet <b>EUR wallet</b> ends" in dialog and "owed on it go on an invoice" in dialog
    assert Wallet.objects.get(customer=customer).untouched, "looking uses nothing"


def test_the_overview_says_that_it_is_not_used_yet(staff: Client, customer: Customer, own: Wallet) -> None:
    page = f"/customers/{customer.public_id}"
    assert "not used yet" in text(staff.get(page))
    (figures,) = balance_strip(customer, [], NOW).currencies
    assert (figures.credits.count, figures.credits.available_minor) == (0, 0)
    grant(own, Decimal(5), key="k", **DO)
    used = text(staff.get(page))
    assert "</span> wallet</span>" in used and "not used yet" not in used


def test_another_mode_is_about_it_when_it_has_credit_to_give(
    staff: Client, organization: Organization
) -> None:
    plain = make_customer(organization, currency="EUR")
    assert mode_preview(plain, "postpaid") == []
    effects = text(staff.get(f"/customers/{plain.public_id}/mode?mode=postpaid", headers=htmx("effects")))
    assert "No wallet of this customer is in use" in effects
    trusted = make_customer(organization, currency="EUR", default_credit_limit=25)
    assert [(row.now_minor, row.then_minor) for row in mode_preview(trusted, "postpaid")] == [(0, 2500)]


def test_the_portal_shows_it_once_it_is_used(client: Client, customer: Customer, own: Wallet) -> None:
    _, secret = create_link(customer, days=7, by=ACTOR, at=now(customer.organization))
    client.get(f"/portal/enter/{secret}")
    assert "You have no prepaid credits." in text(client.get("/portal/wallet"))
    grant(own, Decimal(5), key="k", **DO)
    assert "5.00" in text(client.get("/portal/wallet"))
