"""Deliveries sent to a real receiver on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone
from standardwebhooks import Webhook

from billing.actions import webhook_sending
from billing.actions.later import lock_number
from billing.actions.webhook_endpoints import create_endpoint, rotate_secret, send_test, update_endpoint
from billing.actions.webhook_replays import replay, replay_failed
from billing.actions.webhook_sending import Outcome, drop_old, send_due, write_down
from billing.actions.webhooks import deliver, emit
from billing.clients import http
from billing.models import (
    AuditEntry,
    EmittedEvent,
    Organization,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from billing.orm.fields import first_id
from billing.rules.signing import short_signature
from tests.factories.people import ACTOR, NOW, make_organization
from tests.factories.webhooks import make_endpoint
from tests.services.receiver import Receiver

pytestmark = pytest.mark.django_db


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """An application that answers 200."""
    settings.OUTBOUND_ALLOW_PRIVATE = "127.0.0.1"
    found = Receiver().start()
    yield found
    found.stop()


@pytest.fixture
def acme() -> Organization:
    return make_organization()


def tell(about: Organization, name: str = "customer.created", **data: Any) -> None:
    """An event of the organization about itself."""
    emit(about, name, about, {"id": about.public_id, **data}, at=NOW)


def due_now() -> None:
    """Time passes for what waits, and rests are over."""
    WebhookDelivery.objects.waiting().update(next_attempt_at=timezone.now())
    WebhookEndpoint.objects.update(rest_until=None)


def states() -> list[str]:
    """Of all deliveries in order."""
    return list(WebhookDelivery.objects.order_by("number").values_list("state", flat=True))


def test_a_delivery_arrives_signed_under_the_name_asked_for(acme: Organization, receiver: Receiver) -> None:
    _, secret = create_endpoint(acme, receiver.url, ["payment.succeeded"], by=ACTOR, at=NOW)
    tell(acme, "payment.successful", text="Zoë 💶", amount=12)
    assert send_due() == 1
    [came] = receiver.log
    row = WebhookDelivery.objects.get()
    said = Webhook(secret).verify(came.body, came.headers)
    assert said == {
        "id": row.event.public_id,
        "event": "payment.succeeded",
        "createdAt": "2026-03-15T12:00:00Z",
        "data": {"id": acme.public_id, "text": "Zoë 💶", "amount": 12},
    }
    assert came.headers["webhook-id"] == came.headers["tarn-delivery"] == row.public_id
    assert came.headers["tarn-event"] == "payment.succeeded"
    timestamp = int(came.headers["tarn-timestamp"])
    assert came.headers["tarn-signature"] == short_signature(timestamp, came.body, [secret])
    assert (row.state, row.tries, row.next_attempt_at) == ("delivered", 0, None)
    attempt = WebhookAttempt.objects.get()
    assert (attempt.status_code, attempt.answer, attempt.error, attempt.succeeded) == (
        200,
        "thanks",
        "",
        True,
    )
    assert send_due() == 0


def test_while_a_secret_is_replaced_both_verify_and_afterwards_one(
    acme: Organization, receiver: Receiver
) -> None:
    endpoint, old = create_endpoint(acme, receiver.url, ["*"], by=ACTOR, at=NOW)
    _, new = rotate_secret(endpoint, overlap_hours=1, by=ACTOR, at=NOW)
    tell(acme)
    send_due()
    WebhookEndpoint.objects.update(previous_until=timezone.now())
    tell(acme)
    send_due()
    first, second = receiver.log
    for secret in (old, new):
        Webhook(secret).verify(first.body, first.headers)
    Webhook(new).verify(second.body, second.headers)
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(old).verify(second.body, second.headers)


def test_an_object_is_told_of_in_order_and_holds_up_no_other(acme: Organization, receiver: Receiver) -> None:
    other = make_organization("Beta")
    make_endpoint(acme, url=receiver.url)
    for name in ("customer.created", "customer.updated", "customer.deleted"):
        tell(acme, name)
        emit(acme, name, other, {"id": other.public_id}, at=NOW)
    receiver.answer = lambda came: 503 if came.said["data"]["id"] == acme.public_id else 200
    send_due()
    assert [one.said["event"] for one in receiver.log if one.status == 503] == ["customer.created"]
    assert [one.said["event"] for one in receiver.taken] == [
        "customer.created",
        "customer.updated",
        "customer.deleted",
    ]
    receiver.answer = lambda _: 200
    receiver.log.clear()
    send_due()
    assert receiver.log == [], "the first one waits before it is tried again"
    due_now()
    send_due()
    assert [one.said["event"] for one in receiver.log] == [
        "customer.created",
        "customer.updated",
        "customer.deleted",
    ]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (500, "The receiver answered 500."),
        (404, "The receiver answered 404."),
        (302, "a redirect"),
        (308, "a redirect"),
        (0, "The connection failed"),
    ],
)
def test_what_is_not_taken_is_tried_again(
    acme: Organization, receiver: Receiver, status: int, error: str
) -> None:
    endpoint = make_endpoint(acme, url=receiver.url)
    tell(acme)
    receiver.answer = lambda _: status
    receiver.headers = {"Location": receiver.url + "/elsewhere"}
    assert send_due() == 1
    assert [one.path for one in receiver.log] == ["/in"], "redirects are not followed"
    row, attempt = WebhookDelivery.objects.get(), WebhookAttempt.objects.get()
    assert (row.state, row.tries) == ("waiting", 1)
    assert timedelta(seconds=3) < row.next_attempt_at - timezone.now() < timedelta(seconds=6)
    assert error in attempt.error and attempt.status_code == (status or None)
    endpoint.refresh_from_db()
    assert endpoint.failures == 1 and endpoint.failing_since
    receiver.answer = lambda _: 204
    due_now()
    assert send_due() == 1
    endpoint.refresh_from_db()
    assert (states(), endpoint.failures, endpoint.failing_since) == (["delivered"], 0, None)


def test_a_receiver_that_is_slow_or_away_is_a_failure(
    acme: Organization, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_sending, "ANSWER_SECONDS", 0.1)
    endpoint = make_endpoint(acme, url=receiver.url)
    tell(acme)
    receiver.slow = 0.5
    send_due()
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(url="http://127.0.0.1:1/in")
    due_now()
    send_due()
    errors = list(WebhookAttempt.objects.values_list("error", flat=True))
    assert errors[0] == "No answer within 0.1 seconds." and errors[1].startswith("The connection failed")


def test_a_long_answer_is_cut_off_and_counts(acme: Organization, receiver: Receiver) -> None:
    make_endpoint(acme, url=receiver.url)
    tell(acme)
    receiver.body = b"a\0" + b"x" * 3_000_000
    send_due()
    attempt = WebhookAttempt.objects.get()
    assert attempt.succeeded and attempt.answer.startswith("a\ufffdxxx") and len(attempt.answer) == 1000


def test_gone_disables_the_endpoint(acme: Organization, receiver: Receiver) -> None:
    endpoint = make_endpoint(acme, url=receiver.url)
    tell(acme)
    tell(acme, "customer.updated")
    receiver.answer = lambda _: 410
    send_due()
    endpoint.refresh_from_db()
    assert (endpoint.status, states()) == ("disabled", ["failed", "failed"])
    assert AuditEntry.objects.get(action="webhook.disabled").reason == endpoint.reason
    assert len(receiver.log) == 1


def test_after_72_hours_a_delivery_is_given_up_and_the_endpoint_paused(
    acme: Organization, receiver: Receiver
) -> None:
    endpoint = make_endpoint(acme, url=receiver.url)
    tell(acme)
    tell(acme, "customer.updated")
    receiver.answer = lambda _: 500
    long_ago = timezone.now() - timedelta(hours=72)
    WebhookDelivery.objects.filter(name="customer.created").update(due_from=long_ago)
    WebhookEndpoint.objects.update(failing_since=long_ago, failures=11)
    send_due()
    endpoint.refresh_from_db()
    assert (endpoint.status, states()) == ("paused", ["failed", "waiting"])
    assert AuditEntry.objects.get(action="webhook.paused").actor_kind == "system"
    receiver.answer = lambda _: 200
    due_now()
    assert send_due() == 0
    update_endpoint(endpoint, {"status": "active"}, by=ACTOR, at=NOW)
    assert send_due() == 1
    assert replay_failed(endpoint, by=ACTOR, at=NOW) == 1
    send_due()
    assert [one.said["event"] for one in receiver.taken] == ["customer.updated", "customer.created"]


def test_an_endpoint_that_keeps_failing_is_asked_by_one_and_gets_all_when_it_is_back(
    acme: Organization, receiver: Receiver
) -> None:
    endpoint = make_endpoint(acme, url=receiver.url)
    others = [make_organization(f"Org {number}") for number in range(6)]
    for other in others:
        emit(acme, "customer.created", other, {"id": other.public_id}, at=NOW)
    receiver.answer = lambda _: 500
    WebhookEndpoint.objects.update(failures=9, failing_since=timezone.now())
    send_due()
    endpoint.refresh_from_db()
    assert endpoint.rest_until and 1 <= len(receiver.log) <= 4
    tried = len(receiver.log)
    assert send_due() == 0
    receiver.answer = lambda _: 200
    WebhookEndpoint.objects.update(rest_until=None)
    send_due()
    assert states() == ["delivered"] * 6 and len(receiver.log) == tried + 6


def test_a_slow_endpoint_does_not_hold_up_another(acme: Organization, receiver: Receiver) -> None:
    slow = Receiver().start()
    make_endpoint(acme, url=slow.url)
    make_endpoint(acme, url=receiver.url)
    for name in ("customer.created", "customer.updated", "customer.deleted"):
        tell(acme, name)
    answered: list[str] = []
    three = threading.Event()

    def fast(_: Any) -> int:
        answered.append("fast")
        if len(answered) == 3:
            three.set()
        return 200

    def late(_: Any) -> int:
        three.wait(5)
        answered.append("slow")
        return 200

    slow.answer, receiver.answer = late, fast
    send_due()
    slow.stop()
    assert answered == ["fast"] * 3 + ["slow"] * 3


PRIVATE = [
    "http://127.0.0.1:{port}/in",
    "http://127.1:{port}/in",
    "http://2130706433:{port}/in",
    "http://0x7f000001:{port}/in",
    "http://0177.0.0.1:{port}/in",
    "http://[::ffff:127.0.0.1]:{port}/in",
    "http://0.0.0.0:{port}/in",
    "http://localhost:{port}/in",
    "HTTP://LOCALHOST:{port}/in",
    "http://169.254.169.254/latest/meta-data",
    "http://10.0.0.1/",
    "http://[fd00::1]/",
]


@pytest.mark.parametrize("url", PRIVATE)
def test_private_addresses_are_not_reached_however_they_are_written(
    acme: Organization, receiver: Receiver, settings: Any, url: str
) -> None:
    settings.OUTBOUND_ALLOW_PRIVATE = ""
    endpoint = make_endpoint(acme)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(url=url.format(port=receiver.port))
    tell(acme)
    send_due()
    assert receiver.log == []
    error = WebhookAttempt.objects.get().error
    assert error == "This address is on a private network." or "Invalid IPv4 address" in error


def test_a_name_is_looked_at_with_each_connection(
    acme: Organization, receiver: Receiver, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that was public when it was entered and leads to this machine when it counts."""
    settings.OUTBOUND_ALLOW_PRIVATE = ""
    asked: list[str] = []

    def rebound(host: str, port: int, seconds: float) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    monkeypatch.setattr(http, "resolve", rebound)
    make_endpoint(acme, url=f"http://rebind.example:{receiver.port}/in")
    tell(acme)
    send_due()
    assert (asked, receiver.log) == (["rebind.example"], [])
    assert WebhookAttempt.objects.get().error == "This address is on a private network."


