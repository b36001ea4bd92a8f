"""What every answer carries: a strict content policy, no framing by others, safe cookies, CSRF on each POST."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from tests.factories.people import PASSWORD, sign_in
from tests.factories.world import make_world
from tests.house.addresses import PUBLIC, pages

pytestmark = pytest.mark.django_db
OWN_FORMS = {"password-reset-confirm", "invitation", "password-reset", "login", "logout"}


def policy(header: str) -> dict[str, list[str]]:
    """`script-src 'self'; …` as a table."""
    parts = [part.split() for part in header.split(";") if part.strip()]
    return {part[0]: part[1:] for part in parts}


# An e-mail alone, for a frame: as mail programs need it, with its styles within; it runs and fetches nothing.
WEBHOOKS = {"provider-webhook", "provider-webhook-token"}  # no pages: providers post there
LETTERS = {
    *("invoice-mail", "credit-note-mail", "mail-html", "receipt-mail", "customer-request-letter"),
    *("billing-entity-mail-letter", "mailbox-letter"),
}


def test_every_page_has_a_strict_policy_and_no_inline_code() -> None:
    world = make_world("alpha")
    client = sign_in(Client(), world.admin)
    seen = 0
    for page in pages():
        if page.name in {"password-reset-confirm", "invitation", "health", "theme"} | WEBHOOKS:
            continue
        response = client.get(page.path(world))
        rules = policy(response["Content-Security-Policy"])
        html = response.get("Content-Type", "").startswith("text/html")
        if page.name in LETTERS:
            assert rules["default-src"] == rules["script-src"] == rules["form-action"] == ["'none'"]
            assert rules["img-src"] == ["data:"] and "sandbox" in rules, page.route
            assert "<script" not in response.content.decode()
            continue
        assert "unsafe" not in "".join(rules.get("script-src", rules["default-src"])), page.route
        if html:  # a browser's own PDF viewer needs its styles
            assert rules["default-src"] == rules["script-src"] == rules["style-src"] == ["'self'"], page.route
            assert rules["object-src"] == ["'none'"] and rules["form-action"] == ["'self'"]
        assert response["X-Frame-Options"] == "SAMEORIGIN"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Referrer-Policy"] == "same-origin"
        if html and not response.streaming:
            body = response.content.decode()
            assert " style=" not in body and "<style" not in body, page.route
            assert not [line for line in body.split("<script")[1:] if not line.lstrip().startswith("src=")]
            assert "onclick=" not in body and "javascript:" not in body, page.route
            seen += 1
    assert seen > 20


def test_every_post_needs_the_csrf_token() -> None:
    world = make_world("alpha")
    client = Client(enforce_csrf_checks=True)
    sign_in(client, world.admin)
    for page in pages():
        if page.name in PUBLIC - OWN_FORMS:
            continue
        if page.name in {"password-reset-confirm", "invitation"}:
            path = reverse(page.name, args=["MQ", "set-password"])
        else:
            path = page.path(world)
        assert client.post(path).status_code == 403, page.route


def test_cookies_cannot_be_read_by_scripts_or_sent_from_elsewhere() -> None:
    world = make_world("alpha")
    client = Client()
    client.post(reverse("login"), {"username": world.admin.user.email, "password": PASSWORD})
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"


def test_pages_of_a_person_are_kept_out_of_shared_caches() -> None:
    world = make_world("alpha")
    response = sign_in(Client(), world.admin).get("/")
    assert "Cookie" in response["Vary"]
