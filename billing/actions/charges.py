"""Charges: the price of a metric within a plan.

`ChargeTerms` is what a door asks for. Errors keep the exact path: one in the second tier of the third charge of
a plan is `charges[2].properties.graduatedRanges[1].toValue`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from billing.actions import audit, catalog
from billing.actions.plan_events import tell
from billing.actions.price_versions import keeping_prices
from billing.models import Charge, ChargePrice, Metric, Plan, Tax
from billing.orm.actor import Actor
from billing.rules.charges.registry import charge_model
from billing.rules.errors import BillingError, Conflict, FieldErrors, Invalid

AUDITED = ("charge_model", "properties", "invoice_display_name", "min_amount_minor", "position")
MOST_CHARGES = 100


@dataclass(frozen=True)
class PricedIn:
    """What a charge costs in another currency: properties as the API takes them, the minimum in minor units."""

    properties: dict[str, Any] = field(default_factory=dict)
    min_amount_minor: int = 0


@dataclass(frozen=True)
class ChargeTerms:
    """One charge as it shall be. `properties` as the API takes them (camelCase, major units as text);
    `min_amount_minor` in the plan's currency; `id` is the charge that this replaces, None for a new one.
    `prices`: by other currencies of the plan; None leaves those there are.
    """

    metric: Metric
    charge_model: str
    properties: dict[str, Any] = field(default_factory=dict)
    invoice_display_name: str = ""
    min_amount_minor: int = 0
    taxes: Sequence[Tax] = ()
    id: UUID | None = None
    prices: Mapping[str, PricedIn] | None = None


def checked_properties(terms: ChargeTerms) -> dict[str, Any]:
    """The properties as they are stored. Raises FieldErrors under `properties.…`, Invalid at chargeModel."""
    model = charge_model(terms.charge_model)
    if terms.metric.aggregation in model.refused_aggregations:
        kind = terms.metric.get_aggregation_display().lower()
        raise Invalid(
            f"{model.title} cannot price the metric {terms.metric.name} ({kind}).", field="chargeModel"
        )
    return stored_properties(terms.charge_model, terms.properties)


def stored_properties(model_name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """Properties of a model as they are stored. Raises FieldErrors under `properties.…`."""
    model = charge_model(model_name)
    try:
        return model.serialize(model.parse(properties))
    except FieldErrors as error:
        named = [
            (name if name == "properties" else f"properties.{name}", text) for name, text in error.errors
        ]
        raise FieldErrors(named, code=error.code) from error


def sync_charges(plan: Plan, wanted: Sequence[ChargeTerms], *, at: datetime) -> dict[str, tuple[Any, Any]]:
    """Make a locked plan's charges exactly `wanted`, in that order; those not named are deleted.

    Returns what changed for the plan's audit line. Raises FieldErrors with every problem of every charge.
    """
    if len(wanted) > MOST_CHARGES:
        raise Invalid(f"A plan has at most {MOST_CHARGES} charges.", field="charges")
    known: dict[UUID, Charge] = {
        charge.pk: charge for charge in plan.charges.kept().select_related("metric").prefetch_related("taxes")
    }
    ready = check_all(plan, wanted, known)
    changes: dict[str, tuple[Any, Any]] = {}
    for gone in set(known) - {terms.id for terms in wanted}:
        charge = known[gone]
        changes[change_name(charge, changes)] = (describe(charge), None)
        remove(charge, at)
    for position, (terms, properties) in enumerate(zip(wanted, ready, strict=True)):
        charge = known[terms.id] if terms.id else Charge(organization=plan.organization, plan=plan)
        before = describe(charge) if terms.id else None
        write(charge, terms, properties, position)
        after = describe(charge)
        if before != after:
            changes[change_name(charge, changes)] = (before, after)
    return changes


def change_name(charge: Charge, changes: Mapping[str, Any]) -> str:
    """How the audit line calls a charge; those on the same metric are numbered."""
    name, number = f"charge {charge.metric.code}", 2
    while name in changes:
        name, number = f"charge {charge.metric.code} ({number})", number + 1
    return name


def check_all(plan: Plan, wanted: Sequence[ChargeTerms], known: dict[UUID, Charge]) -> list[dict[str, Any]]:
    """The stored properties of each charge, or FieldErrors with the path of each problem."""
    errors: list[tuple[str, str]] = []
    ready: list[dict[str, Any]] = []
    seen: set[UUID] = set()
    sold_in = set(plan.prices.values_list("currency", flat=True))
    for index, terms in enumerate(wanted):
        path = f"charges[{index}]"
        if terms.id is not None and (terms.id not in known or terms.id in seen):
            errors.append((f"{path}.id", "This plan has no such charge."))
        elif terms.id is not None and known[terms.id].metric_id != terms.metric.pk:
            errors.append((f"{path}.metric", "The metric of a charge stays. Remove it and add another."))
        if terms.id is not None:
            seen.add(terms.id)
        if terms.metric.organization_id != plan.organization_id or terms.metric.deleted_at:
            errors.append((f"{path}.metric", "There is no such metric."))
        if terms.min_amount_minor < 0:
            errors.append((f"{path}.minAmount", "Must not be negative."))
        for number, (currency, price) in enumerate((terms.prices or {}).items()):
            found = wrong_price(sold_in, terms.charge_model, currency, price)
            errors += [(f"{path}.prices[{number}].{name}", text) for name, text in found]
        if len(terms.invoice_display_name) > 200:
            errors.append((f"{path}.invoiceDisplayName", "Use at most 200 characters."))
        try:
            ready.append(checked_properties(terms))
        except BillingError as error:
            errors += named_under(path, error)
    if errors:
        raise FieldErrors(errors, code="invalid_charges")
    return ready


def named_under(path: str, error: BillingError) -> list[tuple[str, str]]:
    """What an error says, each part under a path."""
    found = error.errors if isinstance(error, FieldErrors) else [(error.field or "", str(error))]
    return [(f"{path}.{name}", text) for name, text in found]


def wrong_price(plan_sold_in: set[str], model: str, currency: str, price: PricedIn) -> list[tuple[str, str]]:
    """What is wrong with a charge's price in another currency, by field."""
    errors = []
    if currency not in plan_sold_in:
        errors.append(("currency", f"The plan has no other price in {currency}."))
    if price.min_amount_minor < 0:
        errors.append(("minAmount", "Must not be negative."))
    try:
        stored_properties(model, price.properties)
    except BillingError as error:
        errors += error.errors if isinstance(error, FieldErrors) else [(error.field or "", str(error))]
    return errors


