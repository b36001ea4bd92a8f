"""What a provider is told when an outcome is unknown, a worker is killed, or the customer changes meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.models import Organization
from customers.actions.customers import update_customer
from customers.models import Customer
from invoicing.actions import provider_push
from invoicing.actions.provider_links import link_customer
from invoicing.actions.provider_push import run
from invoicing.models import ProviderLink
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_organization
from tests.factories.providers import link_of, make_provider
from tests.services.stripe import FakeStripe

pytestmark = pytest.mark.django_db
BY = {"by": ACTOR, "at": NOW}


@pytest.fixture
def acme() -> Organization:
    return make_organization()


def sync() -> int:
    """What the worker does."""
    return run(timezone.now())


def later_on(minutes: int) -> int:
    """What the worker does when that much time has passed."""
    for link in ProviderLink.objects.exclude(next_at=None):
        ProviderLink.objects.filter(pk=link.pk).update(next_at=link.next_at - timedelta(minutes=minutes))
    return sync()


@pytest.mark.parametrize("fault", ["drop", "garbage", 500, 502])
def test_an_unknown_outcome_never_makes_two(acme: Organization, stripe: FakeStripe, fault: object) -> None:
    make_provider(acme)
    customer = make_customer(acme)
    stripe.next(fault)
    sync()
    link = link_of(customer)
    assert (link.state, link.attempts, bool(link.error)) == ("pending", 1, True)
    for _ in range(3):
        later_on(600)
    assert link_of(customer).external_id == stripe.only()["id"]
    assert link_of(customer).state == "synced"


def test_a_slow_answer_is_not_waited_for(
    acme: Organization, stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_provider(acme)
    customer = make_customer(acme)
    monkeypatch.setattr(provider_push.calls, "IN_WORKER", 0.15)
    stripe.next(0.4)
    sync()
    assert link_of(customer).error == "No answer within 0.15 seconds."
    monkeypatch.setattr(provider_push.calls, "IN_WORKER", 5.0)
    later_on(600)
    assert link_of(customer).external_id == stripe.only()["id"]


@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize("search_lags", [False, True])
def test_killed_between_the_call_and_the_note_of_it(
    acme: Organization,
    stripe: FakeStripe,
    monkeypatch: pytest.MonkeyPatch,
    changed: bool,
    search_lags: bool,
) -> None:
    make_provider(acme)
    customer = make_customer(acme)
    stripe.search_lags = search_lags

    def killed(*_args: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(provider_push, "settle", killed)
        with pytest.raises(SystemExit):
            sync()
    assert link_of(customer).external_id == ""
    if changed:
        update_customer(customer, {"name": "Changed meanwhile"}, **BY)
    sync()
    assert link_of(customer).external_id == stripe.only()["id"]
    assert stripe.only()["name"] == Customer.objects.get(pk=customer.pk).name


def test_killed_after_an_update_was_sent(
    acme: Organization, stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_provider(acme)
    customer = make_customer(acme)
    sync()
    update_customer(customer, {"name": "Twice"}, **BY)
    with monkeypatch.context() as patch:
        patch.setattr(provider_push, "settle", lambda *_args: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            sync()
    sync()
    assert (link_of(customer).state, stripe.only()["name"]) == ("synced", "Twice")


def test_a_change_during_the_call_is_sent_after_it(acme: Organization, stripe: FakeStripe) -> None:
    make_provider(acme)
    customer = make_customer(acme, name="First")
    # The fake answers in another thread, which must not share this test's transaction: the change is put in place
    # by the client of the call instead, right before the request goes out.
    calls = provider_push.calls
    original = calls.create

    def change_then_create(*args: object, **kwargs: object) -> str:
        Customer.objects.filter(pk=customer.pk).update(name="Second")
        return original(*args, **kwargs)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "create", change_then_create)
        sync()
    assert stripe.only()["name"] == "Second"
    assert link_of(customer).sent["name"] == "Second"


def test_linked_to_another_while_being_created(acme: Organization, stripe: FakeStripe) -> None:
    account = make_provider(acme)
    theirs = stripe.add(name="Somebody")
    customer = make_customer(acme, name="Ours")
    calls = provider_push.calls
    original = calls.create

    def link_then_create(*args: object, **kwargs: object) -> str:
        link_customer(customer, account, theirs, **BY)
        return original(*args, **kwargs)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "create", link_then_create)
        sync()
    assert link_of(customer).external_id == theirs
    assert stripe.customers[theirs]["name"] == "Ours"
