"""What a customer's page offers about invoices: the tab, the one-off form, billing now."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Job, Organization
from customers.models import Customer
from invoicing.models import Invoice, Sequence
from tests.factories.catalog import charge, make_add_on, make_metric, make_tax
from tests.factories.customers import make_customer
from tests.factories.invoicing import default_tax, make_plan, subscribe
from tests.factories.people import make_member, make_organization, sign_in
from tests.factories.usage import use

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    organization = make_organization()
    default_tax(organization, name="VAT")
    return organization


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return make_customer(organization, name="Globex", currency="EUR", grace_period_days=3)


@pytest.fixture
def staff(client: Client, organization: Organization) -> Client:
    return sign_in(client, make_member(organization))


def typed(*rows: tuple[str, str, str], **fields: Any) -> dict[str, Any]:
    """What the one-off form sends for these rows (description, quantity, unit price)."""
    data: dict[str, Any] = {
        "items-TOTAL_FORMS": str(len(rows) + 1),
        "items-INITIAL_FORMS": "0",
        f"items-{len(rows)}-units": "1",
        "tax_mode": "default",
        "act": "draft",
    }
    for index, (description, quantity, price) in enumerate(rows):
        data[f"items-{index}-description"] = description
        data[f"items-{index}-units"] = quantity
        data[f"items-{index}-unit_amount"] = price
    return data | fields


def test_a_one_off_invoice_is_issued_from_what_was_typed(staff: Client, customer: Customer) -> None:
    data = typed(
        ("Set-up", "1", "100"),
        ("Hours", "2.5", "33.333"),
        act="finalize",
        due_on="2026-04-30",
        purchase_order="PO 7",
        notes="Thank you",
    )
    answer = staff.post(reverse("customer-one-off", args=[customer]), data)
    invoice = Invoice.objects.get()
    assert answer["Location"] == reverse("invoice", args=[invoice])
    # 100.00 + 83.33 (2.5 x 33.333 = 83.3325) = 183.33; 20 % of it = 36.67
    assert (invoice.status, invoice.lines_minor, invoice.taxes_minor) == ("finalized", 18333, 3667)
    assert (str(invoice.due_on), invoice.purchase_order, invoice.notes) == ("2026-04-30", "PO 7", "Thank you")


def test_sending_the_form_twice_makes_one_invoice(staff: Client, customer: Customer) -> None:
    url = reverse("customer-one-off", args=[customer])
    data = typed(("Set-up", "1", "100"), once=staff.get(url).context["form"]["once"].value())
    assert staff.post(url, data).status_code == 302
    assert staff.post(url, data).status_code == 302
    assert Invoice.objects.get().status == "draft"


@pytest.mark.parametrize(
    ("rows", "fields", "words"),
    [
        ([], {}, "Add at least one item."),
        ([("", "1", "5")], {}, "Say what is billed."),
        ([("A", "0", "5")], {}, "Must be more than 0."),
        ([("A", "1", "-5")], {}, "Must not be negative."),
        ([("A", "x", "5")], {}, "Enter a number."),
        ([("A", "NaN", "5")], {}, "Enter a number."),
        ([("A", "1", "")], {}, "Enter a price."),
        ([("A", "1", "9999999999999")], {}, "less than 1,000,000,000,000"),
        ([("A", "1", "0.0000000000000001")], {}, "Use at most 15 decimals."),
        ([("A" * 1001, "1", "5")], {}, "Use at most 1,000 characters."),
        ([("A", "1", "5")], {"tax_mode": "chosen"}, "Choose at least one"),
        ([("A", "1", "5")], {"due_on": "tomorrow"}, "Enter a valid date."),
        ([("A", "1", "5")], {"notes": "n" * 5001}, "at most 5000 characters"),
    ],
)
def test_faults_stand_where_they_are(
    staff: Client, customer: Customer, rows: list[tuple[str, str, str]], fields: dict[str, str], words: str
) -> None:
    answer = staff.post(reverse("customer-one-off", args=[customer]), typed(*rows, **fields))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Invoice.objects.exists()


def test_totals_are_computed_while_typing(
    staff: Client, customer: Customer, organization: Organization
) -> None:
    url = reverse("customer-one-off-totals", args=[customer])
    text = staff.post(url, typed(("Set-up", "2", "50"), ("Half", "", "3"))).content.decode()
    assert "€100.00" in text
    assert "€120.00" in text
    assert "1 item not complete yet" in text
    other = default_tax(organization, "7", name="Reduced")
    chosen = typed(("Set-up", "2", "50"), tax_mode="chosen", taxes=[str(other.pk)])
    assert "€107.00" in staff.post(url, chosen).content.decode()
    none = typed(("Set-up", "2", "50"), tax_mode="none")
    assert "€120.00" not in staff.post(url, none).content.decode()
    assert "while you type" in staff.post(url, typed()).content.decode()
    assert not Invoice.objects.exists()


def test_without_javascript_a_button_computes_the_totals(staff: Client, customer: Customer) -> None:
    page = staff.post(reverse("customer-one-off", args=[customer]), typed(("A", "1", "10"), act="totals"))
    assert page.status_code == 200
    assert "€12.00" in page.content.decode()
    assert not Invoice.objects.exists()


def test_another_organizations_tax_cannot_be_chosen(staff: Client, customer: Customer) -> None:
    foreign = default_tax(make_organization("Other"))
    data = typed(("A", "1", "5"), tax_mode="chosen", taxes=[str(foreign.pk)])
    assert staff.post(reverse("customer-one-off", args=[customer]), data).status_code == 422
    assert not Invoice.objects.exists()


def test_bill_now_states_what_it_will_do_and_does_it(
    staff: Client, customer: Customer, organization: Organization
) -> None:
    url = reverse("customer-bill-now", args=[customer])
    assert "Nothing to bill" in staff.get(url).content.decode()
    metric = make_metric(organization, aggregation="sum", name="Calls")
    plan = make_plan(organization, 3000, charge(metric))
    from billing.actions.clock import now

    at = now(organization)
    subscription = subscribe(customer, plan, at.replace(day=1, hour=0, minute=0, second=0, microsecond=0))
    use(subscription, metric, 50, at=subscription.started_at)
    jobs, numbers = Job.objects.count(), list(Sequence.objects.values_list("pk", "last"))
    text = staff.get(url).content.decode()
    assert "a draft to review" in text
    assert "€6.00" in text  # 50 x 0.10 and 20 % tax
    assert not Invoice.objects.exists()  # looking changes nothing
    assert (Job.objects.count(), list(Sequence.objects.values_list("pk", "last"))) == (jobs, numbers)
    answer = staff.post(url, {"once": "a" * 32})
    invoice = Invoice.objects.get()
    assert answer["Location"] == reverse("invoice", args=[invoice])
    assert (invoice.status, invoice.total_minor) == ("draft", 600)
    staff.post(url, {"once": "a" * 32})
    assert Invoice.objects.count() == 1


def test_the_tab_shows_balances_and_rows(
    staff: Client, customer: Customer, django_assert_max_num_queries: Any
) -> None:
    for act in ("draft", "finalize"):
        staff.post(reverse("customer-one-off", args=[customer]), typed(("A", "1", "10"), act=act))
    staff.get(reverse("customer", args=[customer]))  # the first look is remembered in the session
    with django_assert_max_num_queries(12):
        page = staff.get(reverse("customer-invoices", args=[customer]))
    (balance,) = page.context["balances"]
    assert (balance.outstanding_minor, balance.overdue_minor, balance.draft_minor) == (1200, 0, 1200)
    assert len(page.context["rows"]) == 2


@pytest.mark.parametrize("name", ["customer-invoices", "customer-one-off", "customer-bill-now"])
def test_strangers_find_nothing_and_support_may_only_look(
    client: Client, customer: Customer, organization: Organization, name: str
) -> None:
    stranger = sign_in(client, make_member(make_organization("Other")))
    assert stranger.get(reverse(name, args=[customer])).status_code == 404
    support = sign_in(Client(), make_member(organization, "support"))
    expected = 200 if name == "customer-invoices" else 403
    assert support.get(reverse(name, args=[customer])).status_code == expected


def test_an_add_on_is_picked_into_a_row(
    staff: Client, organization: Organization, customer: Customer
) -> None:
    setup = make_add_on(
        organization, "setup", invoice_display_name="Set-up fee", taxes=[make_tax(organization, rate="7")]
    )
    url = reverse("customer-one-off", args=[customer])
    assert f'<option value="{setup.pk.hex}">' in staff.get(url).content.decode()
    data = typed(("Hours", "2", "30"), act="pick", pick=setup.pk.hex)
    picked = staff.post(url, data, headers={"HX-Request": "true", "HX-Target": "one-off-items"})
    html = picked.content.decode()
    assert (picked.status_code, picked["HX-Trigger-After-Swap"]) == (200, "items-picked")
    assert html.lstrip().startswith('<section class="card" id="one-off-items"')
    for text in ('value="Set-up fee"', 'value="100.00"', f'value="{setup.pk.hex}"', 'value="Hours"'):
        assert text in html
    assert not Invoice.objects.exists()
    rows = typed(("Hours", "2", "30"), ("Set-up fee", "1", "100.00"))
    staff.post(url, rows | {"items-1-add_on": setup.pk.hex})
    lines = Invoice.objects.get().lines.order_by("position")
    assert [(line.add_on, line.tax_minor) for line in lines] == [(None, 1200), (setup, 700)]
    assert setup.name in staff.get(reverse("add-on", args=[setup.public_id])).content.decode()
