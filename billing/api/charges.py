"""Charges as the API takes them, alone and within a plan, and POST /api/charges/preview."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

from django.http import HttpRequest
from ninja import Field, Router
from pydantic import StrictBool

from billing.actions.charge_terms import TIMING, ChargeTerms, FilterTerms, PricedIn
from billing.actions.charges import terms_of
from billing.actions.clock import now
from billing.api.follow import FollowIn
from billing.api.lookups import columns, minor, refuse_null, taxes_of
from billing.models import Charge, Metric, Organization
from billing.queries.advance_preview import event_fees
from billing.queries.charge_preview import measure_of, work_out, work_out_events
from billing.queries.payloads_catalog import event_fees_payload, example_payload
from billing.queries.shapes_catalog import PricedOut
from billing.rules.errors import FieldErrors, Invalid
from billing.rules.event_trial import try_events
from billing.rules.ids import decode
from billing.rules.money import exponent
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.shapes import Object

router = Router(tags=["Charges"])


class FilterIn(ApiSchema):
    """A price of its own: `values` {filter key of the metric: [value]}, where no values mean all of them."""

    values: dict[str, list[str] | None]
    properties: dict[str, Any] = Field(default_factory=dict)
    invoice_display_name: str | None = None


class ChargePriceIn(ApiSchema):
    """What a charge costs in another currency of its plan, in that currency's major units."""

    currency: str
    properties: dict[str, Any] = Field(default_factory=dict)
    min_amount: Decimal | None = None
    filters: list[FilterIn] | None = None


class ChargeChanges(FollowIn):
    """What PATCH takes; fields that are left out stay. The metric of a charge stays.

    `prorated`: units that stay in use count for the days they were there. `payInAdvance`: each event is billed when
    it comes, for what it adds; on an invoice of its own, or with `invoiceable` false on the period's invoice.
    `filters` the oldest first; `groupKeys` (or `groupBy`): one line per distinct value of these properties.
    """

    charge_model: str | None = None
    properties: dict[str, Any] | None = None
    min_amount: Decimal | None = None
    invoice_display_name: str | None = None
    tax_codes: list[str] | None = None
    prices: list[ChargePriceIn] | None = None
    filters: list[FilterIn] | None = None
    group_keys: list[str] | None = None
    group_by: list[str] | None = None
    prorated: StrictBool | None = None
    pay_in_advance: StrictBool | None = None
    invoiceable: StrictBool | None = None


class ChargeIn(ChargeChanges):
    """A charge: the metric by id or by code. In a plan's PATCH, `id` keeps an existing charge."""

    id: str | None = None
    billable_metric_id: str | None = None
    metric_code: str | None = None
    charge_model: str
    properties: dict[str, Any] = Field(default_factory=dict)


class ChargePreviewIn(ApiSchema):
    """A price to work out: `units`, or `eventValues` whose sum they are, or `events` as they are sent (all but their
    properties may be left out) with the metric that measures them, by id or by code. `payInAdvance`: the fee of each
    of these events, in their order.
    """

    charge_model: str
    properties: dict[str, Any] = Field(default_factory=dict)
    currency: str
    units: Decimal | None = None
    events_count: int | None = None
    event_values: list[Decimal] = Field(default_factory=list)
    precise_total_amount: Decimal = Decimal(0)
    pay_in_advance: StrictBool = False
    billable_metric_id: str | None = None
    metric_code: str | None = None
    events: list[dict[str, Any]] | None = None


def filter_terms(rows: Sequence[FilterIn] | None) -> list[FilterTerms]:
    """Filters as terms for the action."""
    return [FilterTerms(row.values, row.properties, row.invoice_display_name or "") for row in rows or ()]


def groups_of(body: ChargeChanges) -> list[str] | None:
    """The group keys under either name; None when neither was sent."""
    sent = body.model_fields_set & {"group_keys", "group_by"}
    if len(sent) == 2 and body.group_keys != body.group_by:
        raise Invalid("Is another name of groupKeys: send one of them.", field="group_by")
    return ((body.group_keys if "group_keys" in sent else body.group_by) or []) if sent else None


def find_metric(organization: Organization, body: ChargeIn | ChargePreviewIn) -> Metric:
    """The metric that a charge names. Raises Invalid at the field that was sent."""
    rows = Metric.objects.of(organization).kept()
    if body.billable_metric_id:
        found = rows.filter(pk=decode("met", body.billable_metric_id)).first()
        if found is None:
            raise Invalid("There is no such metric.", code="unknown", field="billable_metric_id")
        if body.metric_code and body.metric_code != found.code:
            raise Invalid("Is not the code of billableMetricId.", field="metric_code")
        return cast(Metric, found)
    if body.metric_code:
        found = rows.filter(code=body.metric_code).first()
        if found is None:
            raise Invalid("There is no such metric.", code="unknown", field="metric_code")
        return cast(Metric, found)
    raise Invalid("Send billableMetricId or metricCode.", code="required", field="billable_metric_id")


