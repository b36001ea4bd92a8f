"""The dialog that ends a subscription: what each choice brings, and that it comes so."""

from __future__ import annotations

import pytest
from django.test import Client

from billing.models import Organization, Subscription
from invoicing.actions.payments import record_payment
from invoicing.models import CreditNote, Invoice
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.pages import htmx, queries, text, token
from tests.factories.people import ACTOR, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
NOW = on(2026, 10, 15, 10)


@pytest.fixture
def organization() -> Organization:
    organization = make_organization(sandbox=True)
    organization.clock_at = NOW
    organization.save()
    return organization


@pytest.fixture
def staff(client: Client, organization: Organization) -> Client:
    return sign_in(client, make_member(organization))


@pytest.fixture
def row(organization: Organization) -> Subscription:
    """31.00 in advance, of which 20.00 were paid; the 15 days used are 15.00."""
    found = subscribe(
        billed_customer(organization), make_plan(organization, 3100, pay_in_advance=True), on(2026, 10, 1)
    )
    record_payment(Invoice.objects.get(), amount_minor=2000, key="p", by=ACTOR, at=NOW)
    return found


def test_each_way_says_what_comes_of_it(staff: Client, row: Subscription) -> None:
    path = f"/subscriptions/{row.public_id}/terminate"
    dialog = text(staff.get(path, headers=htmx("dialog")))
    number = Invoice.objects.get().number
    for words in (
        "There is nothing to bill.",
        "€16.00 to the balance.",
        "€5.00 goes back as money; €11.00 to the balance.",
        f"€5.00 goes back as money; €11.00 less to pay on {number}, €0.00 is left.",
        "The days that are left stay paid.",
    ):
        assert words in dialog, words
    body = {"once": token(staff, path), "invoice": "generate", "unused": "refund"}
    for _ in range(2):
        assert staff.post(path, body).status_code == 302
    note = CreditNote.objects.get()
    assert (note.refund_minor, note.credit_minor) == (500, 1100)
    assert "ended already" in text(staff.get(path))


def test_a_way_that_is_not_offered_is_refused(staff: Client, row: Subscription) -> None:
    path = f"/subscriptions/{row.public_id}/terminate"
    answer = staff.post(path, {"once": token(staff, path), "unused": "lots"}, headers=htmx("dialog"))
    assert answer.status_code == 422 and "unused" in answer.context["form"].errors
    row.refresh_from_db()
    assert row.status == "active"


def test_in_arrears_only_the_invoice_is_a_choice(staff: Client, organization: Organization) -> None:
    row = subscribe(billed_customer(organization), make_plan(organization, 3100), on(2026, 10, 1))
    path = f"/subscriptions/{row.public_id}/terminate"
    dialog = text(staff.get(path))
    assert "€15.00 with tax" in dialog and "€15.00 before tax is never billed" in dialog
    assert "Days paid in advance" not in dialog
    staff.post(path, {"once": token(staff, path), "invoice": "skip"})
    row.refresh_from_db()
    assert row.status == "terminated" and not Invoice.objects.exists()


def test_periods_that_are_over_are_named(staff: Client, organization: Organization) -> None:
    row = subscribe(billed_customer(organization), make_plan(organization, 3100), on(2026, 8, 1))
    answer = staff.get(f"/subscriptions/{row.public_id}/terminate")
    assert (len(answer.context["earlier"]), answer.context["earlier_minor"]) == (2, 6200)
    assert "2 invoices over" in text(answer) and "€15.00 with tax" in text(answer)


def test_the_dialog_asks_a_bounded_number_of_questions(staff: Client, row: Subscription) -> None:
    path = f"/subscriptions/{row.public_id}/terminate"
    staff.get(path)
    assert queries(staff, path) < 320  # four ways by doing them, and the next invoices with and without
