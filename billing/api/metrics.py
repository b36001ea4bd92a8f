"""/api/billable-metrics."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, ClassVar, cast

from django.db.models import Q
from django.http import HttpRequest
from ninja import Field, Query, Router
from pydantic import StrictBool, StrictInt
from typing_extensions import TypedDict

from billing.actions.clock import now
from billing.actions.metrics import create_metric, delete_metric, update_metric
from billing.api.lookups import by_id_or_code, columns, refuse_null
from billing.models import Metric, Rounding
from billing.models.catalog import Aggregation
from billing.queries.payloads_catalog import metric_payload
from billing.queries.shapes_catalog import DeletedMetricOut, MetricOut
from billing.rules.errors import Invalid
from billing.rules.expression_trial import try_expression
from billing.rules.words import Words, word_of
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.api_lists import CATALOGUE_SORTS, ListQuery, listed
from billing.web.shapes import Listing, Object

router = Router(tags=["Billable metrics"])
COLUMNS = {"aggregation_type": "aggregation", "rounding_function": "rounding"}


class DeclaredFilter(ApiSchema):
    """A property by whose values charges may have prices of their own, and these values."""

    key: str
    values: list[str]


class MetricChanges(ApiSchema):
    """What PATCH takes; fields that are left out stay."""

    name: str | None = None
    code: str | None = None
    description: str | None = None
    aggregation_type: str | None = None
    field_name: str | None = None
    expression: str | None = None
    filters: list[DeclaredFilter] | None = None
    recurring: StrictBool | None = None
    rounding_function: str | None = None
    rounding_precision: StrictInt | None = None


class MetricIn(MetricChanges):
    """What POST takes; `fieldName` or `expression` is required unless the type is count."""

    name: str
    code: str
    aggregation_type: str


class MetricFilters(ListQuery):
    """What the list can be narrowed to."""

    SORTS: ClassVar = CATALOGUE_SORTS
    USUAL: ClassVar = "asc"

    search: str = ""
    aggregation_type: Annotated[str, Words(*Aggregation.values)] = ""


def values_of(body: MetricChanges) -> dict[str, Any]:
    """The body by column; null empties texts and is refused elsewhere."""
    values = columns(body, COLUMNS)
    for name in ("description", "field_name", "expression"):
        if name in values:
            values[name] = values[name] or ""
    if "rounding" in values:
        values["rounding"] = (values["rounding"] or "").lower()
        if values["rounding"] not in Rounding.values:
            raise Invalid("Must be round, ceil, floor or null.", field="rounding_function")
    if "rounding_precision" in values:
        values["rounding_precision"] = values["rounding_precision"] or 0
    if "filters" in values:
        values["filters"] = [row if isinstance(row, dict) else row.dict() for row in values["filters"] or []]
    refuse_null(values, COLUMNS)
    if "aggregation" in values:
        values["aggregation"] = values["aggregation"].lower().removesuffix("_agg")
        if values["aggregation"] not in dict(Metric._meta.get_field("aggregation").choices or ()):
            raise Invalid(
                "Must be count, sum, max, unique_count, latest or weighted_sum.", field="aggregation_type"
            )
    return values


@router.get("")
def list_metrics(request: HttpRequest, filters: Query[MetricFilters]) -> Listing[MetricOut]:
    """By name; `search` looks in name and code."""
    rows = Metric.objects.of(cast(ApiRequest, request).organization).kept()
    if filters.search:
        rows = rows.filter(Q(name__icontains=filters.search) | Q(code__icontains=filters.search))
    if filters.aggregation_type:
        rows = rows.filter(
            aggregation=word_of(filters.aggregation_type, Aggregation.values, "aggregation_type")
        )
    return listed(request, rows, metric_payload, filters)


@router.post("", response={201: dict})
def create(request: HttpRequest, body: MetricIn) -> tuple[int, Object[MetricOut]]:
    """409 for a code in use."""
    asked = cast(ApiRequest, request)
    at = now(asked.organization)
    metric = create_metric(asked.organization, **values_of(body), by=asked.actor, at=at)
    return 201, envelope(metric_payload(metric))


class TrialIn(ApiSchema):
    """An expression and a sample event: `{"code", "timestamp", "properties"}`, each of which may be left out."""

    expression: str
    event: dict[str, Any] = Field(default_factory=dict)


class ValueOut(TypedDict):
    """What an expression comes to."""

    value: Decimal | str | None


@router.post("/evaluate-expression")
def evaluate_expression(request: HttpRequest, body: TrialIn) -> Object[ValueOut]:
    """The value that an expression has for a sample event. Nothing is stored."""
    at = now(cast(ApiRequest, request).organization)
    return envelope({"value": try_expression(body.expression, body.event, at=at)})


@router.get("/{ref}")
def get(request: HttpRequest, ref: str) -> Object[MetricOut]:
    """By id or code."""
    return envelope(metric_payload(by_id_or_code(request, Metric, ref)))


@router.patch("/{ref}")
def update(request: HttpRequest, ref: str, body: MetricChanges) -> Object[MetricOut]:
    """Code, type and field stay once events have been counted (400 metric_locked)."""
    asked = cast(ApiRequest, request)
    metric = by_id_or_code(request, Metric, ref)
    changed = update_metric(metric, values_of(body), by=asked.actor, at=now(asked.organization))
    return envelope(metric_payload(changed))


@router.delete("/{ref}")
def delete(request: HttpRequest, ref: str) -> Object[DeletedMetricOut]:
    """409 metric_in_use while a plan that prices it has subscriptions."""
    asked = cast(ApiRequest, request)
    metric = delete_metric(by_id_or_code(request, Metric, ref), by=asked.actor, at=now(asked.organization))
    return envelope({**metric_payload(metric), "deletedAt": metric.deleted_at})
