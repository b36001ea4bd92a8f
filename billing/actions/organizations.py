"""Making organizations, with what each needs from the first day: an issuer and an owner."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db import transaction

from billing.actions import audit
from billing.models import BillingEntity, Member, Organization, User
from billing.orm.actor import Actor
from billing.rules.errors import FieldErrors
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


@transaction.atomic
def update_organization(
    organization: Organization, *, name: str, default_currency: str, timezone: str, by: Actor, at: datetime
) -> Organization:
    """Change the organization's name and defaults. Existing customers and documents keep what they have. Raises
    FieldErrors for an empty or long name, an unknown currency or time zone.
    """
    organization = Organization.objects.select_for_update().get(pk=organization.pk)
    before = audit.snapshot(organization, ("name", "default_currency", "timezone"))
    organization.name = " ".join(name.split())
    organization.default_currency = default_currency
    organization.timezone = timezone
    changes = audit.differences(before, organization)
    if changes:
        check(organization)
        organization.save()
        audit.record(organization, "organization.updated", organization, by=by, at=at, changes=changes)
    return organization


def check(organization: Organization) -> None:
    """What the table asks of each column, and that the time zone is one."""
    faults = {}
    try:
        organization.full_clean()
    except ValidationError as error:
        faults = {name: texts[0] for name, texts in error.message_dict.items()}
    if organization.timezone not in available_timezones():
        faults.setdefault("timezone", "This is no time zone: use a name such as Africa/Kampala.")
    if faults:
        raise FieldErrors(faults.items())
