"""Background work of invoicing. Each task finds its work in the database, so it may run twice or be lost."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task
from celery.signals import worker_init
from django.utils import timezone

from billing.actions import clock, later
from billing.models import Job, Wallet
from billing.orm.actor import Actor
from invoicing.actions import (
    advance,
    archives,
    attempts,
    billing_run,
    charging,
    collecting,
    dunning,
    exports,
    mail_settings,
    ongoing,
    payment_methods,
    provider_drift,
    provider_push,
    refunding,
    reminders,
    runs,
    second_looks,
    usage_watch,
)
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.mail import deliver
from invoicing.actions.publish import (
    ON_DEMAND,
    load_renderer,
    publish_credit_note,
    publish_invoice,
    publish_receipt,
    publish_voided_credit_note,
    publish_voided_invoice,
)
from invoicing.actions.scheduled_top_ups import answer, due_schedules
from invoicing.actions.top_up import top_up_automatically
from invoicing.actions.wallet_settling import end_wallet, expired_wallets
from invoicing.models import Invoice

__all__ = ["exports"]  # what a worker writes files of


@worker_init.connect
def before_the_pool(**_: Any) -> None:
    """The worker's main process, before its pool is forked."""
    load_renderer()


@shared_task(name="invoicing.billing_run")
def run_billing(backwards: bool = False) -> None:
    """Beat, each minute: bill what is due and finalise drafts whose grace period is over."""
    billing_run.run(timezone.now(), backwards=backwards)


@shared_task(name="invoicing.bill_customer")
def bill_customer(job_id: str) -> None:
    """A customer whose bill failed in the run, tried again."""

    def work(job: Job) -> None:
        at = clock.now(job.organization)
        billing_run.bill_customer(job.subject_id, by=Actor.system(), at=at)

    later.run(job_id, work)


@shared_task(name="invoicing.finalize_draft")
def finalize_draft(job_id: str) -> None:
    """A draft that could not be finalised in the run, tried again; nothing when staff have dealt with it."""

    def work(job: Job) -> None:
        draft = Invoice.objects.draft().filter(pk=job.subject_id).first()
        if draft is not None:
            finalize_invoice(draft, by=Actor.system(), at=clock.now(job.organization))

    later.run(job_id, work)


@shared_task(name="invoicing.auto_top_up")
def auto_top_up(job_id: str) -> None:
    """The top-up that a debit has called for."""

    def work(job: Job) -> None:
        wallet = Wallet.objects.get(pk=job.subject_id)
        at = clock.now(job.organization)
        top_up_automatically(wallet, job.args[0], by=Actor.system(), at=at)

    later.run(job_id, work)


@shared_task(name="invoicing.end_expired_wallets")
def end_expired_wallets() -> None:
    """Beat, each minute: wallets whose day has come end, and what they hold expires."""
    for wallet in expired_wallets():
        end_wallet(wallet, by=Actor.system(), at=clock.now(wallet.organization), expired=True)


@shared_task(name="invoicing.scheduled_top_ups")
def scheduled_top_ups() -> None:
    """Beat, each minute: wallets whose schedule is due get their credits."""
    for schedule in due_schedules():
        answer(schedule, by=Actor.system(), at=clock.now(schedule.organization))


@shared_task(name="invoicing.dunning_run")
def chase() -> None:
    """Beat, each minute: customers who do not pay are reminded, and what else their campaign says."""
    dunning.run_all(timezone.now())


@shared_task(name=dunning.TASK)
def dunning_customer(job_id: str) -> None:
    """A customer for whom a step has failed, tried again."""
    later.run(job_id, lambda job: dunning.look_again(job.subject_id, at=clock.now(job.organization)))


@shared_task(name="invoicing.ask_attempts")
def ask_attempts() -> None:
    """Beat: what payment providers know of attempts whose outcome is open."""
    attempts.run(timezone.now())


@shared_task(name="invoicing.ask_attempt")
def ask_attempt(attempt_id: str) -> None:
    """A provider has told something of this attempt, or its customer has come back."""
    attempts.ask_about(UUID(attempt_id))


@shared_task(name="invoicing.charge")
def charge(job_id: str) -> None:
    """What is due of an invoice, charged to a saved payment method."""
    later.run(job_id, lambda job: charging.charge_in_worker(job.subject_id, job.args[0], tries=job.attempts))


@shared_task(name="invoicing.collect_due")
def collect_due() -> None:
    """Beat, every ten minutes: due invoices that are to be charged and never were."""
    collecting.collect_due(timezone.now())


@shared_task(name="invoicing.tell_of_failed_charge")
def tell_of_failed_charge(job_id: str) -> None:
    """A payment link to the customer whose saved method could not be charged."""
    later.run(job_id, lambda job: charging.tell_of_failed_charge(job.subject_id))


@shared_task(name="invoicing.ask_setups")
def ask_setups() -> None:
    """Beat: cards that customers were to leave at a provider."""
    payment_methods.run_setups(timezone.now())


@shared_task(name="invoicing.ask_setup")
def ask_setup(setup_id: str) -> None:
    """A provider has told that a customer has left a card."""
    payment_methods.ask_setup(UUID(setup_id))


@shared_task(name="invoicing.forget_method")
def forget_method(job_id: str) -> None:
    """A removed payment method, at its provider."""
    later.run(job_id, lambda job: payment_methods.forget(job.subject_id))