def write(charge: Charge, terms: ChargeTerms, properties: dict[str, Any], position: int) -> None:
    """Save checked terms. Under another model the prices in other currencies mean nothing any more and go."""
    if terms.id and charge.charge_model != terms.charge_model:
        charge.prices.all().delete()
    charge.metric = terms.metric
    charge.charge_model = terms.charge_model
    charge.properties = properties
    charge.invoice_display_name = terms.invoice_display_name.strip()
    charge.min_amount_minor = terms.min_amount_minor
    charge.position = position
    charge.save()
    if {tax.pk for tax in charge.taxes.all()} != {tax.pk for tax in terms.taxes}:
        charge.taxes.set(terms.taxes)
    if terms.prices is not None:
        write_prices(charge, terms.prices)


def write_prices(charge: Charge, prices: Mapping[str, PricedIn]) -> None:
    """Make a charge's prices in other currencies exactly these."""
    charge.prices.exclude(currency__in=prices).delete()
    for currency, price in prices.items():
        put_price(charge, currency, stored_properties(charge.charge_model, price.properties), price)


def put_price(charge: Charge, currency: str, properties: dict[str, Any], price: PricedIn) -> None:
    """Write a checked price of a charge in another currency."""
    values = {"properties": properties, "min_amount_minor": price.min_amount_minor}
    ChargePrice.objects.update_or_create(
        charge=charge,
        currency=currency,
        defaults=values,
        create_defaults=values | {"organization": charge.organization},
    )


