"""Pages of wallets: lists, the ledger, creating, topping up, taking out, ending."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.actions.subscriptions import start_subscription
from billing.actions.wallet_ending import terminate_wallet
from billing.actions.wallet_opening import create_wallet
from billing.actions.wallet_terms import edit_wallet, terms_of
from billing.models import AuditEntry, Organization, Wallet, WalletEntry
from customers.models import Customer
from invoicing.actions.payments import record_payment
from invoicing.models import Invoice
from tests.factories.catalog import make_metric, make_plan
from tests.factories.customers import make_customer
from tests.factories.invoicing import make_wallet, owing
from tests.factories.pages import htmx, queries, statuses, text, token
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
EDITORS = {"admin": 200, "manager": 200, "finance": 200, "support": 403, "stranger": 404}
FILLED = {"name": "Prepaid", "currency": "eur", "rate": "0.5", "priority": "10", "granted_credits": "100"}


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return make_customer(organization, name="Kampala Tech", currency="EUR")


@pytest.fixture
def wallet(customer: Customer) -> Wallet:
    return make_wallet(customer, "40", NOW, name="Prepaid")


@pytest.fixture
def staff(client: Client, organization: Organization) -> Client:
    return sign_in(client, make_member(organization))


def balance(wallet: Wallet) -> int:
    """The balance now, which the ledger must add up to."""
    wallet.refresh_from_db()
    assert sum(WalletEntry.objects.filter(wallet=wallet).values_list("amount_minor", flat=True)) == (
        wallet.balance_minor
    )
    return int(wallet.balance_minor)


def test_list_search_filter_and_partial(staff: Client, customer: Customer, wallet: Wallet) -> None:
    other = make_customer(customer.organization, name="Nairobi Ltd", currency="EUR")
    second = make_wallet(other, "5", NOW, name="Gift")
    own = customer.wallets.get(is_primary=True)
    page = text(staff.get("/wallets"))
    assert "<title>" in page and "EUR\u00a040.00" in page and "Nairobi Ltd" in page
    assert (
        text(staff.get("/wallets", headers=htmx("wallet-table"))).strip().startswith('<div id="wallet-table"')
    )
    for query, found in (
        ("q=gift", [second]),
        ("q=kampala", [wallet, own]),
        ("sort=-balance", [wallet, second]),
        ("sort=balance", [second, wallet]),
        ("status=terminated", []),
    ):
        shown = [row.wallet for row in staff.get(f"/wallets?{query}").context["rows"]]
        assert shown == found, query


def test_tab_and_ledger(staff: Client, customer: Customer, wallet: Wallet) -> None:
    path = f"/customers/{customer.public_id}/wallets"
    assert "€40.00" in text(staff.get(path, headers=htmx("wallet-table")))
    page = text(staff.get(f"/wallets/{wallet.public_id}"))
    assert "Granted" in page and "€40.00" in page and "<title>" in page
    partial = text(staff.get(f"/wallets/{wallet.public_id}", headers=htmx("entry-table")))
    assert "Granted" in partial and "<title>" not in partial
    Customer.objects.filter(pk=customer.pk).update(deleted_at=NOW)
    assert "Kampala Tech (deleted)" in text(staff.get(f"/wallets/{wallet.public_id}"))


def bounded(wallet: Wallet, **changes: Any) -> Wallet:
    """The wallet with other terms."""
    return edit_wallet(wallet, replace(terms_of(wallet), **changes), by=ACTOR, at=NOW)


def test_the_list_filters_by_what_wallets_are_and_hold(
    staff: Client, customer: Customer, wallet: Wallet
) -> None:
    """Low is below the mark: 40.00 with a mark of 50.00 is, 5.00 without one is not."""
    other = make_customer(customer.organization, name="Nairobi Ltd", currency="USD", mode="postpaid")
    dollars = make_wallet(other, "5", NOW, name="Gift")
    owed = owing(create_wallet(other, name="Owed", currency="USD", by=ACTOR, at=NOW), 700)
    bounded(wallet, low_balance_minor=5000, auto_top_up_enabled=True, auto_top_up_minor=2000)
    named = {wallet.pk, dollars.pk, owed.pk}
    for query, found in (
        ("currency=USD", {dollars.pk, owed.pk}),
        ("balance=low", {wallet.pk}),
        ("balance=negative", {owed.pk}),
        ("balance=positive", {wallet.pk, dollars.pk}),
        ("auto=yes", {wallet.pk}),
        ("mode=postpaid", {dollars.pk, owed.pk}),
        ("balance=nonsense&status=nonsense", named),
    ):
        rows = staff.get(f"/wallets?{query}").context["rows"]
        assert {row.wallet.pk for row in rows} & named == found, query
    totals = staff.get("/wallets?currency=USD").context["totals"]
    assert [(row.currency, row.held_minor, row.promotional_minor, row.debt_minor) for row in totals] == [
        ("USD", 500, 500, 700)
    ]
    page = text(staff.get("/wallets?balance=low"))
    assert "Low balance" in page and "EUR\u00a020.00" in page and "Remove filter" in page
    assert "No wallet found" in text(staff.get("/wallets?q=nothing-like-it"))


def test_the_page_tells_cash_from_promotional_credits(staff: Client, customer: Customer) -> None:
    """10 credits that expire and 25 that were paid for: 35.00 available, and what is left of each."""
    row = create_wallet(customer, name="Fresh", currency="EUR", by=ACTOR, at=NOW)
    path = f"/wallets/{row.public_id}"
    fresh = text(staff.get(path))
    assert "Ready, no credits yet" in fresh and f'href="{path}/top-up"' in fresh
    top_up = f"{path}/top-up"
    body = {
        "granted_credits": "10",
        "granted_expire_on": "2090-01-31",
        "paid_credits": "25",
        "reason": "Hello",
    }
    assert staff.post(top_up, body | {"once": token(staff, top_up)}).status_code == 302
    record_payment(Invoice.objects.get(customer=customer), key="all", by=ACTOR, at=NOW)
    state = staff.get(path).context["state"]
    assert (state.available_minor, state.cash_minor, state.promotional_minor) == (3500, 2500, 1000)
    assert state.promotional_expires_at.isoformat() == "2090-02-01T00:00:00+00:00"
    page = text(staff.get(path))
    assert "What is left" in page and "Promotional" in page and "Hello" in page and "€35.00" in page


def test_a_top_up_shows_what_it_does_and_what_refuses_it(staff: Client, wallet: Wallet) -> None:
    """40.00, a maximum of 60.00 and at most 15.00 at once: 10 fit, 30 do not."""
    bounded(wallet, max_balance_minor=6000, max_single_credit_minor=1500)
    path = f"/wallets/{wallet.public_id}/top-up"
    effects = text(staff.get(f"{path}?granted_credits=10", headers=htmx("effects")))
    assert effects.strip().startswith('<div id="effects"') and "€50.00" in effects
    assert "would refuse" not in effects
    refused = text(staff.get(f"{path}?granted_credits=30", headers=htmx("effects")))
    assert "would refuse" in refused and "maximum single credit" in refused
    answer = staff.post(path, {"granted_credits": "30"}, headers=htmx("drawer"))
    assert answer.status_code == 422 and list(answer.context["form"].errors) == ["granted_credits"]
    assert 'value="30"' in text(answer) and balance(wallet) == 4000
    late = staff.post(
        path, {"granted_credits": "1", "granted_expire_on": "2020-01-01"}, headers=htmx("drawer")
    )
    assert late.status_code == 422 and list(late.context["form"].errors) == ["granted_expire_on"]


def test_credits_have_an_order_of_use_in_the_wallet(staff: Client, wallet: Wallet) -> None:
    """What is topped up with priority 1 stands before what was there."""
    path = f"/wallets/{wallet.public_id}/top-up"
    wrong = staff.post(path, {"granted_credits": "5", "credit_priority": "51"}, headers=htmx("drawer"))
    assert wrong.status_code == 422 and list(wrong.context["form"].errors) == ["credit_priority"]
    body = {"granted_credits": "5", "credit_priority": "1", "reason": "First of all"}
    assert (
        staff.post(path, body, headers=htmx("drawer")).headers["HX-Redirect"]
        == f"/wallets/{wallet.public_id}"
    )
    lots = staff.get(f"/wallets/{wallet.public_id}").context["lots"]
    assert [item["lot"].priority for item in lots] == [1, 50]
    assert lots[0]["lot"].entry.reason == "First of all"


def test_editing_the_rules(staff: Client, wallet: Wallet) -> None:
    path = f"/wallets/{wallet.public_id}/edit"
    assert "<title>" not in text(staff.get(path, headers=htmx("drawer")))
    body = {
        "name": "Main",
        "priority": "3",
        "expires_on": "2090-01-31",
        "max_balance": "500",
        "max_single_credit": "100.50",
        "credit_limit": "",
        "low_balance": "20",
        "auto_top_up_enabled": "on",
        "auto_top_up": "50",
        "once": token(staff, path),
    }
    assert [staff.post(path, body).status_code for _ in range(2)] == [302, 302]
    wallet.refresh_from_db()
    assert (wallet.name, wallet.priority, wallet.max_balance_minor) == ("Main", 3, 50000)
    assert (wallet.max_single_credit_minor, wallet.low_balance_minor) == (10050, 2000)
    assert wallet.auto_top_up_enabled and wallet.auto_top_up_minor == 5000
    assert AuditEntry.objects.filter(action="wallet.updated").count() == 1
    page = text(staff.get(f"/wallets/{wallet.public_id}"))
    assert "Below <span" in page and "At most <span" in page
    wallet.expires_at = NOW + timedelta(days=40, hours=3)
    wallet.save()
    again = body | {"once": token(staff, path), "expires_on": f"{wallet.expires_at:%Y-%m-%d}"}
    staff.post(path, again)
    wallet.refresh_from_db()
    assert wallet.expires_at == NOW + timedelta(days=40, hours=3), "a day that stays keeps its moment"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"priority": "51"}, "priority"),
        ({"max_balance": "1,000"}, "max_balance"),
        ({"max_single_credit": "1.234"}, "max_single_credit"),
        ({"low_balance": "900", "max_balance": "500"}, "low_balance"),
        ({"auto_top_up_enabled": "on", "low_balance": "10"}, "auto_top_up"),
        ({"expires_on": "2020-01-01"}, "expires_on"),
    ],
)
def test_errors_of_the_rules_stand_at_their_field(
    staff: Client, wallet: Wallet, change: dict[str, str], field: str
) -> None:
    path = f"/wallets/{wallet.public_id}/edit"
    body = {"name": "Kept", "priority": "5"} | change
    answer = staff.post(path, body, headers=htmx("drawer"))
    assert answer.status_code == 422 and list(answer.context["form"].errors) == [field]
    assert 'value="Kept"' in text(answer)
    wallet.refresh_from_db()
    assert wallet.name == "Prepaid"


def test_who_may(organization: Organization, customer: Customer, wallet: Wallet) -> None:
    everybody = EDITORS | {"support": 200}
    assert statuses(organization, f"/customers/{customer.public_id}/wallets") == everybody
    assert statuses(organization, f"/wallets/{wallet.public_id}") == everybody
    for path in (
        f"/customers/{customer.public_id}/wallets/add",
        *(f"/wallets/{wallet.public_id}/{act}" for act in ("top-up", "edit", "void", "settle", "terminate")),
    ):
        assert statuses(organization, path) == EDITORS, path
    top_up = f"/wallets/{wallet.public_id}/top-up"
    bad = statuses(organization, top_up, {"granted_credits": "x"})
    assert bad == {name: 422 if code == 200 else code for name, code in EDITORS.items()}
    assert balance(wallet) == 4000


def test_creating_with_first_credits_once(staff: Client, customer: Customer) -> None:
    """100 credits at 0.50 EUR are 50.00 EUR."""
    path = f"/customers/{customer.public_id}/wallets/add"
    assert "<title>" not in text(staff.get(path, headers=htmx("drawer")))
    body = FILLED | {"once": token(staff, path), "reason": "Welcome", "expires_on": "2090-01-31"}
    answer = staff.post(path, body, headers=htmx("drawer"))
    assert answer["HX-Redirect"] == reverse("customer-wallets", args=[customer])
    assert staff.post(path, body).status_code == 302
    row = Wallet.objects.in_use().get()
    assert (row.currency, row.rate, row.priority, balance(row)) == ("EUR", Decimal("0.5"), 10, 5000)
    assert row.expires_at is not None and row.expires_at.isoformat() == "2090-02-01T00:00:00+00:00"
    assert row.entries.get().reason == "Welcome"


def test_a_look_says_what_a_new_wallet_pays_of_the_next_invoice(staff: Client, customer: Customer) -> None:
    """100 credits at 0.50 are 50.00 at once, 40 sold are an invoice of 20.00; 5,000.00 are due."""
    plan = make_plan(customer.organization, [], amount_minor=500_000, currency="EUR")
    start_subscription(customer, plan, by=ACTOR, at=timezone.now())
    path, data = (
        f"/customers/{customer.public_id}/wallets/add",
        FILLED | {"paid_credits": "40", "act": "look"},
    )
    wallets = customer.wallets.count()
    page = text(staff.post(path, data, headers=htmx("wallet-effect")))
    opened = staff.post(path, data).context["opened"]
    assert "€50.00" in page and "€20.00" in page and "<title>" not in page
    assert opened.lowered[0].due_minor - opened.lowered[0].lowered_due_minor == 5000
    assert opened.wallet.balance_minor == 5000 and opened.sold.total_minor == 2000
    assert "currency code" in text(staff.post(path, data | {"currency": "x"}, headers=htmx("wallet-effect")))
    assert customer.wallets.count() == wallets and not Invoice.objects.exists()


def test_a_new_wallet_is_taken_back_unless_credits_were_sold(staff: Client, customer: Customer) -> None:
    path, tab = f"/customers/{customer.public_id}/wallets/add", f"/customers/{customer.public_id}/wallets"
    staff.post(path, FILLED | {"once": token(staff, path)})
    made = customer.wallets.get(name="Prepaid")
    undo = f"/wallets/{made.public_id}/terminate"
    assert f'action="{undo}"' in text(staff.get(tab))
    staff.post(undo, headers={"HX-Request": "true"})
    assert balance(made) == 0 and made.status == "terminated"
    staff.post(path, FILLED | {"paid_credits": "40", "once": token(staff, path)})
    assert 'toast-undo">Undo</button></form>' not in text(staff.get(tab))


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"currency": "EURO"}, "currency", "at most 3"),
        ({"currency": "XYZ"}, "currency", "ISO 4217"),
        ({"rate": "0"}, "rate", "greater than or equal"),
        ({"rate": "a"}, "rate", "Enter a number"),
        ({"priority": "0"}, "priority", "greater than or equal to 1"),
        ({"priority": "51"}, "priority", "less than or equal to 50"),
        ({"granted_credits": "-1"}, "granted_credits", "greater than or equal"),
        ({"granted_credits": "1.000001"}, "granted_credits", "5 decimal places"),
        ({"expires_on": "2020-01-01"}, "expires_on", "future"),
    ],
)
def test_errors_of_a_new_wallet_stand_at_their_field(
    staff: Client, customer: Customer, change: dict[str, str], field: str, message: str
) -> None:
    path = f"/customers/{customer.public_id}/wallets/add"
    answer = staff.post(path, FILLED | change, headers=htmx("drawer"))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert message in str(answer.context["form"].errors[field]) and message in text(answer)
    assert not Wallet.objects.in_use().exists()


def test_a_seventh_wallet_is_refused_above_the_form(staff: Client, customer: Customer) -> None:
    for _ in range(6):
        create_wallet(customer, currency="EUR", by=ACTOR, at=NOW)
    path = f"/customers/{customer.public_id}/wallets/add"
    body = FILLED | {"once": token(staff, path)}
    answer = staff.post(path, body)
    assert answer.status_code == 422 and "at most 6" in text(answer)
    terminate_wallet(Wallet.objects.in_use()[0], by=ACTOR, at=NOW)
    assert staff.post(path, body).status_code == 302, "the same form can be sent again"


def test_topping_up_free_and_sold(staff: Client, customer: Customer, wallet: Wallet) -> None:
    """Sold credits arrive when their invoice is paid; sent twice there is one invoice and one grant."""
    path = f"/wallets/{wallet.public_id}/top-up"
    body = {"granted_credits": "10", "paid_credits": "25", "once": token(staff, path)}
    assert [staff.post(path, body).status_code for _ in range(2)] == [302, 302]
    assert balance(wallet) == 5000
    invoice = Invoice.objects.get(customer=customer)
    assert (invoice.type, invoice.total_minor, invoice.status) == ("credit", 2500, "finalized")
    assert invoice.number in text(staff.get(f"/wallets/{wallet.public_id}"))
    record_payment(invoice, key="all", by=ACTOR, at=NOW)
    assert balance(wallet) == 7500
    nothing = staff.post(path, {"once": token(staff, path)}, headers=htmx("drawer"))
    assert nothing.status_code == 422 and "paid_credits" in nothing.context["form"].errors


def test_taking_credits_out(staff: Client, wallet: Wallet) -> None:
    path = f"/wallets/{wallet.public_id}/void"
    for body, field in (
        ({"credits": "40.5", "reason": "Mistake"}, "credits"),
        ({"credits": "", "reason": "Mistake"}, "credits"),
        ({"credits": "5", "reason": ""}, "reason"),
    ):
        answer = staff.post(path, body, headers=htmx("dialog"))
        assert answer.status_code == 422 and list(answer.context["form"].errors) == [field]
    assert balance(wallet) == 4000
    form = {"credits": "15", "reason": "Mistake", "once": token(staff, path)}
    assert [staff.post(path, form).status_code for _ in range(2)] == [302, 302]
    assert balance(wallet) == 2500
    assert AuditEntry.objects.filter(action="wallet.voided", reason="Mistake").count() == 1


def test_ending_says_what_is_lost_and_refuses_more(staff: Client, wallet: Wallet) -> None:
    path = f"/wallets/{wallet.public_id}/terminate"
    assert "€40.00" in text(staff.get(path, headers=htmx("dialog")))
    body: dict[str, Any] = {"once": token(staff, path)}
    assert [staff.post(path, body).status_code for _ in range(2)] == [302, 302]
    assert balance(wallet) == 0 and wallet.status == "terminated"
    assert WalletEntry.objects.filter(wallet=wallet, kind="voided").count() == 1
    late = staff.post(f"/wallets/{wallet.public_id}/top-up", {"granted_credits": "1"})
    assert late.status_code == 422 and "terminated" in text(late)


def test_settling_bills_what_is_owed_once(staff: Client, customer: Customer, wallet: Wallet) -> None:
    """7.00 are owed: one invoice over 7.00, however often the form is sent; paid, it settles the wallet."""
    Customer.objects.filter(pk=customer.pk).update(mode="postpaid")
    wallet.refresh_from_db()
    owing(wallet, 700)
    path = f"/wallets/{wallet.public_id}/settle"
    assert "billed at once" in text(staff.get(f"/wallets/{wallet.public_id}/terminate"))
    assert "€7.00" in text(staff.get(path, headers=htmx("dialog")))
    body = {"once": token(staff, path)}
    assert [staff.post(path, body).status_code for _ in range(2)] == [302, 302]
    invoice = Invoice.objects.get(customer=customer)
    assert (invoice.total_minor, balance(wallet)) == (700, -700)
    assert "on an invoice already" in text(staff.get(path))
    page = text(staff.get(f"/wallets/{wallet.public_id}"))
    assert "What is owed is billed" in page and str(invoice.number) in page
    record_payment(invoice, key="all", by=ACTOR, at=NOW)
    assert balance(wallet) == 0
    assert "Nothing is owed" in text(staff.get(path))


def test_queries_do_not_grow_with_the_rows(staff: Client, customer: Customer, wallet: Wallet) -> None:
    paths = ["/wallets", f"/customers/{customer.public_id}/wallets", f"/wallets/{wallet.public_id}"]
    for path in paths:
        staff.get(path)  # the first visit is noted and fills what the shell keeps
    one = [queries(staff, path) for path in paths]
    for number in range(4):
        make_wallet(customer, "1", NOW)
        staff.post(f"/wallets/{wallet.public_id}/top-up", {"granted_credits": number + 1})
    assert [queries(staff, path) for path in paths] == one
    assert one == [9, 7, 10]


def test_a_wallet_is_limited_and_says_what_it_pays_for(staff: Client, customer: Customer) -> None:
    calls = make_metric(customer.organization, name="API calls")
    theirs = make_metric(make_organization("Other"), name="Secret")
    address = reverse("customer-wallet-add", args=[customer])
    page = text(staff.get(address))
    assert "API calls" in page and "Secret" not in page
    data = FILLED | {"currency": "EUR", "once": token(staff, address), "fee_types": ["subscription"]}
    assert staff.post(address, data | {"metrics": [theirs.pk]}).status_code == 422
    assert staff.post(address, data | {"metrics": [calls.pk]}).status_code == 302
    wallet = Wallet.objects.get(name="Prepaid")
    assert (wallet.fee_types, wallet.metric_ids) == (["subscription"], [calls.pk])
    words = "Subscription fees, API calls"
    for path in ("/wallets", reverse("customer-wallets", args=[customer]), reverse("wallet", args=[wallet])):
        assert words in text(staff.get(path))
    address = reverse("wallet-edit", args=[wallet])
    changed = {"once": token(staff, address), "name": "Prepaid", "priority": "10"}
    staff.post(address, changed)
    wallet.refresh_from_db()
    assert not wallet.limited and words not in text(staff.get(reverse("wallet", args=[wallet])))
