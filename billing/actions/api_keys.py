"""API keys: issued once, shown once, revoked for ever."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from billing.actions import audit
from billing.models import ApiKey, Organization
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Forbidden, Invalid
from billing.rules.scopes import beyond

MOST_REQUESTS = 1_000_000  # a minute
LONGEST_OVERLAP = timedelta(days=30)


def issue_key(
    organization: Organization,
    name: str,
    *,
    by: Actor,
    at: datetime,
    scopes: Sequence[str] = (),
    expires_at: datetime | None = None,
    rate_limit: int | None = None,
    within: ApiKey | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its secret, which is kept nowhere and cannot be shown again. `rate_limit`: requests a minute.
    `within`: the key that asks for it, which can give away no more than it has itself.
    """
    if not name.strip():
        raise Invalid("Give the key a name.", field="name")
    if len(name.strip()) > 100:
        raise Invalid("Use at most 100 characters.", field="name")
    if expires_at is not None and expires_at <= at:
        raise Invalid("The expiry must be in the future.", field="expires_at")
    if rate_limit is not None and not 1 <= rate_limit <= MOST_REQUESTS:
        raise Invalid(f"Use 1 to {MOST_REQUESTS:,} requests a minute.", field="rate_limit")
    if within is not None:
        check_within(within, scopes, expires_at, rate_limit)
    return made(organization, name.strip(), scopes, expires_at, rate_limit, by=by, at=at)


def check_within(
    own: ApiKey, scopes: Sequence[str], expires_at: datetime | None, rate_limit: int | None
) -> None:
    """Forbidden (beyond_this_key) when the new key could do more, do it for longer or more often than this one."""
    if more := beyond(scopes, own.scopes):
        text = f"This key cannot give away {', '.join(more)}: it does not have it itself."
        raise Forbidden(text, code="beyond_this_key", field="scopes")
    if own.expires_at is not None and (expires_at is None or expires_at > own.expires_at):
        text = f"This key ends at {own.expires_at:%Y-%m-%dT%H:%M:%SZ}: one that it makes must end by then."
        raise Forbidden(text, code="beyond_this_key", field="expires_at")
    if own.rate_limit is not None and (rate_limit is None or rate_limit > own.rate_limit):
        text = f"This key may send {own.rate_limit:,} requests a minute: one that it makes no more."
        raise Forbidden(text, code="beyond_this_key", field="rate_limit")


@transaction.atomic
def made(
    organization: Organization,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    rate_limit: int | None,
    *,
    by: Actor,
    at: datetime,
) -> tuple[ApiKey, str]:
    """Write a key and its line of the trail."""
    start = "sk_test_" if organization.sandbox else "sk_live_"
    secret = start + secrets.token_hex(32)
    key = ApiKey.objects.create(
        organization=organization,
        name=name,
        key_hash=hashlib.sha256(secret.encode()).hexdigest(),
        key_start=start,
        last4=secret[-4:],
        scopes=list(scopes),
        created_by_id=by.user_id,
        expires_at=expires_at,
        rate_limit=rate_limit,
    )
    audit.record(organization, "api_key.issued", key, by=by, at=at)
    return key, secret


@transaction.atomic
def rotate_key(
    key: ApiKey, *, overlap: timedelta, by: Actor, at: datetime, within: ApiKey | None = None
) -> tuple[ApiKey, str]:
    """A new key with the rights of this one, and its secret; this one works for the `overlap` still. Conflict
    (key_not_live) when it does not work any more.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise Invalid(f"Use 0 to {LONGEST_OVERLAP.days * 24} hours.", field="overlap_hours")
    key = ApiKey.objects.select_for_update().select_related("organization").get(pk=key.pk)
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= at):
        raise Conflict("This key does not work any more.", code="key_not_live")
    if within is not None:
        check_within(within, key.scopes, key.expires_at, key.rate_limit)
    found = made(key.organization, key.name, key.scopes, key.expires_at, key.rate_limit, by=by, at=at)
    end = at + overlap
    before = key.expires_at
    key.expires_at = end if before is None else min(before, end)
    key.save(update_fields=["expires_at", "updated_at"])
    changes = {"expires_at": (before, key.expires_at)}
    audit.record(key.organization, "api_key.rotated", key, by=by, at=at, changes=changes)
    return found


@transaction.atomic
def revoke_key(key: ApiKey, *, by: Actor, at: datetime, within: ApiKey | None = None) -> ApiKey:
    """The key stops working at once. Revoking twice changes nothing. `within`: the key that asks for it, which can
    end only keys that may do no more than itself.
    """
    key = ApiKey.objects.select_for_update().get(pk=key.pk)
    if within is not None and (more := beyond(key.scopes, within.scopes)):
        text = f"This key cannot end one that may do more: {', '.join(more)}."
        raise Forbidden(text, code="beyond_this_key")
    if key.revoked_at is None:
        key.revoked_at = at
        key.save(update_fields=["revoked_at", "updated_at"])
        audit.record(key.organization, "api_key.revoked", key, by=by, at=at)
    return key
