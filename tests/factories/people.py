"""Organizations and people for tests, made by the real actions."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

from django.test import Client

from billing.actions.api_keys import issue_key
from billing.actions.organizations import create_organization
from billing.models import Member, Organization, User
from billing.orm.actor import Actor

ACTOR = Actor.system("Test")
NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
PASSWORD = "correct-horse-battery"
counter = itertools.count(1)


def make_user(name: str = "Ada Biller") -> User:
    """A person with an address of their own."""
    return User.objects.create_user(f"person{next(counter)}@example.com", PASSWORD, name=name)


def make_organization(name: str = "Acme", *, at: datetime = NOW, **fields: Any) -> Organization:
    """An organization with its default billing entity and an admin."""
    return create_organization(name, owner=make_user(), by=ACTOR, at=at, **fields)


def make_member(organization: Organization, role: str = "admin") -> Member:
    """Another person of the organization with a role."""
    return Member.objects.create(organization=organization, user=make_user(role.title()), role=role)


def sign_in(client: Client, member: Member) -> Client:
    """The test client as that member."""
    client.force_login(member.user, backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    session["organization_id"] = str(member.organization_id)
    session.save()
    return client


def make_key(organization: Organization, **fields: Any) -> str:
    """The secret of a new API key."""
    return issue_key(organization, "Test", by=ACTOR, at=NOW, **fields)[1]
