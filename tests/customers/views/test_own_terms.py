"""Own terms on a subscription's page: shown, agreed on with a preview, given up; for others 404. By hand."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client

from billing.actions.charge_terms import FilterTerms
from billing.actions.fixed_charges import FixedTerms
from billing.actions.plans import update_plan
from billing.models import Organization, PlanVersion, Subscription
from invoicing.models import Invoice
from tests.factories.catalog import charge, make_add_on, make_metric, make_tax
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.pages import htmx, queries, statuses, text
from tests.factories.people import ACTOR, make_member, make_organization, sign_in
from tests.factories.usage import use

pytestmark = pytest.mark.django_db
EDITORS = {"admin": 200, "manager": 200, "finance": 403, "support": 403, "stranger": 404}
NOW = on(2026, 3, 10, 9)


@pytest.fixture
def organization() -> Organization:
    organization = make_organization(sandbox=True)
    organization.clock_at = NOW
    organization.save()
    return organization


@pytest.fixture
def row(organization: Organization) -> Subscription:
    """31.00 a month in arrears, 5 seats at 2.00, calls at 1.00 and in Europe at 3.00; 10 calls so far, none there."""
    metric = make_metric(
        organization, "calls", "sum", filters=[{"key": "region", "values": ["eu", "us"]}], name="Calls"
    )
    calls = charge(
        metric, properties={"amount": "1"}, filters=[FilterTerms({"region": ["eu"]}, {"amount": "3"})]
    )
    seats = FixedTerms(make_add_on(organization, "seat"), properties={"amount": "2"}, units=Decimal(5))
    plan = make_plan(organization, 3100, calls, fixed_charges=[seats], name="Team")
    found = subscribe(billed_customer(organization), plan, on(2026, 3, 1), external_id="team-1")
    use(found, metric, 10, at=on(2026, 3, 5))
    return found


@pytest.fixture
def staff(client: Client, organization: Organization) -> Client:
    return sign_in(client, make_member(organization))


def typed(row: Subscription, **changed: str) -> dict[str, str]:
    """The fields as they stand, with what is changed: amount, commitment, calls, europe, seats, follow."""
    own, call, seat = (
        f"own-{row.plan_id.hex}-EUR",
        f"charge-{row.plan.charges.get().pk.hex}",
        f"fixed-{row.plan.fixed_charges.get().pk.hex}-amount",
    )
    usual = {"amount": "31.00", "commitment": "", "calls": "1", "europe": "3", "seats": "2", "follow": "now"}
    given = usual | changed
    return {
        f"{own}-shown": "yes",
        f"{own}-amount": given["amount"],
        f"{own}-commitment": given["commitment"],
        f"{own}-invoice_display_name": given.get("name", ""),
        f"{call}-amount": given["calls"],
        f"{call}-filter-0-amount": given["europe"],
        seat: given["seats"],
        "follow": given["follow"],
    }


def test_who_may(organization: Organization, row: Subscription, staff: Client) -> None:
    path = f"/subscriptions/{row.public_id}/terms"
    assert statuses(organization, path) == EDITORS
    assert staff.get(f"{path}/end", headers=htmx("drawer")).status_code == 409  # nothing to give up
    staff.post(path, typed(row, amount="20"))
    assert statuses(organization, f"{path}/end") == EDITORS


def test_agreed_on_shown_and_given_up(staff: Client, row: Subscription) -> None:
    """31 + 10 + 10 = 51.00 on 1 April; with 20.00, 0.50 a call and 1.00 a seat 20 + 5 + 5 = 30.00. The plan's 99.00
    changes nothing of it; given up, it is 99 + 10 + 10 = 119.00.
    """
    page = f"/subscriptions/{row.public_id}"
    assert "Give own terms" in text(staff.get(f"{page}/plan"))
    drawer = text(staff.get(f"{page}/terms", headers=htmx("drawer")))
    assert 'value="31.00"' in drawer and ">eu<" in drawer and "<title>" not in drawer
    mine = typed(row, amount="20", calls="0.5", seats="1", name="Deal")
    piece = text(staff.post(f"{page}/terms", mine | {"act": "look"}, headers=htmx("terms-effect")))
    assert "1 Apr 2026" in piece and "51.00" in piece and "30.00" in piece and "<form" not in piece
    assert not PlanVersion.objects.exists()

    answer = text(staff.post(f"{page}/terms", mine, follow=True))
    for words in (
        "It has terms of its own.",
        "Own terms",
        "Edit own terms",
        "31.00",
        "20.00",
        "0.50",
        "Deal",
    ):
        assert words in answer
    again = typed(row, amount="20.00", calls="0.5", seats="1", name="Deal")
    assert "Nothing has changed." in text(staff.post(f"{page}/terms", again, follow=True))
    update_plan(row.plan, {"amount_minor": 9900}, follow="now", by=ACTOR, at=NOW)
    assert "99.00" in text(staff.get(f"{page}/plan"))
    drawer = text(staff.get(f"{page}/terms/end", headers=htmx("drawer")))
    assert "30.00" in drawer and "119.00" in drawer
    later = text(staff.post(f"{page}/terms/end", {"follow": "renewal"}, follow=True))
    assert "It pays what Team says." in later
    assert "Its own terms count until" in later and "1 Apr 2026" in later
    row.refresh_from_db()
    assert (row.has_own_terms, row.amount_minor) == (False, 2000)
    trail = text(staff.get(f"{page}/activity"))
    for words in (
        "Standard: Price per unit €1.00. eu: Price per unit €3.00.",
        "Price per unit €0.50",
        "its own",
    ):
        assert words in trail


def test_what_makes_no_sense_stands_at_its_field(staff: Client, row: Subscription) -> None:
    path = f"/subscriptions/{row.public_id}/terms"
    for wrong, words in (
        ({"amount": ""}, "Use digits"),
        ({"amount": "-1"}, "Must not be negative"),
        ({"amount": "1.005"}, "two decimals"),
        ({"commitment": "x"}, "Use digits"),
        ({"calls": "x"}, "like 0.05"),
        ({"seats": "-2"}, "negative"),
    ):
        answer = staff.post(path, typed(row, **wrong))
        assert (answer.status_code, words in text(answer)) == (422, True), (wrong, text(answer))
        looked = staff.post(path, typed(row, **wrong) | {"act": "look"}, headers=htmx("terms-effect"))
        assert "no preview" in text(looked)
    assert not PlanVersion.objects.exists()


def test_taxes_and_the_queries_of_the_pages(
    staff: Client, organization: Organization, row: Subscription
) -> None:
    """Taxes are chosen in place of the plan's."""
    tax = make_tax(organization, "vat")
    path = f"/subscriptions/{row.public_id}"
    chosen = typed(row) | {f"own-{row.plan_id.hex}-EUR-taxes": str(tax.pk)}
    staff.post(f"{path}/terms", chosen)
    assert PlanVersion.objects.get().terms["plan"]["tax_codes"] == ["vat"]
    assert "vat" in text(staff.get(f"{path}/plan"))
    assert queries(staff, f"{path}/plan") <= 30
    assert queries(staff, f"{path}/terms") <= 24


