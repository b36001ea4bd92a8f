"""Making organizations, with what each needs from the first day: an issuer and an owner."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from billing.actions import audit
from billing.models import BillingEntity, Member, Organization, User
from billing.orm.actor import Actor
from billing.rules.roles import Role


def number_prefix(name: str) -> str:
    """The default prefix of document numbers: the first three letters or digits of the name, else INV."""
    letters = "".join(char for char in name.upper() if char.isascii() and char.isalnum())
    return letters[:3] or "INV"


@transaction.atomic
def create_organization(
    name: str,
    *,
    owner: User,
    by: Actor,
    at: datetime,
    currency: str = "EUR",
    timezone: str = "UTC",
    sandbox: bool = False,
) -> Organization:
    """An organization with its default billing entity and its owner as admin."""
    organization = Organization(
        name=name.strip(), default_currency=currency, timezone=timezone, sandbox=sandbox
    )
    organization.full_clean()
    organization.save()
    BillingEntity.objects.create(
        organization=organization,
        code="default",
        name=organization.name,
        timezone=timezone,
        default_currency=currency,
        number_prefix=number_prefix(name),
        is_default=True,
    )
    Member.objects.create(organization=organization, user=owner, role=Role.ADMIN.value)
    audit.record(organization, "organization.created", organization, by=by, at=at)
    return organization
