"""The audit trail: every action writes one line in its own transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import models

from billing.models import AuditEntry, Organization
from billing.orm.actor import Actor

Changes = Mapping[str, tuple[Any, Any]]


def snapshot(row: models.Model, fields: Iterable[str]) -> dict[str, Any]:
    """The values of some columns as they are now, to compare with later."""
    return {name: getattr(row, name) for name in fields}


def differences(before: Mapping[str, Any], row: models.Model) -> dict[str, tuple[Any, Any]]:
    """The columns of a snapshot whose value is another now, as {name: (before, after)}."""
    return {name: (old, getattr(row, name)) for name, old in before.items() if getattr(row, name) != old}


def plain(value: Any) -> Any:
    """A value as JSON can hold it; what JSON does not know becomes text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(item) for item in value]
    if isinstance(value, models.Model):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def record(
    organization: Organization,
    action: str,
    subject: Any,
    *,
    by: Actor,
    at: datetime,
    changes: Changes | None = None,
    customer: Any = None,
    reason: str = "",
) -> AuditEntry:
    """Write a line. `action` is `noun.past_tense` (`customer.created`); `subject` is the row it is about."""
    row = entry(
        organization, action, subject, by=by, at=at, changes=changes, customer=customer, reason=reason
    )
    row.save(force_insert=True)
    return row


def entry(
    organization: Organization,
    action: str,
    subject: Any,
    *,
    by: Actor,
    at: datetime,
    changes: Changes | None = None,
    customer: Any = None,
    reason: str = "",
) -> AuditEntry:
    """`record` for a caller that writes the line together with other rows."""
    return AuditEntry(
        organization=organization,
        at=at,
        action=action,
        actor_kind=by.kind,
        actor_label=by.label[:200],
        actor_user_id=by.user_id,
        subject_type=subject._meta.model_name,
        subject_id=subject.pk,
        subject_label=str(subject)[:255],
        customer=customer,
        changes={name: [plain(old), plain(new)] for name, (old, new) in (changes or {}).items()},
        reason=reason[:500],
    )