def test_assigned_with_own_terms(staff: Client, organization: Organization) -> None:
    """24.80 a month in advance instead of 31.00, 3 seats at 4.00 instead of 1 at 5.00: 36.80 at once from the 10th on
    an anniversary. Unchanged prices are no own terms.
    """
    seats = FixedTerms(
        make_add_on(organization, "seat"), properties={"amount": "5"}, units=Decimal(1), pay_in_advance=True
    )
    plan = make_plan(organization, 3100, pay_in_advance=True, fixed_charges=[seats], name="Team")
    other = make_plan(organization, 9900, name="Other")
    customer = billed_customer(organization)
    path = f"/customers/{customer.public_id}/assign"
    assert "own-terms" in text(staff.get(path, headers=htmx("drawer")))
    chosen = {"plan": str(plan.pk), "billing_time": "anniversary"}
    fields = text(staff.post(path, chosen | {"act": "own"}, headers=htmx("own-terms")))
    assert (
        'value="31.00"' in fields
        and f"{plan.fixed_charges.get().pk.hex}-units" in fields
        and "<form" not in fields
    )
    own, seat = f"own-{plan.pk.hex}-EUR", f"fixed-{plan.fixed_charges.get().pk.hex}"
    usual = {f"{own}-shown": "yes", f"{own}-amount": "31.00", f"{seat}-amount": "5", f"{seat}-units": "1"}
    deal = chosen | usual | {f"{own}-amount": "24.80", f"{seat}-amount": "4", f"{seat}-units": "3"}
    bills = text(staff.post(path, deal | {"act": "look"}, headers=htmx("first-bills")))
    assert "36.80" in bills and not Subscription.objects.exists()
    wrong = deal | {f"{own}-amount": "x"}
    assert "no preview" in text(staff.post(path, wrong | {"act": "look"}, headers=htmx("first-bills")))
    assert staff.post(path, wrong).status_code == 422
    assert staff.post(path, deal).status_code == 302
    row = Subscription.objects.get()
    assert (row.has_own_terms, row.amount_minor, Invoice.objects.get().lines_minor) == (True, 2480, 3680)
    staff.post(path, chosen | usual)
    staff.post(path, deal | {"plan": str(other.pk)})  # what was typed for another plan is not taken over
    fees = Subscription.objects.exclude(pk=row.pk).order_by("pk").values_list("amount_minor", "price_version")
    assert list(fees) == [(3100, 1), (9900, 1)]
