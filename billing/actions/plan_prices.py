"""Prices of a plan in other currencies: what a period costs there, and what each charge does.

`PriceTerms` is what a door asks for. A charge that is not named keeps what it had; a plan whose charges are not all
priced in a currency cannot be assigned in it. Errors keep their path (`charges[0].properties.amount`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from billing.actions import audit, catalog
from billing.actions.charge_terms import NO_MINIMUM, FilterTerms, PricedIn, wrong_price
from billing.actions.charges import put_price
from billing.actions.plan_events import tell
from billing.actions.price_versions import keeping_prices
from billing.models import Charge, ChargePrice, Plan, PlanPrice, Subscription
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, FieldErrors, Invalid
from billing.rules.money import exponent

FIELDS = ("amount_minor", "commitment_minor")
MOST_PRICES = 50


@dataclass(frozen=True)
class PriceTerms:
    """A plan's price in one more currency, in minor units of that currency. `charges` by the charge's key."""

    currency: str
    amount_minor: int = 0
    commitment_minor: int = 0
    charges: Mapping[UUID, PricedIn] = field(default_factory=dict)


@transaction.atomic
def add_price(plan: Plan, terms: PriceTerms, *, by: Actor, at: datetime) -> PlanPrice:
    """One more currency. Raises Conflict (price_exists) when the plan has a price there."""
    plan = catalog.lock(plan)
    with keeping_prices(plan, follow="never", by=by, at=at):
        price, changes = new_price(plan, terms)
    audit.record(plan.organization, "plan.price_added", plan, by=by, at=at, changes=changes)
    tell(plan, "plan.updated", at=at)
    return price


@transaction.atomic
def update_price(
    price: PlanPrice, terms: PriceTerms, *, follow: str = "now", by: Actor, at: datetime
) -> PlanPrice:
    """Change what the plan costs in a currency; charges that `terms` does not name stay."""
    plan = catalog.lock(price.plan)
    price = PlanPrice.objects.select_for_update(of=("self",)).get(pk=price.pk)
    price.plan = plan
    with keeping_prices(plan, follow=follow, by=by, at=at):
        changes = save_price(price, terms)
    if changes:
        audit.record(plan.organization, "plan.price_changed", plan, by=by, at=at, changes=changes)
        tell(plan, "plan.updated", at=at)
    return price


@transaction.atomic
def remove_price(price: PlanPrice, *, by: Actor, at: datetime) -> Plan:
    """Sell the plan in this currency no more. Conflict (price_in_use) once somebody has subscribed in it."""
    plan = catalog.lock(price.plan)
    with keeping_prices(plan, follow="never", by=by, at=at):
        changes = drop_price(plan, price)
    audit.record(plan.organization, "plan.price_removed", plan, by=by, at=at, changes=changes)
    tell(plan, "plan.updated", at=at)
    return plan


def sync_prices(plan: Plan, wanted: Sequence[PriceTerms]) -> dict[str, tuple[Any, Any]]:
    """Make a locked plan's prices in other currencies exactly `wanted`; what changed, for the plan's audit line."""
    known = {price.currency: price for price in plan.prices.all()}
    changes: dict[str, tuple[Any, Any]] = {}
    named = {terms.currency for terms in wanted}
    for currency in known.keys() - named:
        known[currency].plan = plan
        changes |= drop_price(plan, known[currency])
    seen: set[str] = set()
    for index, terms in enumerate(wanted):
        with catalog.under(f"prices[{index}]"):
            if terms.currency in seen:
                raise Invalid(f"There are two prices in {terms.currency}.", field="currency")
            seen.add(terms.currency)
            if terms.currency in known:
                known[terms.currency].plan = plan
                changes |= save_price(known[terms.currency], terms)
            else:
                changes |= new_price(plan, terms)[1]
    return changes


def new_price(plan: Plan, terms: PriceTerms) -> tuple[PlanPrice, dict[str, tuple[Any, Any]]]:
    """The row of a new price of a locked plan, with its changes for the audit trail."""
    exponent(terms.currency)
    if terms.currency == plan.currency or plan.prices.filter(currency=terms.currency).exists():
        raise Conflict(
            f"The plan has a price in {terms.currency} already.", code="price_exists", field="currency"
        )
    if plan.prices.count() >= MOST_PRICES:
        raise Invalid(f"A plan has at most {MOST_PRICES} prices.", field="currency")
    price = PlanPrice(organization=plan.organization, plan=plan, currency=terms.currency)
    return price, save_price(price, terms)


def save_price(price: PlanPrice, terms: PriceTerms) -> dict[str, tuple[Any, Any]]:
    """Write a price of a locked plan and its charges'; what changed. Raises FieldErrors with every problem."""
    before = {} if price._state.adding else described(price)
    charges = {row.pk: row for row in price.plan.charges.kept().select_related("metric")}
    check(terms, charges)
    price.amount_minor, price.commitment_minor = terms.amount_minor, terms.commitment_minor
    price.save()
    for key, priced in terms.charges.items():
        put_price(charges[key], price.currency, priced)
    after = described(price)
    return {name: (before.get(name), value) for name, value in after.items() if before.get(name) != value}


