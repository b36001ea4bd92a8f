"""Strategy `throw`: the provider is asked before the customer is committed, and its failure refuses the change.

A new customer is created there before the organization's counter is locked, under an id chosen beforehand, so other
creations do not wait for the network; only a second attempt at the very same customer does. An update is sent under
the customer's own lock, for a few seconds at most. When our transaction fails after theirs succeeded,
`undone_at_providers` deletes what was created and has what changed sent again; when the process dies in between, the
next attempt finds what was created by the id that it remembers, and a comparison finds what was changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from django.core.cache import cache
from django.db import OperationalError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from billing.actions import audit, later
from billing.models import SyncStrategy
from billing.orm.actor import Actor
from billing.rules.errors import Unavailable
from invoicing.actions import provider_calls as calls
from invoicing.clients.providers.base import Gone, ProviderError
from invoicing.models import PaymentProvider, ProviderLink
from invoicing.models.provider import LinkState
from invoicing.queries.provider_links import accounts_for
from invoicing.rules.providers import Facts, facts_of

SEND_LINK = "invoicing.sync_link"
REMEMBERED_SECONDS = 24 * 3600
PATIENCE = "12s"  # for whoever is sending this very customer at the moment
Given = ParamSpec("Given")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Told:
    """What a transaction has told an account and may have to take back. `link_id`: of a link that existed before."""

    account: PaymentProvider
    customer_id: UUID
    facts: Facts
    external_id: str = ""
    link_id: UUID | None = None


_told: ContextVar[list[Told] | None] = ContextVar("told", default=None)


def undone_at_providers(action: Callable[Given, Result]) -> Callable[Given, Result]:
    """Around the transaction of an action that mirrors: what it told the providers is taken back when it fails."""

    @wraps(action)
    def guarded(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        mine: list[Told] = []
        token = _told.set(mine)
        try:
            result = action(*args, **kwargs)
        except BaseException:
            _told.reset(token)
            take_back(mine)
            raise
        _told.reset(token)
        told_list().extend(mine)  # for an action around this one
        return result

    return guarded


def told_list() -> list[Told]:
    """What the present action has told; a list of nobody's when none undoes."""
    found = _told.get()
    return [] if found is None else found


def take_back(rows: Iterable[Told]) -> None:
    """Delete there what was created, and have the present facts sent again where something changed."""
    for told in rows:
        if told.link_id is not None:
            send_again(told.link_id)
        elif not ProviderLink.objects.filter(provider=told.account, external_id=told.external_id).exists():
            try:
                client = calls.client_of(told.account, timeout=calls.IN_REQUEST)
                calls.remove(client, told.external_id, told.facts, attempts=0)
            except ProviderError:
                continue  # the id stays remembered: the next attempt finds the customer and takes it over
            cache.delete(cache.get(owner(told.customer_id), ""))


def send_again(link_id: UUID) -> None:
    """Everything once more, because what the provider knows is not certain."""
    ProviderLink.objects.filter(pk=link_id).update(
        sent={}, state=LinkState.PENDING, attempts=0, next_at=timezone.now(), updated_at=timezone.now()
    )
    later.after_commit(SEND_LINK, str(link_id))


def create_first(customer: Any, *, linked: Iterable[str] = ()) -> None:
    """Create a new customer at its providers before it is saved; nothing under strategy log. Call it when the columns
    have been checked and no lock is held. `linked`: kinds whose customer exists there already.

    The id of an attempt is remembered under the external ID (or the e-mail), so that a request that is sent again
    finds what the first one has created. Raises Unavailable (provider_failed).
    """
    organization = customer.organization
    if organization.provider_sync_strategy != SyncStrategy.THROW:
        return
    every = accounts_for(organization, customer.disabled_providers)
    accounts = [account for account in every if account.type not in set(linked)]
    if not accounts:
        return
    name = marker(customer)
    hold(int(name[-15:], 16), "This customer is being added at the moment.")
    if is_taken(customer):
        return  # the check for duplicates, which follows, says so
    again = take_remembered_id(customer, name)
    facts = facts_of(customer)
    for account in accounts:
        with failing(account):
            client = calls.client_of(account, timeout=calls.IN_REQUEST)
            key = calls.key_of(account.pk, customer.pk)
            found = calls.create(client, facts, key, attempts=calls.TRIES_WITH_KEY if again else 0)
        told_list().append(Told(account, customer.pk, facts, external_id=found))
    transaction.on_commit(lambda: cache.delete(name))


