"""Nothing of an organization leaves it: every address of the product, asked by everybody who has no business there.

`tests/house/test_access.py` says who may open what inside one organization. Here two organizations with a row of
every noun stand side by side, and members of the one (in each role), visitors, customers with dead or foreign links
and holders of dead or foreign keys ask for everything of the other. No answer may hold its names, numbers, addresses
or ids, in the body or in a header, and none of its rows may differ afterwards. Addresses come from the URLconf and
from the API's description, so that a new one is asked as soon as it stands there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.core import signing
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from billing.actions.api_keys import issue_key, revoke_key
from billing.models import ApiKey, Organization
from billing.rules.roles import Role
from billing.web.access import OWN
from billing.web.api import api
from customers.actions.portal import create_link, revoke_link
from customers.models import PortalLink
from customers.views.portal_frame import COOKIE, SALT
from tests.factories.people import ACTOR, PASSWORD, make_key, make_member, make_organization, sign_in
from tests.factories.world import World, make_world
from tests.house.addresses import PUBLIC, Address, api_operations, filled, pages

pytestmark = pytest.mark.django_db
WRITING = ("post", "put", "patch", "delete")
CLOSED = {403, 404, 405}
MACHINE = "health"  # 503 where no worker runs, as in tests
# A message with a wrong signature is counted: tests/invoicing/views/test_incoming.py. Whoever has the secret of a
# link that asks for payment may read what it asks for, and pay.
COUNTING = {
    "provider-webhook",
    "provider-webhook-token",
    "pay-invoice",
    "pay-invoice-now",
    "pay-request",
    "pay-request-all",
    "pay-request-invoice",
}
NAMED = {
    "paid",
    "card-saved",
}  # whoever has just paid or left a card reads who the seller is, and nothing else
PORTAL = frozenset(name for name in PUBLIC if name.startswith("portal"))


@dataclass(frozen=True)
class Worlds:
    """What is guarded, who asks, and the words that only the first one's answers may hold."""

    guarded: World
    other: World
    marks: frozenset[str]


@pytest.fixture
def worlds() -> Worlds:
    """Two organizations with a row of every noun each."""
    guarded, other = make_world("wolfram"), make_world("xenon")
    return Worlds(guarded, other, frozenset(words_of(guarded) - words_of(other)))


def words_of(world: World) -> set[str]:
    """Ids in both spellings, numbers and e-mail addresses of a world, and the word that is in all its names."""
    words = {world.organization.name, world.admin.user.email, world.objects["members"].user.email}
    for row in world.objects.values():
        if hasattr(row, "pk"):
            number = getattr(row, "number", "")  # of a document; the place of a row in its queue is none
            words |= {row.pk.hex, str(row.pk), number if isinstance(number, str) else ""}
    return words - {"", "None"}


def state_of(world: World) -> dict[str, Any]:
    """The content of all tables with an organization, as one fingerprint for each."""
    found = {}
    key = world.organization.pk
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.columns WHERE table_schema = current_schema()"
            " AND column_name = 'organization_id' ORDER BY 1"
        )
        tables = [name for (name,) in cursor.fetchall()]
        where = [(name, "organization_id") for name in tables] + [(Organization._meta.db_table, "id")]
        for table, column in where:
            cursor.execute(
                f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM \"{table}\" t"
                f" WHERE {column} = %s",
                [key],
            )
            found[table] = cursor.fetchone()
    assert len(found) > 20
    return found


def told(worlds: Worlds, response: HttpResponse, asked: str = "") -> list[str]:
    """The guarded words in an answer's headers and body that the question itself did not hold."""
    content = response.getvalue() if response.streaming else response.content  # type: ignore[attr-defined]
    text = content.decode(errors="replace") + "\n".join(f"{k}: {v}" for k, v in response.items())
    return sorted(word for word in worlds.marks if word in text and word.lower() not in asked.lower())


def by_id(page: Address) -> bool:
    """Whether the address names a row."""
    try:
        page.path(None)
    except LookupError:
        return True
    return False


def staff_pages() -> list[Address]:
    """All pages but those of the portal and of people who are not signed in."""
    return [page for page in pages() if page.name not in PUBLIC]


