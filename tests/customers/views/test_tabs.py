"""Notes, the tabs of payments and credit notes, and entries of the Actions menu opened by an address."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import AuditEntry, Organization
from billing.orm.actor import Actor
from customers.actions.notes import add_note
from customers.models import Customer, Note
from invoicing.actions.one_off import Item, create_one_off
from invoicing.models import CreditNote
from tests.factories.customers import make_customer
from tests.factories.pages import htmx, statuses, text
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in
from tests.factories.world import make_world

pytestmark = pytest.mark.django_db
EDITORS = {"admin": 200, "manager": 200, "finance": 403, "support": 403, "stranger": 404}
READERS = {"admin": 200, "manager": 200, "finance": 200, "support": 200, "stranger": 404}


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return make_customer(organization, currency="EUR")


@pytest.fixture
def staff(client: Client, organization: Organization) -> Client:
    return sign_in(client, make_member(organization))


def test_a_note_is_written_changed_pinned_and_deleted(staff: Client, customer: Customer) -> None:
    page = f"/customers/{customer.public_id}"
    assert staff.post(f"{page}/notes/add", {"text": "  "}).status_code == 422
    staff.post(f"{page}/notes/add", {"text": "Pays late\n<b>see</b> https://tarn.example/x"})
    note = Note.objects.get()
    shown = text(staff.get(page))
    assert "Pays late<br>" in shown and "&lt;b&gt;see" in shown and 'href="https://tarn.example/x"' in shown
    staff.post(f"/notes/{note.public_id}/edit", {"text": "Pays early", "pinned": "on"})
    note.refresh_from_db()
    assert note.pinned and note.edited_at and note.text == "Pays early"
    drawer = text(staff.get(f"/notes/{note.public_id}/edit", headers=htmx("drawer")))
    assert "<title>" not in drawer and "Pays early" in drawer
    assert "Pays early" in text(staff.get(f"/notes/{note.public_id}/delete"))
    staff.post(f"/notes/{note.public_id}/delete")
    assert not Note.objects.kept().exists()
    acts = AuditEntry.objects.filter(customer=customer, action__startswith="note.")
    assert sorted(acts.values_list("action", flat=True)) == ["note.created", "note.deleted", "note.updated"]


def test_a_note_saved_unchanged_leaves_no_trace(staff: Client, customer: Customer) -> None:
    staff.post(f"/customers/{customer.public_id}/notes/add", {"text": "Pays late"})
    staff.post(f"/notes/{Note.objects.get().public_id}/edit", {"text": " Pays late\r\n"})
    assert Note.objects.get().edited_at is None
    assert not AuditEntry.objects.filter(action="note.updated").exists()


def test_only_its_author_changes_a_note_and_admins_may_delete_it(
    client: Client, organization: Organization, customer: Customer
) -> None:
    author, manager = make_member(organization, "manager"), make_member(organization, "manager")
    by = Actor("user", "Author", author.user_id)
    note = add_note(customer, "Pays late", by=by, at=NOW)
    address = f"/notes/{note.public_id}"
    other = sign_in(client, manager)
    assert [other.post(f"{address}/{act}").status_code for act in ("edit", "delete")] == [403, 403]
    admin = sign_in(Client(), make_member(organization))
    assert admin.post(f"{address}/edit", {"text": "No"}).status_code == 403
    assert admin.post(f"{address}/delete").status_code == 302
    assert not Note.objects.kept().exists()
    assert other.post(f"{address}/restore").status_code == 403


def test_who_may(customer: Customer, organization: Organization) -> None:
    page = f"/customers/{customer.public_id}"
    assert statuses(organization, f"{page}/notes/add") == EDITORS
    assert statuses(organization, f"{page}/payments") == READERS
    assert statuses(organization, f"{page}/credit-notes") == READERS


def test_payments_and_credit_notes_of_a_customer(client: Client) -> None:
    world = make_world("one")
    payment, note = world.objects["payments"], world.objects["credit-notes"]
    staff = sign_in(client, world.admin)
    page = f"/customers/{payment.customer.public_id}"
    payments = text(staff.get(f"{page}/payments"))
    assert payment.invoice.number in payments and f"/payments/{payment.public_id}/refund" in payments
    credits = text(staff.get(f"{page}/credit-notes", headers=htmx("credit-note-table")))
    assert credits.strip().startswith('<div id="credit-note-table"') and note.number in credits


def test_a_credit_note_is_voided_from_the_tab_while_nothing_of_it_is_used(client: Client) -> None:
    note = (world := make_world("one")).objects["credit-notes"]
    staff = sign_in(client, world.admin)
    page, void = (
        f"/customers/{note.customer.public_id}/credit-notes",
        reverse("credit-note-void", args=[note]),
    )
    whole = note.total_minor
    for refund, balance, offered in ((0, whole - 1, False), (10, whole - 10, False), (0, whole, True)):
        CreditNote.objects.filter(pk=note.pk).update(refund_minor=refund, balance_minor=balance)
        assert (void in text(staff.get(page))) is offered, (refund, balance)
    looker = sign_in(Client(), make_member(world.organization, "support"))
    assert void not in text(looker.get(page))
    staff.post(void, {"confirm": "on"})
    note.refresh_from_db()
    assert (note.status, void in text(staff.get(page))) == ("voided", False)


def test_empty_tabs_say_what_comes_there(staff: Client, customer: Customer) -> None:
    page = f"/customers/{customer.public_id}"
    assert "No payments yet" in text(staff.get(f"{page}/payments"))
    assert "No credit notes yet" in text(staff.get(f"{page}/credit-notes"))


def test_an_address_opens_an_entry_of_the_menu(staff: Client, customer: Customer) -> None:
    page = f"/customers/{customer.public_id}"
    opened = f'hx-get="{page}/assign" hx-trigger="load" hx-target="#drawer"'
    assert opened in text(staff.get(f"{page}?act=assign"))
    plain = text(staff.get(f"{page}?act=anything"))
    assert 'hx-trigger="load" hx-target="#drawer"' not in plain
    assert "Issue credit note" not in plain and "Open customer portal" in plain


def found(staff: Client, customer: Customer) -> str:
    """What the palette finds for "issue credit note acme"."""
    asked = {"q": f"issue credit note {customer.display_name}"}
    return text(staff.get(reverse("palette"), asked, headers=htmx("palette-list")))


def test_a_credit_note_is_offered_when_an_invoice_can_be_credited(staff: Client, customer: Customer) -> None:
    """On the page, in the palette, and in the empty tab."""
    page, words = f"/customers/{customer.public_id}", "Issue credit note"
    item = f"{page}/credit-notes/add"
    create_one_off(customer, [Item("Work", Decimal(100))], by=ACTOR, at=NOW)
    assert words not in text(staff.get(page)) and item not in found(staff, customer)
    create_one_off(customer, [Item("Work", Decimal(100))], finalize=True, by=ACTOR, at=NOW)
    assert words in text(staff.get(page)) and item in found(staff, customer)
    assert words in text(staff.get(f"{page}/credit-notes"))


def test_the_text_of_a_note_has_an_author(customer: Customer) -> None:
    note = add_note(customer, "Pays late", by=ACTOR, at=NOW)
    assert note.author_label == ACTOR.label and str(note) == "Pays late"


def test_settings_are_inherited_until_they_are_the_customers_own(staff: Client, customer: Customer) -> None:
    page = f"/customers/{customer.public_id}/settings"
    assert "Inherited" in text(staff.get(page)) and "This customer" not in text(staff.get(page))
    filled = {"locale": "de", "net_payment_term_days": "45", "email_invoices": "yes", "usage_annex": "no"}
    assert staff.post(f"{page}/edit", filled).status_code == 302
    customer.refresh_from_db()
    assert (customer.locale, customer.net_payment_term_days, customer.email_invoices) == ("de", 45, True)
    assert customer.grace_period_days is None and customer.zero_amount_invoices is None
    assert customer.usage_annex is False
    shown = text(staff.get(page))
    assert "German" in shown and "45 days" in shown and "This customer" in shown
    staff.post(f"{page}/edit", {})
    customer.refresh_from_db()
    assert (customer.locale, customer.net_payment_term_days, customer.email_invoices) == ("", None, None)


def test_settings_out_of_range_are_refused_with_what_was_typed(staff: Client, customer: Customer) -> None:
    edit = f"/customers/{customer.public_id}/settings/edit"
    answer = staff.post(edit, {"net_payment_term_days": "999"}, headers=htmx("drawer"))
    assert answer.status_code == 422 and "999" in text(answer) and "<title>" not in text(answer)
    assert statuses(customer.organization, edit) == EDITORS
