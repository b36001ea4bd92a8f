"""Accounts with payment providers. Credentials are sealed at once; nothing answers, logs or audits their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from billing.actions import audit, catalog
from billing.clients.sealed import Unsealable, seal, unseal
from billing.models import Organization, SyncStrategy
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, FieldErrors, Invalid
from invoicing.actions import provider_calls as calls
from invoicing.actions.paying import payer_of
from invoicing.clients.providers.base import ProviderError
from invoicing.models import PaymentAttempt, PaymentProvider, ProviderLink
from invoicing.models.paying import OPEN_STATES
from invoicing.models.provider import LinkState, ProviderType
from invoicing.rules.paying import PAYING

FIELDS = ("name", "active", "priority", "sync_customers")
MOST_CREDENTIALS = 30
NOT_ASKED = "The account was deleted. Look at the provider whether it was paid all the same."
MOST_CHARACTERS = 5000
MOST_PRIORITY = 32767


@dataclass(frozen=True)
class Tested:
    """The outcome of a trial of the credentials, in words."""

    works: bool
    message: str


@transaction.atomic
def add_provider(
    organization: Organization,
    kind: str,
    credentials: Mapping[str, Any],
    *,
    name: str = "",
    active: bool = True,
    priority: int | None = None,
    sync_customers: bool = True,
    by: Actor,
    at: datetime,
) -> PaymentProvider:
    """An account. Without a name it is called as its provider, without a priority it comes last.

    Raises Invalid for an unknown kind or credentials that are none, FieldErrors for columns, Conflict (name_taken).
    """
    provider = PaymentProvider(organization=organization, type=checked_kind(kind))
    rows = PaymentProvider.objects.of(organization).kept()
    last = rows.aggregate(last=Max("priority"))["last"] or 0
    values = {"name": name or provider.get_type_display(), "active": active, "sync_customers": sync_customers}
    values["priority"] = min(last + 1, MOST_PRIORITY) if priority is None else priority
    catalog.assign(provider, values, FIELDS)
    provider.credentials = seal(checked_credentials(credentials))
    save(provider)
    changes = {field: (None, getattr(provider, field)) for field in ("type", *FIELDS)}
    changes["credentials"] = (None, names_of(credentials))
    audit.record(organization, "payment_provider.created", provider, by=by, at=at, changes=changes)
    return provider


@transaction.atomic
def update_provider(
    provider: PaymentProvider,
    changes: Mapping[str, Any],
    *,
    credentials: Mapping[str, Any] | None = None,
    by: Actor,
    at: datetime,
) -> PaymentProvider:
    """Change some of FIELDS and, when given, all credentials: what had failed is then tried again."""
    provider = catalog.lock(provider)
    before = audit.snapshot(provider, FIELDS)
    catalog.assign(provider, changes, FIELDS)
    different = audit.differences(before, provider)
    if credentials is not None:
        checked = checked_credentials(credentials)
        if checked != opened(provider):
            provider.credentials = seal(checked)
            provider.tested_at, provider.test_error = None, ""
            different["credentials"] = ("replaced", names_of(checked))
            try_failed_again(provider)
    if different:
        save(provider)
        audit.record(
            provider.organization, "payment_provider.updated", provider, by=by, at=at, changes=different
        )
    return provider


@transaction.atomic
def move_provider(provider: PaymentProvider, steps: int, *, by: Actor, at: datetime) -> None:
    """Up (-1) or down (1) in the order in which accounts are chosen; all get the numbers 1, 2, 3 …"""
    rows = list(PaymentProvider.objects.of(provider.organization_id).kept().locked())
    rows.sort(key=lambda row: (row.priority, row.created_at))
    places = {row.pk: place for place, row in enumerate(rows)}
    old = places.get(provider.pk)
    if old is None:
        raise Conflict("This account has been deleted.", code="deleted")
    new = min(max(old + steps, 0), len(rows) - 1)
    rows.insert(new, rows.pop(old))
    for number, row in enumerate(rows, start=1):
        if row.priority != number:
            before, row.priority = row.priority, number
            row.save(update_fields=["priority", "updated_at"])
            changes = {"priority": (before, number)}
            audit.record(row.organization, "payment_provider.updated", row, by=by, at=at, changes=changes)


@transaction.atomic
def delete_provider(provider: PaymentProvider, *, by: Actor, at: datetime) -> PaymentProvider:
    """Forget the account and its credentials. The provider's customers stay as they are; they are no longer told.
    Nobody can ask about open payments any more: they have failed, and say where to look.
    """
    provider = catalog.lock(provider)
    provider.deleted_at, provider.active = at, False
    provider.credentials = seal({})
    provider.save()
    asked = PaymentAttempt.objects.filter(provider=provider)
    asked.filter(state__in=OPEN_STATES).update(state="failed", reason=NOT_ASKED, updated_at=timezone.now())
    asked.exclude(next_at=None).update(next_at=None)
    audit.record(provider.organization, "payment_provider.deleted", provider, by=by, at=at)
    return provider


def try_provider(provider: PaymentProvider, *, by: Actor, at: datetime) -> Tested:
    """Try the credentials with one harmless call, and keep when and how it ended."""
    if provider.type not in PAYING:
        return Tested(True, f"Stored. {provider.get_type_display()} accounts cannot be tested from here.")
    try:
        tested = Tested(True, payer_of(provider, timeout=calls.IN_REQUEST).check())
    except ProviderError as error:
        tested = Tested(False, error.message)
    with transaction.atomic():
        provider = catalog.lock(provider)
        provider.tested_at, provider.test_error = timezone.now(), "" if tested.works else tested.message[:500]
        provider.save(update_fields=["tested_at", "test_error", "updated_at"])
        changes = {"result": (None, "works" if tested.works else provider.test_error)}
        audit.record(
            provider.organization, "payment_provider.tested", provider, by=by, at=at, changes=changes
        )
    return tested


@transaction.atomic
def set_strategy(organization: Organization, strategy: str, *, by: Actor, at: datetime) -> Organization:
    """What happens to a change of a customer that a provider cannot take over: kept (log) or refused (throw)."""
    if strategy not in SyncStrategy.values:
        raise Invalid("Use log or throw.", field="provider_sync_strategy")
    organization = Organization.objects.select_for_update().get(pk=organization.pk)
    if organization.provider_sync_strategy != strategy:
        changes = {"provider_sync_strategy": (organization.provider_sync_strategy, strategy)}
        organization.provider_sync_strategy = strategy
        organization.save(update_fields=["provider_sync_strategy", "updated_at"])
        audit.record(organization, "organization.updated", organization, by=by, at=at, changes=changes)
    return organization


def checked_kind(kind: str) -> str:
    """The kind in its one spelling; `M-Pesa` and `M_PESA` are known."""
    word = "".join(char for char in kind.strip().lower() if char.isalnum())
    if word not in ProviderType.values:
        raise Invalid(f"Use one of {', '.join(ProviderType.values)}.", code="unknown_provider", field="type")
    return word


def checked_credentials(credentials: Mapping[str, Any]) -> dict[str, Any]:
    """Names and texts of a sensible size; the names stay as they were sent."""
    if len(credentials) > MOST_CREDENTIALS:
        raise Invalid(f"Send at most {MOST_CREDENTIALS} credentials.", field="credentials")
    for name, value in credentials.items():
        plain = value is None or isinstance(value, str | int | bool)
        if not plain or len(str(value)) > MOST_CHARACTERS or not 0 < len(name) <= 100:
            raise Invalid("Send texts of at most 5,000 characters.", field=f"credentials.{name[:100]}")
    return {name: value.strip() if isinstance(value, str) else value for name, value in credentials.items()}


def completed(provider: PaymentProvider, typed: Mapping[str, str]) -> dict[str, Any]:
    """What was typed over what is stored."""
    return {**(opened(provider) or {}), **typed}


def names_of(credentials: Mapping[str, Any]) -> str:
    """Which credentials there are, without their values."""
    return ", ".join(sorted(name for name, value in credentials.items() if value)) or "none"


def opened(provider: PaymentProvider) -> dict[str, Any] | None:
    """The stored credentials; None when they can no longer be read."""
    try:
        return unseal(provider.credentials)
    except Unsealable:
        return None


def stored_names(provider: PaymentProvider) -> frozenset[str]:
    """The names of the credentials that are stored."""
    return frozenset(name for name, value in (opened(provider) or {}).items() if value)


def try_failed_again(provider: PaymentProvider) -> None:
    """Links that had failed are due, since other credentials may let them through."""
    failed = ProviderLink.objects.filter(provider=provider, state=LinkState.FAILED)
    failed.update(state=LinkState.PENDING, attempts=1, next_at=timezone.now(), updated_at=timezone.now())


def save(provider: PaymentProvider) -> None:
    """Check and write a row whose name must be unique."""
    try:
        provider.clean_fields(exclude={"organization", "tested_at", "bad_signature_at"})
    except ValidationError as error:
        found = [(name, text) for name, texts in error.message_dict.items() for text in texts]
        raise FieldErrors(found) from error
    if not 1 <= provider.priority <= MOST_PRIORITY:
        raise Invalid(f"Use a priority from 1 to {MOST_PRIORITY}.", field="priority")
    others = PaymentProvider.objects.of(provider.organization_id).kept().exclude(pk=provider.pk)
    if others.filter(name=provider.name).exists():
        raise name_taken(provider)
    try:
        with transaction.atomic():
            provider.save()
    except IntegrityError as error:
        if "provider_name" in str(error):
            raise name_taken(provider) from error
        raise


def name_taken(provider: PaymentProvider) -> Conflict:
    """The 409 for a second account of this name."""
    return Conflict(f"Another account is called {provider.name}.", code="name_taken", field="name")
