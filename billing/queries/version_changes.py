"""What differs between two versions of a plan's prices, who pays which, and the runs that moved people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from billing.models import AddOn, Metric, Plan, PlanVersion, PriceChange, Subscription
from billing.queries.versions import snapshot
from billing.rules.states import OPEN


@dataclass(frozen=True)
class Difference:
    """One part that changed. `kind`: fee, commitment, charge or fixed; `before` and `after`: minor units, or a row as
    the snapshot holds it; None: there was or is none. In terms of one subscription also invoice_name and
    commitment_name (text), taxes (a list of codes).
    """

    kind: str
    name: str
    currency: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Version:
    """A version with what it changed from the one before, how many running or planned subscriptions pay it, who
    replaced it when (None: it counts now), and the run that moved subscriptions to it.
    """

    number: int
    current: bool
    terms: dict[str, Any]
    differences: list[Difference]
    subscriptions: int
    made_by: str
    made_at: Any
    change: PriceChange | None


def versions_of(plan: Plan) -> list[Version]:
    """The newest first, without what was agreed with single subscriptions."""
    kept = list(PlanVersion.objects.filter(plan=plan, subscription=None).order_by("number"))
    terms = {row.number: row.terms for row in kept} | {plan.price_version: snapshot(plan)}
    made: dict[int, tuple[str, Any]] = {row.number + 1: (row.replaced_by, row.replaced_at) for row in kept}
    made[1] = ("", plan.created_at)
    mine = Subscription.objects.filter(plan=plan, status__in=[status.value for status in OPEN])
    paying = dict(mine.order_by().values_list("price_version").annotate(Count("pk")))
    changes = {row.version: row for row in PriceChange.objects.filter(plan=plan)}
    names = names_of(*terms.values())
    return [
        Version(
            number,
            number == plan.price_version,
            terms[number],
            differences(terms[number - 1], terms[number], names) if number - 1 in terms else [],
            paying.get(number, 0),
            *made[number],
            changes.get(number),
        )
        for number in sorted(terms, reverse=True)
    ]


def names_of(*terms: Mapping[str, Any]) -> dict[str, str]:
    """{id of a charge or fixed charge: its name}."""
    charges = [row for one in terms for row in one["charges"]]
    fixed = [row for one in terms for row in one["fixed"]]
    metrics = {
        str(row.pk): row.name for row in Metric.objects.filter(pk__in={r["metric_id"] for r in charges})
    }
    add_ons = {str(row.pk): row.name for row in AddOn.objects.filter(pk__in={r["add_on_id"] for r in fixed})}
    found = {row["id"]: row["invoice_display_name"] or metrics[row["metric_id"]] for row in charges}
    return found | {row["id"]: row["invoice_display_name"] or add_ons[row["add_on_id"]] for row in fixed}


def differences(old: Mapping[str, Any], new: Mapping[str, Any], names: Mapping[str, str]) -> list[Difference]:
    """What changed from one snapshot to the next, in the order fee, commitment, fixed charges, charges."""
    before, after = parts(old), parts(new)
    return [
        Difference(kind, names.get(key, ""), currency, before.get(place), after.get(place))
        for place in sorted({**before, **after}, key=lambda one: ORDER.index(one[0]))
        for kind, key, currency in [place]
        if before.get(place) != after.get(place)
    ]


ORDER = ("fee", "commitment", "fixed", "charge")
CHARGE = ("charge_model", "properties", "filters", "group_keys", "min_amount_minor")
# What a version that was kept before these columns came means.
TIMING = {"prorated": False, "pay_in_advance": False, "invoiceable": True}
FIXED = ("charge_model", "properties", "units", "pay_in_advance", "prorated")


def parts(terms: Mapping[str, Any]) -> dict[tuple[str, str, str], Any]:
    """{(kind, key, currency): value} of a snapshot."""
    plan = terms["plan"]
    own = plan["currency"]
    found: dict[tuple[str, str, str], Any] = {}
    for row in (plan, *terms["prices"]):
        found["fee", "", row["currency"]] = row["amount_minor"]
        found["commitment", "", row["currency"]] = row["commitment_minor"] or None
    models = {row["id"]: row["charge_model"] for row in (*terms["charges"], *terms["fixed"])}
    for row in terms["charges"]:
        timing = {name: row.get(name, usual) for name, usual in TIMING.items()}
        found["charge", row["id"], own] = {name: row.get(name) for name in CHARGE} | timing
    for row in terms["charge_prices"]:
        model = {"charge_model": models[row["charge_id"]]}
        kept = {name: row[name] for name in CHARGE if name in row}
        found["charge", row["charge_id"], row["currency"]] = model | kept
    for row in terms["fixed"]:
        found["fixed", row["id"], own] = {name: row.get(name) for name in FIXED}
    for row in terms["fixed_prices"]:
        key = row["fixed_charge_id"]
        found["fixed", key, row["currency"]] = {
            "charge_model": models[key],
            "properties": row["properties"],
        }
    return found