def test_any_delivery_can_be_replayed_and_holds_up_nothing(acme: Organization, receiver: Receiver) -> None:
    make_endpoint(acme, url=receiver.url)
    tell(acme)
    send_due()
    first = WebhookDelivery.objects.get()
    arrived = first.delivered_at
    replay(first, by=ACTOR, at=NOW)
    tell(acme, "customer.updated")
    receiver.answer = lambda came: 500 if came.said["event"] == "customer.created" else 200
    send_due()
    assert states() == ["waiting", "delivered"]
    receiver.answer = lambda _: 200
    due_now()
    send_due()
    first.refresh_from_db()
    assert (first.state, first.delivered_at, first.attempts.count()) == ("delivered", arrived, 3)
    ids = {one.headers["webhook-id"] for one in receiver.log if one.said["event"] == "customer.created"}
    assert ids == {first.public_id}


def test_a_test_event_says_so(acme: Organization, receiver: Receiver) -> None:
    endpoint = make_endpoint(acme, url=receiver.url)
    WebhookEndpoint.objects.update(failures=12, rest_until=timezone.now() + timedelta(hours=1))
    send_test(endpoint, by=ACTOR, at=NOW)
    send_due()
    assert receiver.taken[0].said["event"] == "webhook.test" and receiver.taken[0].said["data"]["test"]


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_send_the_same_delivery(acme: Organization, receiver: Receiver) -> None:
    make_endpoint(acme, url=receiver.url)
    objects = [make_organization(f"Org {number}") for number in range(12)]
    for other in objects:
        emit(acme, "customer.created", other, {"id": other.public_id}, at=NOW)
    receiver.slow = 0.03

    def work() -> None:
        try:
            send_due(1.5)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    ids = [one.headers["webhook-id"] for one in receiver.log]
    assert len(ids) == len(set(ids)) == 12 and set(states()) == {"delivered"}


