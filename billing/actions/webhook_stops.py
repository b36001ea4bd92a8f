"""An endpoint that the sender itself has paused or disabled: those who may change it are told by e-mail.

The job is written with the stop, so that none goes untold. It has a step for each person who was mailed, written with
the line of the trail: run again after a fault it mails only those who were not.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from billing.actions import audit, later
from billing.actions.accounts import mail
from billing.models import (
    AuditEntry,
    DeliveryState,
    EndpointStatus,
    Job,
    User,
    WebhookDelivery,
    WebhookEndpoint,
)
from billing.orm.actor import Actor
from billing.queries.webhooks import those_who_may_change
from billing.rules.masking import masked_text

TASK = "billing.mail_webhook_stop"
WAITS = tuple(timedelta(seconds=n) for n in (30, 120, 600, 1800, 3600, 7200, 14400))


def tell_of_stop(endpoint: WebhookEndpoint, stop: AuditEntry) -> Job:
    """Have staff told of the stop that this line of the trail notes, after the caller's commit."""
    return later.enqueue(
        endpoint.organization,
        TASK,
        key=f"webhook-stop:{stop.pk.hex}",
        label=f"Tell staff of a webhook that was {endpoint.status}",
        subject_id=endpoint.pk,
        args=[stop.pk.hex],
        first=True,
    )


def mail_stop(job: Job) -> None:
    """Mail those whom the job has not mailed yet, unless somebody has seen to the endpoint meanwhile. Raises
    `later.TryAgain` when the mail server took not all of it, and its own error after the last try.
    """
    stop = AuditEntry.objects.of(job.organization).get(pk=UUID(job.args[0]))
    rows = WebhookEndpoint.objects.of(job.organization).kept().exclude(status=EndpointStatus.ACTIVE.value)
    endpoint = rows.exclude(reason="").filter(pk=job.subject_id).first()
    if endpoint is None:
        return
    failure: OSError | None = None
    told = {step["name"] for step in job.steps}
    for person in those_who_may_change(job.organization):
        if person.pk.hex not in told:
            try:
                mail_of_stop(endpoint, stop, person)
            except OSError as error:  # smtplib's are such, too; the others get theirs
                failure = error
            else:
                note_told(job, endpoint, person)
    if failure is not None and job.attempts <= len(WAITS):
        raise later.TryAgain(str(failure), after=WAITS[job.attempts - 1]) from failure
    if failure is not None:
        raise failure


def mail_of_stop(endpoint: WebhookEndpoint, stop: AuditEntry, person: User) -> None:
    """One person's e-mail."""
    organization = endpoint.organization
    deliveries = WebhookDelivery.objects.filter(endpoint=endpoint)
    context = {
        "organization": " ".join(organization.name.split()),
        "timezone": organization.timezone,
        "endpoint": endpoint,
        "address": masked_text(endpoint.url),
        "paused": endpoint.status == EndpointStatus.PAUSED.value,
        "reason": stop.reason,
        "at": stop.at,
        "waiting": deliveries.waiting().count(),
        "given_up": deliveries.filter(state=DeliveryState.FAILED.value).count(),
        "days": settings.WEBHOOK_DAYS_KEPT,
        "link": settings.BASE_URL.rstrip("/") + reverse("webhook", args=[endpoint.public_id]),
    }
    mail("webhook_stop", person, f"A webhook of {context['organization']} was {endpoint.status}", context)


@transaction.atomic
def note_told(job: Job, endpoint: WebhookEndpoint, person: User) -> None:
    """That this person has their e-mail."""
    job.steps = [*job.steps, {"name": person.pk.hex, "label": person.email, "state": "done"}]
    later.report_steps(job, job.steps)
    audit.record(
        job.organization,
        "webhook.staff_told",
        endpoint,
        by=Actor.system(),
        at=timezone.now(),
        changes={"to": ("", person.email)},
    )
