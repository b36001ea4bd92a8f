"""Sending: what is due goes out, in order for each object, every endpoint on its own.

A round looks for what is due, hands the requests to threads and writes down what came of them, until its seconds are
over and nothing is in the air any more. While a round has an endpoint it holds a session lock on it: no other worker
sends to it at the same time, and the lock of a worker that was killed is free at once, so the next round, which beat
starts every few seconds, finds everything that was not written down. An endpoint has few requests in the air, so a
slow one holds up itself alone.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from billing.actions import audit, later
from billing.actions.webhook_endpoints import give_up_waiting
from billing.actions.webhook_stops import tell_of_stop
from billing.actions.webhooks import WOKEN
from billing.clients.http import Unreachable, fetch
from billing.clients.sealed import Unsealable, unseal
from billing.models import (
    DeliveryState,
    EmittedEvent,
    EndpointStatus,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from billing.orm import exact_json
from billing.orm.actor import Actor
from billing.orm.fields import first_id
from billing.rules.event_names import TOLD_ONCE
from billing.rules.ids import encode
from billing.rules.retries import RESTS_AFTER, is_given_up, next_try, rest
from billing.rules.signing import short_signature, standard_signature

logger = logging.getLogger(__name__)

ROUND_SECONDS = 10.0
ANSWER_SECONDS = 10.0
ANSWER_BYTES = 4096
ANSWER_KEPT = 1000
AT_ONCE = 32
PER_ENDPOINT = 4
LOOK_EVERY = 0.2
GONE = 410
DROPPED_AT_ONCE = 1000
STOPPED = {EndpointStatus.PAUSED: "webhook.paused", EndpointStatus.DISABLED: "webhook.disabled"}


@dataclass(frozen=True)
class Outcome:
    """What came of a try at an address. `status` is None when nothing was answered; `error` says why it does not
    count.
    """

    url: str
    at: datetime
    duration_ms: int
    status: int | None = None
    error: str = ""
    answer: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the receiver has taken it."""
        return not self.error


@dataclass
class Lane:
    """An endpoint whose lock this round holds, and which of its deliveries are in the air, by their objects."""

    endpoint: WebhookEndpoint
    flying: dict[Future[Outcome], WebhookDelivery] = field(default_factory=dict)

    @property
    def room(self) -> int:
        """How many more may be sent: one at a time to an endpoint that keeps failing."""
        most = 1 if self.endpoint.failures >= RESTS_AFTER else PER_ENDPOINT
        return most - len(self.flying)


def send_due(seconds: float = ROUND_SECONDS) -> int:
    """One round. Returns how many tries were made."""
    cache.delete(WOKEN)  # before looking: what is committed from now on wakes another round
    lanes: dict[UUID, Lane] = {}
    until = time.monotonic() + seconds
    made = 0
    with ThreadPoolExecutor(AT_ONCE) as threads:
        try:
            while True:
                if time.monotonic() < until:
                    take_off(lanes, threads)
                flying = [one for lane in lanes.values() for one in lane.flying]
                if not flying:
                    return made
                done, _ = wait(flying, timeout=LOOK_EVERY, return_when=FIRST_COMPLETED)
                made += len(done)
                for lane in lanes.values():
                    for one in done & lane.flying.keys():
                        write_down(lane.flying.pop(one), one.result())
                let_go(lanes)
        finally:
            for lane in lanes.values():
                unlock(lane.endpoint.pk)


def take_off(lanes: dict[UUID, Lane], threads: ThreadPoolExecutor) -> None:
    """Send what is due and fits, of endpoints that no other worker has. Free threads are shared out evenly, and those
    with the least in the air come first: where slow ones take all threads, whoever has none gets the next.
    """

    def in_the_air(endpoint: WebhookEndpoint) -> tuple[int, float]:
        lane = lanes.get(endpoint.pk)
        return len(lane.flying) if lane else 0, random.random()  # noqa: S311 - chance among equals

    found = sorted(endpoints_due(timezone.now()), key=in_the_air)
    free = AT_ONCE - sum(len(one.flying) for one in lanes.values())
    share = max(1, free // max(1, len(found)))
    for endpoint in found:
        lane = lanes.get(endpoint.pk)
        if lane is None:
            if not lock(endpoint.pk):
                continue
            lane = lanes[endpoint.pk] = Lane(endpoint)
        lane.endpoint = endpoint
        if (room := min(lane.room, share, free)) <= 0:
            continue
        busy = [row.subject_id for row in lane.flying.values()]
        rows = WebhookDelivery.objects.due(timezone.now()).filter(endpoint=endpoint)
        for row in rows.exclude(subject_id__in=busy).select_related("event").order_by("number")[:room]:
            if all(row.subject_id != other.subject_id for other in lane.flying.values()):
                lane.flying[threads.submit(request_of(endpoint, row))] = row
                free -= 1


def let_go(lanes: dict[UUID, Lane]) -> None:
    """Free the endpoints with nothing in the air, for whichever worker looks next."""
    for key in [key for key, lane in lanes.items() if not lane.flying]:
        unlock(key)
        del lanes[key]


def endpoints_due(at: datetime) -> Sequence[WebhookEndpoint]:
    """Active endpoints that do not rest and for which something waits."""
    waiting = WebhookDelivery.objects.waiting().filter(next_attempt_at__lte=at).values("endpoint")
    awake = Q(rest_until=None) | Q(rest_until__lte=at)
    rows = WebhookEndpoint.objects.kept().filter(awake, status=EndpointStatus.ACTIVE.value, pk__in=waiting)
    return list(rows.order_by("pk"))


def lock(key: UUID) -> bool:
    """The endpoint for this connection, unless another has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [later.lock_number(key)])
        return bool(cursor.fetchone()[0])


def unlock(key: UUID) -> None:
    """Give it back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s)", [later.lock_number(key)])


