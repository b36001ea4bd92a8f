"""Versions of a plan's prices: what is kept of one, how it is read again, and which a subscription pays when."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import models

from billing.models import (
    AddOn,
    Charge,
    ChargePrice,
    FixedCharge,
    FixedChargePrice,
    Metric,
    Plan,
    PlanPrice,
    PlanVersion,
    PriceMove,
    Subscription,
    Tax,
)
from billing.queries.fixed_charges import FixedBook
from billing.queries.terms import PriceBook, Terms, price_book
from billing.rules.price_versions import Move, version_at

PLAN_COLUMNS = ("amount_minor", "currency", "commitment_minor")
# What terms of one subscription may say besides.
OWN_NAMES, OWN_TAXES = ("invoice_display_name", "commitment_display_name"), "tax_codes"
LEFT_OUT = {"organization", "created_at", "updated_at", "deleted_at"}
# What a change of is none of the price.
NO_PRICE = {"id", "position", "invoice_display_name"}
PARTS: tuple[tuple[str, type[models.Model]], ...] = (
    ("charges", Charge),
    ("prices", PlanPrice),
    ("charge_prices", ChargePrice),
    ("fixed", FixedCharge),
    ("fixed_prices", FixedChargePrice),
)


def rows_of(plan: Plan) -> dict[str, Iterable[Any]]:
    """The rows that make up a plan's prices."""
    charges, fixed = plan.charges.filter(deleted_at=None), plan.fixed_charges.filter(deleted_at=None)
    return {
        "charges": charges.order_by("position", "pk"),
        "prices": PlanPrice.objects.filter(plan=plan).order_by("currency"),
        "charge_prices": ChargePrice.objects.filter(charge__in=charges).order_by("charge", "currency"),
        "fixed": fixed.order_by("position", "pk"),
        "fixed_prices": FixedChargePrice.objects.filter(fixed_charge__in=fixed).order_by(
            "fixed_charge", "currency"
        ),
    }


def snapshot(plan: Plan) -> dict[str, Any]:
    """The prices of a plan as they stand in the table, in plain JSON."""
    stored = Plan.objects.values(*PLAN_COLUMNS).get(pk=plan.pk)
    return {"plan": stored} | {name: [columns(row) for row in rows] for name, rows in rows_of(plan).items()}


def columns(row: models.Model) -> dict[str, Any]:
    """A row's own columns as JSON holds them."""
    return {
        field.attname: plain(field.value_from_object(row))
        for field in row._meta.concrete_fields
        if field.name not in LEFT_OUT
    }


def plain(value: Any) -> Any:
    """Keys and exact numbers as text."""
    return str(value) if isinstance(value, UUID | Decimal) else value


def differs(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether what subscriptions pay is another; names and order are none of it."""
    return priced(before) != priced(after)


def priced(terms: dict[str, Any]) -> dict[str, Any]:
    """A snapshot without what is none of the price, in an order of its own."""
    found: dict[str, Any] = {"plan": terms["plan"]}
    for name, _ in PARTS:
        kept = [
            {key: number(value) for key, value in row.items() if key not in NO_PRICE or is_key(name, key)}
            for row in terms[name]
        ]
        found[name] = sorted(kept, key=repr)
    return found


def is_key(part: str, column: str) -> bool:
    """A charge's own key tells one that was replaced from one that stayed."""
    return column == "id" and part in ("charges", "fixed")


def number(value: Any) -> Any:
    """Exact numbers alike however they are written."""
    if isinstance(value, str):
        try:
            return f"{Decimal(value).normalize():f}"
        except ArithmeticError:
            return value
    return value


def frozen_book(plan: Plan, version: int) -> PriceBook:
    """The prices of a version; the plan's own when it counts now."""
    if version == plan.price_version:
        return price_book(plan)
    kept = PlanVersion.objects.filter(plan=plan, number=version).first()
    return thawed(plan, kept.terms) if kept else price_book(plan)


def thawed(plan: Plan, terms: dict[str, Any]) -> PriceBook:
    """A snapshot as a price book. Its rows are for reading and never saved. Terms of one subscription may name the
    plan on its invoices and say its taxes.
    """
    then = copy.copy(plan)
    for name in (*PLAN_COLUMNS, *(name for name in OWN_NAMES if name in terms["plan"])):
        setattr(then, name, terms["plan"][name])
    rows = {name: [row_of(model, values) for values in terms[name]] for name, model in PARTS}
    metrics = Metric.objects.in_bulk({row.metric_id for row in rows["charges"]})
    add_ons = AddOn.objects.in_bulk({row.add_on_id for row in rows["fixed"]})
    for row in rows["charges"]:
        row.metric, row.plan = metrics[row.metric_id], then
    for row in rows["fixed"]:
        row.add_on, row.plan = add_ons[row.add_on_id], then
    fixed_prices = {(row.fixed_charge_id, row.currency): row for row in rows["fixed_prices"]}
    return PriceBook(
        then,
        rows["charges"],
        {row.currency: row for row in rows["prices"]},
        {(row.charge_id, row.currency): row for row in rows["charge_prices"]},
        FixedBook(then.currency, rows["fixed"], fixed_prices),
        taxes=taxes_named(plan, terms["plan"].get(OWN_TAXES)),
    )


def taxes_named(plan: Plan, codes: Sequence[str] | None) -> tuple[Tax, ...] | None:
    """The taxes with these codes by name, without those that were deleted; None: nobody has named any."""
    if codes is None:
        return None
    rows = Tax.objects.of(plan.organization_id).kept().filter(code__in=codes)
    return tuple(rows.order_by("name", "pk"))


def row_of(model: type[models.Model], values: dict[str, Any]) -> Any:
    """A row from its columns; a column that came later has its default."""
    known = {field.attname: field for field in model._meta.concrete_fields}
    return model(**{name: known[name].to_python(value) for name, value in values.items() if name in known})


def version_of(subscription: Subscription, plan: Plan, at: datetime) -> int:
    """The version that counts for what begins at a moment; one query, and only for what lies before the last move."""
    if subscription.price_since is None or at >= subscription.price_since:
        return subscription.price_version
    rows = list(PriceMove.objects.filter(subscription=subscription).order_by("id"))
    if not rows:
        return subscription.price_version
    return version_at(rows[0].from_version, [Move(row.to_version, row.since) for row in rows], at)


def book_of(subscription: Subscription, at: datetime) -> PriceBook:
    """The prices that count for a subscription from a moment on."""
    return frozen_book(subscription.plan, version_of(subscription, subscription.plan, at))


def terms_of(subscription: Subscription, at: datetime) -> Terms:
    """What a subscription pays for what begins at a moment."""
    return book_of(subscription, at).terms(subscription.currency)


def fixed_of(subscription: Subscription, at: datetime) -> list[FixedCharge]:
    """The fixed charges of a subscription for what begins at a moment."""
    return book_of(subscription, at).fixed.priced(subscription.currency)


def pays_own_prices(subscription: Subscription) -> bool:
    """Whether it pays the prices that stand on its plan: then they can be read there."""
    plan = subscription.plan
    moved = plan.price_version > 1 or subscription.price_version > 1 or subscription.price_since is not None
    return subscription.currency == plan.currency and not moved


def promised_minor(subscription: Subscription, at: datetime) -> int:
    """The minimum commitment of a full period; no query where the plan's own prices count."""
    if pays_own_prices(subscription):
        return subscription.plan.commitment_minor
    return terms_of(subscription, at).commitment_minor
