"""/api/events: usage from the client's systems.

Bodies are read by hand instead of by a schema: a schema would refuse a whole batch for one bad event, and would
cost more than storing it.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, cast

import orjson
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from billing.actions.clock import now
from billing.actions.usage import (
    ACCEPTED,
    CONFLICT,
    DUPLICATE,
    INVALID,
    QUARANTINED,
    EventResult,
    ingest,
)
from billing.models import Event
from billing.queries.events import EventFilter, count_events, find_event, find_events
from billing.queries.payloads_usage import event_payload
from billing.queries.shapes import BatchOut, EventOut, EventResultOut
from billing.rules.errors import BillingError, Conflict, FieldErrors, Invalid, NotFound
from billing.rules.events import IncomingEvent, Refused, read_event
from billing.rules.ids import decode
from billing.web.api import ApiRequest, ApiSchema, envelope, too_large
from billing.web.api_lists import ListQuery, check_page, order_of
from billing.web.limits import charge_events
from billing.web.shapes import Listing, Object

router = Router(tags=["Events"])

MAX_BATCH = 1000
STATUS = {ACCEPTED: 201, DUPLICATE: 200, QUARANTINED: 202}
COUNTERS = (
    (ACCEPTED, "accepted"),
    (DUPLICATE, "duplicates"),
    (CONFLICT, "conflicts"),
    (QUARANTINED, "quarantined"),
    (INVALID, "invalid"),
)
EVENT_BODY = {
    "type": "object",
    "required": ["transactionId", "subscriptionId", "code"],
    "properties": {
        "transactionId": {"type": "string", "maxLength": 255},
        "subscriptionId": {"type": "string", "description": "Id or external id of the subscription"},
        "code": {"type": "string", "description": "Code of the billable metric"},
        "timestamp": {
            "oneOf": [{"type": "string", "format": "date-time"}, {"type": "number"}],
            "description": "ISO 8601 or Unix seconds; default now",
        },
        "properties": {"type": "object", "maxProperties": 50},
        "preciseTotalAmount": {"type": "string", "description": "For dynamic charges, in major units"},
    },
}


def described(schema: dict[str, Any]) -> dict[str, Any]:
    """The body of a route for the OpenAPI description."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def read_body(request: HttpRequest) -> Any:
    """The body as JSON with exact numbers. What is not a number there (NaN) stays recognisable, so that only
    its own event is refused.
    """
    try:
        text = request.body.decode()
        try:
            return json.loads(text, parse_float=Decimal, parse_constant=Decimal)
        except ValueError:
            # An integer of thousands of digits is a ValueError of Python's; as a Decimal it is just too long.
            return json.loads(text, parse_float=Decimal, parse_constant=Decimal, parse_int=whole_number)
    except RequestDataTooBig:
        raise BillingError(too_large(), code="too_large", status=413) from None
    except RecursionError:
        raise Invalid("The body is not valid JSON: nested too deeply.") from None
    except ValueError as error:
        raise Invalid(f"The body is not valid JSON: {error}.") from error


def whole_number(digits: str) -> int | Decimal:
    """An integer, unless it is absurdly long."""
    return int(digits) if len(digits) < 100 else Decimal(digits)


def take_in(request: ApiRequest, raw: list[Any]) -> list[EventResult]:
    """Read and store; one result per event, in order. The request itself has counted as one event."""
    charge_events(request, len(raw), counted=1)
    at = now(request.organization)
    events: list[IncomingEvent | Refused] = [read_event(item, at) for item in raw]
    return ingest(request.organization, events, at=at, checked=True)


@router.post(
    "",
    response={200: dict[str, Any], 201: dict[str, Any], 202: dict[str, Any]},
    openapi_extra=described(EVENT_BODY),
)
def push_event(request: HttpRequest) -> tuple[int, Object[EventResultOut]]:
    """One event: 201 when it counts, 200 when it was sent before, 202 when it is kept until its subscription or
    metric appears. 409 when its transaction id stands for other content, 400 when it is invalid.
    """
    body = read_body(request)
    raw = body["event"] if isinstance(body, dict) and list(body) == ["event"] else body
    [result] = take_in(cast(ApiRequest, request), [raw])
    if result.status == INVALID:
        if not result.field:
            raise Invalid(result.reason)
        raise FieldErrors([(result.field, result.reason)])
    if result.status == CONFLICT:
        raise Conflict(result.reason, code="event_conflict", field="transactionId")
    return STATUS[result.status], envelope(result_payload(result))


