"""Fixed charges of a plan: units of an add-on, priced whatever is used.

`FixedTerms` is what a door asks for. Errors keep their path (`fixedCharges[0].properties.amount`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from billing.actions import audit, catalog
from billing.actions.charge_terms import named_under, stored_properties
from billing.actions.plan_events import tell
from billing.actions.price_versions import keeping_prices
from billing.models import AddOn, FixedCharge, FixedChargePrice, Plan, Tax
from billing.models.fixed_charge import FixedModel
from billing.orm.actor import Actor
from billing.rules.errors import BillingError, Conflict, FieldErrors, Invalid
from billing.rules.fixed_charges import MOST_UNITS

AUDITED = (
    "charge_model",
    "properties",
    "units",
    "pay_in_advance",
    "prorated",
    "invoice_display_name",
    "position",
)
MOST = 50


@dataclass(frozen=True)
class FixedTerms:
    """One fixed charge as it shall be; `id` is the one that this replaces. `prices`: its properties by the plan's
    other currencies; None leaves those there are.
    """

    add_on: AddOn
    charge_model: str = "standard"
    properties: dict[str, Any] = field(default_factory=dict)
    units: Decimal = Decimal(1)
    pay_in_advance: bool = False
    prorated: bool = False
    invoice_display_name: str = ""
    taxes: Sequence[Tax] = ()
    id: UUID | None = None
    prices: Mapping[str, dict[str, Any]] | None = None


def sync_fixed(plan: Plan, wanted: Sequence[FixedTerms], *, at: datetime) -> dict[str, tuple[Any, Any]]:
    """Make a locked plan's fixed charges exactly `wanted`, in that order; what changed, for the audit line."""
    if len(wanted) > MOST:
        raise Invalid(f"A plan has at most {MOST} fixed charges.", field="fixedCharges")
    rows = plan.fixed_charges.kept().select_related("add_on").prefetch_related("taxes")
    known: dict[UUID, FixedCharge] = {row.pk: row for row in rows}
    ready = check_all(plan, wanted, known)
    changes: dict[str, tuple[Any, Any]] = {}
    for gone in known.keys() - {terms.id for terms in wanted}:
        row = known[gone]
        changes[f"fixed charge {row.add_on.code}"] = (describe(row), None)
        row.deleted_at = at
        row.save(update_fields=["deleted_at", "updated_at"])
    for position, (terms, properties) in enumerate(zip(wanted, ready, strict=True)):
        row = known[terms.id] if terms.id else FixedCharge(organization=plan.organization, plan=plan)
        before = describe(row) if terms.id else None
        write(row, terms, properties, position)
        after = describe(row)
        if before != after:
            changes[f"fixed charge {row.add_on.code}"] = (before, after)
    return changes


def check_all(
    plan: Plan, wanted: Sequence[FixedTerms], known: Mapping[UUID, FixedCharge]
) -> list[dict[str, Any]]:
    """The stored properties of each, or FieldErrors with the path of each problem."""
    errors: list[tuple[str, str]] = []
    ready: list[dict[str, Any]] = []
    seen: set[UUID] = set()
    sold_in = set(plan.prices.values_list("currency", flat=True))
    for index, terms in enumerate(wanted):
        path = f"fixedCharges[{index}]"
        if terms.id is not None and terms.id not in known:
            errors.append((f"{path}.id", "This plan has no such fixed charge."))
        elif terms.id is not None and known[terms.id].add_on_id != terms.add_on.pk:
            errors.append((f"{path}.addOn", "The add-on of a fixed charge stays. Remove it and add another."))
        if terms.add_on.organization_id != plan.organization_id or terms.add_on.deleted_at:
            errors.append((f"{path}.addOn", "There is no such add-on."))
        elif terms.add_on.pk in seen:
            errors.append((f"{path}.addOn", "The plan includes this add-on already."))
        seen.add(terms.add_on.pk)
        errors += [(f"{path}.{name}", text) for name, text in faults(terms, sold_in)]
        try:
            ready.append(stored_properties(terms.charge_model, terms.properties))
        except BillingError as error:
            errors += named_under(path, error)
    if errors:
        raise FieldErrors(errors, code="invalid_fixed_charges")
    return ready


def faults(terms: FixedTerms, sold_in: set[str]) -> list[tuple[str, str]]:
    """What is wrong with a fixed charge besides its properties, by field."""
    errors = []
    if terms.charge_model not in set(FixedModel):
        errors.append(("chargeModel", "Use standard, graduated or volume."))
    if not terms.units.is_finite() or not 0 <= terms.units < MOST_UNITS:
        errors.append(("units", "Use a number of 0 or more."))
    elif -int(terms.units.as_tuple().exponent) > 15:
        errors.append(("units", "Use at most 15 decimals."))
    if terms.pay_in_advance and terms.charge_model == "volume":
        errors.append(("payInAdvance", "Volume prices are known when the period is over: bill in arrears."))
    if terms.pay_in_advance and terms.prorated and terms.charge_model == "graduated":
        errors.append(("payInAdvance", "Prorated tiers are known when the period is over: bill in arrears."))
    if len(terms.invoice_display_name) > 200:
        errors.append(("invoiceDisplayName", "Use at most 200 characters."))
    for number, (currency, properties) in enumerate((terms.prices or {}).items()):
        place = f"prices[{number}]"
        if currency not in sold_in:
            errors.append((f"{place}.currency", f"The plan has no other price in {currency}."))
        try:
            stored_properties(terms.charge_model, properties)
        except BillingError as error:
            errors += named_under(place, error)
    return errors