def terms_from(organization: Organization, body: ChargeIn, currency: str) -> ChargeTerms:
    """A body as terms for the action."""
    key = decode("chg", body.id) if body.id else None
    if body.id and key is None:
        raise Invalid("This plan has no such charge.", code="unknown", field="id")
    return ChargeTerms(
        metric=find_metric(organization, body),
        charge_model=body.charge_model.lower(),
        properties=body.properties,
        invoice_display_name=body.invoice_display_name or "",
        min_amount_minor=minor(body.min_amount or Decimal(0), currency, "min_amount"),
        taxes=taxes_of(organization, body.tax_codes or []),
        id=key,
        prices=None if body.prices is None else prices_of(body.prices),
        filters=filter_terms(body.filters),
        group_keys=groups_of(body) or [],
        **timing_of(body),
    )


def timing_of(body: ChargeChanges) -> dict[str, bool]:
    """When and for how long the charge counts, as far as it was sent."""
    return {name: value for name in TIMING if (value := getattr(body, name)) is not None}


def prices_of(bodies: Sequence[ChargePriceIn]) -> dict[str, PricedIn]:
    """A charge's prices in other currencies; a currency twice is refused."""
    found: dict[str, PricedIn] = {}
    for index, body in enumerate(bodies):
        currency, field = body.currency.upper(), f"prices[{index}]"
        if currency in found:
            raise Invalid(f"There are two prices in {currency}.", field=f"{field}.currency")
        least = minor(body.min_amount or Decimal(0), currency, f"{field}.min_amount")
        found[currency] = PricedIn(body.properties, least, filter_terms(body.filters))
    return found


def all_terms(organization: Organization, bodies: Sequence[ChargeIn], currency: str) -> list[ChargeTerms]:
    """The charges of a plan's body; a problem is named with its place (`charges[1].metricCode`)."""
    terms, errors = [], []
    for index, body in enumerate(bodies):
        try:
            terms.append(terms_from(organization, body, currency))
        except Invalid as error:
            errors.append((f"charges[{index}].{error.field}", str(error)))
    if errors:
        raise FieldErrors(errors, code="invalid_charges")
    return terms


def changed_terms(charge: Charge, body: ChargeChanges) -> ChargeTerms:
    """An existing charge with what PATCH sent."""
    values = columns(body, {})
    kept = terms_of(charge)
    empties = (
        "invoice_display_name",
        "tax_codes",
        "min_amount",
        "prices",
        "filters",
        "group_keys",
        "group_by",
    )
    refuse_null(values, {}, allowed=empties)
    groups = groups_of(body)
    currency = charge.plan.currency
    taxes = list(charge.taxes.all())
    if "tax_codes" in values:
        taxes = taxes_of(charge.organization, values["tax_codes"] or [])
    least = charge.min_amount_minor
    if "min_amount" in values:
        least = minor(values["min_amount"] or Decimal(0), currency, "min_amount")
    return ChargeTerms(
        metric=charge.metric,
        charge_model=values.get("charge_model", charge.charge_model).lower(),
        properties=values.get("properties", charge.properties),
        invoice_display_name=values.get("invoice_display_name", charge.invoice_display_name) or "",
        min_amount_minor=least,
        taxes=taxes,
        id=charge.pk,
        prices=None if body.prices is None else prices_of(body.prices),
        filters=filter_terms(body.filters) if "filters" in values else kept.filters,
        group_keys=kept.group_keys if groups is None else groups,
        **{name: getattr(kept, name) for name in TIMING} | timing_of(body),
    )


@router.post("/preview")
def preview(request: HttpRequest, body: ChargePreviewIn) -> Object[PricedOut]:
    """What some usage costs under a charge model, with the steps: by the very rule that bills it."""
    exponent(body.currency)
    if body.events is not None:
        return envelope(preview_events(cast(ApiRequest, request), body, body.events))
    if body.events_count is not None and body.events_count < 0:
        raise Invalid("Must not be negative.", field="events_count")
    if body.units is None and not body.event_values:
        raise Invalid("Send units, eventValues or events.", code="required", field="units")
    if body.pay_in_advance:
        model, values = body.charge_model.lower(), body.event_values
        fees = event_fees(model, body.properties, currency=body.currency, event_values=values)
        return {"data": event_fees_payload(fees, body.currency)}
    example = work_out(
        body.charge_model.lower(),
        body.properties,
        currency=body.currency,
        units=body.units,
        events_count=body.events_count,
        event_values=body.event_values,
        events_total=body.precise_total_amount,
    )
    return {"data": example_payload(example)}


def preview_events(request: ApiRequest, body: ChargePreviewIn, events: list[dict[str, Any]]) -> PricedOut:
    """The price of events, with what the metric made of them."""
    for name in ("units", "events_count", "event_values", "precise_total_amount"):
        if name in body.model_fields_set:
            raise Invalid("Leave it out: events say it.", code="ambiguous", field=name)
    metric, at = find_metric(request.organization, body), now(request.organization)
    model, currency = body.charge_model.lower(), body.currency
    if body.pay_in_advance:
        values = try_events(measure_of(metric), events, at=at).event_values
        fees = event_fees(model, body.properties, currency=currency, event_values=values)
        return event_fees_payload(fees, currency)
    example, tried = work_out_events(
        model, body.properties, currency=currency, metric=metric, events=events, at=at
    )
    return {
        **example_payload(example),
        "eventsCount": tried.events_count,
        "from": tried.window.start,
        "to": tried.window.end,
    }
