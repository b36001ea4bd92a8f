"""/api/invoices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, cast

from django.apps import apps
from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router
from pydantic import AliasChoices, BeforeValidator

from billing.actions.clock import now
from billing.models import Tax
from billing.queries.add_ons import add_ons_by_reference, price_in
from billing.rules.errors import FieldErrors, Invalid
from billing.rules.ids import decode
from billing.rules.money import from_minor
from billing.web.api import ApiRequest, ApiSchema, action_key, envelope, plain_json
from billing.web.api_lists import listed
from billing.web.exporting import exportable
from billing.web.shapes import Listing, Object
from invoicing.actions.draft import refresh_draft
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.mail_documents import send_document_mail
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.publish import ask_for_pdf
from invoicing.actions.void import void_invoice
from invoicing.actions.write_offs import undo_write_off, write_off
from invoicing.api.documents import document
from invoicing.api.invoice_filters import Filters, narrowed
from invoicing.api.mails import MailIn, mail_terms
from invoicing.models import Invoice
from invoicing.queries.e_invoice_xml import e_invoice_xml
from invoicing.queries.lists import visible
from invoicing.queries.mail_facts import mail_payload
from invoicing.queries.payloads import invoice_payload, with_parts
from invoicing.queries.payloads_explain import explain_payload
from invoicing.queries.shapes import DocumentOut, InvoiceExplainedOut, InvoiceOut
from invoicing.queries.shapes_collecting import MailOut
from invoicing.rules.amounts import minor_of

router = Router(tags=["Invoices"])


def day_of(value: Any) -> Any:
    """A moment is read as its day: 2026-12-31T00:00:00Z is 2026-12-31."""
    return value[:10] if isinstance(value, str) and value[10:11] in {"T", " "} else value


class ItemIn(ApiSchema):
    """A line: `amount` and `unitAmount` are both the price of one unit, in major units. `addOn` (an add-on's id or
    code) brings its name and its price in the customer's currency, where they are left out, and its taxes.
    """

    description: str = ""
    unit_amount: Decimal | None = Field(
        None,
        validation_alias=AliasChoices("unitAmount", "amount", "unit_amount"),
        serialization_alias="unitAmount",
    )
    quantity: Decimal = Field(
        Decimal(1), validation_alias=AliasChoices("quantity", "units"), serialization_alias="quantity"
    )
    add_on: str | None = Field(
        None,
        validation_alias=AliasChoices("addOn", "addOnId", "addOnCode", "add_on"),
        serialization_alias="addOn",
    )


class InvoiceIn(ApiSchema):
    """A one-off invoice. `taxes` are codes; without them the customer's taxes apply."""

    customer_id: str
    items: list[ItemIn]
    currency: str | None = None
    due_date: Annotated[date | None, BeforeValidator(day_of)] = None
    notes: str = Field("", max_length=5000)
    purchase_order: str = Field("", max_length=255)
    taxes: list[str] | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)


class FinalizeIn(ApiSchema):
    """`expectedTotal` (major units) refuses to issue another amount than the one that was seen."""

    expected_total: Decimal | None = None


class VoidIn(ApiSchema):
    """Why; it is printed on the stamped PDF."""

    reason: str = ""


class MarkPaidIn(ApiSchema):
    """How it was paid."""

    payment_method: str = Field("manual", max_length=30)
    reference: str = Field("", max_length=100)


class WriteOffIn(ApiSchema):
    """Why the rest is given up: small_difference, bad_debt, goodwill or other; `expectedAmount` (major units) is what
    was seen as due.
    """

    kind: str = "bad_debt"
    reason: str = Field("", max_length=500)
    expected_amount: Decimal | None = None


def rows_of(request: ApiRequest) -> Any:
    """The organization's invoices that can be seen."""
    return with_parts(visible(Invoice.objects.of(request.organization)))


def find(request: ApiRequest, id: str) -> Invoice:
    """One of them, or 404."""
    rows = visible(Invoice.objects.of(request.organization))
    return cast(Invoice, rows.by_public_id(id))  # type: ignore[attr-defined]


def answer(request: ApiRequest, invoice: Invoice) -> Object[InvoiceOut]:
    """The invoice as it is now."""
    rows = with_parts(Invoice.objects.of(request.organization))
    return envelope(invoice_payload(rows.get(pk=invoice.pk)))


