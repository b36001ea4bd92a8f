"""/api/alerts, and the alerts of subscriptions and wallets."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Field, Query, Router

from billing.actions.alerts import AlertTerms, delete_alert, save_alert
from billing.actions.clock import now
from billing.models import Alert, AlertCrossing, Metric, Wallet
from billing.queries.payloads_alerts import alert_payload, crossing_payload
from billing.queries.shapes import AlertOut, CrossingOut
from billing.rules.errors import Invalid
from billing.rules.ids import decode
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.api_lists import ListQuery, OldestFirst, listed
from billing.web.shapes import Listing, Object
from customers.api.subscriptions import router as subscriptions
from customers.api.subscriptions import row_of
from customers.api.wallet_rows import router as wallets

router = Router(tags=["Alerts"])


class AlertStepIn(ApiSchema):
    """A value in major units or units, and what it is called."""

    value: Decimal
    code: str = Field("", max_length=100)


class AlertChange(ApiSchema):
    """What can change; its type and metric stay."""

    code: str | None = Field(None, min_length=1, max_length=100, pattern=r"^[-a-zA-Z0-9_]+$")
    name: str | None = Field(None, max_length=100)
    thresholds: list[AlertStepIn] | None = Field(None, max_length=20)
    recurring_step: Decimal | None = Field(None, gt=0)


class AlertIn(ApiSchema):
    """A new alert. `metric` is a billable metric's id or code, for the types that look at one."""

    type: str
    code: str = Field(min_length=1, max_length=100, pattern=r"^[-a-zA-Z0-9_]+$")
    name: str = Field("", max_length=100)
    metric: str | None = None
    thresholds: list[AlertStepIn] = Field(default_factory=list, max_length=20)
    recurring_step: Decimal | None = Field(None, gt=0)


def terms_of(request: ApiRequest, body: AlertIn) -> AlertTerms:
    """The terms of a new alert; Invalid names the metric."""
    metric = None
    if body.metric:
        rows = Metric.objects.of(request.organization).kept()
        key = decode("met", body.metric)
        metric = rows.filter(pk=key).first() if key else rows.filter(code=body.metric).first()
        if metric is None:
            raise Invalid("There is no such billable metric.", code="metric_not_found", field="metric")
    steps = tuple((step.value, step.code) for step in body.thresholds)
    return AlertTerms(body.type.lower(), body.code, body.name, metric, steps, body.recurring_step)


def alerts_of(request: ApiRequest) -> QuerySet[Alert]:
    """The organization's alerts."""
    return Alert.objects.of(request.organization).kept().select_related("subscription", "wallet", "metric")


def wallet_of(request: ApiRequest, reference: str) -> Wallet:
    """The organization's wallet, or 404."""
    rows = Wallet.objects.of(request.organization).select_related("customer", "organization")
    return cast(Wallet, rows.by_public_id(reference))


@subscriptions.get("/{id}/alerts")
def list_of_subscription(request: HttpRequest, id: str, filters: Query[OldestFirst]) -> Listing[AlertOut]:
    """The subscription's alerts, the oldest first."""
    staff = cast(ApiRequest, request)
    rows = alerts_of(staff).filter(subscription=row_of(staff, id))
    return listed(request, rows, alert_payload, filters)


@subscriptions.post("/{id}/alerts", response={201: dict[str, Any]})
def create_for_subscription(request: HttpRequest, id: str, body: AlertIn) -> tuple[int, Object[AlertOut]]:
    """An alert on usage. It fires once per crossing, with the event alert.triggered."""
    staff = cast(ApiRequest, request)
    row = save_alert(row_of(staff, id), terms_of(staff, body), by=staff.actor, at=now(staff.organization))
    return 201, envelope(alert_payload(row))


@wallets.get("/{id}/alerts")
def list_of_wallet(request: HttpRequest, id: str, filters: Query[OldestFirst]) -> Listing[AlertOut]:
    """The wallet's alerts, the oldest first."""
    staff = cast(ApiRequest, request)
    rows = alerts_of(staff).filter(wallet=wallet_of(staff, id))
    return listed(request, rows, alert_payload, filters)


@wallets.post("/{id}/alerts", response={201: dict[str, Any]})
def create_for_wallet(request: HttpRequest, id: str, body: AlertIn) -> tuple[int, Object[AlertOut]]:
    """An alert on a balance that falls."""
    staff = cast(ApiRequest, request)
    row = save_alert(wallet_of(staff, id), terms_of(staff, body), by=staff.actor, at=now(staff.organization))
    return 201, envelope(alert_payload(row))


@router.get("/{id}")
def get_alert(request: HttpRequest, id: str) -> Object[AlertOut]:
    """One alert."""
    return envelope(alert_payload(find(request, id)))


class CrossingsQuery(ListQuery):
    """A page of the list."""

    SORTS: ClassVar = {"triggeredAt": "at"}


@router.get("/{id}/crossings")
def list_crossings(request: HttpRequest, id: str, filters: Query[CrossingsQuery]) -> Listing[CrossingOut]:
    """What the alert has told, the newest first."""
    rows = AlertCrossing.objects.filter(alert=find(request, id)).select_related("alert")
    return listed(request, rows, crossing_payload, filters)


@router.patch("/{id}")
def change_alert(request: HttpRequest, id: str, body: AlertChange) -> Object[AlertOut]:
    """Change what is given. `recurringStep` null takes the step away."""
    staff = cast(ApiRequest, request)
    row = find(request, id)
    given = body.model_fields_set
    steps = [(Decimal(step["value"]), step["code"]) for step in row.steps]
    if body.thresholds is not None:
        steps = [(step.value, step.code) for step in body.thresholds]
    terms = AlertTerms(
        row.kind,
        body.code or row.code,
        row.name if body.name is None else body.name,
        row.metric,
        tuple(steps),
        body.recurring_step if "recurring_step" in given else row.recurring,
    )
    target = row_of(staff, row.subscription.public_id) if row.subscription else None
    found = target or wallet_of(staff, row.wallet.public_id if row.wallet else "")
    row = save_alert(found, terms, alert=row, by=staff.actor, at=now(staff.organization))
    return envelope(alert_payload(row))


@router.delete("/{id}", response={204: None})
def remove_alert(request: HttpRequest, id: str) -> tuple[int, None]:
    """Take the alert away; what it has told stays."""
    staff = cast(ApiRequest, request)
    delete_alert(find(request, id), by=staff.actor, at=now(staff.organization))
    return 204, None


def find(request: HttpRequest, reference: str) -> Alert:
    """The organization's alert, or 404."""
    return cast(Alert, alerts_of(cast(ApiRequest, request)).by_public_id(reference))  # type: ignore[attr-defined]