@pytest.mark.django_db(transaction=True)
def test_what_a_killed_worker_has_left_is_sent_by_the_next_round(
    acme: Organization, receiver: Receiver
) -> None:
    endpoint = make_endpoint(acme, url=receiver.url)
    tell(acme)
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [lock_number(endpoint.pk)])
    assert send_due(0.05) == 0, "another worker has it"
    other.close()  # as the system does with the connection of a killed process
    assert send_due() == 1


def test_old_deliveries_are_forgotten_once_they_are_done(acme: Organization, receiver: Receiver) -> None:
    make_endpoint(acme, url=receiver.url)
    tell(acme)
    send_due()
    tell(acme, "customer.updated")
    WebhookDelivery.objects.update(created_at=timezone.now() - timedelta(days=91))
    tell(acme, "customer.deleted")
    assert drop_old(timezone.now(), 90) == 1
    names = WebhookDelivery.objects.order_by("number").values_list("name", flat=True)
    assert list(names) == ["customer.updated", "customer.deleted"]
    assert not WebhookAttempt.objects.exists()


@pytest.mark.parametrize("status", ["active", "paused", "disabled", "removed"])
def test_what_nobody_sends_any_more_is_forgotten_and_what_is_sent_stays(
    acme: Organization, status: str
) -> None:
    make_endpoint(acme)
    tell(acme)
    removed = timezone.now() if status == "removed" else None
    WebhookEndpoint.objects.update(
        status="active" if removed else status, deleted_at=removed
    )  # as one that was written while the endpoint was removed
    WebhookDelivery.objects.update(created_at=timezone.now() - timedelta(days=91))
    assert drop_old(timezone.now(), 90) == (0 if status == "active" else 1)


