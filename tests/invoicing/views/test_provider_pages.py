"""Settings, Integrations: accounts, their order, tests, and how customers stand."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.clients.sealed import unseal
from billing.models import Job, Organization
from billing.web.htmx import event_names
from customers.actions.customers import update_customer
from customers.models import Customer
from invoicing.actions import provider_drift
from invoicing.actions.provider_push import run
from invoicing.models import PaymentProvider, ProviderLink
from tests.factories.customers import make_customer
from tests.factories.pages import htmx, queries, statuses, text
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in
from tests.factories.providers import link_of, make_provider, throwing
from tests.services.stripe import KEY, FakeStripe

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


@pytest.mark.parametrize(
    ("kind", "secrets"),
    [
        ("stripe", {"secret_key": "sk_live_hush"}),
        ("flutterwave", {"secret_key": "hush", "public_key": "hush2"}),
        ("paystack", {"secret_key": "hush"}),
        ("mpesa", {"consumer_key": "hush", "consumer_secret": "hush", "shortcode": "174379"}),
        ("manual", {}),
    ],
)
def test_an_account_is_added_in_two_steps(admin: Client, kind: str, secrets: dict[str, str]) -> None:
    first = text(admin.get(f"{HOME}/add", headers=htmx("drawer")))
    assert f"?type={kind}" in first
    assert kind in ("stripe", "manual") or "synchronisation of customers is not available" in first
    data = {"name": "Ours", "active": "on"} | {f"secret-{name}": value for name, value in secrets.items()}
    answer = admin.post(f"{HOME}/add?type={kind}", data, headers=htmx("drawer"))
    assert answer.status_code == 204
    assert {"provider-changed", "close-overlay"} <= set(event_names(answer))
    account = PaymentProvider.objects.get()
    assert (account.type, account.name, account.active) == (kind, "Ours", True)
    assert unseal(account.credentials) == secrets
    for page in (HOME, f"{HOME}/{account.public_id}", f"{HOME}/{account.public_id}/edit"):
        html = text(admin.get(page))
        assert "hush" not in html
        assert "Ours" in html


def test_what_is_missing_or_taken_is_said_at_its_field(admin: Client, acme: Organization) -> None:
    answer = admin.post(f"{HOME}/add?type=mpesa", {"name": ""}, headers=htmx("drawer"))
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {"name", "secret-consumer_key", "secret-consumer_secret"}
    make_provider(acme, name="Main")
    answer = admin.post(f"{HOME}/add?type=stripe", {"name": "Main", "secret-secret_key": "sk_1"})
    assert answer.status_code == 422
    assert "Another account is called Main." in text(answer)


def test_editing_keeps_the_secrets_that_are_left_empty(admin: Client, acme: Organization) -> None:
    account = make_provider(acme)
    page = f"{HOME}/{account.public_id}/edit"
    assert "Stored; leave empty to keep it" in text(admin.get(page))
    data = {"name": "Renamed", "active": "on", "sync_customers": "on", "secret-publishable_key": "pk_1"}
    assert admin.post(page, data).status_code == 302
    account.refresh_from_db()
    assert account.name == "Renamed"
    assert unseal(account.credentials) == {"secret_key": KEY, "publishable_key": "pk_1"}


def test_the_order_can_be_changed(admin: Client, acme: Organization) -> None:
    accounts = [make_provider(acme, "manual", name=name, priority=5) for name in "ABC"]
    admin.post(f"{HOME}/{accounts[2].public_id}/up")
    admin.post(f"{HOME}/{accounts[0].public_id}/down")
    admin.post(f"{HOME}/{accounts[2].public_id}/up")
    rows = PaymentProvider.objects.order_by("priority").values_list("name", "priority")
    assert list(rows) == [("C", 1), ("A", 2), ("B", 3)]


def test_a_test_says_how_it_went(admin: Client, acme: Organization, stripe: FakeStripe) -> None:
    account = make_provider(acme)
    page = f"{HOME}/{account.public_id}"
    assert "The key works, in test mode." in text(admin.post(f"{page}/test", follow=True))
    stripe.secret = "rolled"
    assert "Stripe does not accept the secret key." in text(admin.post(f"{page}/test", follow=True))
    assert "The last test failed" in text(admin.get(page))
    stripe.secret = KEY
    stripe.next("garbage")
    assert "could not be read" in text(admin.post(f"{page}/test", follow=True))


def test_strategy_activation_and_deletion(admin: Client, acme: Organization) -> None:
    account = make_provider(acme)
    admin.post(f"{HOME}/strategy", {"provider_sync_strategy": "throw"})
    acme.refresh_from_db()
    assert acme.provider_sync_strategy == "throw"
    assert admin.post(f"{HOME}/strategy", {"provider_sync_strategy": "x"}).status_code == 404
    page = f"{HOME}/{account.public_id}"
    admin.post(f"{page}/deactivate")
    account.refresh_from_db()
    assert not account.active
    assert "Changes of customers are not sent" in text(admin.get(page))
    admin.post(f"{page}/activate")
    assert "credentials" in text(admin.get(f"{page}/delete"))
    assert admin.post(f"{page}/delete").status_code == 302
    assert admin.get(page).status_code == 404
    assert "No accounts yet" in text(admin.get(HOME))


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


def test_customers_from_before_are_sent_on_request(
    admin: Client, acme: Organization, stripe: FakeStripe
) -> None:
    for _ in range(3):
        make_customer(acme)
    make_customer(acme, disabled_providers=["stripe"])
    account = make_provider(acme)
    page = f"{HOME}/{account.public_id}/send-all"
    assert "</span> customers of yours are not known" in text(admin.get(page))
    admin.post(page)
    job = Job.objects.get(task="invoicing.mirror_all")
    provider_drift.mirror_all(job)
    provider_drift.mirror_all(job)
    run(timezone.now())
    assert len(stripe.live()) == 3


def test_failed_ones_are_tried_again_together(admin: Client, acme: Organization, stripe: FakeStripe) -> None:
    account = make_provider(acme)
    for _ in range(2):
        make_customer(acme)
    stripe.secret = "rolled"
    run(timezone.now())
    html = text(admin.get(f"{HOME}/{account.public_id}?state=failed"))
    assert html.count("Stripe does not accept the secret key.") == 2
    stripe.secret = KEY
    admin.post(f"{HOME}/{account.public_id}/resolve", {"act": "again"})
    run(timezone.now())
    assert len(stripe.live()) == 2


def test_the_card_on_the_customers_page(admin: Client, acme: Organization, stripe: FakeStripe) -> None:
    customer = make_customer(acme)
    page = f"/customers/{customer.public_id}/information"
    assert "At payment providers" not in text(admin.get(page))
    account = make_provider(acme)
    assert "No provider knows this customer yet." in text(admin.get(page))
    theirs = stripe.add(name="Theirs")
    link = f"/customers/{customer.public_id}/providers/link"
    answer = admin.post(link, {"account": account.pk, "external_id": "two words"}, headers=htmx("drawer"))
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["external_id"])
    assert admin.post(link, {"account": account.pk, "external_id": theirs}).status_code == 302
    run(timezone.now())
    html = text(admin.get(page))
    assert theirs in html and "In step" in html
    assert stripe.customers[theirs]["name"] == customer.name
    unlink = f"/provider-links/{link_of(customer).public_id}/unlink"
    assert "stays as it is" in text(admin.get(unlink))
    admin.post(unlink)
    assert not ProviderLink.objects.exists()


def test_a_refused_change_keeps_the_form(admin: Client, acme: Organization, stripe: FakeStripe) -> None:
    make_provider(acme)
    customer = make_customer(acme)
    run(timezone.now())
    throwing(acme)
    stripe.next(503)
    page = f"/customers/{customer.public_id}/edit"
    form = admin.get(page).context["form"]
    data = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    data |= {"metadata-TOTAL_FORMS": "0", "metadata-INITIAL_FORMS": "0", "name": "Typed with care"}
    answer = admin.post(page, data, headers=htmx("drawer"))
    assert answer.status_code == 422
    assert "Stripe failed, so nothing was saved: Injected 503." in text(answer)
    assert "Typed with care" in text(answer)
    customer.refresh_from_db()
    assert customer.name != "Typed with care"


def test_roles_and_strangers(acme: Organization) -> None:
    account = make_provider(acme)
    customer = make_customer(acme)
    looks = {"admin": 200, "finance": 200, "manager": 200, "support": 403}
    assert statuses(acme, HOME) == looks | {"stranger": 200}
    page = f"{HOME}/{account.public_id}"
    assert statuses(acme, page) == looks | {"stranger": 404}
    edits = {"admin": 302, "finance": 302, "manager": 403, "support": 403, "stranger": 404}
    assert statuses(acme, f"{page}/deactivate", {}) == edits
    links = {"admin": 422, "finance": 403, "manager": 422, "support": 403, "stranger": 404}
    data = {"account": str(account.pk), "external_id": ""}
    assert statuses(acme, f"/customers/{customer.public_id}/providers/link", data) == links


def test_accounts_of_other_organizations_are_no_choice(admin: Client, acme: Organization) -> None:
    theirs = make_provider(make_organization("Other"), name="Of others")
    customer = make_customer(acme)
    make_provider(acme)
    page = f"/customers/{customer.public_id}/providers/link"
    assert "Of others" not in text(admin.get(page))
    assert admin.post(page, {"account": theirs.pk, "external_id": "cus_1"}).status_code == 422
    assert "Of others" not in text(admin.get(HOME))


def test_pages_take_few_queries(admin: Client, acme: Organization) -> None:
    account = make_provider(acme)
    for _ in range(5):
        make_customer(acme)
    assert queries(admin, HOME) <= 8
    assert queries(admin, f"{HOME}/{account.public_id}") <= 10


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
