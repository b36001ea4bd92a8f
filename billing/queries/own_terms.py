"""Terms that were agreed with one subscription: what they say, and what of them differs from its plan.

They are a version of the plan's prices (`PlanVersion`) that only this subscription pays: the snapshot of what it
would pay, with what was agreed put in. So everything that prices a subscription finds them where it finds versions.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.models import PlanVersion, Subscription
from billing.queries.version_changes import Difference, differences, names_of
from billing.queries.versions import OWN_NAMES, OWN_TAXES, snapshot

NAMES = (("invoice_name", "invoice_display_name"), ("commitment_name", "commitment_display_name"))
Filters = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class OwnCharge:
    """What one charge costs a subscription; None: as before. `filters` [{"values", "properties"}] by their values,
    those that are not named cost what they did. Stored properties, minor units.
    """

    properties: dict[str, Any] | None = None
    min_amount_minor: int | None = None
    filters: Filters = ()


@dataclass(frozen=True)
class OwnFixed:
    """What one fixed charge costs, and how many units there are from the start on."""

    properties: dict[str, Any] | None = None
    units: Decimal | None = None


@dataclass(frozen=True)
class OwnTerms:
    """What is agreed with one subscription, in minor units of its currency; None: as before. `taxes`: codes."""

    amount_minor: int | None = None
    commitment_minor: int | None = None
    invoice_display_name: str | None = None
    commitment_display_name: str | None = None
    taxes: Sequence[str] | None = None
    charges: Mapping[UUID, OwnCharge] = field(default_factory=dict)
    fixed: Mapping[UUID, OwnFixed] = field(default_factory=dict)


def agreed(terms: Mapping[str, Any], currency: str, own: OwnTerms) -> dict[str, Any]:
    """A snapshot with what was agreed in a currency that it has prices in."""
    found = copy.deepcopy(dict(terms))
    plan = found["plan"]
    home = currency == plan["currency"]
    fee = plan if home else next(row for row in found["prices"] if row["currency"] == currency)
    put(fee, amount_minor=own.amount_minor, commitment_minor=own.commitment_minor)
    put(plan, **{name: getattr(own, name) for name in OWN_NAMES})
    put(plan, **{OWN_TAXES: None if own.taxes is None else sorted(own.taxes)})
    for key, charge in own.charges.items():
        row = row_of(found, "charges", "charge_prices", "charge_id", key, currency, home=home)
        put(row, properties=charge.properties, min_amount_minor=charge.min_amount_minor)
        row["filters"] = merged(row["filters"], charge.filters, home=home)
    for key, fixed in own.fixed.items():
        row = row_of(found, "fixed", "fixed_prices", "fixed_charge_id", key, currency, home=home)
        put(row, properties=fixed.properties)
        if fixed.units is not None:
            whole = next(one for one in found["fixed"] if one["id"] == str(key))
            whole["units"] = f"{fixed.units.normalize():f}"
    return found


def put(row: dict[str, Any], **values: Any) -> None:
    """Set what is not None."""
    row |= {name: value for name, value in values.items() if value is not None}


def row_of(
    terms: Mapping[str, Any], own: str, others: str, link: str, key: UUID, currency: str, *, home: bool
) -> dict[str, Any]:
    """The row that says what a charge costs in the currency."""
    rows: list[dict[str, Any]] = terms[own] if home else terms[others]
    if home:
        return next(row for row in rows if row["id"] == str(key))
    found = next((row for row in rows if row[link] == str(key) and row["currency"] == currency), None)
    if (
        found is None
    ):  # a charge whose events bring their amounts needs no price to be sold in another currency
        found = {link: str(key), "currency": currency, "properties": {}, "min_amount_minor": 0, "filters": []}
        rows.append(found)
    return found


def merged(rows: Filters, wanted: Filters, *, home: bool) -> list[dict[str, Any]]:
    """The filters of a charge with the prices of those that are named. In another currency than the plan's own a
    filter may have no price so far.
    """
    found = [dict(row) for row in rows]
    for one in wanted:
        known = next((row for row in found if row["values"] == one["values"]), None)
        if known is not None:
            known["properties"] = one["properties"]
        elif not home:
            found.append({"values": one["values"], "properties": one["properties"]})
    return found


def own_version(subscription: Subscription) -> PlanVersion | None:
    """The terms of its own that it pays, or will from its next period on. No query for one without any."""
    if not subscription.has_own_terms:
        return None
    return PlanVersion.objects.get(plan=subscription.plan_id, number=subscription.price_version)


def own_differences(subscription: Subscription) -> list[Difference]:
    """What a subscription with terms of its own pays otherwise than its plan says now, in its currency."""
    kept = own_version(subscription)
    if kept is None:
        return []
    usual, plan = snapshot(subscription.plan), subscription.plan
    found = differences(usual, kept.terms, names_of(usual, kept.terms))
    own = kept.terms["plan"]
    said: list[tuple[str, Any, Any]] = [
        (kind, getattr(plan, name), own.get(name, getattr(plan, name))) for kind, name in NAMES
    ]
    if own.get(OWN_TAXES) is not None:
        codes = plan.taxes.order_by("code").values_list("code", flat=True)
        said.append(("taxes", list(codes), own[OWN_TAXES]))
    return [
        *(one for one in found if one.currency == subscription.currency),
        *(
            Difference(kind, "", subscription.currency, before, after)
            for kind, before, after in said
            if before != after
        ),
    ]
