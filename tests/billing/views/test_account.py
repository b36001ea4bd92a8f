"""One's own account: the second factor from turning it on to losing the phone, and sessions elsewhere."""

from __future__ import annotations

import re
import time

import pytest
from django.test import Client
from django.urls import reverse
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from billing.models import AuditEntry, SignIn, User
from tests.factories.pages import text
from tests.factories.people import make_member, make_organization

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough pass phrase"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def person() -> User:
    user = make_member(make_organization("Acme")).user
    user.set_password(PASSWORD)
    user.save()
    return user


def browser(person: User, password: str = PASSWORD) -> Client:
    client = Client(headers={"User-Agent": FIREFOX})
    client.post(reverse("login"), {"username": person.email, "password": password})
    return client


def code_of(device: TOTPDevice, step: int = 0) -> str:
    """What the app shows now, or some steps of 30 s later."""
    totp = TOTP(device.bin_key)
    totp.time = time.time() + 30 * step
    return f"{totp.token():06d}"


def turned_on(client: Client, person: User) -> tuple[TOTPDevice, list[str]]:
    client.get(reverse("two-factor"))
    device = TOTPDevice.objects.get(user=person)
    page = text(client.post(reverse("two-factor"), {"code": code_of(device)}))
    return device, re.findall(r"<code>([0-9a-f]{5}-[0-9a-f]{5})</code>", page)


def signed_in(client: Client) -> bool:
    return client.get(reverse("profile")).status_code == 200


def test_it_counts_once_a_code_was_right(person: User) -> None:
    client = browser(person)
    assert client.get(reverse("two-factor-picture"))["Content-Type"] == "image/svg+xml"
    wrong = client.post(reverse("two-factor"), {"code": "000000"})
    assert wrong.status_code == 422 and "not right" in text(wrong)
    assert signed_in(browser(person)), "a secret that was never confirmed asks for nothing"
    TOTPDevice.objects.update(throttling_failure_timestamp=None, throttling_failure_count=0)
    _, codes = turned_on(client, person)
    assert len(set(codes)) == 10
    assert not StaticToken.objects.filter(token__in=[code.replace("-", "") for code in codes]).exists()
    assert client.get(reverse("two-factor-picture")).status_code == 404, "the secret shows no more"
    assert AuditEntry.objects.filter(action="member.two_factor_on").exists()


def test_the_password_alone_no_longer_signs_in(person: User) -> None:
    device, _ = turned_on(browser(person), person)
    client = browser(person)
    assert not signed_in(client)
    page = reverse("login-code")
    assert client.post(page, {"code": "000000"}).status_code == 422
    TOTPDevice.objects.update(throttling_failure_timestamp=None, throttling_failure_count=0)
    code = code_of(device, 1)
    assert client.post(page, {"code": code}).status_code == 302
    assert signed_in(client)
    again = browser(person)
    assert again.post(page, {"code": code}).status_code == 422, "a code opens once"
    assert not signed_in(again)


def test_wrong_codes_slow_the_next_try_down(person: User) -> None:
    device, _ = turned_on(browser(person), person)
    client = browser(person)
    for _ in range(3):
        client.post(reverse("login-code"), {"code": "000000"})
    assert client.post(reverse("login-code"), {"code": code_of(device, 1)}).status_code == 422
    assert not signed_in(client)


def test_a_recovery_code_opens_once(person: User) -> None:
    _, codes = turned_on(browser(person), person)
    client = browser(person)
    assert client.post(reverse("login-code"), {"code": codes[0].upper()}).status_code == 302
    assert signed_in(client)
    second = browser(person)
    assert second.post(reverse("login-code"), {"code": codes[0]}).status_code == 422
    assert AuditEntry.objects.filter(action="member.recovery_code_used").count() == 1


def test_nobody_comes_to_the_second_step_without_the_first(person: User) -> None:
    turned_on(browser(person), person)
    assert Client().get(reverse("login-code"))["Location"] == reverse("login")
    client = browser(person, "wrong")
    assert client.post(reverse("login-code"), {"code": "123456"})["Location"] == reverse("login")


def test_turning_off_and_new_codes_need_the_password(person: User) -> None:
    client = browser(person)
    _, old = turned_on(client, person)
    assert client.post(reverse("two-factor-off"), {"password": "wrong"}).status_code == 422
    assert TOTPDevice.objects.filter(user=person).exists()
    page = text(client.post(reverse("two-factor-codes"), {"password": PASSWORD}))
    fresh = re.findall(r"<code>([0-9a-f-]{11})</code>", page)
    assert len(fresh) == 10 and not set(fresh) & set(old)
    assert client.post(reverse("two-factor-off"), {"password": PASSWORD}).status_code == 302
    assert signed_in(browser(person))


def test_sessions_are_listed_and_ended_from_elsewhere(person: User) -> None:
    here, there = browser(person), browser(person)
    page = text(here.get(reverse("sessions")))
    assert page.count("Firefox on Linux") >= 2 and "This browser" in page
    row = SignIn.objects.exclude(session_key=here.session.session_key).get()
    assert here.post(reverse("session-end", args=[row])).status_code == 302
    assert not signed_in(there) and signed_in(here)
    browser(person)
    assert here.post(reverse("sessions-end-others")).status_code == 302
    assert SignIn.objects.get().session_key == here.session.session_key


def test_nobody_ends_the_session_of_another_person(person: User) -> None:
    browser(person)
    stranger = make_member(make_organization("Other")).user
    client = Client()
    client.force_login(stranger)
    row = SignIn.objects.get(user=person)
    assert client.post(reverse("session-end", args=[row])).status_code == 404
    assert SignIn.objects.filter(pk=row.pk).exists()


def test_a_changed_password_keeps_this_session_in_the_list(person: User) -> None:
    client = browser(person)
    new = "quite another pass phrase"
    client.post(
        reverse("password-change"),
        {"old_password": PASSWORD, "new_password1": new, "new_password2": new},
    )
    assert signed_in(client)
    assert "This browser" in text(client.get(reverse("sessions")))
