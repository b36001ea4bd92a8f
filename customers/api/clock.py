"""/api/clock: the time of a sandbox. Moving it runs what falls due on the way, in order."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Annotated, Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from ninja import Router
from pydantic import AwareDatetime, StrictBool, StrictInt
from typing_extensions import TypedDict

from billing.actions import later
from billing.actions.clock import now
from billing.models import AuditEntry, ClockMove, Organization
from billing.rules.errors import Conflict, Invalid
from billing.rules.periods import add_months, local_date
from billing.rules.states import JobState
from billing.rules.words import Words
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.shapes import Object
from customers.actions.clock_moves import carry_out, move_clock
from customers.queries.clock import happened, next_stop

router = Router(tags=["Sandbox clock"])
MOST_EVENTS = 1000
PATIENCE = 25.0  # seconds


class ClockIn(ApiSchema):
    """Exactly one of: a moment, a number of days or months, or `next` for the next thing that is due."""

    now: AwareDatetime | None = None
    days: StrictInt | None = None
    months: StrictInt | None = None
    next: StrictBool | None = None


class DueOut(TypedDict):
    """What is due next."""

    at: datetime
    what: str
    customer: str | None


class ClockOut(TypedDict):
    """What time it is, and what is due next; null: nothing is."""

    now: datetime
    sandbox: bool
    next: DueOut | None


class HappenedOut(TypedDict):
    """One thing that happened on the way."""

    at: datetime
    event: str
    subject: str
    customerId: str | None


Way = TypedDict("Way", {"from": datetime, "to": datetime})


class MovedOut(ClockOut, Way):
    """A move of the clock with what happened on the way."""

    id: str
    status: Annotated[str, Words("arrived", "moving")]
    events: list[HappenedOut]


@router.get("")
def get_clock(request: HttpRequest) -> Object[ClockOut]:
    """What time it is, whether the clock can be moved, and what is due next."""
    organization = cast(ApiRequest, request).organization
    return envelope(payload(organization))


@router.post("", response={200: dict[str, Any]})
def post_clock(request: HttpRequest, body: ClockIn) -> Object[MovedOut]:
    """Move a sandbox's clock forward. The answer comes when it has arrived, with what happened on the way, or after
    half a minute with the status `moving`. When it was stopped by something that failed, 409 says what; move it again
    once that is mended.
    """
    staff = cast(ApiRequest, request)
    move = move_clock(staff.organization, moment(staff.organization, body), by=staff.actor)
    later.run(str(move.job_id), carry_out)
    move = arrived(move.pk)
    if move.job is not None and move.job.error:
        raise Conflict(move.job.error, code="clock_stopped")
    rows = happened(move.organization, move.from_at, move.reached_at)
    done = move.reached_at == move.to_at
    data: MovedOut = {
        **payload(move.organization),
        "id": move.public_id,
        "status": "arrived" if done else "moving",
        "from": move.from_at,
        "to": move.to_at,
        "events": [event(row) for row in rows[:MOST_EVENTS]],
    }
    return envelope(data)


def arrived(key: UUID) -> ClockMove:
    """The move when its job has ended: a worker may have been quicker than the web server to take it."""
    until = time.monotonic() + PATIENCE
    while True:
        move = ClockMove.objects.select_related("organization", "job").get(pk=key)
        state = JobState(move.job.state) if move.job else JobState.SUCCEEDED
        if state not in {JobState.QUEUED, JobState.RUNNING} or time.monotonic() > until:
            return move
        time.sleep(0.1)


def payload(organization: Organization) -> ClockOut:
    """The clock as it stands."""
    stop = next_stop(organization) if organization.sandbox else None
    return {
        "now": now(organization),
        "sandbox": organization.sandbox,
        "next": {"at": stop.at, "what": stop.what, "customer": stop.subject} if stop else None,
    }


def moment(organization: Organization, body: ClockIn) -> datetime:
    """The moment that is asked for."""
    if not organization.sandbox:
        raise Conflict("Only a sandbox has a clock that can be moved.", code="not_a_sandbox", field="now")
    asked = [name for name, value in body.dict().items() if value is not None and value is not False]
    if len(asked) != 1:
        raise Invalid("Send exactly one of now, days, months and next.", field="now")
    at = now(organization)
    if body.now is not None:
        return body.now
    if body.days is not None:
        return at + timedelta(days=counted(body.days, "days", 3660))
    if body.months is not None:
        zone, day = organization.timezone, local_date(at, organization.timezone)
        later_day = add_months(day, counted(body.months, "months", 120))
        local = at.astimezone(ZoneInfo(zone))
        return datetime.combine(later_day, local.time(), tzinfo=local.tzinfo)
    stop = next_stop(organization)
    if stop is None:
        raise Conflict("Nothing is due at any time.", code="nothing_due", field="next")
    return max(stop.at, at + timedelta(seconds=1))


def counted(number: int, name: str, most: int) -> int:
    """A number of steps within reason."""
    if not 1 <= number <= most:
        raise Invalid(f"Must be from 1 to {most}.", field=name)
    return number


def event(row: AuditEntry) -> HappenedOut:
    """One thing that happened."""
    return {
        "at": row.at,
        "event": row.action,
        "subject": row.subject_label,
        "customerId": row.customer.public_id if row.customer else None,
    }
