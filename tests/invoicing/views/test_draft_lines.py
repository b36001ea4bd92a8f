"""The drawers of a draft's lines."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Organization
from invoicing.actions.draft import refresh_draft
from invoicing.models import Invoice, InvoiceLine
from tests.factories.catalog import make_add_on
from tests.factories.people import ACTOR, counter, make_member, make_organization
from tests.invoicing.actions.test_line_edits import AT, drafted, line

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization("Acme")


@pytest.fixture
def staff(organization: Organization) -> Client:
    return signed_in(organization, "manager")


def signed_in(organization: Organization, role: str) -> Client:
    client = Client()
    client.force_login(make_member(organization, role).user)
    return client


def token(name: str) -> str:
    """A form's token of this test alone."""
    return f"{name}-{next(counter)}" if name in "bcd" else f"{name}-{Invoice.objects.get().pk}"


def url_of(row: InvoiceLine) -> str:
    return reverse("invoice-line", args=[row.invoice, row])


def test_the_drawer_changes_shows_and_resets(organization: Organization, staff: Client) -> None:
    invoice = drafted(organization)
    row = line(invoice)
    page = staff.get(url_of(row))
    assert page.context["form"]["mode"].value() == "units"
    data = {"mode": "price", "units": "3", "unit_amount": "150", "name": row.description, "once": token("a")}
    headers = {"HX-Request": "true", "HX-Target": "line-preview"}
    effect = staff.post(url_of(row), data, headers=headers).content.decode()
    assert "€450.00" in effect and "€481.00" in effect and "<form" not in effect
    assert line(invoice).amount_minor == 4000
    without_script = staff.post(url_of(row), data | {"estimate": "1"}).content.decode()
    assert "€481.00" in without_script and "<form" in without_script
    assert staff.post(url_of(row), data).status_code == 302
    assert line(invoice).amount_minor == 45000
    shown = staff.get(reverse("invoice", args=[invoice])).content.decode()
    assert "Edited, else <" in shown and "Line of a draft changed" in shown
    assert staff.post(url_of(row), data).status_code == 302  # sent twice
    assert staff.post(url_of(row), {"act": "reset"}).status_code == 302
    assert line(invoice).edited is None


def test_nobody_overwrites_unseen(organization: Organization, staff: Client) -> None:
    invoice = drafted(organization)
    row = line(invoice)
    data = {"mode": "units", "units": "3", "name": row.description, "seen": ""}
    assert staff.post(url_of(row), data | {"once": token("a")}).status_code == 302
    late = staff.post(url_of(row), data | {"units": "9", "once": token("b")})
    assert late.status_code == 422 and "Somebody changed this line" in late.content.decode()
    again = {name: late.context["form"][name].value() for name in ("mode", "units", "name", "seen")}
    assert staff.post(url_of(row), again | {"once": token("c")}).status_code == 302
    assert line(invoice).units == 9


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"mode": "units", "units": ""}, "units"),
        ({"mode": "units", "units": "-1"}, "units"),
        ({"mode": "price", "units": "1", "unit_amount": "x"}, "unit_amount"),
        ({"mode": "name", "name": "Metric"}, "name"),
    ],
)
def test_faults_stand_at_their_field(
    organization: Organization, staff: Client, typed: dict[str, str], field: str
) -> None:
    row = line(drafted(organization))
    data = {"name": row.description, "once": token("a")} | typed
    data["name"] = row.description
    answer = staff.post(url_of(row), data)
    assert answer.status_code == 422 and list(answer.context["form"].errors) == [field]


def test_a_line_is_added(organization: Organization, staff: Client) -> None:
    invoice = drafted(organization, used=0)
    add_on = make_add_on(organization, "setup")
    url = reverse("invoice-line-add", args=[invoice])
    form = staff.get(url).context["form"]
    charge = next(iter(form.offers))
    assert f"add-on-{add_on.pk.hex}" in form.add_ons
    data = {"units": "2", "tax_mode": "none"}
    typed = data | {"what": "item", "name": "Work", "unit_amount": "7", "once": token("a")}
    assert "€14.00" in staff.post(url, typed | {"estimate": "1"}).content.decode()
    for _ in range(2):
        assert staff.post(url, typed).status_code == 302
    assert staff.post(url, data | {"what": f"add-on-{add_on.pk.hex}", "once": token("b")}).status_code == 302
    assert staff.post(url, data | {"what": charge, "once": token("c")}).status_code == 302
    amounts = list(invoice.lines.values_list("amount_minor", flat=True))
    assert sorted(amounts) == [1400, 2000, 3100, 20000]
    assert staff.post(url, data | {"what": "item", "once": token("d")}).status_code == 422
    refresh_draft(invoice, by=ACTOR, at=AT)
    assert sorted(invoice.lines.values_list("amount_minor", flat=True)) == sorted(amounts)


def test_others_may_not(organization: Organization) -> None:
    invoice = drafted(organization)
    row = line(invoice)
    support = signed_in(organization, "support")
    assert "Change the line" not in support.get(reverse("invoice", args=[invoice])).content.decode()
    for url in (url_of(row), reverse("invoice-line-add", args=[invoice])):
        assert support.post(url, {}).status_code == 403
        assert signed_in(make_organization(), "admin").get(url).status_code == 404


def test_a_final_invoice_says_why_not(organization: Organization, staff: Client) -> None:
    invoice = drafted(organization)
    row = line(invoice)
    Invoice.objects.filter(pk=invoice.pk).update(status="pending")
    assert "cannot be changed" in staff.get(url_of(row)).content.decode()
    assert staff.post(url_of(row), {}).status_code == 409