@router.get("")
def list_invoices(request: HttpRequest, filters: Query[Filters]) -> Listing[InvoiceOut]:
    """Newest first, unless `sortBy` says otherwise."""
    staff = cast(ApiRequest, request)
    rows = narrowed(staff, rows_of(staff), filters)
    return listed(request, rows, invoice_payload, filters)


@router.post("", response={201: dict[str, Any]})
def create_invoice(request: HttpRequest, body: InvoiceIn) -> tuple[int, Object[InvoiceOut]]:
    """A one-off invoice; it stays a draft until it is finalised."""
    staff = cast(ApiRequest, request)
    customers = apps.get_model("customers", "Customer").objects.of(staff.organization).present()
    key = decode("cust", body.customer_id)
    customer = customers.filter(pk=key).first() if key else None
    if customer is None:
        raise Invalid("There is no such customer.", code="customer_not_found", field="customer_id")
    if body.currency and body.currency.strip().upper() != customer.currency:
        text = f"The customer is billed in {customer.currency}."
        raise Invalid(text, code="currencies_do_not_match", field="currency")
    try:
        invoice = create_one_off(
            customer,
            items_of(staff, body.items, customer.currency),
            due_on=body.due_date,
            notes=body.notes,
            purchase_order=body.purchase_order,
            taxes=None if body.taxes is None else find_taxes(staff, body.taxes),
            metadata=plain_json(body.metadata),
            by=staff.actor,
            at=now(staff.organization),
        )
    except FieldErrors as error:  # the body calls units a quantity
        named = [(name.replace(".units", ".quantity"), text) for name, text in error.errors]
        raise FieldErrors(named) from error
    return 201, answer(staff, invoice)


def items_of(request: ApiRequest, bodies: Sequence[ItemIn], currency: str) -> list[Item]:
    """The lines, with what their add-ons bring; every fault at its place."""
    known = add_ons_by_reference(request.organization, [body.add_on for body in bodies if body.add_on])
    items, faults = [], []
    for index, body in enumerate(bodies):
        add_on = known.get(body.add_on) if body.add_on else None
        amount = body.unit_amount
        if body.add_on and add_on is None:
            faults.append((f"items[{index}].add_on", "There is no such add-on."))
        elif amount is None and add_on is not None:
            minor = price_in(add_on, currency)
            if minor is None:
                text = f"{add_on.name} has no price in {currency}: send unitAmount."
                faults.append((f"items[{index}].unit_amount", text))
            else:
                amount = from_minor(minor, currency)
        elif amount is None:
            faults.append((f"items[{index}].unit_amount", "This field is required."))
        name = add_on.invoice_name if add_on and not body.description.strip() else body.description
        items.append(Item(name, amount or Decimal(0), body.quantity, add_on))
    if faults:
        raise FieldErrors(faults)
    return items


def find_taxes(request: ApiRequest, codes: list[str]) -> list[Tax]:
    """The taxes with these codes; an unknown one is named."""
    known = {tax.code: tax for tax in Tax.objects.of(request.organization).kept().filter(code__in=codes)}
    faults = [
        (f"taxes[{index}]", "There is no such tax.") for index, code in enumerate(codes) if code not in known
    ]
    if faults:
        raise FieldErrors(faults)
    return [known[code] for code in dict.fromkeys(codes)]


@router.get("/{id}")
def get_invoice(request: HttpRequest, id: str) -> Object[InvoiceOut]:
    """One invoice with its lines."""
    return envelope(invoice_payload(rows_of(cast(ApiRequest, request)).by_public_id(id)))


@router.post("/{id}/finalize")
def finalize(request: HttpRequest, id: str, body: FinalizeIn | None = None) -> Object[InvoiceOut]:
    """Issue a draft: it gets its number and never changes again. A second time is 400."""
    staff = cast(ApiRequest, request)
    invoice = find(staff, id)
    expected = body.expected_total if body else None
    minor = None if expected is None else minor_of(expected, invoice.currency, "expected_total")
    finalize_invoice(invoice, by=staff.actor, at=now(staff.organization), expected_total=minor)
    return answer(staff, invoice)


@router.post("/{id}/refresh")
def refresh(request: HttpRequest, id: str) -> Object[InvoiceOut]:
    """Compute a draft anew."""
    staff = cast(ApiRequest, request)
    invoice = refresh_draft(find(staff, id), by=staff.actor, at=now(staff.organization))
    return answer(staff, invoice)