@shared_task(name="invoicing.send_refunds")
def send_refunds() -> None:
    """Beat: refunds that providers are to send, or have not said the outcome of."""
    refunding.run(timezone.now())


@shared_task(name="invoicing.send_refund")
def send_refund(refund_id: str) -> None:
    """A refund, right after it was asked for."""
    refunding.send(UUID(refund_id))


@shared_task(name="invoicing.ask_refunds")
def ask_refunds(job_id: str) -> None:
    """A provider has told that money of a payment went back."""
    later.run(job_id, lambda job: refunding.ask_about_refunds(job.subject_id))


@shared_task(name="invoicing.bill_advance")
def bill_advance() -> None:
    """After events of charges in advance, and beat, every five seconds: what waits is billed."""
    advance.run()


@shared_task(name="invoicing.bill_events")
def bill_events(job_id: str) -> None:
    """The events of a subscription that could not be billed, tried again."""
    later.run(job_id, lambda job: advance.bill_all(job.subject_id))


@shared_task(name="invoicing.second_looks")
def look_a_second_time() -> None:
    """Beat, every twenty seconds: events that were being stored while their final bill read usage."""
    second_looks.run()


@shared_task(name="invoicing.second_look")
def look_at_a_bill(job_id: str) -> None:
    """A look that failed, tried again."""
    later.run(job_id, lambda job: second_looks.look_at(job.subject_id))


@shared_task(name="invoicing.watch_usage")
def watch_usage() -> None:
    """Beat, every five seconds: thresholds and alerts of subscriptions that have new events."""
    usage_watch.run()


@shared_task(name="invoicing.watch_subscription")
def watch_subscription(job_id: str) -> None:
    """A look that failed, tried again."""
    later.run(job_id, lambda job: usage_watch.watch(usage_watch.find(job.subject_id)))


@shared_task(name="invoicing.watch_wallets")
def watch_wallets() -> None:
    """Beat, every ten seconds: ongoing balances of customers with new events, bills or movements."""
    ongoing.run()


@shared_task(name=ongoing.TASK)
def look_at_wallets(job_id: str) -> None:
    """A look that failed, tried again."""

    later.run(job_id, lambda job: ongoing.look(job.subject_id, clock.now(job.organization)))


@shared_task(name="invoicing.publish")
def publish(job_id: str) -> None:
    """The PDF of an issued invoice."""
    later.run(job_id, lambda job: publish_invoice(job.subject_id, issued=ON_DEMAND not in job.args))


@shared_task(name="invoicing.publish_voided")
def publish_voided(job_id: str) -> None:
    """The stamped PDF of a voided invoice."""
    later.run(job_id, lambda job: publish_voided_invoice(job.subject_id))


@shared_task(name="invoicing.mail")
def mail(job_id: str) -> None:
    """An e-mail to a customer."""

    def work(job: Job) -> None:
        at = clock.now(job.organization)
        deliver(job.subject_id, attempt=job.attempts, by=Actor.system(), at=at)

    later.run(job_id, work)


@shared_task(name="invoicing.remind")
def remind() -> None:
    """Beat, every ten minutes: reminders of invoices that are not paid."""
    reminders.run(timezone.now())


@shared_task(name=mail_settings.TRIAL)
def mail_trial(job_id: str) -> None:
    """An e-mail as a customer would get it, to a member of staff."""
    later.run(job_id, mail_settings.send_trial)


@shared_task(name="invoicing.publish_credit_note")
def publish_note(job_id: str) -> None:
    """The PDF of a credit note."""
    later.run(job_id, lambda job: publish_credit_note(job.subject_id, issued=ON_DEMAND not in job.args))


@shared_task(name="invoicing.publish_receipt")
def publish_paid(job_id: str) -> None:
    """The PDF of a receipt."""
    later.run(job_id, lambda job: publish_receipt(job.subject_id, issued=ON_DEMAND not in job.args))


@shared_task(name="invoicing.publish_voided_credit_note")
def publish_voided_note(job_id: str) -> None:
    """The stamped PDF of a voided credit note."""
    later.run(job_id, lambda job: publish_voided_credit_note(job.subject_id))


@shared_task(name=runs.TASK)
def act_on_many(job_id: str) -> None:
    """The rows of an act on many invoices."""
    later.run(job_id, runs.carry_out)


@shared_task(name=runs.ARCHIVE_TASK)
def pack_archive(job_id: str) -> None:
    """Many PDFs in one file."""
    later.run(job_id, archives.pack)


@shared_task(name="invoicing.drop_archives")
def drop_archives() -> None:
    """Beat, every ten minutes: archives whose time is over."""
    archives.drop_expired(timezone.now())


@shared_task(name="invoicing.sync_providers")
def sync_providers() -> None:
    """Beat, every fifteen seconds: tell payment providers what they are behind with."""
    provider_push.run(timezone.now())


@shared_task(name="invoicing.sync_link")
def sync_link(link_id: str) -> None:
    """One customer at one provider, right after a change."""
    provider_push.push(UUID(link_id))


@shared_task(name="invoicing.compare_provider")
def compare_provider(job_id: str) -> None:
    """All customers of an account beside ours."""
    later.run(job_id, provider_drift.compare)


@shared_task(name="invoicing.mirror_all")
def mirror_all(job_id: str) -> None:
    """Tell an account of all customers that it does not know."""
    later.run(job_id, provider_drift.mirror_all)
