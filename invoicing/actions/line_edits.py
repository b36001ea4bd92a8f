"""Lines of a draft changed by hand: corrected, put back, added, removed.

What is changed on the draft of a subscription is kept beside it (`LineEdit`) and applied whenever the draft is
computed, so it survives a refresh and counts when the draft becomes final. The lines of a one-off draft were typed:
they are typed anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_customer_of
from billing.models import Tax as TaxRow
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid, NotFound
from billing.rules.money import from_minor
from invoicing.actions.draft import lock_draft, priced, write_draft
from invoicing.actions.line_plans import (
    is_typed,
    planned,
    planned_item,
    planned_usage,
    retyped,
    typed_item,
)
from invoicing.actions.one_off import MOST_ITEMS, Item
from invoicing.actions.rows import number, write_rows
from invoicing.models import Invoice, InvoiceLine, InvoiceType, LineEdit
from invoicing.queries.draft_lines import edit_of, offers, row_key, typed_lines
from invoicing.queries.facts import windows_of
from invoicing.rules.adjusting import Correction
from invoicing.rules.lines import Line
from invoicing.rules.totals import compute_totals

ALTERABLE = (InvoiceType.SUBSCRIPTION.value, InvoiceType.ONE_OFF.value)


@transaction.atomic
def correct_line(
    invoice: Invoice, line_id: UUID, wanted: Correction, *, seen: str | None = None, by: Actor, at: datetime
) -> Invoice:
    """Change a line: its name, or its units (the charge's model prices them), or units and unit price. What is not
    given is as it was computed; of a typed line it stays.

    `seen`: `version_of` the line that the person has seen; another one is a Conflict (line_changed). Raises Invalid
    naming `units`, `unitAmount` or `name`, and Invalid (invoice_not_draft) once the invoice is issued.
    """
    customer, draft, row = locked_line(invoice, line_id)
    if seen is not None and seen != version_of(row):
        raise Conflict("Somebody changed this line meanwhile. Look at it again.", code="line_changed")
    before = draft.total_minor
    if is_typed(draft):
        rewrite(draft, retyped(draft, row_key(row), wanted))
    else:
        planned(row, edit_of(row), wanted).save()
        recompute(draft, customer)
    tell("invoice.line_edited", draft, row, row_key(row), before, customer=customer, by=by, at=at)
    return draft


@transaction.atomic
def reset_line(invoice: Invoice, line_id: UUID, *, by: Actor, at: datetime) -> Invoice:
    """Take back what was changed by hand on a line: it is as if nobody had, and one that was added is gone. The line
    of a one-off draft is removed; the last one stays (Conflict, last_line).
    """
    customer, draft, row = locked_line(invoice, line_id)
    before, removed = draft.total_minor, True
    if is_typed(draft):
        lines = [line for line in typed_lines(draft) if line.key != row_key(row)]
        if not lines:
            raise Conflict("An invoice needs a line. Delete the draft instead.", code="last_line")
        rewrite(draft, lines)
    else:
        if not LineEdit.objects.filter(invoice=draft, line_key=row_key(row)).delete()[0]:
            return draft
        removed = bool((row.edited or {}).get("added"))
        recompute(draft, customer)
    act = "invoice.line_removed" if removed else "invoice.line_reset"
    tell(act, draft, row, row_key(row), before, customer=customer, by=by, at=at)
    return draft


@transaction.atomic
def add_item(
    invoice: Invoice,
    item: Item,
    taxes: Sequence[TaxRow] | None = None,
    *,
    key: UUID | None = None,
    by: Actor,
    at: datetime,
) -> Invoice:
    """Add an item, typed or from an add-on, behind the other lines. `taxes`: those to apply; None: the usual ones.
    `key`: the line's own; the same one again adds nothing.
    """
    customer, draft = locked_draft(invoice)
    if key and draft.lines.filter(line_key=key).exists():
        return draft
    if draft.lines.count() >= MOST_ITEMS and is_typed(draft):
        raise Invalid(f"At most {MOST_ITEMS} items fit on an invoice.", field="name")
    before = draft.total_minor
    if is_typed(draft):
        lines = typed_item(draft, item, taxes, key)
        its_key = lines[-1].key
        rewrite(draft, lines)
    else:
        edit = planned_item(draft, item, taxes, key)
        its_key = edit.line_key
        edit.save()
        recompute(draft, customer)
    tell("invoice.line_added", draft, None, its_key, before, customer=customer, by=by, at=at)
    return draft


@transaction.atomic
def add_usage(invoice: Invoice, key: UUID, wanted: Correction, *, by: Actor, at: datetime) -> Invoice:
    """Add a charge of a subscription's plan that has no line; `key` is its offer's (`draft_lines.offers`). Usage that
    comes for it later changes nothing: the line is as it was typed until it is reset.
    """
    customer, draft = locked_draft(invoice)
    offer = next((one for one in offers(draft) if one.key == key), None)
    if offer is None:
        raise Conflict("This charge has a line already, or cannot be added.", code="charge_not_offered")
    before = draft.total_minor
    planned_usage(draft, offer, wanted).save()
    recompute(draft, customer)
    tell("invoice.line_added", draft, None, key, before, customer=customer, by=by, at=at)
    return draft


def version_of(row: InvoiceLine) -> str:
    """What of a line a person has seen: the moment of its last correction, of a typed line what it says."""
    if is_typed(row.invoice):
        return f"{row.description}|{number(row.units)}|{number(row.unit_amount)}"
    edit = edit_of(row)
    return edit.updated_at.isoformat() if edit else ""


def locked_draft(invoice: Invoice) -> tuple[Any, Invoice]:
    """Customer and draft, locked in this order; refused unless it is a draft whose lines can be changed."""
    customer = lock_customer_of(invoice)
    draft = lock_draft(invoice)
    if draft.type not in ALTERABLE:
        raise Conflict("The lines of this invoice cannot be changed.", code="lines_fixed")
    draft.customer = customer
    return customer, draft


def locked_line(invoice: Invoice, line_id: UUID) -> tuple[Any, Invoice, InvoiceLine]:
    """As `locked_draft`, with one of its lines."""
    customer, draft = locked_draft(invoice)
    row = draft.lines.select_related("subscription__plan").filter(pk=line_id).first()
    if row is None:
        raise NotFound("This line is not on the draft any more.", code="line_not_found")
    row.invoice = draft
    return customer, draft, row


def recompute(draft: Invoice, customer: Any) -> None:
    """The draft of a subscription anew, with its edits as they are by now."""
    draft.lines_edited = LineEdit.objects.filter(invoice=draft).exists()
    windows = windows_of(draft)
    write_draft(draft, customer, windows, priced(draft, windows))


def rewrite(draft: Invoice, lines: Sequence[Line]) -> None:
    """The lines of a one-off draft as they are typed now."""
    write_rows(draft, lines, compute_totals(lines, currency=draft.currency))
    draft.save()


def tell(
    action: str,
    draft: Invoice,
    row: InvoiceLine | None,
    key: UUID | None,
    total_before: int,
    *,
    customer: Any,
    by: Actor,
    at: datetime,
) -> None:
    """Write down who made what of a line; `row`: as it was before."""
    line = InvoiceLine.objects.filter(invoice=draft, line_key=key).first()
    then, now = figures(row, draft.currency), figures(line, draft.currency)
    changes: dict[str, tuple[Any, Any]] = {
        name: (then.get(name), now.get(name))
        for name in then | now
        if name == "line" or then.get(name) != now.get(name)
    }
    if total_before != draft.total_minor:
        changes["total_minor"] = (total_before, draft.total_minor)
    audit.record(
        draft.organization,
        action,
        draft,
        by=by,
        at=at,
        customer=customer,
        changes=changes,
    )


def figures(line: InvoiceLine | None, currency: str) -> dict[str, Any]:
    """What the trail keeps of a line."""
    if line is None:
        return {}
    return {
        "line": line.description,
        "units": number(line.units),
        "unit_price": f"{number(line.unit_amount)} {currency}",
        "amount": f"{from_minor(line.amount_minor, currency):f} {currency}",
    }
