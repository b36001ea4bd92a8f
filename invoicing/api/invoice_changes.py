"""/api/invoices/{id}: details, disputes, and the lines of a draft."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, cast

from django.http import Http404, HttpRequest
from ninja import Field
from pydantic import AliasChoices, BeforeValidator

from billing.actions.clock import now
from billing.rules.errors import FieldErrors, Invalid
from billing.rules.ids import decode
from billing.web.api import ApiRequest, ApiSchema, plain_json
from billing.web.shapes import Object
from invoicing.actions.disputes import dispute_invoice, end_dispute
from invoicing.actions.invoice_details import update_invoice
from invoicing.actions.line_edits import add_item, add_usage, correct_line, reset_line
from invoicing.actions.line_plans import is_typed
from invoicing.actions.regenerate import Remade, regenerate_invoice
from invoicing.api.invoices import ItemIn, answer, day_of, find, find_taxes, items_of
from invoicing.api.invoices import router as invoices
from invoicing.models import Invoice, InvoiceLine
from invoicing.queries.draft_lines import Offer, edit_of, offers
from invoicing.queries.shapes import InvoiceOut
from invoicing.rules.adjusting import Correction
from invoicing.rules.states import DisputeState

__all__ = ["invoices"]
UNITS = AliasChoices("units", "quantity")
PRICE = AliasChoices("unitAmount", "unit_amount")
OUTCOMES = {state.value: state for state in DisputeState if state and state is not DisputeState.OPEN}


class InvoiceChange(ApiSchema):
    """What may change. `finalizeOn`: the day on which a subscription's draft becomes final by itself; null: it
    waits. Of an issued invoice only `metadata` (replaced whole).
    """

    purchase_order: str | None = None
    notes: str | None = None
    metadata: dict[str, Any] | None = None
    finalize_on: Annotated[date | None, BeforeValidator(day_of)] = None


class DisputeIn(ApiSchema):
    """What the customer contests."""

    reason: str = ""


class DisputeEndIn(ApiSchema):
    """`outcome`: upheld (the customer was right), rejected or withdrawn."""

    outcome: str
    note: str = ""


class NewLine(ApiSchema):
    """A line more: with `chargeId` the usage of a charge that has none (in one of its filters with `filter`, its
    values by key; of one of several subscriptions with `subscriptionId`), else an item, from an add-on or typed.
    """

    charge_id: str | None = None
    filter: dict[str, list[str]] | None = None
    subscription_id: str | None = None
    description: str = ""
    units: Decimal = Field(Decimal(1), validation_alias=UNITS, serialization_alias="units")
    unit_amount: Decimal | None = Field(None, validation_alias=PRICE, serialization_alias="unitAmount")
    add_on: str | None = None
    taxes: list[str] | None = None


class LineChange(ApiSchema):
    """What a line says instead; null takes one back. Units alone are priced by the charge's model."""

    description: str | None = None
    units: Decimal | None = Field(None, validation_alias=UNITS, serialization_alias="units")
    unit_amount: Decimal | None = Field(None, validation_alias=PRICE, serialization_alias="unitAmount")


class RemadeLine(ApiSchema):
    """A line of the voided invoice that stays; what is not sent is as it was."""

    id: str
    description: str | None = None
    units: Decimal | None = Field(None, validation_alias=UNITS, serialization_alias="units")
    unit_amount: Decimal | None = Field(None, validation_alias=PRICE, serialization_alias="unitAmount")


class RegenerateIn(ApiSchema):
    """`lines`: those that stay (without it: all of them, as they were); `items`: what is added."""

    lines: list[RemadeLine] | None = None
    items: list[ItemIn] = Field(default_factory=list)


@invoices.post("/{id}/regenerate", response={201: dict[str, Any]})
def regenerate(
    request: HttpRequest, id: str, body: RegenerateIn | None = None
) -> tuple[int, Object[InvoiceOut]]:
    """Issue an invoice in place of a voided one; a second time is 409."""
    staff = cast(ApiRequest, request)
    invoice, wanted = find(staff, id), Remade()
    if body is not None:
        lines = None if body.lines is None else {line_of(invoice, row.id).pk: told(row) for row in body.lines}
        wanted = Remade(lines, items_of(staff, body.items, invoice.currency))
    made = regenerate_invoice(invoice, wanted, by=staff.actor, at=now(staff.organization))
    return 201, answer(staff, made)


def told(row: RemadeLine) -> Correction:
    """What a body says of a line that stays."""
    return Correction(row.units, row.unit_amount, (row.description or "").strip())