def marker(customer: Any) -> str:
    """What an attempt to add this customer is known by."""
    generated = customer.external_id == customer.public_id
    word = f"email {customer.email}" if generated else f"id {customer.external_id}"
    return "provider-create:" + hashlib.sha256(f"{customer.organization_id} {word}".encode()).hexdigest()


def owner(customer_id: UUID) -> str:
    """Where the marker of an attempt is found again."""
    return f"provider-marker:{customer_id}"


def is_taken(customer: Any) -> bool:
    """Whether another customer has the external ID or the e-mail already."""
    taken = Q(external_id=customer.external_id)
    if customer.email:
        taken |= Q(email__iexact=customer.email)
    return bool(type(customer).objects.of(customer.organization).kept().filter(taken).exists())


def take_remembered_id(customer: Any, name: str) -> bool:
    """The id of an earlier attempt whose transaction was not committed; else this one is remembered."""
    known = cache.get(name)
    if known and not type(customer).objects.filter(pk=known).exists():
        generated = customer.external_id == customer.public_id
        customer.pk = UUID(known)
        if generated:
            customer.external_id = customer.public_id
        return True
    cache.set(name, str(customer.pk), REMEMBERED_SECONDS)
    cache.set(owner(customer.pk), name, REMEMBERED_SECONDS)
    return False


def send_now(link: ProviderLink, facts: Facts) -> None:
    """Tell the provider inside the transaction, with the link's lock. Raises Unavailable (provider_failed)."""
    account = link.provider
    hold(later.lock_number(link.pk), f"{account.name} is being told of this customer at the moment.")
    link.refresh_from_db()
    told_list().append(Told(account, link.customer_id, facts, link_id=link.pk))
    with failing(account):
        client = calls.client_of(account, timeout=calls.IN_REQUEST)
        try:
            if link.external_id:
                calls.tell(client, link.external_id, link.sent, facts)
            else:
                key, attempts = calls.key_of(link.pk), calls.TRIES_WITH_KEY
                link.external_id = calls.create(client, facts, key, attempts=attempts)
        except Gone as error:
            link.state, link.error, link.next_at = LinkState.DELETED, error.message[:500], None
            link.save()
            return
    link.sent, link.state, link.error, link.attempts = facts, LinkState.SYNCED, "", 0
    link.next_at, link.synced_at = None, timezone.now()
    link.save()


def delete_now(link: ProviderLink, facts: Facts) -> None:
    """Delete the provider's customer in this call. Raises Unavailable (provider_failed)."""
    account = link.provider
    with transaction.atomic():
        hold(later.lock_number(link.pk), f"{account.name} is being told of this customer at the moment.")
        link.refresh_from_db()
        with failing(account):
            client = calls.client_of(account, timeout=calls.IN_REQUEST)
            calls.remove(client, link.external_id, facts, attempts=1)
        link.state, link.error, link.next_at, link.synced_at = LinkState.DELETED, "", None, timezone.now()
        link.save()


def hold(number: int, refusal: str) -> None:
    """An advisory lock until the transaction ends; who has it is waited for, but not long."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
            cursor.execute("SELECT set_config('lock_timeout', '0', true)")
    except OperationalError as error:
        raise Unavailable(f"{refusal} Try again.", code="provider_failed") from error


def link_noted(
    customer: Any, account: PaymentProvider, old: str, new: str, *, by: Actor, at: datetime
) -> None:
    """The line of the audit trail about the id under which an account knows the customer."""
    action = "customer.linked" if new else "customer.unlinked"
    changes = {account.name: (old or None, new or None)}
    audit.record(customer.organization, action, customer, by=by, at=at, changes=changes, customer=customer)


@contextmanager
def failing(account: PaymentProvider) -> Iterator[None]:
    """Failures of an account's calls as the error that the doors show."""
    try:
        yield
    except ProviderError as error:
        text = f"{account.name} failed, so nothing was saved: {error.message}"
        raise Unavailable(text, code="provider_failed") from error
