"""Terms of one subscription as a version of its plan's prices: checked, and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from billing.actions import audit
from billing.actions.charge_terms import NO_MINIMUM, named_under, stored_properties
from billing.models import Plan, PlanVersion, Subscription, Tax
from billing.orm.actor import Actor
from billing.queries.own_terms import OwnCharge, OwnFixed, OwnTerms, agreed
from billing.queries.version_changes import differences, names_of
from billing.rules.errors import BillingError, FieldErrors
from billing.rules.filters import same_choice
from billing.rules.fixed_charges import MOST_UNITS
from billing.rules.price_versions import OWN

LABELS = {"charge": "charge", "fixed": "fixed charge"}
Errors = list[tuple[str, str]]


def own_terms_of(plan: Plan, currency: str, own: OwnTerms, base: Mapping[str, Any]) -> dict[str, Any]:
    """The snapshot `base` of a plan's prices with what is agreed, checked. Raises FieldErrors with every problem."""
    errors: Errors = []
    if own.amount_minor is not None and own.amount_minor < 0:
        errors.append(("amount", "Must not be negative."))
    if own.commitment_minor is not None and own.commitment_minor < 0:
        errors.append(("minimumCommitment", "Must not be negative."))
    charges = {}
    for number, (key, charge) in enumerate(own.charges.items()):
        row = next((one for one in base["charges"] if one["id"] == str(key)), None)
        if row is None:
            errors.append((f"charges[{number}].id", "The plan has no such charge."))
            continue
        charges[key], found = checked_charge(row, charge)
        errors += [(f"charges[{number}].{name}", text) for name, text in found]
    fixed = {}
    for number, (key, one) in enumerate(own.fixed.items()):
        row = next((one for one in base["fixed"] if one["id"] == str(key)), None)
        if row is None:
            errors.append((f"fixedCharges[{number}].id", "The plan has no such fixed charge."))
            continue
        fixed[key], found = checked_fixed(row, one)
        errors += [(f"fixedCharges[{number}].{name}", text) for name, text in found]
    errors += unknown_taxes(plan, own.taxes)
    if errors:
        raise FieldErrors(
            [(f"planOverrides.{name}", text) for name, text in errors], code="invalid_own_terms"
        )
    checked = OwnTerms(
        own.amount_minor,
        own.commitment_minor,
        None if own.invoice_display_name is None else own.invoice_display_name.strip(),
        None if own.commitment_display_name is None else own.commitment_display_name.strip(),
        own.taxes,
        charges,
        fixed,
    )
    return agreed(base, currency, checked)


def unknown_taxes(plan: Plan, codes: Sequence[str] | None) -> Errors:
    """Tax codes that nothing is known of."""
    if not codes:
        return []
    known = set(
        Tax.objects.of(plan.organization_id).kept().filter(code__in=codes).values_list("code", flat=True)
    )
    return [
        (f"taxCodes[{at}]", f"There is no tax {code}.") for at, code in enumerate(codes) if code not in known
    ]


def checked_charge(row: Mapping[str, Any], own: OwnCharge) -> tuple[OwnCharge, Errors]:
    """A charge's terms as they are stored, and what is wrong with them."""
    errors: Errors = []
    properties = None
    if own.properties is not None:
        properties, errors = checked_properties(row["charge_model"], own.properties)
    if own.min_amount_minor is not None and own.min_amount_minor < 0:
        errors.append(("minAmount", "Must not be negative."))
    elif own.min_amount_minor and row.get("pay_in_advance"):
        errors.append(("minAmount", NO_MINIMUM))
    known, filters = [one["values"] for one in row["filters"]], []
    for at, one in enumerate(own.filters):
        values = same_choice(one["values"])
        if values not in known:
            errors.append((f"filters[{at}].values", "The charge has no filter with these values."))
        priced, found = checked_properties(row["charge_model"], one["properties"])
        errors += [(f"filters[{at}].{name}", text) for name, text in found]
        filters.append({"values": values, "properties": priced})
    return OwnCharge(properties, own.min_amount_minor, filters), errors


def checked_fixed(row: Mapping[str, Any], own: OwnFixed) -> tuple[OwnFixed, Errors]:
    """The same of a fixed charge."""
    errors: Errors = []
    properties = None
    if own.properties is not None:
        properties, errors = checked_properties(row["charge_model"], own.properties)
    units = own.units
    if units is not None and (not units.is_finite() or not 0 <= units < MOST_UNITS):
        errors.append(("units", "Use a number of 0 or more."))
    return OwnFixed(properties, units), errors


def checked_properties(model: str, properties: dict[str, Any]) -> tuple[dict[str, Any] | None, Errors]:
    """Properties as they are stored, or what is wrong with them."""
    try:
        return stored_properties(model, properties), []
    except BillingError as error:
        return None, [(name.removeprefix("."), text) for name, text in named_under("", error)]


def said(before: Mapping[str, Any], after: Mapping[str, Any], currency: str) -> audit.Changes:
    """What is agreed otherwise, for the audit trail, besides the fee: the minimum, charges and fixed charges."""
    found = differences(before, after, names_of(before, after))
    return {
        "commitment_minor" if one.kind == "commitment" else f"{LABELS[one.kind]} {one.name}": (
            one.before,
            one.after,
        )
        for one in found
        if one.currency == currency and one.kind != "fee"
    }


def keep_own(
    subscription: Subscription, plan: Plan, terms: dict[str, Any], *, by: Actor, at: datetime
) -> int:
    """Keep terms of one subscription of a locked plan; the number of their version."""
    numbers = PlanVersion.objects.filter(plan=plan, number__gte=OWN).order_by("-number")
    last = numbers.values_list("number", flat=True).first()
    version = PlanVersion.objects.create(
        organization=plan.organization,
        plan=plan,
        number=OWN if last is None else last + 1,
        subscription=subscription,
        terms=terms,
        replaced_at=at,
        replaced_by=by.label[:200],
    )
    return version.number
