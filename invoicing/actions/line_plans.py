"""What a change of a draft's line would make of the draft. Nothing here writes: the drawers preview with it, and
`line_edits.py` stores what it planned.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from billing.models import Tax as TaxRow
from billing.orm.fields import new_id
from billing.rules.errors import FieldErrors
from billing.rules.money import ZERO
from invoicing.actions.one_off import Item, item_faults, item_lines
from invoicing.models import Invoice, InvoiceLine, InvoiceType, LineEdit
from invoicing.queries.draft_lines import (
    Drafted,
    Offer,
    drafted,
    edit_of,
    pricing_of_row,
    row_key,
    typed,
    typed_lines,
    typed_taxes,
)
from invoicing.rules.adjusting import Correction, check
from invoicing.rules.lines import Line, LineKind, one_off_line

ITEM = LineKind.ONE_OFF.value
NAMES = {"unit_amount": "unitAmount", "description": "name"}


@dataclass(frozen=True)
class Preview:
    """A draft as it is computed now and as it would be; `key`: the line that is changed."""

    key: UUID
    before: Drafted
    after: Drafted

    @property
    def line_before(self) -> Line | None:
        """The line as it is; None when it would be added."""
        return self.before.line(self.key)

    @property
    def line_after(self) -> Line | None:
        """The line as it would be; None when it would be gone."""
        return self.after.line(self.key)


def is_typed(invoice: Invoice) -> bool:
    """Whether the lines of a draft were typed: they are no result of usage and plans."""
    return invoice.type == InvoiceType.ONE_OFF.value


def preview_correction(invoice: Invoice, row: InvoiceLine, wanted: Correction) -> Preview:
    """What `correct_line` would make of the draft; raises as it does."""
    key = row_key(row)
    if is_typed(invoice):
        lines = retyped(invoice, key, wanted)
        return Preview(key, typed(invoice, typed_lines(invoice)), typed(invoice, lines))
    edit = edit_of(row)
    return with_edit(invoice, planned(row, edit, wanted))


def with_edit(invoice: Invoice, edit: LineEdit) -> Preview:
    """The draft with one edit more, or with this one instead of the line's own."""
    others = [one for one in LineEdit.objects.filter(invoice=invoice) if one.line_key != edit.line_key]
    return Preview(
        edit.line_key, drafted(invoice, others + own(invoice, edit)), drafted(invoice, [*others, edit])
    )


def preview_addition(
    invoice: Invoice, offer: Offer | None, what: Correction | Item, taxes: Sequence[TaxRow] | None
) -> Preview:
    """What `add_usage` (with an offer) or `add_item` would make of the draft; raises as they do."""
    if offer is not None and isinstance(what, Correction):
        return with_edit(invoice, planned_usage(invoice, offer, what))
    assert isinstance(what, Item)  # noqa: S101 - a correction comes with its offer
    if is_typed(invoice):
        lines = typed_item(invoice, what, taxes)
        key = lines[-1].key or new_id()
        return Preview(key, typed(invoice, typed_lines(invoice)), typed(invoice, lines))
    return with_edit(invoice, planned_item(invoice, what, taxes))


def own(invoice: Invoice, edit: LineEdit) -> list[LineEdit]:
    """The edit that the line has already."""
    return list(LineEdit.objects.filter(invoice=invoice, line_key=edit.line_key))


def planned(row: InvoiceLine, edit: LineEdit | None, wanted: Correction) -> LineEdit:
    """The edit that a correction makes of a line, not saved; `edit`: the one that it has.

    Raises Invalid or FieldErrors naming `units`, `unitAmount` or `name`.
    """
    found = (
        copy(edit)
        if edit
        else LineEdit(
            organization_id=row.organization_id,
            invoice=row.invoice,
            line_key=row_key(row),
            kind=row.kind,
            subscription_id=row.subscription_id,
            charge_id=row.charge_id,
            charge_filter=row.charge_filter,
            charge_group=row.charge_group,
            period_start=row.period_start,
        )
    )
    if row.kind == ITEM:
        wanted = completed(wanted, found.name, found.units or ZERO, found.unit_amount or ZERO)
    refuse(wanted, row.invoice.currency, row.description, above_zero=row.kind == ITEM)
    if row.kind != ITEM:
        check(wanted, pricing_of_row(row), LineKind(row.kind))
    found.name, found.units, found.unit_amount = wanted.name.strip(), wanted.units, wanted.unit_amount
    return found