@router.post(
    "/batch",
    openapi_extra=described(
        {
            "type": "object",
            "required": ["events"],
            "properties": {"events": {"type": "array", "maxItems": MAX_BATCH, "items": EVENT_BODY}},
        }
    ),
)
def push_events(request: HttpRequest) -> Annotated[HttpResponse, Object[BatchOut]]:
    """Up to 1,000 events as `{"events": […]}` or as a list. Always 200 with a result for each, in order: one bad
    event never rejects the others.
    """
    body = read_body(request)
    raw = body.get("events") if isinstance(body, dict) else body
    if not isinstance(raw, list):
        raise Invalid('Send {"events": […]}.', field="events")
    if not raw:
        raise Invalid("There are no events.", code="no_events", field="events")
    if len(raw) > MAX_BATCH:
        raise Invalid(f"Send at most {MAX_BATCH:,} events at once.", code="too_many_events", field="events")
    results = take_in(cast(ApiRequest, request), raw)
    counts = Counter(result.status for result in results)
    data: dict[str, Any] = {"results": [result_payload(result) for result in results]}
    data |= {name: counts[status] for status, name in COUNTERS}
    return HttpResponse(orjson.dumps({"data": data}), content_type="application/json")


def result_payload(result: EventResult) -> EventResultOut:
    """What became of an event; `field` says where an invalid one is wrong."""
    payload: EventResultOut = {
        "transactionId": result.transaction_id,
        "status": result.status,
        "reason": result.reason or None,
    }
    if result.field:
        payload["field"] = result.field
    return payload


class Filters(ListQuery):
    """Which events. `from` and `to` bound their timestamp: from <= timestamp < to. `late`: `all` that came when the
    invoice of their period was final, or the `open` ones, of which nobody has decided that they stay unbilled.
    """

    SORTS: ClassVar = {"timestamp": "timestamp"}

    subscription_id: str = ""
    code: str = ""
    transaction_id: str = ""
    timestamp_from: datetime | None = None
    timestamp_to: datetime | None = None
    status: str = ""
    late: str = ""


@router.get("")
def list_events(request: HttpRequest, filters: Query[Filters]) -> Listing[EventOut]:
    """Newest first. `status=quarantined` lists those that wait. `cursor` is quick at any depth; `page` is not."""
    organization = cast(ApiRequest, request).organization
    check_page(request, filters)
    if order_of(filters).terms[0][1] is False:
        raise Invalid("Events come newest first only.", field="sort_order")
    if filters.cursor and decode(Event.PREFIX, filters.cursor) is None:
        raise Invalid("This is no cursor: send the nextCursor of the page before.", field="cursor")
    status = filters.status.strip().lower()
    if status not in {"", ACCEPTED, QUARANTINED}:
        raise Invalid("Use accepted or quarantined.", field="status")
    late = filters.late.strip().lower()
    if late not in {"", "all", "open"} or (late and status == QUARANTINED):
        raise Invalid("Use all or open; events in quarantine are not late.", field="late")
    wanted = EventFilter(
        subscription=filters.subscription_id.strip(),
        code=filters.code.strip(),
        transaction_id=filters.transaction_id.strip(),
        start=filters.timestamp_from,
        end=filters.timestamp_to,
        quarantined=status == QUARANTINED,
        late=late,
    )
    rows = find_events(organization, wanted, before=filters.cursor)
    offset = 0 if filters.cursor else (filters.page - 1) * filters.limit
    found = list(rows[offset : offset + filters.limit + 1])
    total = count_events(organization, wanted)
    more, found = len(found) > filters.limit, found[: filters.limit]
    return {
        "data": [event_payload(row) for row in found],
        "meta": {
            "total": total,
            "page": filters.page,
            "limit": filters.limit,
            "totalPages": max(1, -(-total // filters.limit)),
            "nextCursor": found[-1].public_id if more else None,
        },
    }


class Whose(ApiSchema):
    """Of which subscription (id or external id)."""

    subscription_id: str = ""


@router.get("/{path:transaction_id}")
def get_event(request: HttpRequest, transaction_id: str, query: Query[Whose]) -> Object[EventOut]:
    """The event with this transaction id; with `subscriptionId` where several subscriptions have one."""
    row = find_event(cast(ApiRequest, request).organization, transaction_id, query.subscription_id)
    if row is None:
        raise NotFound("There is no event with this transaction ID.")
    return envelope(event_payload(row))