def request_of(endpoint: WebhookEndpoint, row: WebhookDelivery) -> Callable[[], Outcome]:
    """What a thread does for a delivery; it does not touch the database."""
    body = body_of(row.event, row.name)
    id, url = row.public_id, endpoint.url
    try:
        secrets = secrets_of(endpoint, timezone.now())
    except Unsealable as error:
        unreadable = Outcome(url, timezone.now(), 0, error=f"{error} Make a new secret for this webhook.")
        return lambda: unreadable
    return lambda: post(url, body, id=id, name=row.name, secrets=secrets)


def body_of(event: EmittedEvent, name: str) -> bytes:
    """What is sent: the same bytes with each try."""
    told = {
        "id": encode(EmittedEvent.PREFIX, event.pk),
        "event": name,
        "createdAt": event.at.replace(microsecond=event.at.microsecond // 1000 * 1000),
        "data": event.data,
    }
    return exact_json.dumps(told)


def secrets_of(endpoint: WebhookEndpoint, at: datetime) -> list[str]:
    """The secret, and the one before it while both count. Raises Unsealable."""
    sealed = [endpoint.secret]
    if endpoint.previous_secret and endpoint.previous_until and at < endpoint.previous_until:
        sealed.append(endpoint.previous_secret)
    return [str(unseal(one)["secret"]) for one in sealed]


def post(url: str, body: bytes, *, id: str, name: str, secrets: Sequence[str]) -> Outcome:
    """One try, within 10 seconds. Redirects count as failures: where they lead was not agreed on."""
    at, begun = timezone.now(), time.monotonic()
    timestamp = int(at.timestamp())
    headers = {
        "Content-Type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": standard_signature(id, timestamp, body, secrets),
        "Tarn-Event": name,
        "Tarn-Delivery": id,
        "Tarn-Timestamp": str(timestamp),
        "Tarn-Signature": short_signature(timestamp, body, secrets),
    }
    try:
        found = fetch(
            "POST",
            url,
            content=body,
            headers=headers,
            timeout=ANSWER_SECONDS,
            max_bytes=ANSWER_BYTES,
            cut=True,
        )
    except Unreachable as error:
        return Outcome(url, at, since(begun), error=error.reason[:300])
    except Exception as error:  # one delivery of the round; whatever it was, the receiver has not got it
        logger.exception("Sending delivery %s failed.", id)
        return Outcome(url, at, since(begun), error=f"{type(error).__name__} while sending.")
    answer = found.text.replace("\0", "\ufffd")[:ANSWER_KEPT]
    return Outcome(url, at, since(begun), found.status, fault_of(found.status), answer)


def since(begun: float) -> int:
    """Milliseconds that have passed."""
    return int((time.monotonic() - begun) * 1000)


def fault_of(status: int) -> str:
    """Why an answer does not count as taken; empty for 2xx."""
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"The receiver answered {status}, a redirect. Enter the address that it leads to."
    return f"The receiver answered {status}."


@transaction.atomic
def write_down(row: WebhookDelivery, outcome: Outcome) -> None:
    """Keep the try, and what follows from it for the delivery and its endpoint. What an address answers says nothing
    of the endpoint once that has another one, or was removed, meanwhile.
    """
    found = WebhookEndpoint.objects.filter(pk=row.endpoint_id).select_related("organization")
    endpoint: WebhookEndpoint = found.locked(no_key=True).get()
    row = WebhookDelivery.objects.filter(pk=row.pk).locked(no_key=True).get()
    WebhookAttempt.objects.create(
        organization_id=row.organization_id,
        endpoint=endpoint,
        delivery=row,
        at=outcome.at,
        status_code=outcome.status,
        duration_ms=outcome.duration_ms,
        error=outcome.error,
        answer=outcome.answer,
        succeeded=outcome.succeeded,
    )
    if outcome.succeeded:
        row.state, row.next_attempt_at = DeliveryState.DELIVERED.value, None
        row.delivered_at = row.delivered_at or timezone.now()
        row.save()
    else:
        fail(row)
    if endpoint.url != outcome.url or endpoint.deleted_at is not None:
        return
    if outcome.succeeded:
        recover(endpoint)
    elif outcome.status == GONE:
        stop(endpoint, EndpointStatus.DISABLED, "The receiver answered 410: it is gone for good.")
    else:
        count_failure(endpoint)


def recover(endpoint: WebhookEndpoint) -> None:
    """An endpoint that had failed answers again: what waits need not wait any longer."""
    if not endpoint.failures:
        return
    if endpoint.failures >= RESTS_AFTER:
        WebhookDelivery.objects.waiting().filter(endpoint=endpoint).update(next_attempt_at=timezone.now())
    endpoint.failures, endpoint.failing_since, endpoint.rest_until = 0, None, None
    endpoint.save(update_fields=["failures", "failing_since", "rest_until", "updated_at"])


def fail(row: WebhookDelivery) -> None:
    """The next try, or the end. One that was taken back meanwhile, by a person, stays as it is."""
    if row.state != DeliveryState.WAITING.value:
        return
    row.tries += 1
    row.next_attempt_at = next_try(
        row.tries,
        since=row.due_from,
        at=timezone.now(),
        chance=random.random(),  # noqa: S311 - spreads tries, guards nothing
        pace=settings.WEBHOOK_PACE,
    )
    if row.next_attempt_at is None:
        row.state = DeliveryState.FAILED.value
    row.save()


def count_failure(endpoint: WebhookEndpoint) -> None:
    """One more in a row; after many it rests, after 72 hours it is paused."""
    now = timezone.now()
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    pause = rest(endpoint.failures, pace=settings.WEBHOOK_PACE)
    endpoint.rest_until = now + pause if pause is not None else None
    endpoint.save(update_fields=["failures", "failing_since", "rest_until", "updated_at"])
    if is_given_up(endpoint.failing_since, now, pace=settings.WEBHOOK_PACE):
        stop(endpoint, EndpointStatus.PAUSED, "It has not answered for 72 hours. What waits is kept.")


def stop(endpoint: WebhookEndpoint, status: EndpointStatus, reason: str) -> None:
    """Send no more, and tell staff why: on Home, in the trail and by e-mail."""
    if endpoint.status != EndpointStatus.ACTIVE.value:
        return
    before = endpoint.status
    endpoint.status, endpoint.reason = status.value, reason
    endpoint.save(update_fields=["status", "reason", "updated_at"])
    if status is EndpointStatus.DISABLED:
        give_up_waiting(endpoint)
    noted = audit.record(
        endpoint.organization,
        STOPPED[status],
        endpoint,
        by=Actor.system(),
        at=timezone.now(),
        changes={"status": (before, status.value)},
        reason=reason,
    )
    tell_of_stop(endpoint, noted)


def drop_old(at: datetime, days: int) -> int:
    """Forget after so many days the deliveries that are done or that nobody sends any more, with their tries, and the
    events that no delivery needs. Returns how many deliveries.
    """
    before = at - timedelta(days=days)
    sent_to = Q(endpoint__status=EndpointStatus.ACTIVE.value, endpoint__deleted_at=None)
    old = WebhookDelivery.objects.filter(created_at__lt=before)
    old = old.exclude(sent_to, state=DeliveryState.WAITING.value).order_by("created_at")
    dropped = 0
    while chosen := list(old.values_list("pk", flat=True)[:DROPPED_AT_ONCE]):
        with transaction.atomic():
            WebhookAttempt.objects.filter(delivery__in=chosen).delete()
            WebhookDelivery.objects.filter(pk__in=chosen).delete()
        dropped += len(chosen)
    drop_old_events(before)
    return dropped


def drop_old_events(before: datetime) -> None:
    """Forget events that nobody is to be told of any more, save those that keep an action from telling again. They
    are walked in the order of their keys, which is that of time.
    """
    needed = WebhookDelivery.objects.filter(event=OuterRef("pk"))
    events = EmittedEvent.objects.filter(pk__lt=first_id(before)).exclude(name__in=TOLD_ONCE)
    rows = events.filter(~Exists(needed)).order_by("pk")
    last = UUID(int=0)
    while chosen := list(rows.filter(pk__gt=last).values_list("pk", flat=True)[:DROPPED_AT_ONCE]):
        EmittedEvent.objects.filter(pk__in=chosen).delete()
        last = chosen[-1]
