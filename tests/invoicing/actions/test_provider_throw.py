"""Strategy throw: a provider that fails refuses the change, and nothing is left half done on either side."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, connections, transaction

from billing.actions import later
from billing.models import Organization
from billing.rules.errors import BillingError, Conflict, Invalid
from customers.actions import customers as customer_actions
from customers.actions.customers import add_customer, update_customer
from customers.actions.delete import carry_out, request_deletion
from customers.models import Customer
from invoicing.actions.provider_links import link_customer
from invoicing.actions.provider_push import run
from invoicing.models import ProviderLink
from invoicing.models import Sequence as Counter
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_organization
from tests.factories.providers import link_of, make_provider, throwing
from tests.services.stripe import FakeStripe

pytestmark = pytest.mark.django_db
BY: dict[str, Any] = {"by": ACTOR, "at": NOW}
FIELDS = {"name": "Ngoma", "external_id": "ngoma", "email": "a@ngoma.example"}


@pytest.fixture
def acme() -> Organization:
    organization = make_organization()
    make_provider(organization)
    throwing(organization)
    return organization


def test_a_new_customer_is_there_before_it_is_here(acme: Organization, stripe: FakeStripe) -> None:
    customer = add_customer(acme, FIELDS, **BY)
    link = link_of(customer)
    assert (link.state, link.external_id) == ("synced", stripe.only()["id"])
    assert stripe.only()["metadata"]["tarn_customer_id"] == customer.public_id
    assert len(stripe.log) == 1


@pytest.mark.parametrize("fault", [401, 429, 500, 503, "garbage", "drop"])
def test_a_failure_leaves_nothing_and_names_the_provider(
    acme: Organization, stripe: FakeStripe, fault: object
) -> None:
    stripe.next(fault)
    with pytest.raises(BillingError) as caught:
        add_customer(acme, FIELDS, **BY)
    assert (caught.value.status, caught.value.code) == (502, "provider_failed")
    assert "Stripe failed, so nothing was saved" in str(caught.value)
    assert not Customer.objects.exists()
    assert not ProviderLink.objects.exists()
    assert not Counter.objects.filter(key="customer", last__gt=0).exists()


@pytest.mark.parametrize("fault", [500, 503, "garbage", "drop"])
@pytest.mark.parametrize("external_id", ["ngoma", ""])
@pytest.mark.parametrize("name", ["Ngoma", "Ngoma changed"])
def test_a_request_that_is_sent_again_does_not_create_twice(
    acme: Organization, stripe: FakeStripe, fault: object, external_id: str, name: str
) -> None:
    stripe.next(fault)
    fields = FIELDS | {"external_id": external_id}
    with pytest.raises(BillingError):
        add_customer(acme, fields, **BY)
    customer = add_customer(acme, fields | {"name": name}, **BY)
    assert link_of(customer).external_id == stripe.only()["id"]
    assert stripe.only()["metadata"]["tarn_customer_id"] == customer.public_id
    assert stripe.only()["name"] == name
    assert customer.external_id == (external_id or customer.public_id)


def test_a_duplicate_is_refused_before_stripe_hears_of_it(acme: Organization, stripe: FakeStripe) -> None:
    add_customer(acme, FIELDS, **BY)
    for again in (FIELDS | {"external_id": "other"}, FIELDS | {"email": "b@ngoma.example"}):
        with pytest.raises(Conflict):
            add_customer(acme, again, **BY)
    assert len(stripe.log) == 1


def test_what_fails_here_afterwards_is_taken_back_there(
    acme: Organization, stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(customer_actions, "save", lambda _customer: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            add_customer(acme, FIELDS, **BY)
    assert stripe.live() == {}
    customer = add_customer(acme, FIELDS, **BY)
    assert link_of(customer).external_id == stripe.only()["id"]


def test_what_cannot_be_taken_back_is_found_by_the_next_attempt(
    acme: Organization, stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(customer_actions, "save", lambda _customer: 1 / 0)
        stripe.next(None, 503)
        with pytest.raises(ZeroDivisionError):
            add_customer(acme, FIELDS, **BY)
    [orphan] = stripe.live()
    customer = add_customer(acme, FIELDS, **BY)
    assert link_of(customer).external_id == stripe.only()["id"] == orphan


def test_a_remembered_id_of_a_customer_that_exists_is_not_used(
    acme: Organization, stripe: FakeStripe
) -> None:
    first = add_customer(acme, FIELDS, **BY)
    Customer.objects.filter(pk=first.pk).update(deleted_at=NOW)
    second = add_customer(acme, FIELDS, **BY)
    assert first.pk != second.pk
    assert len(stripe.live()) == 2


def test_the_cache_is_not_needed(acme: Organization, stripe: FakeStripe) -> None:
    stripe.next(503)
    with pytest.raises(BillingError):
        add_customer(acme, FIELDS, **BY)
    cache.clear()
    add_customer(acme, FIELDS, **BY)
    assert len(stripe.live()) == 1


def test_an_update_that_stripe_refuses_changes_nothing(acme: Organization, stripe: FakeStripe) -> None:
    customer = add_customer(acme, FIELDS, **BY)
    stripe.next(503)
    with pytest.raises(BillingError) as caught:
        update_customer(customer, {"name": "Other"}, **BY)
    assert (caught.value.status, caught.value.code) == (502, "provider_failed")
    customer.refresh_from_db()
    assert (customer.name, stripe.only()["name"]) == ("Ngoma", "Ngoma")
    update_customer(customer, {"name": "Other"}, **BY)
    assert (stripe.only()["name"], link_of(customer).state) == ("Other", "synced")


def test_an_update_whose_transaction_fails_is_sent_back(
    acme: Organization, stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = add_customer(acme, FIELDS, **BY)
    with monkeypatch.context() as patch:
        patch.setattr(customer_actions, "record_changed", lambda *_args, **_more: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            update_customer(customer, {"name": "Never"}, **BY)
    assert stripe.only()["name"] == "Never"
    assert link_of(customer).state == "pending"
    run(link_of(customer).next_at)
    assert stripe.only()["name"] == "Ngoma"


def test_changes_that_stripe_is_not_told_do_not_ask_it(acme: Organization, stripe: FakeStripe) -> None:
    customer = add_customer(acme, FIELDS, **BY)
    stripe.log.clear()
    update_customer(customer, {"grace_period_days": 9, "timezone": "Africa/Kampala"}, **BY)
    assert stripe.log == []


def test_a_customer_that_is_gone_there_can_still_change_here(acme: Organization, stripe: FakeStripe) -> None:
    customer = add_customer(acme, FIELDS, **BY)
    [id] = stripe.live()
    stripe.customers[id] = {"id": id, "object": "customer", "deleted": True}
    update_customer(customer, {"name": "Here"}, **BY)
    assert link_of(customer).state == "deleted"


def test_an_id_that_stripe_does_not_know_is_refused(acme: Organization, stripe: FakeStripe) -> None:
    theirs = stripe.add(name="Somebody")
    with pytest.raises(Invalid) as caught:
        add_customer(acme, FIELDS, provider_ids={"stripe": "cus_unknown"}, **BY)
    assert caught.value.field == "provider_customer_ids.stripe"
    assert not Customer.objects.exists()
    customer = add_customer(acme, FIELDS, provider_ids={"stripe": theirs}, **BY)
    assert (stripe.only()["id"], stripe.only()["name"]) == (theirs, "Ngoma")
    with pytest.raises(Conflict) as taken:
        add_customer(acme, {"email": "b@ngoma.example"}, provider_ids={"stripe": theirs}, **BY)
    assert taken.value.code == "provider_customer_taken"
    assert link_of(customer).external_id == theirs
    assert len(stripe.live()) == 1


def test_a_deletion_that_stripe_refuses_stops_the_cascade_and_goes_on_later(
    acme: Organization, stripe: FakeStripe
) -> None:
    customer = add_customer(acme, FIELDS, **BY)
    job = request_deletion(customer, **BY)
    stripe.next(503)
    with pytest.raises(BillingError, match="Stripe failed"):
        carry_out(job)
    job.refresh_from_db()
    carry_out(job)
    job.refresh_from_db()
    assert job.steps[-1] | {"note": ""} == {
        "name": "providers",
        "label": "Payment providers",
        "state": "done",
        "note": "",
    }
    assert (stripe.live(), link_of(customer).state) == ({}, "deleted")


@pytest.mark.django_db(transaction=True)
def test_other_creations_do_not_wait_for_the_network(acme: Organization, stripe: FakeStripe) -> None:
    """While Stripe is being asked, nobody's counter is locked: another customer is added meanwhile."""
    added = threading.Event()

    def add_another() -> None:
        Organization.objects.filter(pk=acme.pk).update(provider_sync_strategy="log")
        make_customer(Organization.objects.get(pk=acme.pk))
        connections.close_all()
        added.set()

    def while_asked() -> None:
        threading.Thread(target=add_another).start()
        assert added.wait(5)

    stripe.before = while_asked
    customer = add_customer(acme, FIELDS, **BY)

    assert added.is_set()
    assert {row.sequence for row in Customer.objects.all()} == {1, 2}
    assert Customer.objects.get(pk=customer.pk).sequence == 2


