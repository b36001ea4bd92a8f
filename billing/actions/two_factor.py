"""A second factor: codes of an authenticator app (TOTP), and recovery codes for when it is lost.

Laws: it counts once a code has proved that the app has the secret; a code opens once; after wrong codes the next
try has to wait, longer each time; a recovery code is kept as a keyed digest, shown once, and used up by its use.
An organization can demand it of everybody who works there.
"""

from __future__ import annotations

import base64
import secrets
from datetime import datetime

from django.db import transaction
from django.utils.crypto import salted_hmac
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from billing.actions import audit
from billing.models import Member, Organization, User
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid

CODES = 10
APP = "authenticator"
RECOVERY = "recovery"


def is_on(user: User) -> bool:
    """Whether signing in asks for a code."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).exists()


@transaction.atomic
def prepare(user: User) -> TOTPDevice:
    """The secret to put into an app; the same one until it is confirmed."""
    User.objects.select_for_update().get(pk=user.pk)
    device, _ = TOTPDevice.objects.get_or_create(user=user, name=APP, defaults={"confirmed": False})
    if device.confirmed:
        raise Invalid("Two-factor sign-in is on already.", code="two_factor_on")
    return device


def secret_of(device: TOTPDevice) -> str:
    """The secret as people type it: base32 in groups of four."""
    text = base64.b32encode(device.bin_key).decode().rstrip("=")
    return " ".join(text[place : place + 4] for place in range(0, len(text), 4))


def turn_on(user: User, code: str, *, at: datetime) -> list[str]:
    """Confirm the app with a code of it. Returns the recovery codes, which are shown this once."""
    device = prepare(user)
    if not device.verify_token(
        "".join(code.split())
    ):  # a wrong one is counted: no transaction may take it back
        raise Invalid("This code is not right. Wait for the next one and try again.", field="code")
    with transaction.atomic():
        device.confirmed = True
        device.save(update_fields=["confirmed"])
        note(user, "member.two_factor_on", at=at)
        return new_codes(user)


@transaction.atomic
def turn_off(user: User, *, by: str = "", at: datetime) -> None:
    """Signing in asks for the password alone again. The caller has checked the password."""
    TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()
    note(user, "member.two_factor_off", by=by, at=at)


@transaction.atomic
def renew_codes(user: User, *, at: datetime) -> list[str]:
    """Ten fresh recovery codes; the old ones open nothing any more."""
    if not is_on(user):
        raise Invalid("Two-factor sign-in is off.", code="two_factor_off")
    codes = new_codes(user)
    note(user, "member.recovery_codes_renewed", at=at)
    return codes


def new_codes(user: User) -> list[str]:
    """Replace the recovery codes."""
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, name=RECOVERY, confirmed=True)
    codes = [secrets.token_hex(5) for _ in range(CODES)]
    StaticToken.objects.bulk_create([StaticToken(device=device, token=digest(code)) for code in codes])
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def codes_left(user: User) -> int:
    """How many recovery codes have not been used."""
    return StaticToken.objects.filter(device__user=user).count()


def digest(code: str) -> str:
    """What is kept of a recovery code: 16 characters of a keyed hash."""
    plain = "".join(char for char in code.lower() if char.isalnum())
    return salted_hmac("billing.recovery", plain, algorithm="sha256").hexdigest()[:16]


@transaction.atomic
def check_code(user: User, code: str, *, at: datetime) -> bool:
    """Whether a code of the app, or a recovery code, lets the person in. Wrong ones slow the next try down."""
    typed = "".join(code.split())
    if typed.isdigit() and len(typed) == 6:
        app = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=True).first()
        return bool(app and app.verify_is_allowed()[0] and app.verify_token(typed))
    spare = StaticDevice.objects.select_for_update().filter(user=user, confirmed=True).first()
    if spare is None or not spare.verify_is_allowed()[0] or not spare.verify_token(digest(typed)):
        return False
    note(user, "member.recovery_code_used", at=at)
    return True


@transaction.atomic
def demand(organization: Organization, wanted: bool, *, by: Actor, at: datetime) -> Organization:
    """Have everybody in the organization use two-factor sign-in, or leave it to them again.

    Only somebody who has it may demand it (Conflict two_factor_needed), so whoever does it is not locked out. API
    keys are not concerned.
    """
    organization = Organization.objects.select_for_update().get(pk=organization.pk)
    if organization.require_two_factor == wanted:
        return organization
    if wanted and not TOTPDevice.objects.filter(user_id=by.user_id, confirmed=True).exists():
        raise Conflict(
            "Turn on two-factor sign-in for yourself first, then demand it of everyone.",
            code="two_factor_needed",
        )
    organization.require_two_factor = wanted
    organization.save(update_fields=["require_two_factor", "updated_at"])
    action = "organization.two_factor_demanded" if wanted else "organization.two_factor_left_open"
    changes = {"require_two_factor": (not wanted, wanted)}
    audit.record(organization, action, organization, by=by, at=at, changes=changes)
    return organization


def missing(member: Member) -> bool:
    """Whether the organization demands a second factor that the person does not have."""
    return bool(member.organization.require_two_factor) and not is_on(member.user)


def demanding(user: User) -> list[Organization]:
    """The organizations of a person that demand it."""
    rows = Organization.objects.filter(require_two_factor=True)
    return list(rows.filter(pk__in=Member.objects.filter(user=user).values("organization")))


def note(user: User, action: str, *, by: str = "", at: datetime) -> None:
    """A line in the trail of each organization that the person works in."""
    actor = Actor.system(by) if by else Actor("user", user.name or user.email, user_id=user.pk)
    for member in Member.objects.filter(user=user).select_related("organization").order_by("pk"):
        audit.record(member.organization, action, member, by=actor, at=at)
