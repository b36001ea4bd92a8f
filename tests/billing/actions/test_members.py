"""Members: invited, promoted, removed; one admin always stays."""

from __future__ import annotations

import re
import threading

import pytest
from django.core import mail
from django.db import connection
from django.test import Client, override_settings

from billing.actions import accounts, members
from billing.models import AuditEntry, Member, User
from billing.rules.errors import Conflict, Invalid
from tests.factories.people import ACTOR, NOW, PASSWORD, make_member, make_organization, make_user

pytestmark = pytest.mark.django_db


def owner_of(organization: object) -> Member:
    """The admin that the organization was made with."""
    return Member.objects.select_related("user").get(organization=organization, role="admin")


def test_invitation_makes_member_and_link_that_sets_the_first_password() -> None:
    organization = make_organization("Acme & Söhne")
    member = members.invite_member(organization, " New@Example.com ", "finance", name="Neo", by=ACTOR, at=NOW)
    assert (member.user.email, member.role, member.user.has_usable_password()) == (
        "new@example.com",
        "finance",
        False,
    )
    assert accounts.mail_invitation(member.pk, "Ada")
    message = mail.outbox[-1]
    assert message.to == ["new@example.com"]
    assert "Acme & Söhne" in message.subject
    link = re.search(r"https?://[^/\s]+(/invitation/\S+)", str(message.body)).group(1)  # type: ignore[union-attr]
    client = Client()
    page = client.get(link)
    answer = client.post(page["Location"], {"new_password1": PASSWORD, "new_password2": PASSWORD})
    assert answer["Location"] == "/"
    assert client.get("/").status_code == 200, "the new member is signed in"
    assert "This link no longer works" in Client().get(link).content.decode()
    assert AuditEntry.objects.filter(action="member.invited", subject_id=member.pk).count() == 1


def test_invitation_link_dies_with_time_and_with_a_changed_token() -> None:
    user = User.objects.create_user("x@example.com")
    token = accounts.invitation_tokens.make_token(user)
    assert accounts.invitation_tokens.check_token(user, token)
    assert not accounts.invitation_tokens.check_token(user, token[:-1] + ("a" if token[-1] != "a" else "b"))
    assert not accounts.invitation_tokens.check_token(User.objects.create_user("y@example.com"), token)
    with override_settings(INVITATION_DAYS=-1):
        assert not accounts.invitation_tokens.check_token(user, token)


def test_somebody_with_an_account_is_added_without_a_new_password() -> None:
    person = make_user()
    member = members.invite_member(make_organization(), person.email.upper(), "manager", by=ACTOR, at=NOW)
    assert member.user_id == person.pk
    assert accounts.mail_invitation(member.pk, "Ada")
    assert "/login" in str(mail.outbox[-1].body)
    assert "/invitation/" not in str(mail.outbox[-1].body)


def test_inviting_twice_and_unknown_roles_are_refused() -> None:
    organization = make_organization()
    members.invite_member(organization, "a@example.com", "support", by=ACTOR, at=NOW)
    with pytest.raises(Conflict) as conflict:
        members.invite_member(organization, "A@EXAMPLE.COM", "admin", by=ACTOR, at=NOW)
    assert conflict.value.field == "email"
    with pytest.raises(Invalid):
        members.invite_member(organization, "b@example.com", "owner", by=ACTOR, at=NOW)
    assert not User.objects.filter(email="b@example.com").exists()


def test_invitation_again_only_until_a_password_is_set() -> None:
    organization = make_organization()
    member = members.invite_member(organization, "a@example.com", "support", by=ACTOR, at=NOW)
    members.invite_again(member, by=ACTOR, at=NOW)
    member.user.set_password(PASSWORD)
    member.user.save()
    with pytest.raises(Conflict):
        members.invite_again(member, by=ACTOR, at=NOW)


def test_last_admin_can_neither_be_demoted_nor_removed() -> None:
    organization = make_organization()
    admin = owner_of(organization)
    make_member(organization, "finance")
    for act in (
        lambda: members.change_role(admin, "support", by=ACTOR, at=NOW),
        lambda: members.remove_member(admin, by=ACTOR, at=NOW),
    ):
        with pytest.raises(Conflict) as refused:
            act()
        assert refused.value.code == "last_admin"
    assert owner_of(organization).pk == admin.pk


def test_an_admin_who_cannot_sign_in_does_not_count() -> None:
    organization = make_organization()
    admin, idle = owner_of(organization), make_member(organization, "admin")
    User.objects.filter(pk=idle.user_id).update(is_active=False)
    with pytest.raises(Conflict):
        members.remove_member(admin, by=ACTOR, at=NOW)


def test_role_change_is_noted_with_before_and_after_and_once() -> None:
    organization = make_organization()
    member = make_member(organization, "finance")
    for _ in range(2):
        members.change_role(member, "admin", by=ACTOR, at=NOW)
    entry = AuditEntry.objects.get(action="member.role_changed")
    assert entry.changes == {"role": ["finance", "admin"]}
    members.remove_member(member, by=ACTOR, at=NOW)
    assert not Member.objects.filter(pk=member.pk).exists()
    with pytest.raises(Conflict):
        members.remove_member(member, by=ACTOR, at=NOW)


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_remove_each_other_at_once_leave_one() -> None:
    organization = make_organization()
    first, second = owner_of(organization), make_member(organization, "admin")
    start, refused = threading.Barrier(2), []

    def remove(member: Member) -> None:
        start.wait()
        try:
            members.remove_member(member, by=ACTOR, at=NOW)
        except Conflict as error:
            refused.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=remove, args=(member,)) for member in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Member.objects.filter(organization=organization, role="admin").count() == 1
    assert refused == ["last_admin"]