@pytest.mark.django_db(transaction=True)
def test_the_same_customer_added_twice_at_once(acme: Organization, stripe: FakeStripe) -> None:
    """A double click: one is added, the other is a duplicate, and Stripe has one."""
    outcomes: list[str] = []

    def add() -> None:
        try:
            add_customer(Organization.objects.get(pk=acme.pk), FIELDS, **BY)
            outcomes.append("added")
        except Conflict as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    stripe.next(0.2)
    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["added", "duplicate_external_id"]
    assert ProviderLink.objects.get().external_id == stripe.only()["id"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("strategy", ["log", "throw"])
def test_two_changes_at_once_end_with_the_latest(
    acme: Organization, stripe: FakeStripe, strategy: str
) -> None:
    customer = add_customer(acme, FIELDS, **BY)
    Organization.objects.filter(pk=acme.pk).update(provider_sync_strategy=strategy)
    stripe.next(0.1, 0.05)

    def change(name: str) -> None:
        update_customer(customer, {"name": name}, **BY)
        run(link_of(customer).updated_at)
        connection.close()

    threads = [threading.Thread(target=change, args=[f"Name {number}"]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run(link_of(customer).updated_at)
    customer.refresh_from_db()
    assert stripe.only()["name"] == customer.name
    assert (link_of(customer).state, link_of(customer).sent["name"]) == ("synced", customer.name)


@pytest.mark.django_db(transaction=True)
def test_a_worker_leaves_a_link_alone_that_another_is_sending(acme: Organization, stripe: FakeStripe) -> None:
    Organization.objects.filter(pk=acme.pk).update(provider_sync_strategy="log")
    customer = make_customer(Organization.objects.get(pk=acme.pk))
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with later.advisory_lock(link_of(customer).pk):
            held.set()
            done.wait(5)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(5)
    run(link_of(customer).next_at)
    assert stripe.log == []
    done.set()
    thread.join()
    run(link_of(customer).next_at)
    assert len(stripe.live()) == 1


def test_linking_by_hand_inside_a_larger_transaction(acme: Organization, stripe: FakeStripe) -> None:
    theirs = stripe.add(name="Somebody")
    customer = add_customer(acme, FIELDS, **BY)
    account = link_of(customer).provider
    with transaction.atomic():
        link_customer(customer, account, theirs, **BY)
    assert stripe.customers[theirs]["name"] == "Ngoma"
