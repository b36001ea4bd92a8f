"""Seed 004: what a customer's type decides about invoices, what a change of it tells, and payment providers."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from billing.models import EmittedEvent, Organization
from invoicing.actions.publish import publish_invoice
from invoicing.documents.pdf import render_pdf
from invoicing.models import Invoice
from invoicing.queries.document import invoice_document
from tests.factories.api import Api, refused
from tests.factories.documents import pdf_text
from tests.factories.invoicing import default_tax, set_entity
from tests.factories.paying import make_payer
from tests.factories.people import make_organization
from tests.factories.providers import make_provider
from tests.seeds.rows import row
from tests.services.african import FakePaystack, serving
from tests.services.stripe import FakeStripe
from tests.services.vies import FakeVies

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db
NOTICE = "You may cancel within 14 days."


@pytest.fixture
def organization() -> Organization:
    """A German seller with 19 % VAT, 30 days for businesses and 7 for consumers."""
    found = make_organization()
    set_entity(
        found,
        country="DE",
        tax_id="DE136695976",
        legal_name="Acme GmbH",
        net_payment_term_days=30,
        consumer_payment_term_days=7,
        consumer_notice=NOTICE,
    )
    default_tax(found, rate="19", name="VAT", code="vat")
    return found


@pytest.fixture
def api(organization: Organization) -> Api:
    return Api(organization)


def customer_of(api: Api, kind: str = "BUSINESS", **body: Any) -> str:
    """Path of a new French customer with a VAT number that nobody has checked."""
    given = {
        "email": f"{kind.lower()}@globex.example",
        "country": "FR",
        "taxId": "FR40303265045",
        "currency": "EUR",
        "customerType": kind,
        "autoValidateVat": False,
    }
    status, answer = api.post("/customers", given | body)
    assert status == 201, answer
    return f"/customers/{answer['data']['id']}"


def invoice_of(api: Api, path: str) -> dict[str, Any]:
    """An issued invoice over 100.00."""
    body = {"customerId": path.removeprefix("/customers/"), "items": [{"description": "Work", "amount": 100}]}
    status, answer = api.post("/invoices", body)
    assert status == 201, answer
    status, answer = api.post(f"/invoices/{answer['data']['id']}/finalize")
    assert (status, answer["data"]["status"]) == (200, "finalized")
    found: dict[str, Any] = answer["data"]
    return found


def stored(invoice: dict[str, Any]) -> Invoice:
    """Its row."""
    found: Invoice = Invoice.objects.get(number=invoice["number"])
    return found


def printed(invoice: dict[str, Any]) -> str:
    """The words of its PDF."""
    return " ".join(pdf_text(render_pdf(invoice_document(stored(invoice)))).split())


def flip(api: Api, path: str, kind: str) -> dict[str, Any]:
    """The event that another type tells."""
    assert api.post(f"{path}/type", {"customerType": kind, "reason": "Register extract"})[0] == 200
    subject = api.get(path)[1]["data"]["id"]
    rows = EmittedEvent.objects.filter(name="customer.type_changed").order_by("-pk")
    return dict(next(one.data for one in rows if one.data["customerId"] == subject))


@row("K01")
def test_persons_and_companies(api: Api) -> None:
    for word, kind in (("individual", "consumer"), ("company", "business")):
        path = customer_of(api, word)
        assert api.get(path)[1]["data"]["customerType"] == kind


@row("K09", "K43", "K44")
def test_the_same_order_is_printed_by_type(api: Api) -> None:
    person, company = (invoice_of(api, customer_of(api, kind)) for kind in ("CONSUMER", "BUSINESS"))
    assert person["total"] == company["total"] == 119
    to_person, to_company = printed(person), printed(company)
    assert NOTICE in to_person and "Prices include tax." in to_person
    assert NOTICE not in to_company and "Prices include tax." not in to_company
    shown = [invoice_document(stored(one)).lines_minor for one in (person, company)]
    assert shown == [11900, 10000]


@row("K41")
def test_reverse_charge_is_for_businesses_with_a_valid_number(api: Api, vies: FakeVies) -> None:
    company, person = customer_of(api), customer_of(api, "CONSUMER")
    assert invoice_of(api, company)["taxAmount"] == 19, "not checked yet"
    for path in (company, person):
        api.post(f"{path}/vat/verify")
    assert api.get(company)[1]["data"]["vatValidationStatus"] == "valid"
    charged = invoice_of(api, company)
    assert (charged["taxAmount"], charged["total"]) == (0, 100)
    assert [(tax["code"], tax["rate"]) for tax in charged["taxes"]] == [("reverse_charge", 0)]
    assert invoice_of(api, person)["taxAmount"] == 19


@row("K42")
def test_the_type_gives_the_term(api: Api) -> None:
    for kind, days in (("BUSINESS", 30), ("UNKNOWN", 30), ("CONSUMER", 7)):
        invoice = invoice_of(api, customer_of(api, kind))
        assert due_in(invoice) == days, kind


def due_in(invoice: dict[str, Any]) -> int:
    """Days between issue and due day."""
    span: timedelta = date.fromisoformat(invoice["dueDate"]) - date.fromisoformat(invoice["issuingDate"])
    return span.days


@row("K45")
def test_issued_invoices_stay_byte_for_byte(api: Api, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    path = customer_of(api, "UNKNOWN")
    invoice = invoice_of(api, path)
    publish_invoice(stored(invoice).pk)
    before = api.get(f"/invoices/{invoice['id']}")[1], stored(invoice).pdf.read()
    for kind in ("BUSINESS", "CONSUMER"):
        flip(api, path, kind)
        publish_invoice(stored(invoice).pk)
        assert (api.get(f"/invoices/{invoice['id']}")[1], stored(invoice).pdf.read()) == before
    assert api.get(f"{path}/invoices")[1]["meta"]["total"] == 1


@row("K46", "K48")
def test_unknown_to_business_names_invoices_that_a_credit_note_may_correct(api: Api) -> None:
    path = customer_of(api, "UNKNOWN")
    invoice = invoice_of(api, path)
    data = flip(api, path, "BUSINESS")
    assert (data["from"], data["to"], data["reason"]) == ("unknown", "business", "Register extract")
    [named] = data["correctiveInvoiceCandidates"]
    assert (named["id"], named["number"], named["currency"]) == (invoice["id"], invoice["number"], "EUR")
    status, answer = api.post("/credit-notes", {"invoiceId": named["id"], "amount": 19})
    assert status == 201, answer
    notes = api.get("/credit-notes", invoiceId=named["id"])[1]["data"]
    assert [(one["id"], one["invoiceId"]) for one in notes] == [(answer["data"]["id"], invoice["id"])]


@row("K47")
def test_other_changes_name_none(api: Api) -> None:
    for number, (country, old, new) in enumerate(
        (("UG", "UNKNOWN", "BUSINESS"), ("FR", "CONSUMER", "BUSINESS"), ("FR", "UNKNOWN", "CONSUMER"))
    ):
        path = customer_of(api, old, country=country, taxId=None, email=f"{number}@globex.example")
        assert invoice_of(api, path)["taxAmount"] == 19
        assert flip(api, path, new)["correctiveInvoiceCandidates"] == []


@row("K28")
def test_an_update_takes_no_mode(api: Api) -> None:
    path = customer_of(api)
    answer = refused(api.patch(path, {"mode": "POSTPAID", "name": "Other"}))
    assert answer == (400, "mode_has_its_own_door", "mode")
    data = api.get(path)[1]["data"]
    assert (data["mode"], data["name"]) == ("prepaid", None)


@row("K37")
def test_the_door_of_payment_providers_changes_nothing_else(api: Api, organization: Organization) -> None:
    make_provider(organization, "manual")
    path = customer_of(api, name="Globex")
    before = api.get(path)[1]["data"]
    body = {"preferredProvider": "stripe", "disabledProviders": ["manual"]}
    status, answer = api.patch(f"{path}/payment-providers", body)
    assert status == 200, answer
    moved = {name for name, value in answer["data"].items() if value != before[name]}
    assert moved - {"updatedAt"} == set(body)
    assert body.items() <= answer["data"].items()
    assert refused(api.patch(f"{path}/payment-providers", {"name": "Other"}))[::2] == (400, "name")
    assert api.get(path)[1]["data"]["name"] == "Globex"


@row("K38")
def test_the_preferred_provider_is_asked_first_and_a_disabled_one_never(
    api: Api, organization: Organization, stripe: FakeStripe, settings: SettingsWrapper
) -> None:
    for kind, priority in (("stripe", 1), ("paystack", 2)):
        make_payer(organization, kind, priority=priority)
    path = customer_of(api, name="Globex", currency="USD")

    def pay() -> tuple[int, Any]:
        """A new invoice, asked for online."""
        return api.post(f"/invoices/{invoice_of(api, path)['id']}/checkout")

    def asked() -> str:
        status, answer = pay()
        assert status == 201, answer
        return str(answer["data"]["provider"])

    def set_providers(preferred: str, *disabled: str) -> None:
        body = {"preferredProvider": preferred, "disabledProviders": list(disabled)}
        assert api.patch(f"{path}/payment-providers", body)[0] == 200

    with serving(FakePaystack()) as paystack:
        settings.PAYSTACK_API_BASE = paystack.url
        assert asked() == "stripe", "by priority"
        set_providers("paystack")
        assert (asked(), len(stripe.writes())) == ("paystack", 1)
        set_providers("stripe", "paystack")
        before = len(paystack.log)
        assert asked() == "stripe"
        stripe.next(503)
        assert refused(pay())[:2] == (502, "provider_failed"), "nor when the other is away"
        assert len(paystack.log) == before
