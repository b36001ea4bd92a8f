"""Who may open what: every page is guarded, each role gets what the table says, and nobody sees another
organization. New addresses are covered the moment they stand in the URLconf.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db.models import Count, Max
from django.test import Client

from billing.models import Organization
from billing.orm.scoped import Scoped
from billing.rules.roles import PERMISSIONS, Role, allowed
from billing.web.access import OWN
from tests.factories.people import make_key, make_member, make_organization, sign_in
from tests.factories.world import World, make_world
from tests.house.addresses import PUBLIC, Address, api_operations, filled, pages

pytestmark = pytest.mark.django_db
CHANGES_NOTHING = {403, 404, 405}
# A GET that only answers when it is asked for with values.
NEEDS_VALUES = {400, 422}


def guarded() -> list[Address]:
    """All pages for signed-in people."""
    return [page for page in pages() if page.name not in PUBLIC]


def permission(page: Address) -> str:
    """What the page needs."""
    return str(getattr(page.view, "permission", ""))


@pytest.fixture
def world() -> World:
    """The organization that others must not see."""
    return make_world("alpha")


def test_every_page_is_guarded() -> None:
    open_doors = [page.route for page in guarded() if permission(page) not in {*PERMISSIONS, OWN}]
    assert open_doors == [], "add @access(...) to these views"
    names = [page.name for page in pages()]
    assert "" not in names, "every address has a name"
    assert len(names) == len(set(names)), "no name stands for two addresses"


def test_strangers_are_sent_to_the_sign_in_page(client: Client, world: World) -> None:
    for page in guarded():
        path = page.path(world)
        response = client.get(path)
        assert response.status_code in {302, 405}, path
        assert response.get("Location", f"/login?next={path}") == f"/login?next={path}"
        assert client.post(path).status_code in {302, 405}, path


@pytest.mark.parametrize("role", list(Role))
def test_each_role_gets_what_the_table_says(world: World, role: Role) -> None:
    client = sign_in(Client(), make_member(world.organization, role))
    for page in guarded():
        path, response = page.path(world), client.get(page.path(world))
        if page.name in {"note-edit", "note-delete"} and response.status_code == 403:
            continue  # a note is its author's: tests/customers/views/test_tabs.py
        if permission(page) == OWN or allowed(role, permission(page)):
            assert response.status_code in {200, 302, 405, 409} | NEEDS_VALUES, (path, response.status_code)
        else:
            assert response.status_code in {403, 405}, path


def test_roles_that_may_only_look_can_change_nothing(world: World) -> None:
    for role in Role:
        client = sign_in(Client(), make_member(world.organization, role))
        before = fingerprint(world.organization)
        for page in guarded():
            if permission(page) == OWN:
                continue
            needed = page.view.post_permission  # type: ignore[attr-defined]
            if role == Role.SUPPORT or not needed or not allowed(role, needed):
                status = client.post(page.path(world)).status_code
                assert status in CHANGES_NOTHING, (role, page.route, status)
        assert fingerprint(world.organization) == before, role


# What is a person's own and no organization's: it opens without the second factor that an organization demands.
ACCOUNT = {
    "profile",
    "password-change",
    "sessions",
    "sessions-end-others",
    "session-end",
    "two-factor",
    "two-factor-picture",
    "two-factor-off",
    "two-factor-codes",
    "organization-switch",
}


def test_without_the_demanded_second_factor_nothing_of_the_organization_opens(world: World) -> None:
    """Every address, read or sent, of a page or of a piece of one, leads to the page where it is set up."""
    client = sign_in(Client(), make_member(world.organization))
    Organization.objects.filter(pk=world.organization.pk).update(require_two_factor=True)
    before = fingerprint(world.organization)
    page_of_set_up = "/account/two-factor?next="
    seen = set()
    for page in guarded():
        if page.name in ACCOUNT:
            continue
        seen.add(page.name)
        path = page.path(world)
        for answer in (client.get(path), client.post(path), client.get(path, headers={"HX-Request": "true"})):
            if answer.status_code == 405:
                continue
            target = answer.get("HX-Redirect") or answer.get("Location", "")
            assert target.startswith(page_of_set_up), (path, answer.status_code, target)
            assert not answer.content, path
    assert {"home", "customers", "invoice-pdf", "members", "view-save"} & seen
    assert seen | ACCOUNT >= {page.name for page in guarded()}
    assert fingerprint(world.organization) == before


def test_the_table_itself() -> None:
    for name, roles in PERMISSIONS.items():
        assert Role.ADMIN in roles, name
        assert Role.SUPPORT not in roles or name.endswith(".view"), name


def test_another_organization_finds_nothing_on_any_page(world: World) -> None:
    own = sign_in(Client(), world.admin)
    stranger = sign_in(Client(), make_member(make_organization("Beta"), "admin"))
    before = fingerprint(world.organization)
    seen = 0
    for page in guarded():
        if not has_ids(page):
            continue
        path = page.path(world)
        read, sent = stranger.get(path).status_code, stranger.post(path).status_code
        assert {read, sent} <= {404, 405} and 404 in {read, sent}, (path, read, sent)
        assert own.get(path).status_code != 404, f"{path} is not found by its owner either: the test is blind"
        seen += 1
    assert seen > 15
    assert fingerprint(world.organization) == before


def has_ids(page: Address) -> bool:
    """Whether the address names a row; words such as `code-suggestion/metric` are no ids."""
    try:
        page.path(None)
    except LookupError:
        return True
    return False


def test_no_list_shows_rows_of_another_organization(world: World) -> None:
    stranger = sign_in(Client(), make_member(make_organization("Beta"), "admin"))
    marks = {*marks_of(world), "alpha"}
    for page in guarded():
        if page.has_arguments:
            continue
        for query in ("", "?q=alpha", f"?q={world.objects['customers'].public_id}"):
            answer = stranger.get(page.path() + query)
            body = answer.getvalue().decode(errors="replace")
            body = body.replace(query.removeprefix("?q="), "") if query else body
            found = [mark for mark in marks if mark in body]
            assert found == [], (page.route, query)


def test_another_organizations_key_finds_nothing(client: Client, world: World) -> None:
    other = make_organization("Beta")
    headers = {"Authorization": f"Bearer {make_key(other)}"}
    own = {"Authorization": f"Bearer {world.key}"}
    before = fingerprint(world.organization)
    marks = marks_of(world)
    for method, route in api_operations():
        path = filled(route, world)
        if path == route:  # a list, or the making of something
            if method == "GET":
                body = client.get(path, headers=headers).content.decode()
                assert not [mark for mark in marks if mark in body], path
            continue
        response = client.generic(method, path, "{}", content_type="application/json", headers=headers)
        if method == "GET":
            assert response.status_code == 404, (method, path, response.status_code)
            assert client.get(path, headers=own).status_code != 404, f"{path}: the test is blind"
        else:  # a body that is missing values is refused before anything is looked for
            assert response.status_code in {400, 404}, (method, path, response.status_code)
        assert not [mark for mark in marks if mark in response.content.decode() and mark not in path], path
    assert fingerprint(world.organization) == before


def test_the_api_needs_a_live_key(client: Client, world: World) -> None:
    assert api_operations(), "no operation was found"
    for method, route in api_operations():
        path = filled(route, world)
        for headers in (
            {},
            {"Authorization": "Bearer sk_live_wrong"},
            {"Authorization": f"Basic {world.key}"},
        ):
            response = client.generic(method, path, "{}", content_type="application/json", headers=headers)
            assert response.status_code == 401, (method, path)


def marks_of(world: World) -> set[str]:
    """The ids that nobody else may ever see."""
    return {row.pk.hex for row in world.objects.values() if hasattr(row, "pk")}


def fingerprint(organization: Organization) -> dict[str, Any]:
    """How many rows of each kind there are and when one changed last: equal means that nothing was touched."""
    found = {}
    for model in apps.get_models():
        if issubclass(model, Scoped):
            rows = model.objects.of(organization)
            found[model.__name__] = tuple(rows.aggregate(Count("pk"), Max("updated_at")).values())
    assert len(found) > 20
    return found
