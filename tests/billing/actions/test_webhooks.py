"""Events and the deliveries that are written with them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction

import billing
from billing.actions import webhooks
from billing.actions.webhook_endpoints import create_endpoint, delete_endpoint, update_endpoint
from billing.actions.webhooks import emit, emit_if_heard, on
from billing.models import EmittedEvent, Organization, WebhookDelivery
from billing.rules.errors import Conflict, Invalid
from tests.factories.people import ACTOR, NOW, make_organization
from tests.factories.webhooks import make_endpoint

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The tasks that were sent."""
    sent: list[str] = []
    monkeypatch.setattr(webhooks.later, "send", lambda task, *_: sent.append(task))
    yield sent


def tell(acme: Organization, name: str = "customer.created") -> EmittedEvent:
    """An event about the organization itself."""
    return emit(acme, name, acme, {"id": "x", "amount": Decimal("29.90"), "at": NOW}, at=NOW)


def test_each_endpoint_that_asked_gets_a_delivery_in_the_transaction(acme: Organization) -> None:
    everything, paid = make_endpoint(acme), make_endpoint(acme, ["payment.succeeded", "payment.successful"])
    make_endpoint(make_organization("Beta"))
    tell(acme)
    tell(acme, "payment.successful")
    rows = WebhookDelivery.objects.order_by("number")
    assert [(row.endpoint_id, row.name, row.subject_id, row.state) for row in rows] == [
        (everything.pk, "customer.created", acme.pk, "waiting"),
        (everything.pk, "payment.successful", acme.pk, "waiting"),
        (paid.pk, "payment.succeeded", acme.pk, "waiting"),
        (paid.pk, "payment.successful", acme.pk, "waiting"),
    ]
    assert len({row.number for row in rows}) == 4


def test_what_is_rolled_back_is_told_to_nobody(acme: Organization) -> None:
    make_endpoint(acme)
    with pytest.raises(RuntimeError), transaction.atomic():
        tell(acme)
        raise RuntimeError
    assert not WebhookDelivery.objects.exists() and not EmittedEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_many_events_wake_the_sender_once_and_after_the_commit(acme: Organization, woken: list[str]) -> None:
    make_endpoint(acme)
    woken.clear()
    with transaction.atomic():
        tell(acme)
        tell(acme)
        assert woken == []
    assert woken == ["billing.send_webhooks"]
    tell(acme)
    assert woken == ["billing.send_webhooks"]


@pytest.mark.django_db(transaction=True)
def test_what_is_committed_does_not_fail_because_the_cache_is_away(
    acme: Organization, woken: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: Any) -> bool:
        raise ConnectionError

    make_endpoint(acme)
    woken.clear()
    monkeypatch.setattr(webhooks, "cache", SimpleNamespace(add=away))
    tell(acme)
    assert woken == [] and WebhookDelivery.objects.waiting().count() == 1


def test_paused_ones_collect_disabled_and_removed_ones_do_not(acme: Organization) -> None:
    paused, disabled, removed = (make_endpoint(acme) for _ in range(3))
    update_endpoint(paused, {"status": "paused"}, by=ACTOR, at=NOW)
    update_endpoint(disabled, {"status": "disabled"}, by=ACTOR, at=NOW)
    delete_endpoint(removed, by=ACTOR, at=NOW)
    tell(acme)
    assert [row.endpoint_id for row in WebhookDelivery.objects.all()] == [paused.pk]


def test_amounts_are_kept_as_the_numbers_that_the_api_answers(acme: Organization) -> None:
    row = EmittedEvent.objects.get(pk=tell(acme).pk)
    assert row.data == {"id": "x", "amount": Decimal("29.90"), "at": "2026-03-15T12:00:00Z"}
    assert str(row.data["amount"]) == "29.90"


def test_a_payload_is_made_only_when_somebody_listens(acme: Organization) -> None:
    made: list[int] = []

    def payload() -> dict[str, Any]:
        made.append(1)
        return {"id": "x"}

    assert emit_if_heard(acme, ["invoice.finalized"], acme, payload, at=NOW) == []
    make_endpoint(acme, ["invoice.paid"])
    assert emit_if_heard(acme, ["invoice.finalized"], acme, payload, at=NOW) == []
    assert made == [] and not EmittedEvent.objects.exists()
    [only] = emit_if_heard(acme, ["invoice.finalized", "invoice.paid"], acme, payload, at=NOW)
    assert only.name == "invoice.paid"
    stop = on("invoice.finalized", lambda event: None)
    assert len(emit_if_heard(acme, ["invoice.finalized"], acme, payload, at=NOW)) == 1
    stop()
    assert emit_if_heard(acme, ["invoice.finalized"], acme, payload, at=NOW) == []


@pytest.mark.django_db(transaction=True)
def test_a_handler_that_fails_stops_nobody(acme: Organization, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []

    def broken(event: EmittedEvent) -> None:
        raise RuntimeError("broken")

    async def listening(event: EmittedEvent) -> None:
        heard.append(event.name)

    stops = [billing.on("payment.succeeded", broken), billing.on("payment.successful", listening)]
    with transaction.atomic():
        tell(acme, "payment.successful")
        assert heard == []
    assert heard == ["payment.successful"]
    assert "A handler of payment.successful failed" in caplog.text
    for stop in stops:
        stop()
        stop()
    tell(acme, "payment.successful")
    assert heard == ["payment.successful"]
    with pytest.raises(LookupError, match="createt"):
        on("customer.createt", broken)


@pytest.mark.parametrize(
    ("url", "events", "field"),
    [
        ("ftp://hooks.example", ["*"], "url"),
        ("hooks.example", ["*"], "url"),
        ("https://user:pass@hooks.example", ["*"], "url"),
        ("https://hooks.example/" + "x" * 2000, ["*"], "url"),
        ("https://hooks.example", [], "events"),
        ("https://hooks.example", ["customer.createt"], "events"),
        *[
            (url, ["*"], "url")
            for url in (
                "http://localhost/in",
                "http://LOCALHOST.:8000",
                "http://api.localhost",
                "http://127.0.0.1",
                "http://127.1",
                "http://2130706433",
                "http://0x7f000001",
                "http://0177.0.0.1",
                "http://0",
                "http://10.1.2.3",
                "http://172.16.0.1",
                "http://192.168.1.1",
                "http://169.254.169.254/latest/meta-data",
                "http://100.64.0.1",
                "http://[::1]",
                "http://[::ffff:127.0.0.1]",
                "http://[::ffff:a00:1]",
                "http://[fe80::1%25eth0]",
                "http://[fc00::1]",
                "http://[64:ff9b::7f00:1]",
                "http://[2002:7f00:1::]",
                "HTTP://127.0.0.1",
            )
        ],
    ],
)
def test_what_cannot_be_an_endpoint_is_refused_by_field(
    acme: Organization, url: str, events: list[str], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        create_endpoint(acme, url, events, by=ACTOR, at=NOW)
    assert refused.value.field == field


def test_the_operator_can_allow_a_private_address(acme: Organization, settings: Any) -> None:
    settings.OUTBOUND_ALLOW_PRIVATE = "127.0.0.1,localhost"
    for url in ("http://127.0.0.1:9000/in", "http://localhost:9000/in"):
        assert make_endpoint(acme, url=url).url == url


def test_there_is_an_end_to_how_many(acme: Organization) -> None:
    for _ in range(20):
        make_endpoint(acme)
    with pytest.raises(Conflict, match="20 webhooks already"):
        make_endpoint(acme)
