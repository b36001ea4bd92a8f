"""Charges: the price of a metric within a plan.

Errors keep the exact path: one in the second tier of the third charge of a plan is
`charges[2].properties.graduatedRanges[1].toValue`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from billing.actions import audit, catalog
from billing.actions.charge_terms import (
    CHECKED,
    TIMING,
    ChargeTerms,
    FilterTerms,
    PricedIn,
    named_under,
    stored_price,
    wrong_price,
    wrong_timing,
)
from billing.actions.plan_events import tell
from billing.actions.price_versions import keeping_prices
from billing.actions.roll_ups import keep_dimensions
from billing.models import Charge, ChargePrice, Plan, Tax
from billing.orm.actor import Actor
from billing.queries.catalog_use import plan_use
from billing.rules.errors import BillingError, Conflict, FieldErrors, Invalid

AUDITED = (
    "charge_model",
    "properties",
    "filters",
    "group_keys",
    *TIMING,
    "invoice_display_name",
    "min_amount_minor",
    "position",
)
MOST_CHARGES = 100
KEEPS_ITS_TIME = "Stays as it is: there are subscriptions. Remove this charge and add another."


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
    touched = [charge.metric for charge in known.values()] + [terms.metric for terms in wanted]
    changes: dict[str, tuple[Any, Any]] = {}
    for gone in set(known) - {terms.id for terms in wanted}:
        charge = known[gone]
        changes[change_name(charge, changes)] = (describe(charge), None)
        remove(charge, at)
    for position, (terms, columns) in enumerate(zip(wanted, ready, strict=True)):
        charge = known[terms.id] if terms.id else Charge(organization=plan.organization, plan=plan)
        before = describe(charge) if terms.id else None
        write(charge, terms, columns, position)
        after = describe(charge)
        if before != after:
            changes[change_name(charge, changes)] = (before, after)
    keep_dimensions(touched)
    return changes


def change_name(charge: Charge, changes: Mapping[str, Any]) -> str:
    """How the audit line calls a charge; those on the same metric are numbered."""
    name, number = f"charge {charge.metric.code}", 2
    while name in changes:
        name, number = f"charge {charge.metric.code} ({number})", number + 1
    return name


def check_all(plan: Plan, wanted: Sequence[ChargeTerms], known: dict[UUID, Charge]) -> list[dict[str, Any]]:
    """The checked columns of each charge, or FieldErrors with the path of each problem."""
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
        if len(terms.invoice_display_name) > 200:
            errors.append((f"{path}.invoiceDisplayName", "Use at most 200 characters."))
        errors += [(f"{path}.{name}", text) for name, text in wrong_timing(terms)]
        if (
            terms.id in known
            and known[terms.id].pay_in_advance != terms.pay_in_advance
            and plan_use(plan).ever
        ):
            errors.append((f"{path}.payInAdvance", KEEPS_ITS_TIME))
        columns: dict[str, Any] = {}
        for column, check in CHECKED.items():
            try:
                columns[column] = check(terms)
            except BillingError as error:
                errors += named_under(path, error)
        for number, (currency, price) in enumerate((terms.prices or {}).items()):
            found = wrong_price(sold_in, terms.charge_model, currency, price, columns.get("filters", ()))
            errors += [(f"{path}.prices[{number}].{name}", text) for name, text in found]
        ready.append(columns)
    if errors:
        raise FieldErrors(errors, code="invalid_charges")
    return ready


def write(charge: Charge, terms: ChargeTerms, columns: dict[str, Any], position: int) -> None:
    """Save checked terms. Under another model the prices in other currencies mean nothing any more and go."""
    if terms.id and charge.charge_model != terms.charge_model:
        charge.prices.all().delete()
    charge.metric = terms.metric
    charge.charge_model = terms.charge_model
    for name, value in columns.items():
        setattr(charge, name, value)
    for name in TIMING:
        setattr(charge, name, getattr(terms, name))
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
        put_price(charge, currency, price)


def put_price(charge: Charge, currency: str, price: PricedIn) -> None:
    """Write a checked price of a charge in another currency."""
    values = stored_price(charge.charge_model, price)
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
        row.currency: audit.snapshot(row, ("properties", "min_amount_minor", "filters"))
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
        filters=[FilterTerms(**row) for row in charge.filters],
        group_keys=charge.group_keys,
        prorated=charge.prorated,
        pay_in_advance=charge.pay_in_advance,
        invoiceable=charge.invoiceable,
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
