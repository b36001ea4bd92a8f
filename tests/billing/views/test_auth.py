"""Signing in: what works, what is refused, and what is never told."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.cache import cache
from django.test import Client, override_settings
from django.urls import reverse

from billing.actions import accounts
from billing.models import AuditEntry, Member, User
from billing.web.throttle import address
from tests.factories.people import PASSWORD, make_member, make_organization, make_user, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_counters() -> None:
    """Failures of other tests do not count here."""
    cache.clear()


@pytest.fixture
def member() -> Member:
    """An admin with an organization."""
    return Member.objects.select_related("user").get(organization=make_organization())


def attempt(client: Client, email: str, password: str, **extra: str) -> int:
    """The status of one attempt to sign in."""
    data = {"username": email, "password": password}
    return client.post(reverse("login"), data, **extra).status_code  # type: ignore[arg-type]


def test_sign_in_ignores_case_and_spaces_and_changes_the_session_key(client: Client, member: Member) -> None:
    client.get(reverse("login"))
    client.session.save()
    before = client.session.session_key
    data = {"username": f" {member.user.email.upper()} ", "password": PASSWORD}
    response = client.post(reverse("login"), data)
    assert (response.status_code, response["Location"]) == (302, "/")
    assert client.session.session_key != before
    assert client.get("/").status_code == 200


def test_password_is_stored_with_argon2() -> None:
    from billing.settings import PASSWORD_HASHERS

    with override_settings(PASSWORD_HASHERS=PASSWORD_HASHERS):
        assert User.objects.create_user("argon@example.com", PASSWORD).password.startswith("argon2")


@pytest.mark.parametrize("email", ["known", "nobody@example.com"])
def test_wrong_password_and_unknown_address_get_the_same_answer(
    client: Client, member: Member, email: str
) -> None:
    address = member.user.email if email == "known" else email
    response = client.post(reverse("login"), {"username": address, "password": "wrong"})
    assert response.status_code == 422
    assert "The e-mail address or the password is not right." in response.content.decode()


def test_inactive_person_is_refused_in_the_same_words(client: Client, member: Member) -> None:
    get_user_model().objects.filter(pk=member.user_id).update(is_active=False)
    response = client.post(reverse("login"), {"username": member.user.email, "password": PASSWORD})
    assert response.status_code == 422
    assert "The e-mail address or the password is not right." in response.content.decode()


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/x",
        "http:///evil.example",
        "javascript:alert(1)",
        "\\\\evil.example",
    ],
)
def test_next_leads_only_to_our_own_pages(client: Client, member: Member, target: str) -> None:
    data = {"username": member.user.email, "password": PASSWORD, "next": target}
    assert client.post(reverse("login"), data)["Location"] == "/"


def test_next_leads_back_to_the_page_that_was_asked_for(client: Client, member: Member) -> None:
    asked = client.get("/settings?x=1")
    assert asked["Location"] == "/login?next=/settings%3Fx%3D1"
    data = {"username": member.user.email, "password": PASSWORD, "next": "/settings?x=1"}
    assert client.post(reverse("login"), data)["Location"] == "/settings?x=1"


def test_htmx_request_without_session_moves_the_whole_window(client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/settings"}
    response = client.get("/settings/members/add", headers=headers)
    assert response["HX-Redirect"] == "/login?next=/settings"


def test_ten_failures_lock_the_account_from_any_address_in_any_spelling(member: Member) -> None:
    email = member.user.email
    for number in range(10):
        spelled = email.upper() if number % 2 else f" {email}"
        attempt(Client(), spelled, "wrong", REMOTE_ADDR=f"198.51.100.{number}")
    assert attempt(Client(), email, PASSWORD, REMOTE_ADDR="203.0.113.9") == 429
    other = make_user()
    assert attempt(Client(), other.email, PASSWORD, REMOTE_ADDR="203.0.113.9") == 302


def test_ten_failures_lock_the_address_for_any_account(member: Member) -> None:
    for number in range(10):
        attempt(Client(), f"guess{number}@example.com", "wrong", REMOTE_ADDR="198.51.100.7")
    assert attempt(Client(), member.user.email, PASSWORD, REMOTE_ADDR="198.51.100.7") == 429
    assert attempt(Client(), member.user.email, PASSWORD, REMOTE_ADDR="203.0.113.9") == 302


def test_lock_page_says_how_long_and_is_the_same_for_unknown_accounts(member: Member) -> None:
    pages = []
    for email in (member.user.email, "ghost@example.com"):
        cache.clear()
        client = Client()
        for _ in range(10):
            attempt(client, email, "wrong")
        response = client.post(reverse("login"), {"username": email, "password": PASSWORD})
        assert (response.status_code, response["Retry-After"]) == (429, "900")
        pages.append(re.sub(r'X-CSRFToken": "[^"]*"', "", response.content.decode()))
    assert pages[0] == pages[1]
    assert "15 minutes" in pages[0]


def test_success_resets_the_counter(client: Client, member: Member) -> None:
    for _ in range(9):
        attempt(client, member.user.email, "wrong")
    assert attempt(client, member.user.email, PASSWORD) == 302
    client.post(reverse("logout"))
    for _ in range(9):
        assert attempt(client, member.user.email, "wrong") == 422


@pytest.mark.parametrize(
    ("behind", "header", "expected"),
    [
        (False, "203.0.113.5", "10.0.0.1"),
        (True, "203.0.113.5", "203.0.113.5"),
        (True, "1.2.3.4, 203.0.113.5", "203.0.113.5"),
        (True, "", "10.0.0.1"),
    ],
)
def test_address_comes_from_our_own_proxy_only(rf, behind: bool, header: str, expected: str) -> None:  # type: ignore[no-untyped-def]
    request = rf.get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=header)
    with override_settings(BEHIND_PROXY=behind):
        assert address(request) == expected


def test_signing_out_needs_post_and_ends_the_session_on_the_server(member: Member) -> None:
    client = sign_in(Client(), member)
    key = client.session.session_key
    assert client.get(reverse("logout")).status_code == 405
    assert client.post(reverse("logout"))["Location"] == "/login"
    stolen = Client()
    stolen.cookies["sessionid"] = key
    assert stolen.get("/").status_code == 302


def test_sign_in_and_out_need_the_csrf_token(member: Member) -> None:
    client = Client(enforce_csrf_checks=True)
    assert attempt(client, member.user.email, PASSWORD) == 403
    client.force_login(member.user, backend="django.contrib.auth.backends.ModelBackend")
    assert client.post(reverse("logout")).status_code == 403


def test_reset_answers_the_same_for_known_and_unknown_addresses(
    client: Client, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(accounts.later, "send", lambda task, *args: asked.append(args[0]))
    answers = [
        client.post(reverse("password-reset"), {"email": email})
        for email in (member.user.email.upper(), "nobody@example.com")
    ]
    assert {(answer.status_code, answer["Location"]) for answer in answers} == {(302, "/password-reset/sent")}
    assert asked == [member.user.email, "nobody@example.com"]
    assert accounts.mail_password_reset("nobody@example.com") is False
    assert mail.outbox == []


def test_reset_mails_are_limited(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(accounts.later, "send", lambda task, *args: asked.append(args[0]))
    for _ in range(8):
        assert client.post(reverse("password-reset"), {"email": "a@example.com"}).status_code == 302
    assert len(asked) == 5


def reset_link(email: str) -> str:
    """The path in the mail that was just sent."""
    assert accounts.mail_password_reset(email)
    found = re.search(r"https?://[^/\s]+(/\S+)", str(mail.outbox[-1].body))
    assert found
    return found.group(1)


def set_password(client: Client, link: str, password: str) -> int:
    """Follow a mailed link and set a password; the status of the last answer."""
    page = client.get(link)
    if page.status_code != 302:
        return page.status_code
    data = {"new_password1": password, "new_password2": password}
    return client.post(page["Location"], data).status_code


def test_reset_link_works_once_and_ends_other_sessions(member: Member) -> None:
    old = sign_in(Client(), member)
    link = reset_link(member.user.email)
    client = Client()
    assert set_password(client, link, "a-much-better-one") == 302
    assert client.get("/").status_code == 302, "a reset does not sign in by itself"
    assert old.get("/").status_code == 302, "sessions from before the reset are worthless"
    assert set_password(Client(), link, "third-password-x") == 200, "shows that the link is used up"
    assert attempt(Client(), member.user.email, "a-much-better-one") == 302
    assert AuditEntry.objects.filter(action="member.password_set", subject_id=member.pk).count() == 1


def test_reset_link_is_on_the_configured_host_and_expires(member: Member) -> None:
    with override_settings(BASE_URL="https://bill.example.org/"):
        accounts.mail_password_reset(member.user.email)
    assert "https://bill.example.org/password-reset/" in str(mail.outbox[-1].body)
    link = reset_link(member.user.email)
    with override_settings(PASSWORD_RESET_TIMEOUT=-1):
        assert set_password(Client(), link, "a-much-better-one") == 200
    member.user.refresh_from_db()
    assert member.user.check_password(PASSWORD)


@pytest.mark.parametrize("bad", ["short", "1234567890123", "password1234", "PERSON"])
def test_weak_passwords_are_refused(member: Member, bad: str) -> None:
    bad = member.user.email if bad == "PERSON" else bad
    assert set_password(Client(), reset_link(member.user.email), bad) == 422
    member.user.refresh_from_db()
    assert member.user.check_password(PASSWORD)


def test_changing_the_password_keeps_this_session_and_ends_the_others(member: Member) -> None:
    here, there = sign_in(Client(), member), sign_in(Client(), member)
    data = {"old_password": "wrong", "new_password1": "brand-new-secret", "new_password2": "brand-new-secret"}
    assert here.post(reverse("password-change"), data).status_code == 422
    assert here.post(reverse("password-change"), data | {"old_password": PASSWORD}).status_code == 302
    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 302
    entry = AuditEntry.objects.get(action="member.password_set")
    assert "brand-new-secret" not in str(entry.changes)


def test_person_without_organization_gets_a_clear_page() -> None:
    client = Client()
    client.force_login(make_user(), backend="django.contrib.auth.backends.ModelBackend")
    response = client.get("/")
    assert response.status_code == 403
    assert "in no organization" in response.content.decode()


def test_switching_works_among_own_organizations_only(member: Member) -> None:
    second, foreign = make_organization("Second"), make_organization("Foreign")
    Member.objects.create(organization=second, user=member.user, role="support")
    client = sign_in(Client(), member)
    url = reverse("organization-switch")
    assert client.post(url, {"organization": second.public_id}).status_code == 302
    assert "Second" in client.get("/").content.decode()
    assert client.post(url, {"organization": str(foreign.pk)}).status_code == 404
    assert client.post(url, {"organization": "nonsense"}).status_code == 404
    assert client.get(url).status_code == 405
    assert "Second" in client.get("/").content.decode()


def test_a_membership_that_was_taken_away_stops_working_at_once(member: Member) -> None:
    guest = make_member(member.organization, "finance")
    client = sign_in(Client(), guest)
    assert client.get("/").status_code == 200
    guest.delete()
    assert client.get("/").status_code == 403
