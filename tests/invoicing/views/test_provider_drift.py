"""What differs between a provider and us: found by a comparison, settled by a person."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.models import Job, Organization
from customers.actions.customers import update_customer
from customers.models import Customer
from invoicing.actions import provider_drift
from invoicing.actions.provider_push import run
from invoicing.models import PaymentProvider, ProviderLink
from tests.factories.customers import make_customer
from tests.factories.pages import text
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in
from tests.factories.providers import link_of, make_provider
from tests.services.stripe import FakeStripe

pytestmark = pytest.mark.django_db
HOME = "/settings/integrations"
BY: dict[str, Any] = {"by": ACTOR, "at": NOW}


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def admin(client: Client, acme: Organization) -> Client:
    return sign_in(client, make_member(acme, "admin"))


def compare(account: PaymentProvider) -> Job:
    """What the job does."""
    job = provider_drift.ask_to_compare(account, **BY)
    provider_drift.compare(job)
    job.refresh_from_db()
    Job.objects.filter(pk=job.pk).update(state="succeeded")
    return job


def test_differences_are_found_and_settled(admin: Client, acme: Organization, stripe: FakeStripe) -> None:
    account = make_provider(acme)
    send, take, same = (make_customer(acme, name=name) for name in ("Send", "Take", "Same"))
    run(timezone.now())
    for customer in (send, take):
        row = stripe.customers[link_of(customer).external_id]
        row["name"], row["phone"] = f"{customer.name} at Stripe", "+256700000000"
    job = compare(account)
    assert job.steps[0]["detail"] == "3 of the provider's customers read"
    assert link_of(same).drift == {}
    assert link_of(take).drift == {"name": ["Take", "Take at Stripe"], "phone": ["", "+256700000000"]}
    page = f"{HOME}/{account.public_id}"
    html = text(admin.get(f"{page}?state=drifted"))
    assert "Take at Stripe" in html and "Send at Stripe" in html
    assert f">{same.name}</a>" not in html

    assert admin.post(f"/provider-links/{link_of(send).public_id}/send").status_code == 302
    stripe.log.clear()
    assert admin.post(f"/provider-links/{link_of(take).public_id}/take").status_code == 302
    run(timezone.now())
    take.refresh_from_db()
    assert (take.name, take.phone) == ("Take at Stripe", "+256700000000")
    [sent] = stripe.writes()
    assert sent.form == {"name": "Send", "phone": ""}
    assert {link.state for link in ProviderLink.objects.all()} == {"synced"}
    assert compare(account).steps[0]["state"] == "done"
    assert not ProviderLink.objects.exclude(drift={}).exists()


def test_all_at_once(admin: Client, acme: Organization, stripe: FakeStripe) -> None:
    account = make_provider(acme)
    customers = [make_customer(acme) for _ in range(3)]
    run(timezone.now())
    for row in stripe.customers.values():
        row["name"] = "Changed there"
    customers[0].refresh_from_db()
    compare(account)
    page = f"{HOME}/{account.public_id}"
    answer = admin.post(f"{page}/resolve", {"act": "take"}, follow=True)
    assert "3 of 3" in text(answer)
    assert set(Customer.objects.values_list("name", flat=True)) == {"Changed there"}
    for row in stripe.customers.values():
        row["name"] = "Changed once more"
    compare(account)
    admin.post(f"{page}/resolve", {"act": "send"})
    run(timezone.now())
    assert {row["name"] for row in stripe.customers.values()} == {"Changed there"}
    assert admin.post(f"{page}/resolve", {"act": "x"}).status_code == 404


def test_what_cannot_be_taken_over_is_said(admin: Client, acme: Organization, stripe: FakeStripe) -> None:
    account = make_provider(acme)
    first, second = make_customer(acme), make_customer(acme, email="second@example.com")
    run(timezone.now())
    stripe.customers[link_of(second).external_id]["email"] = first.email
    compare(account)
    answer = admin.post(f"/provider-links/{link_of(second).public_id}/take", follow=True)
    assert f"Another customer has the e-mail {first.email}" in text(answer)
    second.refresh_from_db()
    assert second.email == "second@example.com"
    assert link_of(second).drift == {"email": ["second@example.com", first.email]}


def test_deleted_there_is_seen_and_made_again(admin: Client, acme: Organization, stripe: FakeStripe) -> None:
    account = make_provider(acme)
    customer = make_customer(acme)
    run(timezone.now())
    id = link_of(customer).external_id
    stripe.customers[id] = {"id": id, "object": "customer", "deleted": True}
    compare(account)
    assert link_of(customer).state == "deleted"
    assert "Create again there" in text(admin.get(f"{HOME}/{account.public_id}?state=gone"))
    admin.post(f"/provider-links/{link_of(customer).public_id}/again")
    run(timezone.now())
    assert link_of(customer).external_id == stripe.only()["id"] != id


def test_comparing_goes_on_where_it_was_killed(
    acme: Organization, stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = make_provider(acme)
    customer = make_customer(acme)
    run(timezone.now())
    for number in range(250):  # the customer of ours is the oldest: on the last page
        stripe.add(name=f"Theirs {number}")
    stripe.customers[link_of(customer).external_id]["name"] = "Other"
    job = provider_drift.ask_to_compare(account, **BY)
    real = provider_drift.compare_page
    pages: list[int] = []

    def dies_on_the_second(one: Any, customers: Any) -> None:
        pages.append(len(customers))
        if len(pages) == 2:
            raise SystemExit
        real(one, customers)

    with monkeypatch.context() as patch:
        patch.setattr(provider_drift, "compare_page", dies_on_the_second)
        with pytest.raises(SystemExit):
            provider_drift.compare(job)
    stripe.log.clear()
    provider_drift.compare(Job.objects.get(pk=job.pk))
    assert len(stripe.asked("GET", "/v1/customers")) == 2
    assert link_of(customer).drift == {"name": [customer.name, "Other"]}
    job.refresh_from_db()
    assert job.steps[0]["read"] == 251


def test_an_older_change_does_not_undo_a_settled_one(acme: Organization, stripe: FakeStripe) -> None:
    """A comparison during a change that is on its way marks nothing."""
    account = make_provider(acme)
    customer = make_customer(acme)
    run(timezone.now())
    update_customer(customer, {"name": "On its way"}, **BY)
    compare(account)
    assert link_of(customer).drift == {}
    run(timezone.now())
    assert stripe.only()["name"] == "On its way"
