"""Members of an organization: invite, change the role, remove. One admin always stays."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from billing.actions import audit, later
from billing.models import Member, Organization, User
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from billing.rules.roles import Role


def check_role(role: str) -> str:
    """The role, or Invalid."""
    if role not in set(Role):
        raise Invalid("Choose one of the roles.", field="role")
    return role


@transaction.atomic
def invite_member(
    organization: Organization, email: str, role: str, *, name: str = "", by: Actor, at: datetime
) -> Member:
    """Make the person a member and mail them: with a link to set a password when they have none yet.

    Raises Conflict for somebody who is a member already.
    """
    check_role(role)
    person = find_or_create_user(email, name)
    try:
        with transaction.atomic():
            member = Member.objects.create(organization=organization, user=person, role=role)
    except IntegrityError as error:
        raise Conflict("This person is already a member.", code="already_member", field="email") from error
    audit.record(organization, "member.invited", member, by=by, at=at, changes={"role": (None, role)})
    later.after_commit("billing.mail_invitation", str(member.pk), by.label)
    return member


def find_or_create_user(email: str, name: str) -> User:
    """The person with this address without regard to case; a new one has no password."""
    address = email.strip().lower()
    found = User.objects.filter(email=address).first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return User.objects.create_user(address, None, name=name.strip())
    except IntegrityError:
        return User.objects.get(email=address)


@transaction.atomic
def change_role(member: Member, role: str, *, by: Actor, at: datetime) -> Member:
    """Give the member another role. The last admin keeps theirs: Conflict."""
    check_role(role)
    member = lock_with_admins(member)
    if member.role == role:
        return member
    if member.role == Role.ADMIN.value:
        refuse_last_admin(member)
    before = member.role
    member.role = role
    member.save(update_fields=["role", "updated_at"])
    changes = {"role": (before, role)}
    audit.record(member.organization, "member.role_changed", member, by=by, at=at, changes=changes)
    return member


@transaction.atomic
def remove_member(member: Member, *, by: Actor, at: datetime) -> None:
    """Take the membership away; it works from the next request on. The last admin stays: Conflict."""
    member = lock_with_admins(member)
    if member.role == Role.ADMIN.value:
        refuse_last_admin(member)
    changes = {"role": (member.role, None)}
    audit.record(member.organization, "member.removed", member, by=by, at=at, changes=changes)
    member.delete()


def lock_with_admins(member: Member) -> Member:
    """The member as it is now, locked together with all admins: two admins who demote each other at once must
    not leave none.
    """
    rows = Member.objects.filter(organization_id=member.organization_id)
    admins = rows.filter(role=Role.ADMIN.value) | rows.filter(pk=member.pk)
    locked = {row.pk: row for row in admins.locked()}
    if member.pk not in locked:
        raise Conflict("This person is no longer a member.", code="not_member")
    fresh: Member = locked[member.pk]
    return fresh


def refuse_last_admin(member: Member) -> None:
    """Conflict when nobody else could manage the organization."""
    others = Member.objects.filter(organization_id=member.organization_id, role=Role.ADMIN.value)
    if not others.exclude(pk=member.pk).filter(user__is_active=True).exists():
        raise Conflict(
            "This is the last admin. Make somebody else an admin first.", code="last_admin", field="role"
        )


@transaction.atomic
def invite_again(member: Member, *, by: Actor, at: datetime) -> Member:
    """Send the invitation once more, with a fresh link; only to somebody who has not set a password."""
    if member.user.has_usable_password():
        raise Conflict("This person has a password already.", code="already_active")
    audit.record(member.organization, "member.invited_again", member, by=by, at=at)
    later.after_commit("billing.mail_invitation", str(member.pk), by.label)
    return member
