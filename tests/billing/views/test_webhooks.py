"""Developers > Webhooks."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.actions.webhooks import emit
from billing.models import (
    Organization,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from tests.factories.people import NOW, make_member, make_organization, sign_in
from tests.factories.webhooks import make_endpoint

pytestmark = pytest.mark.django_db
LIST = "/developers/webhooks"
DRAWER = {"HX-Request": "true", "HX-Target": "drawer"}


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def staff(acme: Organization) -> Client:
    return sign_in(Client(), make_member(acme))


def page(client: Client, path: str, **query: Any) -> str:
    """The text of a page."""
    answer = client.get(path, query)
    assert answer.status_code == 200
    return answer.content.decode()


def words(client: Client, path: str) -> str:
    """What a page says, without its tags."""
    return " ".join(re.sub(r"<[^>]*>", "", page(client, path)).split())


def tell(acme: Organization, name: str = "customer.created", **data: Any) -> None:
    """An event of the organization about itself."""
    emit(acme, name, acme, data, at=NOW)


def attempt(row: WebhookDelivery, status: int | None, error: str = "") -> None:
    """A try."""
    WebhookAttempt.objects.create(
        organization_id=row.organization_id,
        endpoint_id=row.endpoint_id,
        delivery=row,
        at=timezone.now(),
        status_code=status,
        duration_ms=1234,
        error=error,
        answer="<b>down</b>",
        succeeded=not error,
    )


def test_a_webhook_is_added_and_its_secret_shown_once(staff: Client) -> None:
    assert "No webhooks yet" in page(staff, LIST)
    values = {
        "url": "https://hooks.example/in",
        "description": "Production",
        "scope": "chosen",
        "events-invoice": ["invoice.finalized", "invoice.paid"],
        "events-payment": ["payment.succeeded"],
        "once": "webhook-add-1",
    }
    wrong = staff.post(f"{LIST}/add", {**values, "url": "http://127.0.0.1", "once": "webhook-add-2"})
    assert wrong.status_code == 422 and "private network" in wrong.content.decode()
    assert 'value="payment.succeeded" checked' in re.sub(
        r" (id|aria-\w+)=\"[^\"]*\"", "", wrong.content.decode()
    )
    nothing = staff.post(f"{LIST}/add", {"url": values["url"], "scope": "chosen", "once": "webhook-add-3"})
    assert nothing.status_code == 422 and "Choose at least one event" in nothing.content.decode()
    made = staff.post(f"{LIST}/add", values, headers=DRAWER)
    secret = re.search(r"data-secret>(whsec_[^<]+)<", made.content.decode())
    assert made.status_code == 200 and secret and "no-store" in made["Cache-Control"]
    again = staff.post(f"{LIST}/add", values)
    assert again.status_code == 422 and secret.group(1) not in again.content.decode()
    row = WebhookEndpoint.objects.get()
    assert row.events == ["invoice.finalized", "invoice.paid", "payment.succeeded"]
    listed = page(staff, LIST)
    assert "3 events" in listed and "None yet" in listed and secret.group(1) not in listed


def test_it_is_changed_with_what_was_chosen_ticked(acme: Organization, staff: Client) -> None:
    row = make_endpoint(acme, ["customer.created", "subscription.cancelled"])
    path = f"{LIST}/{row.public_id}/edit"
    form = page(staff, path)
    ticked = re.findall(r'name="(?:events-\w+|scope)" value="([^"]+)"[^>]* checked', form)
    assert ticked == ["chosen", "customer.created", "subscription.cancelled"] and "1 chosen" in form
    answer = staff.post(path, {"url": row.url, "scope": "*", "once": "webhook-edit-1"})
    row.refresh_from_db()
    assert (answer.status_code, row.events) == (302, ["*"])


def test_it_is_paused_resumed_tried_and_removed_after_saying_what_follows(
    acme: Organization, staff: Client
) -> None:
    row = make_endpoint(acme)
    tell(acme)
    own = f"{LIST}/{row.public_id}"
    assert "with the 1 delivery that waits now" in words(staff, f"{own}/status")
    staff.post(f"{own}/status", {"status": "paused"})
    staff.post(f"{own}/status", {"status": "paused"})  # a second click
    row.refresh_from_db()
    assert row.status == "paused"
    staff.post(f"{own}/test")
    assert WebhookDelivery.objects.count() == 1, "a paused one is not tried"
    assert "1 delivery waits and goes at once" in words(staff, f"{own}/status")
    staff.post(f"{own}/status", {"status": "active"})
    staff.post(f"{own}/test")
    assert WebhookDelivery.objects.filter(name="webhook.test").count() == 1
    assert "2 deliveries that wait are given up" in words(staff, f"{own}/delete")
    staff.post(f"{own}/delete")
    assert staff.get(own).status_code == 404
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"failed"}


def test_a_secret_is_replaced_and_shown_once(acme: Organization, staff: Client) -> None:
    row = make_endpoint(acme)
    path = f"{LIST}/{row.public_id}/secret"
    values = {"overlap": "24", "once": "webhook-secret-1"}
    made = staff.post(path, values).content.decode()
    assert "data-secret>whsec_" in made and "The old secret signs beside it until" in made
    assert "data-secret" not in staff.post(path, values).content.decode()
    assert "The one before signs until" in page(staff, f"{LIST}/{row.public_id}/settings")


def test_deliveries_are_found_by_state_and_event(
    acme: Organization, staff: Client, django_assert_max_num_queries: Any
) -> None:
    row = make_endpoint(acme)
    for name in ("customer.created", "customer.updated", "customer.deleted"):
        tell(acme, name)
    first = WebhookDelivery.objects.order_by("number")[0]
    WebhookDelivery.objects.filter(pk=first.pk).update(state="failed", next_attempt_at=None)
    attempt(first, None, "No answer within 10 seconds.")
    own = f"{LIST}/{row.public_id}"
    with django_assert_max_num_queries(14):
        text = page(staff, own)
    assert "No answer within 10 seconds." in text and "Send failed ones again" in text and "0 %" in text
    assert text.count("<tr data-row") == 3
    assert page(staff, own, state="failed").count("<tr data-row") == 1
    assert page(staff, own, event="customer.updated").count("<tr data-row") == 1
    assert "No such delivery" in page(staff, own, state="delivered")
    with django_assert_max_num_queries(12):
        page(staff, LIST)


def test_a_delivery_shows_its_tries_its_data_and_what_changed(acme: Organization, staff: Client) -> None:
    make_endpoint(acme)
    tell(acme, title="Ann", old=1)
    tell(acme, "customer.updated", title="<i>Ann</i> B.", new={"deep": True})
    row = WebhookDelivery.objects.latest("number")
    attempt(row, 503, "The receiver answered 503.")
    text = page(staff, f"/developers/deliveries/{row.public_id}")
    assert "503" in text and "&lt;b&gt;down&lt;/b&gt;" in text
    assert "1,234 ms" in words(staff, f"/developers/deliveries/{row.public_id}")
    assert "&lt;i&gt;Ann&lt;/i&gt; B." in text and "<i>Ann" not in text
    table = text[text.index("What changed") : text.index("<h2>Data")]
    assert sorted(re.findall(r'class="mono break">([^<]+)<', table)) == ["new.deep", "old", "title"]
    staff.post(f"/developers/deliveries/{row.public_id}/replay")
    assert WebhookDelivery.objects.get(pk=row.pk).tries == 0


def test_all_failed_ones_are_sent_again_after_asking(acme: Organization, staff: Client) -> None:
    row = make_endpoint(acme)
    tell(acme)
    tell(acme, "customer.updated")
    path = f"{LIST}/{row.public_id}/replay"
    assert "Nothing to send again" in page(staff, path)
    WebhookDelivery.objects.update(state="failed", next_attempt_at=None)
    assert "2 deliveries that were given up go out again" in words(staff, path)
    WebhookEndpoint.objects.update(status="paused")
    assert "What was given up can be sent again" in words(staff, f"{LIST}/{row.public_id}/status")
    WebhookEndpoint.objects.update(status="active")
    staff.post(path)
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"waiting"}
    assert "2 failed deliveries" in page(staff, "/developers/activity")


def test_the_catalogue_shows_what_is_posted(acme: Organization, staff: Client) -> None:
    text = page(staff, f"{LIST}/events")
    assert "payment.successful" in text and "payment.succeeded" in text and "Money came in" in text
    assert "It has not happened here yet" in page(staff, f"{LIST}/example", name="customer.updated")
    tell(acme, email="ann@x.example")
    told = page(staff, f"{LIST}/example", name="customer.created")
    assert "ann@x.example" in told and "&quot;event&quot;: &quot;customer.created&quot;" in told
    like = page(staff, f"{LIST}/example", name="customer.updated")
    assert "ann@x.example" in like and "&quot;event&quot;: &quot;customer.updated&quot;" in like


def test_home_says_that_one_does_not_answer(acme: Organization, staff: Client) -> None:
    row = make_endpoint(acme)
    assert "not answering" not in page(staff, "/")
    WebhookEndpoint.objects.filter(pk=row.pk).update(
        status="paused",
        reason="It has not answered for 72 hours.",
        failing_since=timezone.now() - timedelta(3),
    )
    assert "webhook is not answering" in page(staff, "/")
    assert "It has not answered for 72 hours." in page(staff, f"{LIST}/{row.public_id}")


def test_those_who_may_only_look_see_no_acts(acme: Organization) -> None:
    row = make_endpoint(acme)
    support = sign_in(Client(), make_member(acme, "support"))
    assert "Add a webhook" not in page(support, LIST)
    assert "Actions" not in page(support, f"{LIST}/{row.public_id}").split("<main")[1]
    assert support.post(f"{LIST}/{row.public_id}/test").status_code == 403
