"""Lines of a draft changed by hand: corrected, put back, added, removed; and what follows from it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from billing.actions.usage import ingest
from billing.models import AuditEntry, Organization, Subscription, Tax
from billing.rules.errors import BillingError, Conflict, Invalid, NotFound
from invoicing.actions.billing_run import run
from invoicing.actions.draft import refresh_draft
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.line_edits import add_item, add_usage, correct_line, reset_line, version_of
from invoicing.actions.line_plans import preview_addition, preview_correction
from invoicing.actions.one_off import Item, create_one_off
from invoicing.models import Invoice, InvoiceLine, LineEdit
from invoicing.queries.draft_lines import offers
from invoicing.queries.preview import final_totals
from invoicing.rules.adjusting import Correction
from tests.factories.catalog import charge, make_add_on, make_metric, make_tax
from tests.factories.customers import make_customer
from tests.factories.invoicing import default_tax, give_coupon, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import event

pytestmark = pytest.mark.django_db
AT = on(2026, 2, 1)
PACKAGES = {"amount": "5", "packageSize": 10, "freeUnits": 0}


@pytest.fixture
def organization() -> Organization:
    organization = make_organization()
    default_tax(organization)
    return organization


def drafted(organization: Organization, *charges: Any, used: int = 4, **plan: Any) -> Invoice:
    """The draft of January: 31.00 for the plan and 4 calls; ten days of grace."""
    customer = make_customer(organization, currency="EUR", grace_period_days=10)
    metric = charges[0].metric if charges else make_metric(organization, aggregation="sum")
    rows = charges or (charge(metric, "standard", {"amount": "10"}),)
    subscription = subscribe(customer, make_plan(organization, 3100, *rows, **plan), on(2026, 1, 1))
    if used:
        ingest(organization, [event(subscription, metric, used, at=on(2026, 1, 5))], at=on(2026, 1, 5))
    run(AT)
    invoice: Invoice = Invoice.objects.get(customer=customer)
    return invoice


def line(invoice: Invoice, kind: str = "charge") -> InvoiceLine:
    return InvoiceLine.objects.select_related("invoice").get(invoice=invoice, kind=kind)


def rows(invoice: Invoice) -> list[tuple[Any, ...]]:
    """Everything that lines say."""
    return list(
        invoice.lines.values_list(
            "pk", "description", "units", "unit_amount", "amount_minor", "tax_minor", "steps", "edited"
        )
    )


@pytest.mark.parametrize(
    ("model", "properties", "wanted", "minor"),
    [
        ("standard", {"amount": "10"}, Correction(Decimal(3)), 3000),
        ("standard", {"amount": "10"}, Correction(Decimal(3), Decimal(150)), 45000),
        ("standard", {"amount": "10"}, Correction(Decimal(0)), 0),
        ("standard", {"amount": "10"}, Correction(name="Calls of Lagos"), 4000),
        ("package", PACKAGES, Correction(Decimal(11)), 1000),
        ("percentage", {"rate": "10"}, Correction(Decimal(3), Decimal("0.005")), 2),
    ],
)
def test_a_corrected_line_and_what_follows(
    organization: Organization, model: str, properties: Any, wanted: Correction, minor: int
) -> None:
    """31.00 of the fee and the line as corrected, with 20 % tax."""
    metric = make_metric(organization, aggregation="sum")
    invoice = drafted(organization, charge(metric, model, properties))
    was = line(invoice)
    seen = preview_correction(invoice, was, wanted)
    correct_line(invoice, was.pk, wanted, by=ACTOR, at=AT)
    invoice.refresh_from_db()
    now = line(invoice)
    total = (3100 + minor) + (3100 + minor + 2) // 5
    assert (now.amount_minor, invoice.total_minor) == (minor, total)
    assert (seen.after.totals.total_with_tax_minor, seen.before.totals.lines_minor) == (
        total,
        3100 + was.amount_minor,
    )
    assert now.pk == was.pk and now.events_count == 1
    assert now.edited["amount_minor"] == was.amount_minor
    assert now.description == (wanted.name or was.description)
    entry = AuditEntry.objects.get(action="invoice.line_edited")
    assert (entry.subject_id, entry.changes["line"][1]) == (invoice.pk, now.description)


def test_it_survives_refresh_and_usage_and_is_frozen(organization: Organization) -> None:
    invoice = drafted(organization)
    correct_line(invoice, line(invoice).pk, Correction(Decimal(3), Decimal(150)), by=ACTOR, at=AT)
    subscription = Subscription.objects.get()
    late = event(subscription, line(invoice).charge.metric, 6, at=on(2026, 1, 9), id="late")
    ingest(organization, [late], at=AT)
    refresh_draft(invoice, by=ACTOR, at=AT)
    edited = line(invoice)
    assert (edited.amount_minor, edited.edited["amount_minor"], edited.events_count) == (45000, 10000, 2)
    totals = final_totals(Invoice.objects.get(), AT)
    assert totals is not None and totals.total_minor == 57720
    run(on(2026, 2, 12))
    final = Invoice.objects.get()
    assert (final.status, final.total_minor) == ("finalized", 57720)
    assert line(final).edited["amount_minor"] == 10000
    for act in (
        lambda: correct_line(final, line(final).pk, Correction(Decimal(1)), by=ACTOR, at=AT),
        lambda: reset_line(final, line(final).pk, by=ACTOR, at=AT),
        lambda: add_item(final, Item("Work", Decimal(1)), by=ACTOR, at=AT),
    ):
        with pytest.raises(Invalid) as refused:
            act()
        assert refused.value.code == "invoice_not_draft"


def test_reset_is_as_if_nobody_had(organization: Organization) -> None:
    invoice = drafted(organization)
    give_coupon(invoice.customer, AT, percentage=Decimal(10))
    refresh_draft(invoice, by=ACTOR, at=AT)
    before = rows(invoice)
    for kind in ("charge", "subscription"):
        wanted = Correction(Decimal(7), Decimal("1.234567"), "Other")
        correct_line(invoice, line(invoice, kind).pk, wanted, by=ACTOR, at=AT)
    assert len(rows(invoice)) == len(before) != 0 and rows(invoice) != before
    for kind in ("subscription", "charge"):
        reset_line(invoice, line(invoice, kind).pk, by=ACTOR, at=AT)
    assert rows(invoice) == before
    fresh = Invoice.objects.get()
    assert not fresh.lines_edited and not LineEdit.objects.exists()
    reset_line(invoice, line(invoice).pk, by=ACTOR, at=AT)
    assert AuditEntry.objects.filter(action="invoice.line_reset").count() == 2


def test_minimums_follow_a_correction(organization: Organization) -> None:
    """A minimum spend of 60.00 and a commitment of 200.00: 4 calls leave 20.00 and 109.00 open, 7 calls nothing of
    the spend and 99.00.
    """
    metric = make_metric(organization, aggregation="sum")
    terms = charge(metric, "standard", {"amount": "10"}, min_amount_minor=6000)
    invoice = drafted(organization, terms, commitment_minor=20000)
    assert (line(invoice, "true_up").amount_minor, line(invoice, "commitment").amount_minor) == (2000, 10900)
    correct_line(invoice, line(invoice).pk, Correction(Decimal(7)), by=ACTOR, at=AT)
    assert not invoice.lines.filter(kind="true_up").exists()
    assert line(invoice, "commitment").amount_minor == 9900
    with pytest.raises(Invalid) as refused:
        correct_line(invoice, line(invoice, "commitment").pk, Correction(Decimal(2)), by=ACTOR, at=AT)
    assert refused.value.field == "unitAmount"
    waived = Correction(Decimal(1), Decimal(0))
    correct_line(invoice, line(invoice, "commitment").pk, waived, by=ACTOR, at=AT)
    assert Invoice.objects.get().lines_minor == 3100 + 7000


def test_a_charge_without_usage_can_be_added(organization: Organization) -> None:
    invoice = drafted(organization, used=0)
    (offer,) = offers(invoice)
    seen = preview_addition(invoice, offer, Correction(Decimal(3)), None)
    add_usage(invoice, offer.key, Correction(Decimal(3)), by=ACTOR, at=AT)
    added = line(invoice)
    assert (added.amount_minor, added.edited["added"], added.charge) == (3000, True, offer.charge)
    assert seen.line_before is None and seen.after.totals.total_with_tax_minor == 7320
    assert offers(invoice) == []
    with pytest.raises(Conflict):
        add_usage(invoice, offer.key, Correction(Decimal(3)), by=ACTOR, at=AT)
    subscription = Subscription.objects.get()
    ingest(organization, [event(subscription, offer.charge.metric, 6, at=on(2026, 1, 9))], at=AT)
    refresh_draft(invoice, by=ACTOR, at=AT)
    kept = line(invoice)
    assert (kept.pk, kept.amount_minor, kept.edited["amount_minor"]) == (added.pk, 3000, 6000)
    reset_line(invoice, kept.pk, by=ACTOR, at=AT)
    assert line(invoice).amount_minor == 6000


def test_items_are_added_with_their_taxes(organization: Organization) -> None:
    """31.00 + 40.00 with 20 %, an add-on of 50.00 with its 5 %, work of 2 x 10.00 without tax."""
    invoice = drafted(organization)
    add_on = make_add_on(organization, "setup", taxes=[make_tax(organization, code="five", rate="5")])
    key = LineEdit._meta.pk.default()
    for _ in range(2):  # sent again it adds nothing
        add_item(invoice, Item("Set-up", Decimal(50), Decimal(1), add_on), key=key, by=ACTOR, at=AT)
    add_item(invoice, Item("Work", Decimal(10), Decimal(2)), [], by=ACTOR, at=AT)
    fresh = Invoice.objects.get()
    assert (fresh.lines_minor, fresh.taxes_minor) == (3100 + 4000 + 5000 + 2000, 1420 + 250)
    refresh_draft(invoice, by=ACTOR, at=AT)
    work = invoice.lines.get(description="Work")
    correct_line(invoice, work.pk, Correction(Decimal(3), name="More work"), by=ACTOR, at=AT)
    work = invoice.lines.get(description="More work")
    assert (work.amount_minor, work.tax_minor, work.edited) == (3000, 0, {"added": True})
    reset_line(invoice, work.pk, by=ACTOR, at=AT)
    assert Invoice.objects.get().lines_minor == 3100 + 4000 + 5000
    assert finalize_invoice(invoice, by=ACTOR, at=AT).total_minor == 12100 + 1420 + 250


def test_lines_of_a_one_off_draft_are_typed_anew(organization: Organization) -> None:
    customer = make_customer(organization, currency="EUR")
    items = [Item("Work", Decimal(10), Decimal(2)), Item("Travel", Decimal(5))]
    invoice = create_one_off(customer, items, by=ACTOR, at=AT)
    work = invoice.lines.get(description="Work")
    correct_line(invoice, work.pk, Correction(name="Works"), by=ACTOR, at=AT)
    correct_line(invoice, work.pk, Correction(Decimal(3)), by=ACTOR, at=AT)
    works = invoice.lines.get(pk=work.pk)
    assert (works.description, works.amount_minor, works.tax_minor) == ("Works", 3000, 600)
    add_item(invoice, Item("Hotel", Decimal(100)), [], by=ACTOR, at=AT)
    reset_line(invoice, invoice.lines.get(description="Travel").pk, by=ACTOR, at=AT)
    final = finalize_invoice(invoice, by=ACTOR, at=AT)
    assert (final.lines_minor, final.taxes_minor) == (13000, 600)


def test_lines_of_a_one_off_draft_keep_the_rate_that_they_were_typed_at(organization: Organization) -> None:
    """Work at 20 %, then the tax is 10 % and then called otherwise: each line has its own rate, each rate one row."""
    customer = make_customer(organization, currency="EUR")
    invoice = create_one_off(customer, [Item("Work", Decimal(10))], by=ACTOR, at=AT)
    Tax.objects.update(rate=10)
    add_item(invoice, Item("Hotel", Decimal(100)), by=ACTOR, at=AT)
    Tax.objects.update(name="Lower")
    type(customer).objects.update(currency="USD")  # the draft stays in its own
    add_item(invoice, Item("Taxi", Decimal(10)), by=ACTOR, at=AT)
    correct_line(invoice, invoice.lines.get(description="Work").pk, Correction(Decimal(2)), by=ACTOR, at=AT)
    assert list(invoice.lines.order_by("position").values_list("tax_minor", flat=True)) == [400, 1000, 100]
    assert sorted(invoice.tax_rows.values_list("rate", "amount_minor")) == [(10, 1100), (20, 400)]


def test_the_last_line_of_a_one_off_draft_stays(organization: Organization) -> None:
    customer = make_customer(organization, currency="EUR")
    invoice = create_one_off(customer, [Item("Work", Decimal(10))], by=ACTOR, at=AT)
    with pytest.raises(Conflict) as refused:
        reset_line(invoice, invoice.lines.get().pk, by=ACTOR, at=AT)
    assert refused.value.code == "last_line" and Invoice.objects.get().total_minor == 1200


def test_who_looked_before_somebody_else_changed_it_is_told(organization: Organization) -> None:
    invoice = drafted(organization)
    seen = version_of(line(invoice))
    correct_line(invoice, line(invoice).pk, Correction(Decimal(3)), seen=seen, by=ACTOR, at=AT)
    with pytest.raises(Conflict) as refused:
        correct_line(invoice, line(invoice).pk, Correction(Decimal(9)), seen=seen, by=ACTOR, at=AT)
    assert refused.value.code == "line_changed" and line(invoice).units == 3
    correct_line(
        invoice, line(invoice).pk, Correction(Decimal(9)), seen=version_of(line(invoice)), by=ACTOR, at=AT
    )
    assert line(invoice).units == 9


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (Correction(Decimal(-1)), "units"),
        (Correction(Decimal(10) ** 16), "units"),
        (
            Correction(Decimal(10) ** 15 - 1),
            "units",
        ),  # no unit price to look at: the charge's makes it too much
        (Correction(Decimal("NaN")), "units"),
        (Correction(Decimal(1), Decimal(10) ** 13), "unitAmount"),
        (Correction(Decimal(1), Decimal(-1)), "unitAmount"),
        (Correction(Decimal(1), Decimal("1e-16")), "unitAmount"),
        (Correction(), "units"),
        (Correction(name="x" * 1001), "name"),
    ],
)
def test_nonsense_is_named_and_changes_nothing(
    organization: Organization, wanted: Correction, field: str
) -> None:
    invoice = drafted(organization)
    before = rows(invoice)
    with pytest.raises(BillingError) as refused:
        correct_line(invoice, line(invoice).pk, wanted, by=ACTOR, at=AT)
    named = getattr(refused.value, "errors", None) or [(refused.value.field, "")]
    assert [name for name, _ in named] == [field]
    assert rows(invoice) == before and not LineEdit.objects.exists()


def test_a_line_that_is_gone_is_not_found(organization: Organization) -> None:
    invoice = drafted(organization)
    with pytest.raises(NotFound):
        correct_line(invoice, invoice.pk, Correction(Decimal(1)), by=ACTOR, at=AT)


@pytest.mark.django_db(transaction=True)
def test_an_edit_and_the_final_invoice_at_once_agree() -> None:
    """Either the line is corrected before it is frozen, or it is refused."""
    invoice = drafted(make_organization())
    key = line(invoice).pk

    def attempt(edit: bool) -> str:
        try:
            if edit:
                correct_line(invoice, key, Correction(Decimal(7)), by=ACTOR, at=AT)
            else:
                finalize_invoice(invoice, by=ACTOR, at=AT)
            return "done"
        except Invalid as refused:
            return refused.code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        edited, final = pool.map(attempt, (True, False))
    fresh = Invoice.objects.get()
    assert (final, fresh.status) == ("done", "finalized")
    assert (edited, line(fresh).amount_minor) in [("done", 7000), ("invoice_not_draft", 4000)]
    assert fresh.lines_minor == 3100 + line(fresh).amount_minor