@router.post("/{id}/void")
def void(request: HttpRequest, id: str, body: VoidIn | None = None) -> Object[InvoiceOut]:
    """Withdraw an issued invoice; 400 when money was received for it."""
    staff = cast(ApiRequest, request)
    reason = body.reason if body else ""
    invoice = void_invoice(find(staff, id), reason=reason, by=staff.actor, at=now(staff.organization))
    return answer(staff, invoice)


@router.post("/{id}/mark-paid")
def mark_paid(request: HttpRequest, id: str, body: MarkPaidIn | None = None) -> Object[InvoiceOut]:
    """Record a payment of everything that is due; 400 when it is paid already."""
    staff = cast(ApiRequest, request)
    given = body or MarkPaidIn(payment_method="manual", reference="")
    invoice = find(staff, id)
    record_payment(
        invoice,
        provider=given.payment_method,
        reference=given.reference,
        key=action_key(request),
        by=staff.actor,
        at=now(staff.organization),
    )
    return answer(staff, invoice)


@router.post("/{id}/write-off")
def give_up(request: HttpRequest, id: str, body: WriteOffIn | None = None) -> Object[InvoiceOut]:
    """Give up all that is due; 409 when another amount than `expectedAmount` is. `Idempotency-Key` makes a repeat
    harmless.
    """
    staff = cast(ApiRequest, request)
    invoice = find(staff, id)
    given = body or WriteOffIn(reason="")
    expected = given.expected_amount
    write_off(
        invoice,
        kind=given.kind.strip().lower(),
        reason=given.reason,
        expected_minor=None if expected is None else minor_of(expected, invoice.currency, "expected_amount"),
        key=action_key(request),
        by=staff.actor,
        at=now(staff.organization),
    )
    return answer(staff, invoice)


@router.post("/{id}/undo-write-off")
def take_back(request: HttpRequest, id: str) -> Object[InvoiceOut]:
    """What was given up is owed again; 400 when nothing was."""
    staff = cast(ApiRequest, request)
    invoice = find(staff, id)
    undo_write_off(invoice, by=staff.actor, at=now(staff.organization))
    return answer(staff, invoice)


@router.post("/{id}/send", response={202: dict[str, Any]})
def send(request: HttpRequest, id: str, body: MailIn | None = None) -> tuple[int, Object[MailOut]]:
    """Have an issued invoice sent by e-mail, to its customer's address when `to` is left out. The same
    Idempotency-Key sends it once.
    """
    staff = cast(ApiRequest, request)
    invoice = find(staff, id)
    ask_for_pdf(invoice)  # an old one may have none yet
    return 202, envelope(mail_payload(send_document_mail(invoice, **mail_terms(staff, invoice, body))))


@router.get("/{id}/xml")
def xml(request: HttpRequest, id: str, format: str = "ubl") -> HttpResponse:
    """The e-invoice of an invoice, UBL or CII (`format=cii`); 409 e_invoice_incomplete names what is missing."""
    content = e_invoice_xml(find(cast(ApiRequest, request), id), format)
    return HttpResponse(content, content_type="application/xml")


@router.get("/{id}/explain")
def explain(request: HttpRequest, id: str, rerate: bool = False) -> Object[InvoiceExplainedOut]:
    """Where each amount comes from, and whether the invoice is as it was issued. `rerate=true`: its usage
    measured and priced again, with the events of now and the prices of then; nothing is written.
    """
    return envelope(explain_payload(find(cast(ApiRequest, request), id), rerate=rerate))


@router.get("/{id}/pdf")
def pdf(request: HttpRequest, id: str, download: bool = False) -> Object[DocumentOut] | HttpResponse:
    """The document's bytes when `Accept: application/pdf` or `download=true` asks for them, else `{url, status}`.

    A voided invoice answers with its stamped PDF, never with the one from before.
    """
    invoice = find(cast(ApiRequest, request), id)
    if not invoice.number:
        raise Invalid("A draft has no PDF yet: finalise it first.", code="invoice_not_finalized")
    return document(request, invoice, download=download)


exportable(
    "invoices",
    Filters,
    lambda staff, filters: narrowed(staff, rows_of(staff), filters),
    "invoices",
    "invoice_lines",
)