def remove(charge: Charge, at: datetime) -> None:
    """Mark a charge deleted; invoices keep pointing at it."""
    charge.deleted_at = at
    charge.save(update_fields=["deleted_at", "updated_at"])


def describe(charge: Charge) -> dict[str, Any]:
    """A charge for the audit trail."""
    taxes = sorted(Tax.objects.filter(pk__in=charge.taxes.values("pk")).values_list("code", flat=True))
    prices = {
        row.currency: {"properties": row.properties, "min_amount_minor": row.min_amount_minor}
        for row in ChargePrice.objects.filter(charge=charge)
    }
    found = audit.snapshot(charge, AUDITED) | {"taxes": list(taxes)}
    return found | {"prices": prices} if prices else found


def terms_of(charge: Charge) -> ChargeTerms:
    """An existing charge as terms, to change one of them or to copy a plan."""
    return ChargeTerms(
        metric=charge.metric,
        charge_model=charge.charge_model,
        properties=charge.properties,
        invoice_display_name=charge.invoice_display_name,
        min_amount_minor=charge.min_amount_minor,
        taxes=list(charge.taxes.all()),
        id=charge.pk,
    )


@transaction.atomic
def add_charge(plan: Plan, terms: ChargeTerms, *, follow: str = "now", by: Actor, at: datetime) -> Charge:
    """One more charge at the end. `follow`: when subscriptions pay it. Errors name the field of the charge."""
    plan = catalog.lock(plan)
    resync(plan, [*current(plan), terms], one=-1, follow=follow, by=by, at=at)
    added: Charge = plan.charges.kept().latest("pk")
    return added


@transaction.atomic
def update_charge(
    charge: Charge, terms: ChargeTerms, *, follow: str = "now", by: Actor, at: datetime
) -> Charge:
    """Replace the terms of a charge. Errors name the field of the charge."""
    plan = catalog.lock(charge.plan)
    rows = [terms if row.id == charge.pk else row for row in current(plan)]
    index = next((i for i, row in enumerate(rows) if row is terms), None)
    if index is None:
        raise Conflict("This charge has been deleted.", code="deleted")
    resync(plan, rows, one=index, follow=follow, by=by, at=at)
    return plan.charges.kept().get(pk=charge.pk)


@transaction.atomic
def remove_charge(charge: Charge, *, follow: str = "now", by: Actor, at: datetime) -> Plan:
    """Take a charge off its plan: usage is no longer billed of those who follow. Twice changes nothing."""
    plan = catalog.lock(charge.plan)
    resync(plan, [row for row in current(plan) if row.id != charge.pk], one=None, follow=follow, by=by, at=at)
    return plan


def current(plan: Plan) -> list[ChargeTerms]:
    """A plan's charges as terms, in order."""
    rows: Iterable[Charge] = plan.charges.kept().select_related("metric").prefetch_related("taxes")
    return [terms_of(charge) for charge in rows]


def resync(
    plan: Plan, rows: Sequence[ChargeTerms], *, one: int | None, follow: str, by: Actor, at: datetime
) -> None:
    """`sync_charges` and its audit line; errors of charge `one` lose their `charges[i].`."""
    try:
        with keeping_prices(plan, follow=follow, by=by, at=at):
            changes = sync_charges(plan, rows, at=at)
    except FieldErrors as error:
        if one is None:
            raise
        start = f"charges[{one % len(rows)}]."
        raise FieldErrors(
            [(n.removeprefix(start), text) for n, text in error.errors], code=error.code
        ) from error
    if changes:
        audit.record(plan.organization, "plan.updated", plan, by=by, at=at, changes=changes)
        tell(plan, "plan.updated", at=at)
