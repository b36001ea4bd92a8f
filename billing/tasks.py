"""What the worker can be asked to do for catalogue, usage and people."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from billing.actions import (
    accounts,
    api_log,
    exports,
    idempotency,
    later,
    price_changes,
    roll_ups,
    usage,
    wallet_ending,
    webhook_sending,
    webhook_stops,
    webhooks,
)
from billing.actions.clock import now
from billing.celery import waiting
from billing.models import Job, Metric
from billing.orm.actor import Actor


@shared_task(name="billing.mail_password_reset")
def mail_password_reset(email: str) -> None:
    """Mail a reset link to the person with this address, if there is one."""
    accounts.mail_password_reset(email)


@shared_task(name="billing.mail_invitation")
def mail_invitation(member_id: str, invited_by: str) -> None:
    """Mail a new member their invitation."""
    accounts.mail_invitation(UUID(member_id), invited_by)


@shared_task(name="billing.match_quarantined")
def match_quarantined() -> None:
    """Count the events whose subscription or metric has appeared since they came."""
    for organization in usage.organizations_waiting():
        usage.match_quarantined(organization, at=now(organization))


@shared_task(name="billing.divide_usage")
def divide_usage(job_id: str) -> None:
    """Divide the roll-ups of a metric by another property."""

    def work(job: Job) -> None:
        metric = Metric.objects.select_related("organization").get(pk=job.subject_id)

        def report(done: int, of: int) -> None:
            state = "done" if done == of else "running"
            words = f"{done:,} of {of:,} subscriptions"
            later.report_steps(job, [{"name": "divide", "label": "Hours", "state": state, "detail": words}])

        roll_ups.divide_usage(metric, report)

    later.run(job_id, work)


@shared_task(name="billing.check_usage")
def check_usage(job_id: str) -> None:
    """Compare the roll-ups of an organization with their events, and repair them."""

    def work(job: Job) -> None:
        at = now(job.organization)
        roll_ups.check_usage(
            job.organization, by=Actor.system(), at=at, report=lambda steps: later.report_steps(job, steps)
        )

    later.run(job_id, work)


@shared_task(name="billing.check_all_usage")
def check_all_usage() -> None:
    """Beat, every night: a check for each organization with usage."""
    for organization in roll_ups.organizations_with_usage():
        roll_ups.check_later(organization)


@shared_task(name="billing.expire_credits")
def expire_credits() -> None:
    """Book the credits that have expired, wallet by wallet."""
    for wallet in wallet_ending.with_expired_credits():
        wallet_ending.expire_credits(wallet, by=Actor.system(), at=now(wallet.organization))


@shared_task(name=price_changes.TASK)
def change_prices(job_id: str) -> None:
    """Move the subscriptions of a plan to its changed prices."""
    later.run(job_id, price_changes.carry_out)


@shared_task(name="billing.drop_old_calls")
def drop_old_calls() -> None:
    """Forget what old calls of the API were, and what they were answered."""
    for drop in (idempotency.drop_old, api_log.drop_old_calls):
        while drop(timezone.now()):
            pass


@shared_task(name=webhooks.SENDER)
def send_webhooks() -> None:
    """Beat, and after events: send the deliveries that are due."""
    webhook_sending.send_due()


@shared_task(name=webhook_stops.TASK)
def mail_webhook_stop(job_id: str) -> None:
    """Tell staff by e-mail that the sender has stopped a webhook."""
    later.run(job_id, webhook_stops.mail_stop)


@shared_task(name="billing.drop_deliveries")
def drop_deliveries() -> None:
    """Beat, every night: forget deliveries that were done long ago."""
    webhook_sending.drop_old(timezone.now(), settings.WEBHOOK_DAYS_KEPT)


@shared_task(name="billing.sweep")
def sweep() -> None:
    """Wake up jobs that the broker or a killed worker has lost."""
    later.sweep(waiting())


@shared_task(name=exports.TASK)
def export(job_id: str) -> None:
    """A list as a file."""
    later.run(job_id, exports.write)


@shared_task(name="billing.drop_exports")
def drop_exports() -> None:
    """Beat, every ten minutes: files whose time is over."""
    exports.drop_expired(timezone.now())
