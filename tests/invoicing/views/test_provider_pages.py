"""Settings, Integrations: accounts, their order, tests, and how customers stand."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.clients.sealed import unseal
from billing.models import Job, Organization
from billing.web.htmx import event_names
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
