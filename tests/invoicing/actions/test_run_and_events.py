"""Events that come while their subscription is being billed."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connections, transaction

from billing.actions.locks import lock_customer
from billing.actions.subscriptions import lock_subscription
from billing.actions.usage import ingest
from billing.models import UsageHour
from billing.orm.actor import Actor
from invoicing.actions.billing_run import bill_customer, run
from invoicing.models import InvoiceLine
from tests.factories.catalog import charge, make_metric
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import make_organization
from tests.factories.usage import event


def elsewhere(work: Callable[[], object]) -> None:
    """Do it on a connection of its own; it must be done before the caller's transaction ends."""
    failed: list[BaseException] = []

    def whole() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=whole)
    thread.start()
    thread.join(timeout=20)
    assert not thread.is_alive() and failed == []


@pytest.mark.django_db(transaction=True)
def test_the_first_events_of_an_hour_do_not_wait_for_the_bill_and_are_billed_once() -> None:
    """Customer and subscription are locked by a bill; 5 units of January and 7 of February come in hours that have no
    roll-up yet, before the bill reads usage; 2 more of January and 1 of February after it, when a draft stands. The
    draft counts January up to the end of its grace.
    """
    organization = make_organization()
    metric = make_metric(organization, aggregation="sum")
    plan = make_plan(organization, 1000, charge(metric))
    subscription = subscribe(billed_customer(organization, grace_period_days=3), plan, on(2026, 1, 1))

    def send(january: int, february: int, hour: int) -> None:
        events = [
            event(subscription, metric, january, at=on(2026, 1, 31, 20 + hour)),
            event(subscription, metric, february, at=on(2026, 2, 1, hour)),
        ]
        results = ingest(organization, events, at=on(2026, 2, 1, 12))
        assert [result.status for result in results] == ["accepted", "accepted"]

    with transaction.atomic():
        lock_customer(subscription.customer_id)
        lock_subscription(subscription)
        elsewhere(lambda: send(5, 7, 0))
        bill_customer(subscription.customer_id, by=Actor.system(), at=on(2026, 2, 1, 12))
        elsewhere(lambda: send(2, 1, 1))
    assert UsageHour.objects.count() == 4
    lines = InvoiceLine.objects.filter(charge__isnull=False)
    assert list(lines.values_list("units", flat=True)) == [5]
    for month in (2, 3, 4):
        run(on(2026, month, 4, 12))
    billed = lines.filter(invoice__status="finalized").order_by("invoice__period_start")
    assert list(billed.values_list("units", flat=True)) == [7, 8]
