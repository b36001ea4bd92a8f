"""A person's own account: name, password, and the mails that let them set one."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core import signing
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from billing.actions import audit, later
from billing.models import Member, User
from billing.orm.actor import Actor


class InvitationTokens:
    """Links to set the first password. They live longer than reset links, and die when a password is set."""

    signer = signing.TimestampSigner(salt="billing.invitation", sep="~")

    def fingerprint(self, user: User) -> str:
        """Changes with the password, so that a used link is worthless."""
        return salted_hmac("billing.invitation", f"{user.pk}{user.password}", algorithm="sha256").hexdigest()

    def make_token(self, user: User) -> str:
        """A token for this user and this state of theirs."""
        return self.signer.sign(self.fingerprint(user))

    def check_token(self, user: User | None, token: str | None) -> bool:
        """Whether the token is ours, fresh and for this user as they are now."""
        if user is None or not token or user.has_usable_password():
            return False
        try:
            value = self.signer.unsign(token, max_age=settings.INVITATION_DAYS * 86400)
        except signing.BadSignature:
            return False
        return constant_time_compare(value, self.fingerprint(user))


invitation_tokens = InvitationTokens()


def ask_for_reset(email: str) -> None:
    """Queue the mail for this address. Known or not, the caller does the same work in the same time."""
    later.send("billing.mail_password_reset", email.strip().lower())


def mail_password_reset(email: str) -> bool:
    """Mail the link when an active person has this address; whether one was sent."""
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None:
        return False
    link = account_link("password-reset-confirm", user, default_token_generator.make_token(user))
    minutes = settings.PASSWORD_RESET_TIMEOUT // 60
    mail("password_reset", user, "Set a new password for Tarn", {"link": link, "minutes": minutes})
    return True


def mail_invitation(member_id: UUID, invited_by: str) -> bool:
    """Tell a new member; with a link to set a password when they have none. Whether a mail was sent."""
    member = Member.objects.select_related("user", "organization").filter(pk=member_id).first()
    if member is None:
        return False
    user, organization = member.user, " ".join(member.organization.name.split())
    new = not user.has_usable_password()
    link = (
        account_link("invitation", user, invitation_tokens.make_token(user))
        if new
        else settings.BASE_URL.rstrip("/") + reverse("login")
    )
    context = {
        "link": link,
        "new": new,
        "days": settings.INVITATION_DAYS,
        "organization": organization,
        "invited_by": invited_by,
        "role": member.get_role_display(),
    }
    mail("invitation", user, f"You are invited to {organization} on Tarn", context)
    return True


def account_link(url_name: str, user: User, token: str) -> str:
    """An absolute link. The host is configured, never taken from a request that somebody may have forged."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return settings.BASE_URL.rstrip("/") + reverse(url_name, args=[uid, token])


def mail(template: str, user: User, subject: str, context: dict[str, Any]) -> None:
    """Send `templates/emails/<template>.txt` and `.html`."""
    values = {**context, "user": user, "subject": subject}
    text = render_to_string(f"emails/{template}.txt", values)
    html = render_to_string(f"emails/{template}.html", values)
    send_mail(subject, text, None, [user.email], html_message=html)


@transaction.atomic
def note_password_change(user: User, *, at: datetime) -> None:
    """A line in the trail of each organization that the person works in; never the password."""
    by = Actor("user", user.name or user.email, user_id=user.pk)
    for member in Member.objects.filter(user=user).select_related("organization").order_by("pk"):
        audit.record(member.organization, "member.password_set", member, by=by, at=at)


@transaction.atomic
def rename_person(user: User, name: str, *, at: datetime) -> User:
    """Change the name that others and the audit trail see."""
    user = User.objects.select_for_update().get(pk=user.pk)
    before, user.name = user.name, " ".join(name.split())
    if before == user.name:
        return user
    user.full_clean(exclude=["password"])
    user.save(update_fields=["name"])
    by = Actor("user", str(user), user_id=user.pk)
    changes = {"name": (before, user.name)}
    for member in Member.objects.filter(user=user).select_related("organization").order_by("pk"):
        audit.record(member.organization, "member.renamed", member, by=by, at=at, changes=changes)
    return user