@invoices.patch("/{id}")
def update(request: HttpRequest, id: str, body: InvoiceChange) -> Object[InvoiceOut]:
    """Purchase order, notes, metadata, and when a draft becomes final."""
    staff = cast(ApiRequest, request)
    invoice = find(staff, id)
    given = {name: getattr(body, name) for name in body.model_fields_set}
    values = {
        name: value if name == "finalize_on" else value or ({} if name == "metadata" else "")
        for name, value in given.items()
    }
    if "metadata" in values:
        values["metadata"] = plain_json(values["metadata"])
    update_invoice(invoice, values, by=staff.actor, at=now(staff.organization))
    return answer(staff, invoice)


@invoices.post("/{id}/dispute")
def dispute(request: HttpRequest, id: str, body: DisputeIn) -> Object[InvoiceOut]:
    """The customer contests what is due: it is not overdue and nobody is asked for it until the dispute ends."""
    staff = cast(ApiRequest, request)
    invoice = find(staff, id)
    dispute_invoice(invoice, reason=body.reason, by=staff.actor, at=now(staff.organization))
    return answer(staff, invoice)


@invoices.post("/{id}/dispute/end")
def dispute_end(request: HttpRequest, id: str, body: DisputeEndIn) -> Object[InvoiceOut]:
    """Say how a dispute ended."""
    staff = cast(ApiRequest, request)
    outcome = OUTCOMES.get(body.outcome.strip().lower())
    if outcome is None:
        raise Invalid(f"Use one of {', '.join(OUTCOMES)}.", field="outcome")
    invoice = find(staff, id)
    end_dispute(invoice, outcome, note=body.note, by=staff.actor, at=now(staff.organization))
    return answer(staff, invoice)


@invoices.post("/{id}/lines", response={201: dict[str, Any]})
def add_line(request: HttpRequest, id: str, body: NewLine) -> tuple[int, Object[InvoiceOut]]:
    """Add a line to a draft."""
    staff = cast(ApiRequest, request)
    invoice, at = find(staff, id), now(staff.organization)
    if body.charge_id is not None:
        wanted = Correction(body.units, body.unit_amount, body.description)
        add_usage(invoice, offer_of(invoice, body).key, wanted, by=staff.actor, at=at)
        return 201, answer(staff, invoice)
    given = ItemIn(
        description=body.description, unit_amount=body.unit_amount, quantity=body.units, add_on=body.add_on
    )
    try:
        (item,) = items_of(staff, [given], invoice.currency)
    except FieldErrors as error:
        raise FieldErrors([(name.removeprefix("items[0]."), text) for name, text in error.errors]) from error
    taxes = None if body.taxes is None else find_taxes(staff, body.taxes)
    add_item(invoice, item, taxes, by=staff.actor, at=at)
    return 201, answer(staff, invoice)


def offer_of(invoice: Invoice, body: NewLine) -> Offer:
    """The charge that a body means; it must have no line yet."""
    charge = decode("chg", body.charge_id or "")
    subscription = decode("sub", body.subscription_id or "")
    values = {key: list(some) for key, some in (body.filter or {}).items()}
    for offer in offers(invoice):
        if (
            offer.charge.pk == charge
            and (offer.filter["values"] if offer.filter else {}) == values
            and subscription in (None, offer.subscription.pk)
        ):
            return offer
    raise Invalid("No such charge without a line is on this draft.", field="charge_id")


@invoices.patch("/{id}/lines/{line_id}")
def change_line(request: HttpRequest, id: str, line_id: str, body: LineChange) -> Object[InvoiceOut]:
    """Change a line of a draft; what is not sent stays as it is."""
    staff = cast(ApiRequest, request)
    invoice = find(staff, id)
    row = line_of(invoice, line_id)
    edit = None if is_typed(invoice) else edit_of(row)
    units, price, name = (edit.units, edit.unit_amount, edit.name) if edit else (None, None, "")
    given = body.model_fields_set
    wanted = Correction(
        body.units if "units" in given else units,
        body.unit_amount if "unit_amount" in given else price,
        (body.description or "") if "description" in given else name,
    )
    correct_line(invoice, row.pk, wanted, by=staff.actor, at=now(staff.organization))
    return answer(staff, invoice)


@invoices.delete("/{id}/lines/{line_id}")
def take_back_line(request: HttpRequest, id: str, line_id: str) -> Object[InvoiceOut]:
    """Take back what was changed by hand on a line; one that was added is removed."""
    staff = cast(ApiRequest, request)
    invoice = find(staff, id)
    reset_line(invoice, line_of(invoice, line_id).pk, by=staff.actor, at=now(staff.organization))
    return answer(staff, invoice)


def line_of(invoice: Invoice, text: str) -> InvoiceLine:
    """A line of the invoice, or 404."""
    key = decode("line", text)
    row = invoice.lines.select_related("subscription__plan").filter(pk=key).first() if key else None
    if row is None:
        raise Http404("No such line.")
    row.invoice = invoice
    return row
