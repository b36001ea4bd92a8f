"""/api/wallets/{id}/top-up-schedule: what a wallet gets by the calendar, or at a threshold."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal, cast

from django.http import HttpRequest
from pydantic import AwareDatetime
from typing_extensions import TypedDict

from billing.actions.clock import now
from billing.actions.top_up_schedules import ScheduleTerms, due_next, remove_schedule, set_schedule
from billing.models import TopUpSchedule
from billing.queries.schedules import customer_zone
from billing.queries.shapes import TopUpScheduleOut
from billing.rules.errors import Invalid, NotFound
from billing.rules.ids import encode
from billing.rules.money import ZERO
from billing.rules.periods import Interval
from billing.rules.top_up_rules import Method
from billing.web.api import ApiRequest, ApiSchema, envelope, named
from billing.web.shapes import Object
from customers.api.wallet_rows import router, rows_of

SHOWN = 3
NAMED = {"started_at": "started_at", "expires_at": "expiration_at"}


class ScheduleIn(ApiSchema):
    """What comes at each interval, counted from `startedAt` (now, when not given). Numbers are credits. With the
    method `target`, `targetCredits` is what the balance is brought to; `grantsTarget` gives it instead of selling it.
    With `thresholdCredits` instead of an interval, it comes whenever the ongoing credits have come down to them.
    """

    interval: Literal["weekly", "monthly", "quarterly", "semiannual", "yearly"] | None = None
    threshold_credits: Decimal | None = None
    method: Literal["fixed", "target"] = "fixed"
    paid_credits: Decimal | None = None
    granted_credits: Decimal | None = None
    target_credits: Decimal | None = None
    grants_target: bool = False
    started_at: AwareDatetime | None = None
    expiration_at: AwareDatetime | None = None
    name: str = ""


def payload(row: TopUpSchedule, at: datetime) -> TopUpScheduleOut:
    """A schedule, with its next three moments."""
    coming = due_next(row, customer_zone(row.wallet.customer), at, SHOWN) if row.next_at else []
    return {
        "id": row.public_id,
        "walletId": encode("wal", row.wallet_id),
        "trigger": row.trigger,
        "interval": row.interval or None,
        "thresholdCredits": row.threshold_credits,
        "method": row.method,
        "paidCredits": row.paid_credits,
        "grantedCredits": row.granted_credits,
        "targetCredits": row.target_credits,
        "grantsTarget": row.grants_target,
        "name": row.name,
        "startedAt": row.started_at,
        "expirationAt": row.expires_at,
        "nextAt": row.next_at,
        "nextTopUps": coming if row.wallet.status == "active" else [],
    }


class RemovedOut(TypedDict):
    """A schedule that there is no more."""

    walletId: str
    removed: bool


@router.get("/{id}/top-up-schedule")
def get_schedule(request: HttpRequest, id: str) -> Object[TopUpScheduleOut]:
    """The wallet's schedule; 404 when it has none."""
    staff = cast(ApiRequest, request)
    row = TopUpSchedule.objects.filter(wallet=rows_of(staff).by_public_id(id)).first()
    if row is None:
        raise NotFound("This wallet has no top-up schedule.")
    return envelope(payload(row, now(staff.organization)))


@router.put("/{id}/top-up-schedule")
def put_schedule(request: HttpRequest, id: str, body: ScheduleIn) -> Object[TopUpScheduleOut]:
    """Set it, in place of one that there may be."""
    staff = cast(ApiRequest, request)
    wallet, at = rows_of(staff).by_public_id(id), now(staff.organization)
    if (body.interval is None) == (body.threshold_credits is None):
        raise Invalid("Send interval or thresholdCredits, one of them.", field="interval")
    method = Method(body.method)
    fixed = method is Method.FIXED
    terms = ScheduleTerms(
        interval=Interval(body.interval) if body.interval else None,
        method=method,
        started_at=body.started_at or at,
        paid_credits=(body.paid_credits or ZERO) if fixed else ZERO,
        granted_credits=(body.granted_credits or ZERO) if fixed else ZERO,
        target_credits=ZERO if fixed else body.target_credits or ZERO,
        grants_target=body.grants_target and not fixed,
        expires_at=body.expiration_at,
        name=body.name,
        threshold_credits=body.threshold_credits,
    )
    with named(**NAMED):
        row = set_schedule(wallet, terms, by=staff.actor, at=at)
    return envelope(payload(row, at))


@router.delete("/{id}/top-up-schedule")
def delete_schedule(request: HttpRequest, id: str) -> Object[RemovedOut]:
    """No more top-ups by the calendar. Repeating it changes nothing."""
    staff = cast(ApiRequest, request)
    wallet = rows_of(staff).by_public_id(id)
    remove_schedule(wallet, by=staff.actor, at=now(staff.organization))
    return envelope({"walletId": wallet.public_id, "removed": True})