def test_old_events_are_forgotten_save_those_that_are_needed(acme: Organization) -> None:
    ago = timezone.now() - timedelta(days=91)
    for number, name in enumerate(["customer.created", "customer.updated", "invoice.overdue"]):
        tell(acme, name)
        EmittedEvent.objects.filter(name=name).update(id=UUID(int=first_id(ago).int + number))
    make_endpoint(acme)
    waiting = EmittedEvent.objects.get(name="customer.updated")
    deliver(waiting, [(WebhookEndpoint.objects.get(), waiting.name)])
    tell(acme, "customer.deleted")
    drop_old(timezone.now(), 90)
    assert sorted(EmittedEvent.objects.values_list("name", flat=True)) == [
        "customer.deleted",
        "customer.updated",
        "invoice.overdue",
    ]


@pytest.mark.parametrize("change", [{"url": "https://new.example/in"}, {"deleted_at": NOW}])
@pytest.mark.parametrize("status", [200, 410, 500])
def test_an_answer_of_an_address_that_was_left_meanwhile_says_nothing_of_the_new_one(
    acme: Organization, change: dict[str, Any], status: int
) -> None:
    endpoint = make_endpoint(acme)
    tell(acme)
    row = WebhookDelivery.objects.get()
    WebhookEndpoint.objects.update(failures=3, failing_since=NOW, **change)
    error = "" if status == 200 else "Refused."
    write_down(row, Outcome(endpoint.url, timezone.now(), 5, status, error))
    endpoint.refresh_from_db()
    assert (endpoint.status, endpoint.failures) == ("active", 3)
    assert states() == ["delivered" if status == 200 else "waiting"]
    assert WebhookAttempt.objects.get().status_code == status


def test_where_threads_are_few_whoever_has_none_gets_the_next(
    acme: Organization, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_sending, "AT_ONCE", 2)
    receiver.slow = 0.03
    make_endpoint(acme, url=receiver.url)
    for number in range(6):
        other = make_organization(f"Org {number}")
        emit(acme, "customer.created", other, {"id": other.public_id}, at=NOW)
    make_endpoint(acme, url=receiver.url + "/late")
    tell(acme)
    send_due()
    assert len(receiver.log) == 8
    assert [one.path.endswith("late") for one in receiver.log].index(True) <= 1


def test_an_unreadable_secret_says_what_to_do(acme: Organization, receiver: Receiver) -> None:
    make_endpoint(acme, url=receiver.url)
    WebhookEndpoint.objects.update(secret=b"sealed with a lost key")
    tell(acme)
    send_due()
    assert receiver.log == []
    assert "Make a new secret for this webhook." in WebhookAttempt.objects.get().error