def drop_price(plan: Plan, price: PlanPrice) -> dict[str, tuple[Any, Any]]:
    """Delete a price of a locked plan with its charges'."""
    used = Subscription.objects.filter(plan=plan, currency=price.currency).count()
    if used:
        noun = "subscription is" if used == 1 else "subscriptions are"
        raise Conflict(
            f"{used} {noun} or was billed in {price.currency}.", code="price_in_use", field="prices"
        )
    before = described(price)
    ChargePrice.objects.filter(charge__plan=plan, currency=price.currency).delete()
    PlanPrice.objects.filter(pk=price.pk).delete()
    return {name: (value, None) for name, value in before.items()}


def check(terms: PriceTerms, charges: Mapping[UUID, Charge]) -> None:
    """Raise FieldErrors with every problem of a price."""
    errors = [(name, "Must not be negative.") for name in FIELDS if getattr(terms, name) < 0]
    for index, (key, priced) in enumerate(terms.charges.items()):
        path = f"charges[{index}]"
        if key not in charges:
            errors.append((f"{path}.chargeId", "This plan has no such charge."))
            continue
        charge = charges[key]
        found = wrong_price({terms.currency}, charge.charge_model, terms.currency, priced, charge.filters)
        errors += [(f"{path}.{name}", text) for name, text in found]
        if charge.pay_in_advance and priced.min_amount_minor > 0:
            errors.append((f"{path}.minAmount", NO_MINIMUM))
    if errors:
        raise FieldErrors(errors, code="invalid_prices")


def described(price: PlanPrice) -> dict[str, Any]:
    """A price for the audit trail; a charge's with the model that it follows."""
    code = price.currency
    found: dict[str, Any] = {f"price in {code}": {"currency": code, "amount_minor": price.amount_minor}}
    if price.commitment_minor:
        found[f"minimum commitment in {code}"] = {"currency": code, "amount_minor": price.commitment_minor}
    rows = ChargePrice.objects.filter(charge__plan=price.plan, currency=code, charge__deleted_at=None)
    for row in rows.select_related("charge__metric"):
        found[f"charge {row.charge.metric.code} in {code}"] = {
            "currency": code,
            "charge_model": row.charge.charge_model,
            "properties": row.properties,
            "filters": row.filters,
            "min_amount_minor": row.min_amount_minor,
        }
    return found


def copied_prices(source: Plan, plan: Plan) -> list[PriceTerms]:
    """The other currencies of a plan for its copy: charges of the same metric and model, in their order, cost
    the same there.
    """
    mine: dict[tuple[UUID, str], list[UUID]] = {}
    for row in plan.charges.kept():
        mine.setdefault((row.metric_id, row.charge_model), []).append(row.pk)
    copies = {
        row.pk: mine[key].pop(0)
        for row in source.charges.kept()
        if mine.get(key := (row.metric_id, row.charge_model))
    }
    found = []
    for price in source.prices.exclude(currency=plan.currency):
        rows = ChargePrice.objects.filter(charge__in=copies, currency=price.currency)
        charges = {copies[row.charge_id]: priced_in(row) for row in rows}
        found.append(PriceTerms(price.currency, price.amount_minor, price.commitment_minor, charges))
    return found


def priced_in(row: ChargePrice) -> PricedIn:
    """A stored price as terms."""
    return PricedIn(row.properties, row.min_amount_minor, [FilterTerms(**one) for one in row.filters])
