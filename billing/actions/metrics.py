"""Billable metrics: which events count and what is measured on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.actions import audit, catalog
from billing.actions.charge_terms import PRORATED_KINDS
from billing.actions.roll_ups import keep_dimensions
from billing.models import Aggregation, Charge, Metric, Organization
from billing.models.usage_locks import own_roll_ups
from billing.orm.actor import Actor
from billing.queries.catalog_use import has_events, metric_use
from billing.rules.aggregation import PAYABLE_IN_ADVANCE, RECURRING_ALLOWED
from billing.rules.charges.registry import charge_model
from billing.rules.errors import Conflict, Invalid, Locked
from billing.rules.expressions import read_expression
from billing.rules.filters import filter_name, read_declared

FIELDS = (
    "name",
    "code",
    "description",
    "aggregation",
    "field_name",
    "expression",
    "filters",
    "recurring",
    "rounding",
    "rounding_precision",
)
LOCKED_BY_EVENTS = ("code", "aggregation", "field_name", "expression", "recurring")


@transaction.atomic
def create_metric(
    organization: Organization,
    *,
    name: str,
    code: str,
    aggregation: str,
    field_name: str = "",
    expression: str = "",
    description: str = "",
    filters: Sequence[Any] = (),
    recurring: bool = False,
    rounding: str = "",
    rounding_precision: int = 0,
    by: Actor,
    at: datetime,
) -> Metric:
    """A new metric. `field_name` is the event property that is measured, `expression` computes the value instead: one
    of them is required unless it counts. `filters` [{"key", "values"}].

    Raises FieldErrors or Invalid at the field, Conflict (code_taken) for a code in use.
    """
    metric = Metric(organization=organization)
    values = {
        "name": name,
        "code": code,
        "description": description,
        "aggregation": aggregation,
        "field_name": field_name,
        "expression": expression,
        "filters": list(filters),
        "recurring": recurring,
        "rounding": rounding,
        "rounding_precision": rounding_precision if rounding else 0,
    }
    catalog.assign(metric, values, FIELDS)
    write(metric)
    keep_dimensions([metric])
    audit.record(organization, "metric.created", metric, by=by, at=at, changes=audit_of(metric))
    return metric


@transaction.atomic
def update_metric(metric: Metric, changes: Mapping[str, Any], *, by: Actor, at: datetime) -> Metric:
    """Change some of FIELDS. Code and what is measured stay once events have been counted (Locked).

    An aggregation that a charge's model cannot price is refused (Invalid at `aggregation`), and so is taking away a
    filter or value that a charge prices (Invalid at `filters`).
    """
    if "filters" in changes:
        # Before the row: ingestion looks at the row while it shares this lock.
        own_roll_ups(metric.organization_id, [metric.code])
    metric = catalog.lock(metric)
    before = audit.snapshot(metric, FIELDS)
    catalog.assign(metric, changes, FIELDS)
    if metric.aggregation == Aggregation.COUNT:
        for name in {"field_name", "expression"} - set(changes):
            setattr(metric, name, "")
    changed = audit.differences(before, metric)
    if not changed:
        return metric
    locked = [name for name in LOCKED_BY_EVENTS if name in changed]
    if locked and has_events(metric):
        raise Locked(
            "Events have been counted, so this cannot change.", code="metric_locked", field=locked[0]
        )
    metric.filters = read_declared(metric.filters)
    check_charges(metric)
    write(metric)
    keep_dimensions([metric])
    audit.record(metric.organization, "metric.updated", metric, by=by, at=at, changes=changed)
    return metric


@transaction.atomic
def delete_metric(metric: Metric, *, by: Actor, at: datetime) -> Metric:
    """Delete a metric and its charges on plans that nobody uses.

    Raises Conflict (metric_in_use) while a plan that prices it has subscriptions, or a draft bills it.
    """
    metric = catalog.lock(metric)
    use = metric_use(metric)
    if use.busy:
        names = ", ".join(plan.name for plan in use.busy[:3]) + ("…" if len(use.busy) > 3 else "")
        raise Conflict(f"Customers are subscribed to plans that price it: {names}.", code="metric_in_use")
    if use.drafts:
        raise Conflict("A draft invoice bills it. Finalise or delete the draft first.", code="metric_in_use")
    Charge.objects.kept().filter(metric=metric, plan__deleted_at=None).update(deleted_at=at)
    metric.deleted_at = at
    metric.save(update_fields=["deleted_at", "updated_at"])
    audit.record(
        metric.organization, "metric.deleted", metric, by=by, at=at, changes={"charges": (use.charges, 0)}
    )
    return metric


def write(metric: Metric) -> None:
    """Check what belongs together, then save."""
    if metric.aggregation == Aggregation.COUNT and metric.field_name:
        raise Invalid("A count has no field: it counts the events.", field="field_name")
    if metric.expression:
        check_expression(metric)
    elif (
        metric.aggregation in Aggregation.values
        and metric.aggregation != Aggregation.COUNT
        and not metric.field_name
    ):
        raise Invalid("Name the event property that is measured.", field="field_name")
    if metric.recurring and metric.aggregation not in RECURRING_ALLOWED:
        raise Invalid(
            "Only a sum, a unique count and a weighted sum can stay in use in later periods.",
            field="recurring",
        )
    if not metric.rounding:
        metric.rounding_precision = 0
    metric.filters = read_declared(metric.filters)
    catalog.save(metric)


def check_expression(metric: Metric) -> None:
    """Raise Invalid at `expression` when it cannot be read, or gives a text where numbers are needed."""
    if metric.aggregation == Aggregation.COUNT:
        raise Invalid("A count has no value: it counts the events.", field="expression")
    if read_expression(metric.expression).is_text and metric.aggregation != Aggregation.UNIQUE_COUNT:
        raise Invalid(
            "Gives a text, and only a unique count can tell texts apart.",
            code="invalid_expression",
            field="expression",
        )


def check_charges(metric: Metric) -> None:
    """Raise when a charge on the metric has a model that cannot price this aggregation, or a filter that is gone."""
    for charge in Charge.objects.kept().filter(metric=metric, plan__deleted_at=None).select_related("plan"):
        model = charge_model(charge.charge_model)
        if metric.aggregation in model.refused_aggregations:
            raise Invalid(
                f"The plan {charge.plan.name} prices it as {model.title}, which does not allow this.",
                field="aggregation",
            )
        if charge.prorated and not (metric.recurring and metric.aggregation in PRORATED_KINDS):
            raise Invalid(
                f"The plan {charge.plan.name} prices its units by the days they stay in use.",
                field="recurring",
            )
        if charge.pay_in_advance and metric.aggregation not in PAYABLE_IN_ADVANCE:
            raise Invalid(f"The plan {charge.plan.name} bills it event by event.", field="aggregation")
        for row in charge.filters:
            for key, values in row["values"].items():
                lost = key not in metric.declared or set(values) - set(metric.declared[key])
                if lost:
                    raise Invalid(
                        f"The plan {charge.plan.name} has a price for {filter_name(row)}. Change it first.",
                        code="filter_in_use",
                        field="filters",
                    )


def audit_of(metric: Metric) -> dict[str, tuple[Any, Any]]:
    """The values of a new metric, for its audit line."""
    return {name: (None, value) for name, value in audit.snapshot(metric, FIELDS).items() if value}