def write(row: FixedCharge, terms: FixedTerms, properties: dict[str, Any], position: int) -> None:
    """Save checked terms. Under another model the prices in other currencies mean nothing any more and go."""
    if terms.id and row.charge_model != terms.charge_model:
        row.prices.all().delete()
    row.add_on = terms.add_on
    row.charge_model = terms.charge_model
    row.properties = properties
    row.units = terms.units
    row.pay_in_advance, row.prorated = terms.pay_in_advance, terms.prorated
    row.invoice_display_name = terms.invoice_display_name.strip()
    row.position = position
    row.save()
    if {tax.pk for tax in row.taxes.all()} != {tax.pk for tax in terms.taxes}:
        row.taxes.set(terms.taxes)
    if terms.prices is not None:
        row.prices.exclude(currency__in=terms.prices).delete()
        for currency, priced in terms.prices.items():
            put_price(row, currency, stored_properties(row.charge_model, priced))


def put_price(row: FixedCharge, currency: str, properties: dict[str, Any]) -> None:
    """Write a checked price of a fixed charge in another currency."""
    FixedChargePrice.objects.update_or_create(
        fixed_charge=row,
        currency=currency,
        defaults={"properties": properties},
        create_defaults={"properties": properties, "organization": row.organization},
    )


def describe(row: FixedCharge) -> dict[str, Any]:
    """A fixed charge for the audit trail."""
    taxes = sorted(Tax.objects.filter(pk__in=row.taxes.values("pk")).values_list("code", flat=True))
    prices = {
        price.currency: {"properties": price.properties}
        for price in FixedChargePrice.objects.filter(fixed_charge=row)
    }
    found = audit.snapshot(row, AUDITED) | {"units": f"{row.units.normalize():f}", "taxes": list(taxes)}
    return found | {"prices": prices} if prices else found


def terms_of_fixed(row: FixedCharge) -> FixedTerms:
    """An existing fixed charge as terms."""
    return FixedTerms(
        add_on=row.add_on,
        charge_model=row.charge_model,
        properties=row.properties,
        units=row.units,
        pay_in_advance=row.pay_in_advance,
        prorated=row.prorated,
        invoice_display_name=row.invoice_display_name,
        taxes=list(row.taxes.all()),
        id=row.pk,
    )


def current_fixed(plan: Plan) -> list[FixedTerms]:
    """A plan's fixed charges as terms, in order."""
    rows = plan.fixed_charges.kept().select_related("add_on").prefetch_related("taxes")
    return [terms_of_fixed(row) for row in rows]


@transaction.atomic
def add_fixed(plan: Plan, terms: FixedTerms, *, follow: str = "now", by: Actor, at: datetime) -> FixedCharge:
    """One more at the end. Errors name the field of the fixed charge."""
    plan = catalog.lock(plan)
    resync(plan, [*current_fixed(plan), terms], one=-1, follow=follow, by=by, at=at)
    return plan.fixed_charges.kept().get(add_on=terms.add_on)


@transaction.atomic
def update_fixed(
    row: FixedCharge, terms: FixedTerms, *, follow: str = "now", by: Actor, at: datetime
) -> FixedCharge:
    """Replace the terms of a fixed charge. Errors name its field."""
    plan = catalog.lock(row.plan)
    rows = [terms if one.id == row.pk else one for one in current_fixed(plan)]
    index = next((i for i, one in enumerate(rows) if one is terms), None)
    if index is None:
        raise Conflict("This fixed charge has been deleted.", code="deleted")
    resync(plan, rows, one=index, follow=follow, by=by, at=at)
    return plan.fixed_charges.kept().get(pk=row.pk)


@transaction.atomic
def remove_fixed(row: FixedCharge, *, follow: str = "now", by: Actor, at: datetime) -> Plan:
    """Take it off its plan: it is billed no more of those who follow. Twice changes nothing."""
    plan = catalog.lock(row.plan)
    resync(
        plan, [one for one in current_fixed(plan) if one.id != row.pk], one=None, follow=follow, by=by, at=at
    )
    return plan


def resync(
    plan: Plan, rows: Sequence[FixedTerms], *, one: int | None, follow: str, by: Actor, at: datetime
) -> None:
    """`sync_fixed` and its audit line; errors of number `one` lose their `fixedCharges[i].`."""
    try:
        with keeping_prices(plan, follow=follow, by=by, at=at):
            changes = sync_fixed(plan, rows, at=at)
    except FieldErrors as error:
        if one is None:
            raise
        start = f"fixedCharges[{one % len(rows)}]."
        raise FieldErrors(
            [(name.removeprefix(start), text) for name, text in error.errors], code=error.code
        ) from error
    if changes:
        audit.record(plan.organization, "plan.updated", plan, by=by, at=at, changes=changes)
        tell(plan, "plan.updated", at=at)
