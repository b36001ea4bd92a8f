"""What a customer's type and VAT status do to its invoices: reverse charge, terms, prices with tax, notices."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from billing.actions.billing_entities import update_billing_entity
from billing.actions.usage import ingest
from billing.models import Organization, Tax
from customers.actions.classification import change_type
from customers.actions.customers import update_customer
from customers.actions.vat_override import clear_override, override
from customers.models import Customer
from invoicing.actions.billing_run import run
from invoicing.actions.crediting import CreditRequest, issue_credit_note
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.publish import publish_invoice
from invoicing.documents.pdf import render_pdf
from invoicing.models import Invoice
from invoicing.queries.document import credit_note_document, invoice_document
from invoicing.queries.preview import final_totals
from invoicing.queries.rates import Rates
from invoicing.rules.crediting import CreditReason
from tests.factories.catalog import charge, make_metric, make_tax
from tests.factories.customers import make_customer
from tests.factories.documents import pdf_text
from tests.factories.invoicing import default_tax, give_coupon, make_plan, on, set_entity, subscribe
from tests.factories.pages import text
from tests.factories.people import ACTOR, make_member, make_organization, sign_in
from tests.factories.usage import event

pytestmark = pytest.mark.django_db
AT = on(2026, 1, 10)


@pytest.fixture
def organization() -> Organization:
    """A German seller with 19 % VAT."""
    found = make_organization()
    set_entity(found, country="DE", tax_id="DE136695976", legal_name="Acme GmbH", grace_period_days=0)
    default_tax(found, rate="19", name="VAT", code="vat")
    return found


def french(organization: Organization, **fields: Any) -> Customer:
    """A French company whose number nobody has checked."""
    values = {
        "customer_type": "business",
        "country": "FR",
        "tax_id": "FR40303265045",
        "currency": "EUR",
        "name": "Globex SARL",
    }
    return make_customer(organization, **(values | fields))


def confirmed(organization: Organization, **fields: Any) -> Customer:
    """The same, confirmed by hand."""
    return override(french(organization, **fields), "Seen on paper", days=300, by=ACTOR, at=AT)


def one_off(customer: Customer, amount: str = "100", **options: Any) -> Invoice:
    """An issued invoice over one item."""
    given = {"finalize": True, "at": AT} | options
    return create_one_off(customer, [Item("Work", Decimal(amount))], by=ACTOR, **given)


def figures(invoice: Invoice) -> tuple[int, int, bool]:
    """(tax, total, reverse charge)."""
    invoice.refresh_from_db()
    return invoice.taxes_minor, invoice.total_minor, invoice.reverse_charge


def printed(invoice: Invoice) -> str:
    """The text of the PDF in one line of words."""
    return " ".join(pdf_text(render_pdf(invoice_document(invoice))).split())


def test_the_same_order_by_type_and_status(organization: Organization) -> None:
    assert figures(one_off(french(organization))) == (1900, 11900, False)
    assert figures(one_off(confirmed(organization))) == (0, 10000, True)
    assert figures(one_off(confirmed(organization, customer_type="consumer"))) == (1900, 11900, False)
    assert figures(one_off(confirmed(organization, country="DE"))) == (1900, 11900, False)
    assert figures(one_off(confirmed(organization, country="GB"))) == (1900, 11900, False)
    german = confirmed(organization, tax_id="DE123456788")
    assert figures(one_off(german)) == (1900, 11900, False), "the number is of the seller's own country"


def test_reverse_charge_stands_above_the_taxes_of_charge_plan_customer_and_hand(
    organization: Organization,
) -> None:
    own = make_tax(organization, rate="7")
    customer = confirmed(organization, taxes=[own])
    metric = make_metric(organization)
    plan = make_plan(organization, 3100, charge(metric, taxes=[own]), taxes=[own])
    subscription = subscribe(customer, plan, on(2026, 1, 1))
    ingest(organization, [event(subscription, metric, 10, at=on(2026, 1, 5), id="e")], at=AT)
    run(on(2026, 2, 1))
    invoice = Invoice.objects.get(type="subscription")
    assert (invoice.lines.count(), figures(invoice)) == (2, (0, 3200, True))
    assert {(row["code"], row["rate"]) for line in invoice.lines.all() for row in line.taxes} == {
        ("reverse_charge", "0")
    }
    [row] = invoice.tax_rows.all()
    assert (row.name, row.rate, row.base_minor, row.amount_minor) == ("Reverse charge", 0, 3200, 0)
    assert figures(one_off(customer, taxes=[own])) == (0, 10000, True)


def test_levels_of_taxes_end_at_the_billing_entity_and_the_organization(organization: Organization) -> None:
    customer = french(organization)
    codes = lambda: [tax.code for tax in Rates(organization.pk).of_customer(customer.pk)]  # noqa: E731
    assert codes() == ["vat"]
    entity = make_tax(organization, "entity_tax", rate="5")
    update_billing_entity(customer.billing_entity, {"taxes": [entity]}, by=ACTOR, at=AT)
    assert codes() == ["entity_tax"]
    update_customer(customer, {"taxes": [make_tax(organization, "own_tax")]}, by=ACTOR, at=AT)
    assert codes() == ["own_tax"]
    Tax.objects.filter(code="own_tax").update(deleted_at=AT)
    assert codes() == ["entity_tax"]


def test_the_law_is_named_in_the_documents_language_with_both_numbers(organization: Organization) -> None:
    invoice = one_off(confirmed(organization, locale="fr"))
    words = printed(invoice)
    assert "article 196 de la directive 2006/112/CE" in words and "Autoliquidation 0 %" in words
    assert "FR40303265045" in words and "DE136695976" in words
    page = text(sign_in(Client(), make_member(organization)).get(f"/invoices/{invoice.public_id}"))
    assert "Article 196 of Directive 2006/112/EC" in page
    assert "FR40303265045" in page and "DE136695976" in page
    taxed = printed(one_off(french(organization)))
    assert "2006/112" not in taxed


def test_drafts_follow_what_is_known_when_they_are_finalised(organization: Organization) -> None:
    customer = french(organization, grace_period_days=3)
    subscribe(customer, make_plan(organization, 10000), on(2026, 1, 1))
    run(on(2026, 2, 1))
    draft = Invoice.objects.get()
    hand = one_off(customer, finalize=False)
    assert figures(draft) == (1900, 11900, False) and figures(hand) == (1900, 11900, False)
    override(customer, "Seen", by=ACTOR, at=AT)
    for row, later in ((draft, on(2026, 2, 2)), (hand, on(2026, 2, 2))):
        totals = final_totals(row, later)
        assert totals is not None and totals.total_minor == 10000
        finalize_invoice(row, expected_total=10000, by=ACTOR, at=later)
        assert figures(row) == (0, 10000, True)
    back = one_off(customer, finalize=False)
    clear_override(customer, by=ACTOR, at=AT)
    finalize_invoice(back, by=ACTOR, at=AT)
    assert figures(back) == (1900, 11900, False)


def test_issued_invoices_stay_as_they_are_byte_for_byte(organization: Organization) -> None:
    customer = confirmed(organization)
    invoice = one_off(customer)
    publish_invoice(invoice.pk)
    invoice.refresh_from_db()
    before = Invoice.objects.filter(pk=invoice.pk).values().get(), invoice.pdf.read()
    again = render_pdf(invoice_document(invoice))
    clear_override(customer, by=ACTOR, at=AT)
    change_type(customer, "consumer", reason="A person after all", by=ACTOR, at=AT)
    set_entity(organization, consumer_notice="You may cancel.", consumer_payment_term_days=3, country="FR")
    fresh = Invoice.objects.get(pk=invoice.pk)
    assert (Invoice.objects.filter(pk=invoice.pk).values().get(), fresh.pdf.read()) == before
    assert render_pdf(invoice_document(fresh)) == again


@pytest.mark.parametrize(
    ("kind", "own", "consumers", "days"),
    [
        ("business", None, 7, 30),
        ("unknown", None, 7, 30),
        ("consumer", None, 7, 7),
        ("consumer", None, None, 30),
        ("consumer", None, 0, 0),
        ("consumer", 45, 7, 45),
        ("business", 45, 7, 45),
    ],
)
def test_terms_of_payment(
    organization: Organization, kind: str, own: int | None, consumers: int | None, days: int
) -> None:
    set_entity(organization, consumer_payment_term_days=consumers, net_payment_term_days=30)
    invoice = one_off(
        make_customer(organization, customer_type=kind, net_payment_term_days=own, currency="EUR")
    )
    assert invoice.due_on == invoice.issuing_on + timedelta(days=days)
    assert invoice.net_payment_term_days == days


def test_consumers_see_prices_with_tax_and_the_notice(organization: Organization) -> None:
    set_entity(organization, consumer_notice="You may cancel within 14 days.")
    person = make_customer(organization, customer_type="consumer", currency="EUR", grace_period_days=0)
    give_coupon(person, on(2026, 1, 1), percentage=Decimal(10))
    subscribe(person, make_plan(organization, 10000), on(2026, 1, 1))
    run(on(2026, 2, 1))
    invoice = Invoice.objects.get()
    assert (invoice.lines_minor, invoice.coupons_minor, invoice.taxes_minor) == (10000, 1000, 1710)
    document = invoice_document(invoice)
    [line] = [line for group in document.groups for line in group.lines]
    assert (line.amount_minor, line.unit_amount) == (11900, Decimal(119))
    assert (document.lines_minor, document.before_tax[0].amount_minor) == (11900, 1190)
    assert document.subtotal_minor == document.total_minor == 10710
    words = printed(invoice)
    assert "You may cancel within 14 days." in words and "Prices include tax." in words
    assert "including VAT 19 % on" in words and "119.00" in words and "17.10" in words
    page = text(sign_in(Client(), make_member(organization)).get(f"/invoices/{invoice.public_id}"))
    assert "€119.00" in page and "€11.90" in page and "including VAT" in page and "prices with tax" in page


def test_consumers_are_credited_prices_with_tax(organization: Organization) -> None:
    """333 and 5 of two lines: tax 63.27 + 0.95 = 64.22, so 64; items of 396 and 6, together 402."""
    set_entity(organization, consumer_notice="You may cancel within 14 days.")
    person = make_customer(organization, customer_type="consumer", currency="EUR")
    items = [Item("Work", Decimal(10)), Item("Travel", Decimal(5))]
    invoice = create_one_off(person, items, finalize=True, by=ACTOR, at=AT)
    first, second = invoice.lines.order_by("position")
    wanted = CreditRequest(items={str(first.pk): 333, str(second.pk): 5})
    note = issue_credit_note(invoice, wanted, reason=CreditReason.OTHER, key="k", by=ACTOR, at=AT)
    assert (note.net_minor, note.tax_minor, note.total_minor) == (338, 64, 402)
    change_type(person, "business", reason="Later", by=ACTOR, at=AT)  # the document is of its time
    document = credit_note_document(note)
    assert [line.amount_minor for line in document.groups[0].lines] == [396, 6]
    assert document.lines_minor == document.total_minor == 402
    words = " ".join(pdf_text(render_pdf(document)).split())
    assert "Work €3.96" in words and "Travel €0.06" in words and "including VAT 19 % on €3.38 €0.64" in words
    assert "Subtotal" not in words and "Prices include tax." in words and "You may cancel" not in words
    page = text(sign_in(Client(), make_member(organization)).get(f"/credit-notes/{note.public_id}"))
    for shown in ("Amount with tax", "€3.96", "€0.06", "€4.02", "including VAT", "prices with tax"):
        assert shown in page, shown
    assert "Subtotal" not in page


def test_others_are_credited_prices_without_tax(organization: Organization) -> None:
    invoice = one_off(french(organization))
    wanted = CreditRequest(total_minor=1190)
    note = issue_credit_note(invoice, wanted, reason=CreditReason.OTHER, key="k", by=ACTOR, at=AT)
    document = credit_note_document(note)
    assert (document.lines_minor, document.total_minor, document.with_tax) == (1000, 1190, False)
    page = text(sign_in(Client(), make_member(organization)).get(f"/credit-notes/{note.public_id}"))
    assert "Amount without tax" in page and "Subtotal" in page and "including" not in page


def test_businesses_see_prices_without_tax_and_no_notice(organization: Organization) -> None:
    set_entity(organization, consumer_notice="You may cancel within 14 days.")
    invoice = one_off(french(organization))
    words = printed(invoice)
    assert "You may cancel" not in words and "including" not in words
    assert invoice_document(invoice).lines_minor == 10000


@pytest.mark.parametrize(
    ("entity", "own", "made"), [(True, None, 1), (False, None, 0), (True, False, 0), (False, True, 1)]
)
def test_invoices_over_nothing(organization: Organization, entity: bool, own: bool | None, made: int) -> None:
    set_entity(organization, zero_amount_invoices=entity)
    metric = make_metric(organization)
    free = charge(metric, properties={"amount": "0"})
    customer = french(organization, zero_amount_invoices=own, grace_period_days=0)
    waiting = french(organization, zero_amount_invoices=own, grace_period_days=2)
    for row in (customer, waiting):
        subscription = subscribe(row, make_plan(organization, 0, free), on(2026, 1, 1))
        ingest(organization, [event(subscription, metric, 9, at=on(2026, 1, 5), id=str(row.pk))], at=AT)
    run(on(2026, 2, 1))
    run(on(2026, 2, 4))
    assert Invoice.objects.filter(status="finalized").count() == 2 * made
    assert Invoice.objects.filter(status="closed").count() == 2 - 2 * made