def foreign_values(world: World) -> dict[str, str]:
    """A form that names rows of this world under every name that a field may have."""
    values = {}
    for noun, row in world.objects.items():
        key = str(getattr(row, "public_id", row))
        one = noun.removesuffix("s").replace("-", "_")
        for name in (noun, one, f"{one}_id", noun.replace("-", "_")):
            values[name] = key
    customer = world.objects["customers"].public_id
    return values | {
        "id": customer,
        "source": customer,
        "target": customer,
        "organization": world.organization.public_id,
        "act": "set_status",
        "status": "inactive",
        "preview": "1",
    }


@pytest.mark.parametrize("role", list(Role))
def test_members_of_another_organization_get_nothing(worlds: Worlds, role: Role) -> None:
    client = sign_in(Client(), make_member(worlds.other.organization, role))
    before = state_of(worlds.guarded)
    asked = 0
    for page in staff_pages():
        if not by_id(page):
            continue
        path = page.path(worlds.guarded)
        for method in ("get", *WRITING):
            response = getattr(client, method)(path, headers={"HX-Request": "true"})
            assert response.status_code in CLOSED, (method, path, response.status_code)
            assert told(worlds, response, path) == [], (method, path)
            asked += 1
    assert asked > 200
    assert client.get("/").status_code == 200, "still signed in: the answers were to a member"
    assert state_of(worlds.guarded) == before


def test_lists_searches_and_exports_show_only_their_own(worlds: Worlds) -> None:
    client = sign_in(Client(), worlds.other.admin)
    invoice = worlds.guarded.objects["invoices"]
    queries = (
        "",
        "?q=wolfram",
        f"?q={invoice.number}",
        f"?q={worlds.guarded.objects['customers'].public_id}",
    )
    for page in staff_pages():
        if page.has_arguments:
            continue
        for query in queries:
            response = client.get(page.path() + query)
            assert response.status_code < 500, (page.route, query)
            assert told(worlds, response, query) == [], (page.route, query)


def test_forms_and_filters_that_name_foreign_rows_find_none(worlds: Worlds) -> None:
    client = sign_in(Client(), worlds.other.admin)
    before = state_of(worlds.guarded)
    values = foreign_values(worlds.guarded)
    sent = " ".join(values.values())
    for page in staff_pages():
        if getattr(page.view, "permission", OWN) == OWN:
            continue
        try:
            path = page.path(worlds.other)
        except LookupError as error:
            pytest.fail(str(error))
        read = client.get(path, values)
        assert read.status_code < 500, (path, read.status_code)
        assert told(worlds, read, sent) == [], path
        wrote = client.post(path, values)
        assert wrote.status_code < 500, (path, wrote.status_code)
        assert told(worlds, wrote, sent) == [], path
    assert state_of(worlds.guarded) == before


def test_a_visitor_gets_the_sign_in_page(worlds: Worlds) -> None:
    before = state_of(worlds.guarded)
    client = Client()
    for page in pages():
        if page.name in COUNTING:
            continue
        path = page.path(worlds.guarded)
        for method in ("get", *WRITING):
            response = getattr(client, method)(path)
            assert response.status_code < 500 or page.name == MACHINE, (method, path)
            assert told(worlds, response, path) == [] or page.name in NAMED, (method, path)
            if page.name not in PUBLIC:
                assert response.status_code in {302, 405}, (method, path)
                assert response.get("Location", "/login").startswith("/login"), (method, path)
    assert state_of(worlds.guarded) == before


def portal_client(link: PortalLink) -> Client:
    """A browser that holds the cookie of a link."""
    client = Client()
    client.cookies[COOKIE] = signing.get_cookie_signer(salt=COOKIE + SALT).sign(str(link.pk))
    return client


def links(world: World) -> dict[str, PortalLink]:
    """A link that works, one that was revoked and one that has ended, of the world's customer."""
    at, customer = timezone.now(), world.objects["customers"]
    revoked = create_link(customer, days=7, by=ACTOR, at=at)[0]
    return {
        "live": create_link(customer, days=7, by=ACTOR, at=at)[0],
        "revoked": revoke_link(revoked, by=ACTOR, at=at),
        "expired": create_link(customer, days=1, by=ACTOR, at=at - timedelta(days=2))[0],
    }


