"""Staff hear by e-mail of a webhook that the sender has stopped: who may change it, once for each stop."""

from __future__ import annotations

import smtplib
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from billing import tasks
from billing.actions import later, webhook_stops
from billing.actions.webhook_endpoints import delete_endpoint, update_endpoint
from billing.actions.webhook_sending import Outcome, write_down
from billing.models import AuditEntry, Job, Member, Organization, User, WebhookDelivery, WebhookEndpoint
from tests.billing.actions.test_webhook_sending import tell
from tests.factories.people import ACTOR, NOW, make_member, make_organization
from tests.factories.webhooks import make_endpoint

pytestmark = pytest.mark.django_db
ADDRESS = "https://hooks.example/<b>in</b>?token=geheim"


@pytest.fixture
def acme() -> Organization:
    """With a second admin, and others who are not to be mailed."""
    organization = make_organization("Acme & <Söhne>")
    make_member(organization, "admin")
    left = make_member(organization, "admin")
    User.objects.filter(pk=left.user_id).update(is_active=False)
    for role in ("finance", "manager", "support"):
        make_member(organization, role)
    make_organization("Beta")
    return organization


def stop(organization: Organization, status: int) -> WebhookEndpoint:
    """An endpoint whose receiver answered with this status: 410 disables it, others pause it after 72 hours."""
    endpoint = make_endpoint(organization)
    long_ago = timezone.now() - timedelta(hours=72)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(url=ADDRESS, failing_since=long_ago, failures=11)
    tell(organization)
    WebhookDelivery.objects.update(due_from=long_ago)
    tell(organization, "customer.updated")
    row = WebhookDelivery.objects.filter(endpoint=endpoint).earliest("number")
    write_down(row, Outcome(ADDRESS, timezone.now(), 5, status, "Refused."))
    endpoint.refresh_from_db()
    return endpoint


def work() -> Job:
    """What a worker does."""
    job = Job.objects.get(task=webhook_stops.TASK)
    tasks.mail_webhook_stop(str(job.pk))
    job.refresh_from_db()
    return job


def admins(organization: Organization) -> list[str]:
    """Whom it is for."""
    rows = Member.objects.filter(organization=organization, role="admin", user__is_active=True)
    return sorted(rows.values_list("user__email", flat=True))


@pytest.mark.parametrize(
    ("status", "word", "said", "given_up"),
    [
        (500, "paused", "with the 1 delivery that waits now.", "1 delivery was given up"),
        (410, "disabled", "Nothing is collected", "2 deliveries were given up"),
    ],
)
def test_who_may_change_webhooks_is_told_once_for_each_stop(
    acme: Organization, status: int, word: str, said: str, given_up: str
) -> None:
    endpoint = stop(acme, status)
    assert mail.outbox == [] and endpoint.status == word
    assert work().state == "succeeded"
    assert work().attempts == 1, "what is done is not done again"
    assert sorted(one.to[0] for one in mail.outbox) == admins(acme) and len(mail.outbox) == 2
    message = mail.outbox[0]
    text, html = str(message.body), str(message.alternatives[0][0])  # type: ignore[attr-defined]
    assert message.subject == f"A webhook of Acme & <Söhne> was {word}"
    assert "Acme & <Söhne>" in text and "Acme &amp; &lt;Söhne&gt;" in html
    assert "<b>in</b>" in text and "<b>in</b>" not in html
    for form in (text, html):
        assert endpoint.reason in form and "geheim" not in form
        assert f"http://localhost:8000/developers/webhooks/{endpoint.public_id}" in form
    assert (
        said in text and given_up in text and "<" not in text.replace("<Söhne>", "").replace("<b>in</b>", "")
    )
    told = AuditEntry.objects.filter(action="webhook.staff_told", subject_id=endpoint.pk)
    assert sorted(row.changes["to"][1] for row in told) == admins(acme)


def test_what_staff_stop_themselves_is_no_news(acme: Organization) -> None:
    for status in ("paused", "disabled"):
        update_endpoint(make_endpoint(acme), {"status": status}, by=ACTOR, at=NOW)
    assert not Job.objects.filter(task=webhook_stops.TASK).exists()


@pytest.mark.parametrize("seen_to", ["resumed", "removed", "paused by staff"])
def test_what_was_seen_to_meanwhile_is_no_news(acme: Organization, seen_to: str) -> None:
    endpoint = stop(acme, 500)
    if seen_to == "removed":
        delete_endpoint(endpoint, by=ACTOR, at=NOW)
    else:
        update_endpoint(endpoint, {"status": "active"}, by=ACTOR, at=NOW)
    if seen_to == "paused by staff":
        update_endpoint(endpoint, {"status": "paused"}, by=ACTOR, at=NOW)
    assert work().state == "succeeded" and mail.outbox == []


def test_after_a_fault_only_the_others_are_mailed(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop(acme, 500)
    first, second = admins(acme)
    refused, sent = {first}, []

    def send(_template: str, person: User, *_rest: Any) -> None:
        if person.email in refused:
            raise smtplib.SMTPRecipientsRefused({person.email: (450, b"Later.")})
        sent.append(person.email)

    monkeypatch.setattr(webhook_stops, "mail", send)
    job = work()
    assert (job.state, sent) == ("queued", [second]) and "Later." in job.error
    assert job.queued_at > timezone.now() + timedelta(seconds=20)
    Job.objects.filter(pk=job.pk).update(attempts=len(webhook_stops.WAITS))
    assert work().state == "failed", "staff see it among the jobs, and can have it run again"
    refused.clear()
    later.run_again(job)
    job = work()
    assert (job.state, sent) == ("succeeded", [second, first])
    assert [step["label"] for step in job.steps] == [second, first]
