"""Keeping payment providers in step with our customers.

A ProviderLink is written in the transaction that adds, changes or deletes a customer, so nothing is forgotten. What
is sent is decided by comparing what the provider was last told with the customer as it is then: running twice sends
nothing twice, and an older change can never overwrite a newer one. One sender at a time holds the link's lock.

Strategy `log`: a worker sends after the commit, with growing waits (`provider_push.py`). Strategy `throw`: the
provider is asked before the commit (`provider_throw.py`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from billing.actions import later
from billing.models import SyncStrategy
from billing.orm.actor import Actor
from invoicing.actions.provider_throw import SEND_LINK, delete_now, link_noted, send_now, told_list
from invoicing.models import PaymentProvider, ProviderLink
from invoicing.models.provider import LinkState
from invoicing.queries.provider_links import accounts_for
from invoicing.rules.providers import SYNCING, Facts, facts_of, unsent


def mirror(customer: Any, *, by: Actor, at: datetime) -> None:
    """Note in the caller's transaction that the customer's providers must hear of its present state. Call it after
    the row is written, with the customer locked or new. Raises Unavailable (502 provider_failed) under throw.
    """
    accounts = accounts_for(customer.organization, customer.disabled_providers)
    if not accounts:
        return
    facts = facts_of(customer)
    links = {link.provider_id: link for link in ProviderLink.objects.filter(customer=customer)}
    created = {told.account.pk: told for told in told_list() if told.customer_id == customer.pk}
    for account in accounts:
        link, told = links.get(account.pk), created.get(account.pk)
        if link is None and told is not None and told.external_id:
            link = new_link(customer, account, external_id=told.external_id, sent=told.facts)
            link.state, link.synced_at, link.next_at = LinkState.SYNCED, timezone.now(), None
            link.save()
            link_noted(customer, account, "", link.external_id, by=by, at=at)
        elif link is None:
            link = new_link(customer, account)
        if link.state != LinkState.DELETED and (link.state != LinkState.SYNCED or unsent(link.sent, facts)):
            link.provider = account
            pass_on(link, facts, throw=customer.organization.provider_sync_strategy == SyncStrategy.THROW)


def new_link(customer: Any, account: PaymentProvider, **fields: Any) -> ProviderLink:
    """A link that is due now."""
    return ProviderLink.objects.create(
        organization=customer.organization,
        provider=account,
        customer=customer,
        next_at=timezone.now(),
        **fields,
    )


def pass_on(link: ProviderLink, facts: Facts, *, throw: bool) -> None:
    """Now, or by a worker after the commit."""
    if throw:
        send_now(link, facts)
    else:
        wake(link)


def wake(link: ProviderLink) -> None:
    """Due now, with all its attempts before it. The provider may have been asked before: that stays remembered."""
    ProviderLink.objects.filter(pk=link.pk).update(
        state=LinkState.PENDING,
        attempts=min(link.attempts, 1),
        error="",
        next_at=timezone.now(),
        updated_at=timezone.now(),
    )
    later.after_commit(SEND_LINK, str(link.pk))


def mirror_deletion(customer: Any, *, by: Actor, at: datetime) -> str:
    """Delete a deleted customer at its providers: a step of the deletion cascade, in words.

    Strategy throw asks now and raises Unavailable, so the cascade stops and can be run again; log leaves it to the
    worker. Links of kinds without synchronisation, and of accounts that are switched off, are taken away.
    """
    rows = ProviderLink.objects.filter(customer=customer, provider__deleted_at=None)
    links = list(rows.exclude(state=LinkState.DELETED).select_related("provider").order_by("pk"))
    throw = customer.organization.provider_sync_strategy == SyncStrategy.THROW
    notes = []
    for link in links:
        account = link.provider
        if account.type not in SYNCING or not (account.active and account.sync_customers):
            link_noted(customer, account, link.external_id, "", by=by, at=at)
            link.delete()
            notes.append(f"Not deleted at {account.name}, which is not synchronised")
        elif throw:
            delete_now(link, facts_of(customer))
            notes.append(f"Deleted at {account.name}")
        else:
            wake(link)
            notes.append(f"{account.name} will be told")
    return ". ".join(notes)
