"""Where a person is signed in: one row per browser, and how to end one from elsewhere."""

from __future__ import annotations

from datetime import datetime
from importlib import import_module
from typing import Any

from django.conf import settings
from django.db import transaction

from billing.models import SignIn, User

Store = import_module(settings.SESSION_ENGINE).SessionStore


def note_sign_in(user: User, session: Any, *, address: str | None, browser: str, at: datetime) -> None:
    """A browser has signed in. A browser that was signed in before under this key keeps its row."""
    if session.session_key is None:
        session.save()
    SignIn.objects.update_or_create(
        session_key=session.session_key,
        defaults={"user": user, "address": address, "browser": browser[:300], "seen_at": at},
    )


def rename_session(old: str, new: str) -> None:
    """The session has got a new key (a changed password)."""
    SignIn.objects.filter(session_key=old).update(session_key=new)


def seen(session_key: str, *, at: datetime) -> None:
    """The browser is in use."""
    SignIn.objects.filter(session_key=session_key).update(seen_at=at)


def sign_ins_of(user: User) -> list[SignIn]:
    """The browsers that are signed in, the latest first; rows of sessions that have ended are removed."""
    rows = list(SignIn.objects.filter(user=user))
    ended = [row.pk for row in rows if not Store().exists(row.session_key)]
    if ended:
        SignIn.objects.filter(pk__in=ended).delete()
    return [row for row in rows if row.pk not in ended]


@transaction.atomic
def end_sign_in(row: SignIn) -> None:
    """Sign that browser out. Ending twice changes nothing."""
    Store(row.session_key).delete()
    SignIn.objects.filter(pk=row.pk).delete()


def end_others(user: User, session_key: str) -> int:
    """Sign out everywhere but here; returns how many browsers."""
    others = list(SignIn.objects.filter(user=user).exclude(session_key=session_key))
    for row in others:
        end_sign_in(row)
    return len(others)
