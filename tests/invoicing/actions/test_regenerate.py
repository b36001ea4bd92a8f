"""An invoice made again from a voided one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.actions.wallet_ending import terminate_wallet
from billing.models import AppliedCoupon, EmittedEvent, Organization, Subscription, UsageThreshold, Wallet
from billing.rules.errors import BillingError, Conflict, FieldErrors
from invoicing.actions import advance, usage_watch
from invoicing.actions.billing_run import run
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.regenerate import AS_IT_WAS, Remade, preview_regeneration, regenerate_invoice
from invoicing.actions.top_up import sell_credits
from invoicing.actions.void import void_invoice
from invoicing.models import CreditNote, Invoice, InvoicedPeriod, InvoiceLine
from invoicing.queries.copied_lines import copied, rows_of
from invoicing.queries.rates import Rates
from invoicing.rules.adjusting import Correction
from tests.factories.api import Api
from tests.factories.catalog import charge, make_metric, make_tax
from tests.factories.customers import make_customer
from tests.factories.invoicing import default_tax, give_coupon, make_plan, make_wallet, on, subscribe
from tests.factories.people import ACTOR, make_member, make_organization
from tests.factories.usage import use
from tests.invoicing.actions.test_line_edits import AT, drafted, line

pytestmark = pytest.mark.django_db
FIGURES = ("kind", "description", "units", "unit_amount", "amount_minor", "steps", "period_start", "group")


@pytest.fixture
def organization() -> Organization:
    organization = make_organization()
    default_tax(organization)
    return organization


def voided(organization: Organization) -> Invoice:
    """31.00 for the plan and 40.00 for 4 calls in January, less a coupon of 10 %, withdrawn."""
    draft = drafted(organization)
    give_coupon(draft.customer, AT, percentage=Decimal(10), frequency="once")
    return void_invoice(finalize_invoice(draft, by=ACTOR, at=AT), by=ACTOR, at=AT)


def test_as_it_was_it_asks_for_the_same(organization: Organization) -> None:
    old = voided(organization)
    periods = InvoicedPeriod.objects.count()
    made = regenerate_invoice(old, by=ACTOR, at=AT)
    assert (made.status, made.total_minor, made.voided_invoice) == ("finalized", old.total_minor, old)
    assert made.number != old.number and made.coupons_minor == old.coupons_minor == 710
    assert list(made.lines.values_list(*FIGURES)) == list(old.lines.values_list(*FIGURES))
    assert AppliedCoupon.objects.get().status == "terminated"
    assert InvoicedPeriod.objects.count() == periods
    run(AT)
    assert Invoice.objects.count() == 2
    assert EmittedEvent.objects.filter(name="invoice.regenerated").count() == 1
    with pytest.raises(Conflict) as refused:
        regenerate_invoice(old, by=ACTOR, at=AT)
    assert refused.value.code == "not_regenerable" and Invoice.objects.count() == 2


def test_lines_change_go_and_come(organization: Organization) -> None:
    """6 calls by their charge, the fee left out, 5.00 for work: (60 + 5) less 10 %, and 20 % tax: 70.20."""
    old = voided(organization)
    wanted = Remade({line(old).pk: Correction(Decimal(6), name="Calls")}, [Item("Work", Decimal(5))])
    seen = preview_regeneration(old, wanted, by=ACTOR, at=AT)
    assert Invoice.objects.count() == 1 and [minor for *_, minor in seen.deductions] == [650]
    made = regenerate_invoice(old, wanted, by=ACTOR, at=AT)
    assert made.total_minor == seen.invoice.total_minor == 7020
    assert [row.amount_minor for row in made.lines.order_by("position")] == seen.amounts == [6000, 500]
    changed = made.lines.get(kind="charge")
    assert (changed.description, changed.edited["amount_minor"]) == ("Calls", 4000)
    again = regenerate_invoice(void_invoice(made, by=ACTOR, at=AT), by=ACTOR, at=AT)
    assert again.total_minor == 7020


def test_taxes_and_credits_are_those_of_today(organization: Organization) -> None:
    old = voided(organization)
    old.customer.taxes.set([make_tax(organization, code="ten", rate="10")])
    make_wallet(old.customer, "5", AT)
    made = regenerate_invoice(old, by=ACTOR, at=AT)
    assert (made.taxes_minor, made.wallet_credits_minor, made.total_minor) == (639, 500, 6390 + 639 - 500)


def test_one_off_invoices_keep_the_taxes_that_were_chosen(organization: Organization) -> None:
    customer = make_customer(organization, currency="EUR")
    items = [Item("Work", Decimal(10), Decimal(2))]
    make = lambda taxes: create_one_off(customer, items, taxes=taxes, finalize=True, by=ACTOR, at=AT)  # noqa: E731
    for taxes, total in ((None, 2400), ([], 2000)):
        old = void_invoice(make(taxes), by=ACTOR, at=AT)
        assert regenerate_invoice(old, by=ACTOR, at=AT).total_minor == old.total_minor == total


def test_many_items_ask_for_their_taxes_once(organization: Organization) -> None:
    customer = make_customer(organization, currency="EUR")
    items = [Item("Work", Decimal(10))] * 9
    old = create_one_off(customer, items, by=ACTOR, at=AT)
    rows, rates = rows_of(old), Rates(organization.pk)
    with CaptureQueriesContext(connection) as found:
        lines = [copied(row, rates) for row in rows]
    assert [tax.rate for line in lines for tax in line.facts.taxes] == [20] * 9
    assert len(found) < 9


def test_sold_credits_are_sold_again(organization: Organization) -> None:
    customer = make_customer(organization, currency="EUR")
    wallet = make_wallet(customer, "5", AT)
    old = void_invoice(sell_credits(wallet, Decimal(20), by=ACTOR, at=AT), by=ACTOR, at=AT)
    with pytest.raises(BillingError):
        regenerate_invoice(old, Remade(items=[Item("Work", Decimal(5))]), by=ACTOR, at=AT)
    made = regenerate_invoice(old, by=ACTOR, at=AT)
    assert (made.type, made.total_minor, made.voided_invoice) == ("credit", 2000, old)
    void_invoice(made, by=ACTOR, at=AT)
    terminate_wallet(Wallet.objects.get(pk=wallet.pk), by=ACTOR, at=AT)
    made.refresh_from_db()
    with pytest.raises(Conflict):
        regenerate_invoice(made, by=ACTOR, at=AT)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda old: Invoice.objects.filter(pk=old.pk).update(type="progressive_billing"), "period"),
        (lambda old: type(old.customer).objects.update(deleting_at=AT), "deleted"),
        (
            lambda old: Invoice.objects.filter(pk=old.pk).update(status="closed", voided_at=None, number=""),
            "oid it",
        ),
    ],
)
def test_refused_with_a_reason(
    organization: Organization, spoil: Callable[[Invoice], Any], says: str
) -> None:
    old = voided(organization)
    spoil(old)
    with pytest.raises(Conflict) as refused:
        regenerate_invoice(Invoice.objects.get(pk=old.pk), by=ACTOR, at=AT)
    assert says in str(refused.value) and Invoice.objects.count() == 1


def test_nonsense_is_named(organization: Organization) -> None:
    old = voided(organization)
    row = line(old)
    for wanted, field in (
        (Remade({row.pk: Correction(Decimal(-1))}), f"lines[{row.public_id}].units"),
        (Remade({row.pk: AS_IT_WAS}, [Item("", Decimal(5))]), "items[0].description"),
        (Remade({}), "lines"),
    ):
        with pytest.raises(BillingError) as refused:
            regenerate_invoice(old, wanted, by=ACTOR, at=AT)
        error = refused.value
        named = [name for name, _ in error.errors] if isinstance(error, FieldErrors) else [error.field]
        assert named == [field]
    assert Invoice.objects.count() == 1


def test_its_debt_makes_its_subscription_past_due(organization: Organization) -> None:
    old = voided(organization)
    regenerate_invoice(old, by=ACTOR, at=AT)
    Invoice.objects.filter(voided_invoice=old).update(due_on=AT.date())
    run(AT.replace(month=4))
    assert Subscription.objects.get().status == "past_due"


def test_what_was_billed_ahead_gives_nothing_of_a_threshold_back(organization: Organization) -> None:
    """Seats of February are billed when it begins; what a threshold bills within it is another matter."""
    calls, seats = (
        make_metric(organization, code=code, recurring=code == "seats") for code in ("calls", "seats")
    )
    terms = [charge(calls), charge(seats, properties={"amount": "5"}, pay_in_advance=True)]
    plan = make_plan(organization, 3100, *terms)
    UsageThreshold.objects.create(organization=organization, plan=plan, amount_minor=10000)
    customer = make_customer(organization, currency="EUR", grace_period_days=0)
    subscription = subscribe(customer, plan, on(2026, 1, 1))
    use(subscription, seats, 3, at=on(2026, 1, 5))
    advance.run(at=on(2026, 1, 5))
    run(AT)
    use(subscription, calls, 2000, at=on(2026, 2, 5))
    usage_watch.run(at=on(2026, 2, 5))
    assert Invoice.objects.filter(type="progressive_billing", lines_minor=20000).count() == 1
    old = void_invoice(Invoice.objects.get(type="subscription"), by=ACTOR, at=on(2026, 2, 6))
    assert old.lines.get(charge__metric=seats).amount_minor == 1500
    made = regenerate_invoice(old, by=ACTOR, at=on(2026, 2, 6))
    assert (made.total_minor, CreditNote.objects.count()) == (old.total_minor, 0)


def test_many_lines_are_not_too_many_fields(organization: Organization) -> None:
    staff = Client()
    staff.force_login(make_member(organization, "manager").user)
    url = reverse("invoice-regenerate", args=[voided(organization)])
    assert staff.post(url, {f"name-{at}": "x" for at in range(1200)}).status_code == 422


def test_pages_and_api(organization: Organization) -> None:
    old = voided(organization)
    staff = Client()
    staff.force_login(make_member(organization, "manager").user)
    url = reverse("invoice-regenerate", args=[old])
    page = staff.get(url)
    assert page.context["preview"].invoice.total_minor == old.total_minor
    form, items = page.context["form"], page.context["items"].management_form
    data = {name: form[name].value() for name in form.fields} | {
        f"items-{name}": items[name].value() for name in items.fields
    }
    data |= {row[name].html_name: row[name].value() for row in page.context["items"] for name in row.fields}
    data = {name: "on" if value is True else value for name, value in data.items() if value is not None}
    key = line(old).pk.hex
    more = data | {f"units-{key}": "5"}
    shown = staff.post(url, more, headers={"HX-Request": "true", "HX-Target": "regenerate-preview"})
    assert "€81.00" in shown.content.decode() and Invoice.objects.count() == 1
    assert staff.post(url, data | {f"units-{key}": "x"}).status_code == 422
    for _ in range(2):
        assert staff.post(url, more).status_code == 302
    made = Invoice.objects.get(voided_invoice=old)
    assert made.lines_minor == 8100
    assert made.number in staff.get(reverse("invoice", args=[old])).content.decode()
    assert old.number in staff.get(reverse("invoice", args=[made])).content.decode()
    assert "made again already" in staff.get(url).content.decode()
    api = Api(organization)
    assert api.post(f"/invoices/{old.public_id}/regenerate")[1]["error"]["code"] == "not_regenerable"
    void_invoice(made, by=ACTOR, at=AT)
    body = {
        "lines": [{"id": line(made).public_id, "units": 2}],
        "items": [{"description": "Work", "amount": 1}],
    }
    status, answer = api.post(f"/invoices/{made.public_id}/regenerate", body)
    assert (status, [row["amount"] for row in answer["data"]["lines"]]) == (201, [20, 1])
    assert answer["data"]["voidedInvoiceId"] == made.public_id
    assert Api(make_organization()).post(f"/invoices/{made.public_id}/regenerate")[0] == 404


def test_the_void_dialog_leads_on(organization: Organization) -> None:
    final = finalize_invoice(drafted(organization), by=ACTOR, at=AT)
    staff = Client()
    staff.force_login(make_member(organization, "manager").user)
    answer = staff.post(reverse("invoice-void", args=[final]), {"again": "on"})
    assert answer.url == reverse("invoice-regenerate", args=[final])


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_make_one() -> None:
    old = voided(make_organization())

    def attempt(_: int) -> str:
        try:
            return regenerate_invoice(Invoice.objects.get(pk=old.pk), by=ACTOR, at=AT).number
        except Conflict as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        found = sorted(pool.map(attempt, range(2)))
    assert (
        found[1] == "not_regenerable" and InvoiceLine.objects.filter(invoice__voided_invoice=old).count() == 2
    )
