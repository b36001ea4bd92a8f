"""Customers are mirrored to Stripe: once, in order, and again when it failed. Strategy log."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.models import AuditEntry, Organization
from customers.actions.customers import update_customer
from customers.models import Customer
from invoicing.actions.provider_links import link_customer, try_again, unlink_customer
from invoicing.actions.provider_push import push, run
from invoicing.actions.provider_sync import mirror_deletion
from invoicing.actions.providers import delete_provider, update_provider
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


def test_a_new_customer_is_created_there_once(acme: Organization, stripe: FakeStripe) -> None:
    make_provider(acme)
    customer = make_customer(
        acme, name="Ngoma Ltd", email="a@ngoma.example", city="Kampala", country="UG", phone="+256700000000"
    )
    assert stripe.log == []
    assert (link_of(customer).state, link_of(customer).external_id) == ("pending", "")

    assert (sync(), sync()) == (1, 0)

    row = stripe.only()
    link = link_of(customer)
    assert (link.state, link.external_id, link.error, link.next_at) == ("synced", row["id"], "", None)
    assert (row["name"], row["email"], row["phone"]) == ("Ngoma Ltd", "a@ngoma.example", "+256700000000")
    assert (row["address"]["city"], row["address"]["country"]) == ("Kampala", "UG")
    assert row["metadata"] == {
        "tarn_customer_id": customer.public_id,
        "tarn_external_id": customer.external_id,
    }
    assert len(stripe.writes()) == 1
    entry = AuditEntry.objects.get(action="customer.linked")
    assert (entry.customer, entry.changes) == (customer, {"Stripe": [None, row["id"]]})


def test_an_update_sends_what_changed_and_nothing_else(acme: Organization, stripe: FakeStripe) -> None:
    make_provider(acme)
    customer = make_customer(acme, name="Old", city="Kampala", country="UG")
    sync()
    update_customer(customer, {"name": "New", "city": "Jinja"}, **BY)
    update_customer(customer, {"timezone": "Africa/Kampala"}, **BY)
    sync()

    [update] = [asked for asked in stripe.writes() if asked.path != "/v1/customers"]
    assert update.form == {
        "name": "New",
        "address[line1]": "",
        "address[line2]": "",
        "address[postal_code]": "",
        "address[city]": "Jinja",
        "address[state]": "",
        "address[country]": "UG",
    }
    assert stripe.only()["address"]["country"] == "UG"
    update_customer(customer, {"grace_period_days": 5}, **BY)
    assert link_of(customer).state == "synced"
    assert sync() == 0


def test_a_value_that_is_emptied_is_emptied_there(acme: Organization, stripe: FakeStripe) -> None:
    make_provider(acme)
    customer = make_customer(acme, phone="+256700000000")
    sync()
    update_customer(customer, {"phone": ""}, **BY)
    sync()
    assert stripe.only()["phone"] is None


def test_only_accounts_that_may_are_told(acme: Organization, stripe: FakeStripe) -> None:
    make_provider(acme, name="Off", active=False)
    make_provider(acme, name="Not synchronised", sync_customers=False)
    make_provider(acme, "paystack")
    make_provider(acme, "manual")
    gone = make_provider(acme, name="Gone")
    delete_provider(gone, **BY)
    make_provider(make_organization("Other"))
    make_customer(acme)

    assert ProviderLink.objects.count() == 0
    stripe_account = make_provider(acme)
    make_customer(acme, disabled_providers=["stripe"])
    assert ProviderLink.objects.count() == 0
    customer = make_customer(acme)
    assert link_of(customer).provider == stripe_account
    sync()
    assert len(stripe.live()) == 1


def test_a_provider_that_is_disabled_meanwhile_is_not_told(acme: Organization, stripe: FakeStripe) -> None:
    make_provider(acme)
    customer = make_customer(acme)
    update_customer(customer, {"disabled_providers": ["stripe"]}, **BY)
    assert (sync(), stripe.log) == (0, [])
    update_customer(customer, {"disabled_providers": []}, **BY)
    sync()
    update_customer(customer, {"disabled_providers": ["stripe"]}, **BY)
    Customer.objects.filter(pk=customer.pk).update(deleted_at=NOW)
    customer.refresh_from_db()
    mirror_deletion(customer, **BY)
    sync()
    assert (stripe.live(), link_of(customer).state) == ({}, "deleted")


def test_a_customer_from_before_the_account_is_created_with_its_next_change(
    acme: Organization, stripe: FakeStripe
) -> None:
    customer = make_customer(acme)
    make_provider(acme)
    update_customer(customer, {"name": "Now known"}, **BY)
    sync()
    assert stripe.only()["name"] == "Now known"


def test_two_accounts_are_told_each_with_its_key(acme: Organization, stripe: FakeStripe) -> None:
    make_provider(acme)
    make_provider(acme, name="Wrong key", key="sk_test_wrong")
    customer = make_customer(acme)
    sync()
    states = {link.provider.name: (link.state, link.error) for link in customer.provider_links.all()}
    assert states == {
        "Stripe": ("synced", ""),
        "Wrong key": ("failed", "Stripe does not accept the secret key."),
    }
    assert len(stripe.live()) == 1


def test_failures_are_retried_with_growing_waits_and_then_left_to_a_person(
    acme: Organization, stripe: FakeStripe
) -> None:
    make_provider(acme)
    customer = make_customer(acme)
    waits = []
    for attempt in range(1, 10):
        stripe.next(503) if attempt == 1 else stripe.next(None, None, 503)  # looked for first
        before = timezone.now()
        push(link_of(customer).pk)
        link = link_of(customer)
        assert (link.attempts, link.error) == (attempt, "Injected 503.")
        if link.next_at is None:
            break
        waits.append(round((link.next_at - before).total_seconds() / 60))
        ProviderLink.objects.update(next_at=before)
    assert waits == [1, 5, 15, 60, 180, 360, 720, 1440]
    assert (link.state, stripe.live()) == ("failed", {})
    assert sync() == 0
    try_again(link, **BY)
    assert sync() == 1
    assert link_of(customer).state == "synced"


def test_a_rate_limit_is_respected_and_the_account_rests(acme: Organization, stripe: FakeStripe) -> None:
    make_provider(acme)
    first, second = make_customer(acme), make_customer(acme)
    stripe.next(429)
    before = timezone.now()

    assert sync() == 1

    assert (link_of(first).next_at - before).total_seconds() > 119  # Retry-After: 120
    assert link_of(second).attempts == 0
    assert sync() == 1
    assert link_of(second).state == "synced"


def test_what_stripe_refuses_is_final_and_says_why(acme: Organization, stripe: FakeStripe) -> None:
    make_provider(acme)
    customer = make_customer(acme)
    Customer.objects.filter(pk=customer.pk).update(phone="1" * 30)
    sync()
    link = link_of(customer)
    assert (link.state, link.next_at) == ("failed", None)
    assert link.error == "Invalid string: must be at most 20 characters (phone)"
    update_customer(customer, {"phone": "+256700000000"}, **BY)
    later_on(0)
    assert link_of(customer).state == "synced"


def test_new_credentials_try_what_had_failed(acme: Organization, stripe: FakeStripe) -> None:
    account = make_provider(acme, key="sk_test_wrong")
    customer = make_customer(acme)
    sync()
    assert link_of(customer).state == "failed"
    update_provider(account, {}, credentials={"secret_key": stripe.secret}, **BY)
    sync()
    assert link_of(customer).state == "synced"


def test_a_deletion_is_mirrored(acme: Organization, stripe: FakeStripe) -> None:
    make_provider(acme)
    customer = make_customer(acme)
    sync()
    Customer.objects.filter(pk=customer.pk).update(deleted_at=NOW)
    customer.refresh_from_db()
    assert mirror_deletion(customer, **BY) == "Stripe will be told"
    stripe.next(503)
    sync()
    assert link_of(customer).state == "pending"
    later_on(600)
    later_on(600)
    assert (stripe.live(), link_of(customer).state) == ({}, "deleted")
    assert len(stripe.asked("DELETE")) == 2


def test_deleted_before_it_was_ever_created_there(acme: Organization, stripe: FakeStripe) -> None:
    make_provider(acme)
    customer = make_customer(acme)
    Customer.objects.filter(pk=customer.pk).update(deleted_at=NOW)
    customer.refresh_from_db()
    mirror_deletion(customer, **BY)
    sync()
    assert (stripe.writes(), link_of(customer).state) == ([], "deleted")


def test_a_customer_deleted_at_stripe_is_marked_and_made_again_when_asked(
    acme: Organization, stripe: FakeStripe
) -> None:
    make_provider(acme)
    customer = make_customer(acme)
    sync()
    old = link_of(customer).external_id
    stripe.customers[old] = {"id": old, "object": "customer", "deleted": True}
    update_customer(customer, {"name": "New"}, **BY)
    sync()
    assert (link_of(customer).state, link_of(customer).next_at) == ("deleted", None)
    assert "No such customer" in link_of(customer).error
    update_customer(customer, {"name": "Newer"}, **BY)
    assert sync() == 0
    try_again(link_of(customer), **BY)
    sync()
    new = link_of(customer)
    assert (new.state, new.external_id) == ("synced", stripe.only()["id"])
    assert (new.external_id != old, stripe.only()["name"]) == (True, "Newer")


def test_a_link_by_hand_sends_ours_there(acme: Organization, stripe: FakeStripe) -> None:
    account = make_provider(acme)
    theirs = stripe.add(name="Somebody", email="old@example.com")
    customer = make_customer(acme, name="Ours")
    link_customer(customer, account, theirs, **BY)
    sync()
    assert (stripe.only()["id"], stripe.only()["name"]) == (theirs, "Ours")
    assert link_of(customer).external_id == theirs
    unlink_customer(customer, account, **BY)
    assert ProviderLink.objects.count() == 0
    assert len(stripe.live()) == 1
