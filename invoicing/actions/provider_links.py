"""Tying customers to the ids that providers know them under, and untying them, by hand or through the API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from billing.actions.locks import lock_present_customer
from billing.models import SyncStrategy
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from invoicing.actions import provider_calls as calls
from invoicing.actions.provider_sync import new_link, pass_on, wake
from invoicing.actions.provider_throw import failing, link_noted
from invoicing.models import PaymentProvider, ProviderLink
from invoicing.models.provider import LinkState
from invoicing.queries.provider_links import account_of, accounts_for
from invoicing.rules.providers import facts_of

FIELD = "provider_customer_ids"
MAX_ID = 255


def set_provider_ids(customer: Any, ids: Mapping[str, str | None], *, by: Actor, at: datetime) -> None:
    """Link (or with an empty id unlink) by the provider's word: `{"stripe": "cus_…"}`. Kinds that are not named stay.

    Raises Invalid for a kind without an account or an id that cannot be one, Conflict when another customer has it.
    """
    for kind, external_id in sorted(ids.items()):
        account = account_of(customer.organization, kind)
        if account is None:
            raise Invalid(
                f"There is no account with {kind[:30]}; add one under Settings, Integrations.",
                code="unknown",
                field=f"{FIELD}.{kind[:30]}",
            )
        if (external_id or "").strip():
            link_customer(customer, account, external_id or "", by=by, at=at)
        else:
            unlink_customer(customer, account, by=by, at=at)


@transaction.atomic
def link_customer(
    customer: Any, account: PaymentProvider, external_id: str, *, by: Actor, at: datetime
) -> ProviderLink:
    """Say under which id an account knows the customer; everything that we know is then sent there, since ours is the
    source. The same id again changes nothing.

    Under strategy throw the id is looked up first: Invalid when the provider does not know it.
    """
    external_id = external_id.strip()
    if len(external_id) > MAX_ID or not external_id.isprintable() or " " in external_id:
        raise Invalid("This cannot be a provider's id.", field=f"{FIELD}.{account.type}")
    customer = lock_present_customer(customer.pk)
    refuse_taken(customer, account, external_id)
    link = ProviderLink.objects.select_for_update().filter(provider=account, customer=customer).first()
    old = link.external_id if link else ""
    if link is not None and old == external_id and link.state != LinkState.DELETED:
        return link
    link = link or new_link(customer, account)
    link.external_id, link.sent, link.drift, link.error = external_id, {}, {}, ""
    link.attempts, link.next_at, link.state = 0, timezone.now(), LinkState.PENDING
    sends = account in accounts_for(customer.organization, customer.disabled_providers)
    if not sends:
        link.state, link.next_at = LinkState.SYNCED, None
    try:
        with transaction.atomic():
            link.save()
    except IntegrityError as error:
        raise taken(account, external_id) from error
    link_noted(customer, account, old, external_id, by=by, at=at)
    if sends:
        throw = customer.organization.provider_sync_strategy == SyncStrategy.THROW
        link.provider = account
        if throw:
            check_known(account, external_id)
        pass_on(link, facts_of(customer), throw=throw)
    link.refresh_from_db()
    return link


def check_known(account: PaymentProvider, external_id: str) -> None:
    """Invalid when the provider has no such customer."""
    with failing(account):
        known = calls.client_of(account, timeout=calls.IN_REQUEST).fetch_customer(external_id)
    if known is None:
        text = f"{account.name} has no customer {external_id[:60]}."
        raise Invalid(text, code="unknown", field=f"{FIELD}.{account.type}")


def refuse_taken(customer: Any, account: PaymentProvider, external_id: str) -> None:
    """One of the provider's customers is one of ours."""
    others = ProviderLink.objects.filter(provider=account, external_id=external_id)
    if others.exclude(customer=customer).exists():
        raise taken(account, external_id)


def taken(account: PaymentProvider, external_id: str) -> Conflict:
    """The 409 for an id that another customer has."""
    text = f"{external_id[:60]} at {account.name} belongs to another customer."
    return Conflict(text, code="provider_customer_taken", field=f"{FIELD}.{account.type}")


@transaction.atomic
def unlink_customer(customer: Any, account: PaymentProvider, *, by: Actor, at: datetime) -> None:
    """Forget the id; the provider's customer stays as it is. A later change of the customer would create a new one
    there, unless the provider is disabled for it.
    """
    customer = lock_present_customer(customer.pk)
    link = ProviderLink.objects.select_for_update().filter(provider=account, customer=customer).first()
    if link is None:
        return
    if link.external_id:
        link_noted(customer, account, link.external_id, "", by=by, at=at)
    link.delete()


@transaction.atomic
def try_again(link: ProviderLink, *, by: Actor, at: datetime) -> ProviderLink:
    """Due now, whatever went wrong. One that was deleted there is created again, under a new id."""
    customer = lock_present_customer(link.customer_id)
    link = ProviderLink.objects.select_for_update().select_related("provider").get(pk=link.pk)
    if link.provider not in accounts_for(customer.organization, customer.disabled_providers):
        raise Conflict(
            f"{link.provider.name} is not synchronised for this customer.", code="not_synchronised"
        )
    if link.state == LinkState.DELETED:
        link_noted(customer, link.provider, link.external_id, "", by=by, at=at)
        link.delete()
        link = new_link(customer, link.provider)  # with an idempotency key of its own
    wake(link)
    link.refresh_from_db()
    return link


@transaction.atomic
def send_ours(link: ProviderLink, *, by: Actor, at: datetime) -> ProviderLink:
    """Overwrite what differs there with what we have."""
    customer = lock_present_customer(link.customer_id)
    link = ProviderLink.objects.select_for_update().select_related("provider").get(pk=link.pk)
    if link.provider not in accounts_for(customer.organization, customer.disabled_providers):
        raise Conflict(
            f"{link.provider.name} is not synchronised for this customer.", code="not_synchronised"
        )
    link.sent = {**link.sent, **{name: pair[1] for name, pair in link.drift.items()}}
    link.drift = {}
    link.save()
    wake(link)
    link.refresh_from_db()
    return link