def test_dead_and_foreign_portal_links_open_nothing(worlds: Worlds) -> None:
    mine, foreign = links(worlds.guarded), links(worlds.other)
    assert told(worlds, portal_client(mine["live"]).get("/portal")), "a live link opens the portal"
    before = state_of(worlds.guarded)
    clients = {
        "revoked": portal_client(mine["revoked"]),
        "expired": portal_client(mine["expired"]),
        "another customer": portal_client(foreign["live"]),
    }
    assert clients["another customer"].get("/portal").status_code == 200
    for who, client in clients.items():
        for page in pages():
            if page.name == "portal-leave" or page.name in COUNTING:
                continue
            path = page.path(worlds.guarded)
            for method in ("get", "post"):
                response = getattr(client, method)(path)
                assert response.status_code < 500 or page.name == MACHINE, (who, method, path)
                assert told(worlds, response, path) == [] or page.name in NAMED, (who, method, path)
                if page.name in PORTAL and by_id(page):
                    assert response.status_code in CLOSED, (who, method, path, response.status_code)
    assert state_of(worlds.guarded) == before


def test_the_description_of_the_api_names_what_is_asked() -> None:
    described = {
        (method.upper(), re.sub(r"\{[^}]*\}", "{}", path).rstrip("/"))
        for path, item in api.get_openapi_schema()["paths"].items()
        for method in item
    }
    walked = {(method, re.sub(r"\{[^}]*\}", "{}", route)) for method, route in api_operations()}
    assert described <= walked


def test_dead_keys_open_nothing_and_foreign_keys_find_nothing(worlds: Worlds) -> None:
    at, organization = timezone.now(), worlds.guarded.organization
    revoked, revoked_secret = issue_key(organization, "Old", by=ACTOR, at=at)
    revoke_key(revoked, by=ACTOR, at=at)
    expired, expired_secret = issue_key(
        organization, "Past", by=ACTOR, at=at, expires_at=at + timedelta(days=1)
    )
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=at - timedelta(days=1))
    keys = {
        "revoked": revoked_secret,
        "expired": expired_secret,
        "foreign": make_key(worlds.other.organization),
    }
    before = state_of(worlds.guarded)
    client = Client()
    for who, secret in keys.items():
        headers = {"Authorization": f"Bearer {secret}"}
        for method, route in api_operations():
            path = filled(route, worlds.guarded)
            response = client.generic(method, path, "{}", content_type="application/json", headers=headers)
            assert response.status_code < 500, (who, method, path)
            assert told(worlds, response, path) == [], (who, method, path)
            if who != "foreign":
                assert response.status_code == 401, (who, method, path)
            elif path != route:
                assert response.status_code in {400, 404}, (method, path, response.status_code)
    assert state_of(worlds.guarded) == before


def leads_away(response: HttpResponse) -> str:
    """The header's value that sends a browser to another site; empty when none does."""
    values = (response.get(header, "") for header in ("Location", "HX-Redirect", "HX-Location"))
    away = r"\s*((https?:)?[/\\]{2}(?!testserver)|/\\|javascript:)"
    return next((value for value in values if re.match(away, value, re.IGNORECASE)), "")


def test_no_next_leads_to_another_site(worlds: Worlds) -> None:
    target = "//evil.example/"
    client = sign_in(Client(), worlds.other.admin)
    values = {"next": target, "back": target, "return_to": target}
    for page in pages():
        if page.name == "logout":
            continue
        path = page.path(worlds.other)
        assert leads_away(client.get(path, values)) == "", path


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example/",
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
    ],
)
def test_signing_in_leads_to_no_other_site(target: str) -> None:
    member = make_member(make_organization())
    client = Client()
    words = {"username": member.user.email, "password": PASSWORD, "next": target}
    response = client.post("/login", words)
    assert response.status_code == 302, "signed in"
    assert leads_away(response) == ""
    assert response["Location"].startswith("/")
    inside = sign_in(Client(), member).post("/login", words)
    assert leads_away(inside) == ""