def completed(wanted: Correction, name: str, units: Decimal, unit_amount: Decimal) -> Correction:
    """A correction of what needs a name, units and a price: what is not given stays."""
    return Correction(
        units if wanted.units is None else wanted.units,
        unit_amount if wanted.unit_amount is None else wanted.unit_amount,
        wanted.name.strip() or name,
    )


def refuse(wanted: Correction, currency: str, name: str, *, above_zero: bool) -> None:
    """Raise what is wrong with the numbers and the name of a line, all at once."""
    units = wanted.units
    if units is None or (not above_zero and units.is_finite() and units <= 0):
        units = Decimal(1)  # 0 is allowed here, not on an item
    item = Item(wanted.name.strip() or name, wanted.unit_amount or ZERO, units)
    if faults := item_faults(item, currency):
        raise FieldErrors([(NAMES.get(field, field), text) for field, text in faults])


def planned_usage(invoice: Invoice, offer: Offer, wanted: Correction) -> LineEdit:
    """The edit that adds a charge without usage."""
    refuse(wanted, invoice.currency, offer.name, above_zero=False)
    check(wanted, offer.pricing)
    return LineEdit(
        organization_id=invoice.organization_id,
        invoice=invoice,
        line_key=offer.key,
        kind=LineKind.CHARGE.value,
        name=wanted.name.strip(),
        units=wanted.units,
        unit_amount=wanted.unit_amount,
        subscription=offer.subscription,
        charge=offer.charge,
        charge_filter=offer.filter,
        period_start=offer.window.start,
    )


def planned_item(
    invoice: Invoice, item: Item, taxes: Sequence[TaxRow] | None, key: UUID | None = None
) -> LineEdit:
    """The edit that adds an item. `taxes`: those to apply; None: the usual ones; empty: none."""
    if faults := item_faults(item, invoice.currency):
        raise FieldErrors([(NAMES.get(field, field), text) for field, text in faults])
    return LineEdit(
        organization_id=invoice.organization_id,
        invoice=invoice,
        line_key=key or new_id(),
        kind=ITEM,
        name=item.description.strip(),
        units=item.units,
        unit_amount=item.unit_amount,
        add_on=item.add_on,
        tax_ids=None if taxes is None else [str(tax.pk) for tax in taxes],
    )


def retyped(invoice: Invoice, key: UUID, wanted: Correction) -> list[Line]:
    """The lines of a one-off draft with one of them typed anew."""
    lines = []
    for line in typed_lines(invoice):
        if line.key == key:
            full = completed(wanted, line.facts.description, line.units, line.unit_amount)
            refuse(full, invoice.currency, "", above_zero=True)
            facts = replace(line.facts, description=full.name)
            made = one_off_line(facts, full.units or ZERO, full.unit_amount or ZERO)
            line = replace(made, key=key)
        lines.append(line)
    return lines


def typed_item(
    invoice: Invoice, item: Item, taxes: Sequence[TaxRow] | None, key: UUID | None = None
) -> list[Line]:
    """The lines of a one-off draft with an item more."""
    lines = typed_lines(invoice)
    billed = copy(invoice.customer)
    billed.currency = invoice.currency  # the customer's may have changed since
    try:
        made = item_lines([item], billed, taxes)
    except FieldErrors as error:
        plain = [(name.removeprefix("items[0]."), text) for name, text in error.errors]
        raise FieldErrors([(NAMES.get(name, name), text) for name, text in plain]) from error
    known = typed_taxes(invoice)  # the same tax by another name meanwhile is still one row of the tax table
    for line in made:
        its_taxes = tuple(known.get((tax.code, tax.rate), tax) for tax in line.facts.taxes)
        lines.append(replace(line, facts=replace(line.facts, taxes=its_taxes), key=key or new_id()))
    return lines
