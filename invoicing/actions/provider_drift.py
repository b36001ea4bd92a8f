"""Comparing an account's customers with ours, and telling an account of those that it does not know.

Both are jobs that go on where they were when a worker was killed: the place stands in the job's steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from billing.actions import later
from billing.models import Job
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Unavailable
from invoicing.actions import provider_calls as calls
from invoicing.clients.providers.base import CustomerProvider, ProviderError
from invoicing.models import PaymentProvider, ProviderLink
from invoicing.models.provider import LinkState
from invoicing.queries.provider_accounts import unlinked_customers
from invoicing.rules.providers import SYNCING, drift_of, facts_of

COMPARE = "invoicing.compare_provider"
MIRROR_ALL = "invoicing.mirror_all"
MOST_PAGES = 10_000  # of a hundred customers
BATCH = 500


def ask_to_compare(account: PaymentProvider, *, by: Actor, at: datetime) -> Job:
    """A job that compares; one at a time for each account."""
    refuse_unsynchronised(account)
    return later.enqueue(
        account.organization,
        COMPARE,
        key=f"compare:{account.pk}",
        label=f"Compare customers with {account.name}",
        subject_id=account.pk,
        steps=[{"name": "read", "label": "Read the provider's customers", "state": "waiting", "detail": ""}],
    )


def ask_to_mirror_all(account: PaymentProvider, *, by: Actor, at: datetime) -> Job:
    """A job that makes a link for every customer that has none; sending is the usual worker's matter."""
    refuse_unsynchronised(account)
    return later.enqueue(
        account.organization,
        MIRROR_ALL,
        key=f"mirror:{account.pk}",
        label=f"Send all customers to {account.name}",
        subject_id=account.pk,
        steps=[{"name": "link", "label": "Prepare customers", "state": "waiting", "detail": ""}],
    )


def refuse_unsynchronised(account: PaymentProvider) -> None:
    """Conflict when the account's customers are not kept in step."""
    if account.deleted_at or account.type not in SYNCING or not account.active or not account.sync_customers:
        raise Conflict(f"Customers of {account.name} are not synchronised.", code="not_synchronised")


def mirror_all(job: Job) -> None:
    """Links in batches; running twice makes none twice."""
    account = PaymentProvider.objects.select_related("organization").get(pk=job.subject_id)
    refuse_unsynchronised(account)
    made = 0
    while True:
        with transaction.atomic():
            batch = list(unlinked_customers(account).order_by("pk").values_list("pk", flat=True)[:BATCH])
            rows = [
                ProviderLink(
                    organization=account.organization,
                    provider=account,
                    customer_id=customer_id,
                    next_at=timezone.now(),
                )
                for customer_id in batch
            ]
            ProviderLink.objects.bulk_create(rows, ignore_conflicts=True)
        made += len(batch)
        note(job, f"{made} customers", done=not batch)
        if not batch:
            return


def compare(job: Job) -> None:
    """Page by page; then those of ours that the provider's list did not hold are asked for one by one."""
    account = PaymentProvider.objects.select_related("organization").get(pk=job.subject_id)
    refuse_unsynchronised(account)
    try:
        client = calls.client_of(account, timeout=calls.IN_WORKER)
        step: dict[str, Any] = job.steps[0]
        start = parse_datetime(str(step.get("start") or "")) or timezone.now()
        read_pages(job, account, client, step, start)
        missing = ProviderLink.objects.filter(provider=account, state=LinkState.SYNCED).exclude(
            external_id=""
        )
        for link in missing.exclude(compared_at__gte=start).order_by("pk").iterator(chunk_size=200):
            ask_for(link, client)
        note(job, f"{step.get('read', 0)} of the provider's customers read", done=True)
    except ProviderError as error:
        raise Unavailable(f"{account.name}: {error.message}", code="provider_failed") from error


def read_pages(
    job: Job, account: PaymentProvider, client: CustomerProvider, step: dict[str, Any], start: datetime
) -> None:
    """From where the job was. Each page is written down with the place of the next one."""
    if step.get("listed"):
        return
    for _ in range(MOST_PAGES):
        page = client.list_customers(str(step.get("after") or ""))
        compare_page(account, page.customers)
        step |= {"after": page.after, "start": start.isoformat(), "listed": not page.after}
        step["read"] = int(step.get("read", 0)) + len(page.customers)
        note(job, f"{step['read']} read", done=False)
        if not page.after:
            return


def compare_page(account: PaymentProvider, customers: Mapping[str, Mapping[str, str]]) -> None:
    """The drift of the customers on a page that are linked to one of ours."""
    links = ProviderLink.objects.filter(
        provider=account, external_id__in=list(customers), customer__deleted_at=None
    )
    for key in list(links.order_by("pk").values_list("pk", flat=True)):
        write_drift(key, customers)


@transaction.atomic
def write_drift(link_id: Any, customers: Mapping[str, Mapping[str, str]]) -> None:
    """Compare one link. One that waits to be sent differs for a good reason and is left out."""
    link = ProviderLink.objects.select_for_update().filter(pk=link_id).first()
    if link is None or link.external_id not in customers or link.state == LinkState.PENDING:
        return
    drift = drift_of(facts_of(link.customer), customers[link.external_id])
    if link.state == LinkState.DELETED:
        link.state, link.error = LinkState.SYNCED, ""
    link.drift, link.compared_at = drift, timezone.now()
    link.save(update_fields=["drift", "compared_at", "state", "error", "updated_at"])


def ask_for(link: ProviderLink, client: CustomerProvider) -> None:
    """A link that the list did not hold: deleted there, or made while we were reading."""
    theirs = client.fetch_customer(link.external_id)
    if theirs is not None:
        write_drift(link.pk, {link.external_id: theirs})
        return
    with transaction.atomic():
        row = (
            ProviderLink.objects.select_for_update().filter(pk=link.pk, external_id=link.external_id).first()
        )
        if row is not None and row.state == LinkState.SYNCED:
            row.state, row.compared_at = LinkState.DELETED, timezone.now()
            row.error, row.drift = "", {}
            row.save()


def note(job: Job, text: str, *, done: bool) -> None:
    """The job's progress, and its place."""
    job.steps[0] |= {"detail": text, "state": "done" if done else "running"}
    later.report_steps(job, job.steps)
