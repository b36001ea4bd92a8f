"""API keys: issued once, shown once, revoked for ever."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from billing.actions import audit
from billing.models import ApiKey, Organization
from billing.orm.actor import Actor
from billing.rules.errors import Invalid


@transaction.atomic
def issue_key(
    organization: Organization,
    name: str,
    *,
    by: Actor,
    at: datetime,
    scopes: Sequence[str] = (),
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its secret, which is kept nowhere and cannot be shown again."""
    if not name.strip():
        raise Invalid("Give the key a name.", field="name")
    if expires_at is not None and expires_at <= at:
        raise Invalid("The expiry must be in the future.", field="expires_at")
    start = "sk_test_" if organization.sandbox else "sk_live_"
    secret = start + secrets.token_hex(32)
    key = ApiKey.objects.create(
        organization=organization,
        name=name.strip(),
        key_hash=hashlib.sha256(secret.encode()).hexdigest(),
        key_start=start,
        last4=secret[-4:],
        scopes=list(scopes),
        created_by_id=by.user_id,
        expires_at=expires_at,
    )
    audit.record(organization, "api_key.issued", key, by=by, at=at)
    return key, secret


@transaction.atomic
def revoke_key(key: ApiKey, *, by: Actor, at: datetime) -> ApiKey:
    """The key stops working at once. Revoking twice changes nothing."""
    key = ApiKey.objects.select_for_update().get(pk=key.pk)
    if key.revoked_at is None:
        key.revoked_at = at
        key.save(update_fields=["revoked_at", "updated_at"])
        audit.record(key.organization, "api_key.revoked", key, by=by, at=at)
    return key
