"""An organization demands two-factor sign-in: who may demand it, whom it holds back and where, and the way in."""

from __future__ import annotations

import re
import time

import pytest
from django.test import Client
from django.urls import reverse
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from billing.actions import two_factor
from billing.models import AuditEntry, Member, Organization, User
from billing.orm.actor import Actor
from billing.rules.errors import Conflict
from tests.factories.api import Api
from tests.factories.pages import htmx, queries, statuses, text
from tests.factories.people import ACTOR, NOW, PASSWORD, make_member, make_organization, make_user, sign_in

pytestmark = pytest.mark.django_db
SET_UP = "/account/two-factor"


@pytest.fixture
def organization() -> Organization:
    return make_organization("Acme")


def with_app(user: User) -> TOTPDevice:
    """The person has a second factor."""
    return TOTPDevice.objects.create(user=user, name="authenticator", confirmed=True)


def admin_of(organization: Organization) -> Member:
    """The one who made it, with a second factor."""
    member = Member.objects.select_related("user").get(organization=organization, role="admin")
    with_app(member.user)
    return member


def demanded(organization: Organization) -> Member:
    """It is demanded; returns the admin who did it."""
    member = admin_of(organization)
    by = Actor("user", "Ada", user_id=member.user_id)
    two_factor.demand(organization, True, by=by, at=NOW)
    organization.refresh_from_db()
    return member


def code_of(device: TOTPDevice) -> str:
    totp = TOTP(device.bin_key)
    totp.time = time.time()
    return f"{totp.token():06d}"


# --- Demanding it -----------------------------------------------------------------------------------------
def test_an_admin_who_has_it_demands_it_and_leaves_it_open_again(organization: Organization) -> None:
    client = sign_in(Client(), admin_of(organization))
    make_member(organization, "support")
    url = reverse("members-two-factor")
    assert "<strong>1 member</strong> has no second factor yet" in text(client.get(url))
    assert "1 member" in text(client.get(url, headers=htmx("dialog")))
    for _ in range(2):  # the second time changes nothing
        assert client.post(url, {"wanted": "1"}).status_code == 302
        organization.refresh_from_db()
        assert organization.require_two_factor
    page = text(client.get(reverse("members")))
    assert "Leave it to members" in page
    assert client.post(url, {"wanted": "0"}).status_code == 302
    organization.refresh_from_db()
    assert not organization.require_two_factor
    lines = AuditEntry.objects.filter(organization=organization, action__startswith="organization.two_factor")
    assert sorted((line.action, line.changes, line.actor_label) for line in lines) == [
        ("organization.two_factor_demanded", {"require_two_factor": [False, True]}, "Ada Biller"),
        ("organization.two_factor_left_open", {"require_two_factor": [True, False]}, "Ada Biller"),
    ]


def test_whoever_has_none_cannot_demand_it(organization: Organization) -> None:
    member = Member.objects.select_related("user").get(organization=organization)
    client = sign_in(Client(), member)
    page = text(client.get(reverse("members")))
    assert "Turn it on for yourself" in page and "Demand it" not in page
    answer = client.post(reverse("members-two-factor"), {"wanted": "1"}, follow=True)
    assert "Turn on two-factor sign-in for yourself first" in text(answer)
    two_factor.prepare(member.user)  # begun, never confirmed: it does not count
    for by in (Actor("user", "Ada", user_id=member.user_id), ACTOR):
        with pytest.raises(Conflict) as caught:
            two_factor.demand(organization, True, by=by, at=NOW)
        assert caught.value.code == "two_factor_needed"
    organization.refresh_from_db()
    assert not organization.require_two_factor
    assert not AuditEntry.objects.filter(action__startswith="organization.two_factor").exists()


def test_only_admins_may(organization: Organization) -> None:
    url = reverse("members-two-factor")
    found = statuses(organization, url)
    assert found == {"admin": 200, "finance": 403, "manager": 403, "support": 403, "stranger": 200}
    for role in ("finance", "manager", "support"):
        member = make_member(organization, role)
        with_app(member.user)
        assert sign_in(Client(), member).post(url, {"wanted": "1"}).status_code == 403
    stranger = make_member(make_organization("Other"))
    with_app(stranger.user)
    sign_in(Client(), stranger).post(url, {"wanted": "1"})
    organization.refresh_from_db()
    assert not organization.require_two_factor  # a stranger's click is about the stranger's own organization


def test_the_list_says_who_has_it_at_no_query_more_per_member(organization: Organization) -> None:
    admin = admin_of(organization)
    client = sign_in(Client(), admin)
    url = reverse("members")
    make_member(organization, "support")
    client.get(url)
    few = queries(client, url)
    for _ in range(5):
        make_member(organization, "manager")
    assert queries(client, url) == few
    rows = {row.user_id: row.two_factor for row in client.get(url).context["page"]}
    assert rows.pop(admin.user_id) is True
    assert set(rows.values()) == {False}


# --- Held back --------------------------------------------------------------------------------------------
def test_from_signing_in_to_being_let_in(organization: Organization) -> None:
    demanded(organization)
    member = make_member(organization, "support")
    client = Client()
    first = client.post(
        reverse("login") + "?next=/invoices", {"username": member.user.email, "password": PASSWORD}
    )
    assert client.get(first["Location"])["Location"] == f"{SET_UP}?next=%2Finvoices"
    page = text(client.get(f"{SET_UP}?next=/invoices"))
    assert "Everyone in Acme must use two-factor sign-in" in page
    assert '"/customers"' not in page
    assert client.post(SET_UP, {"code": "000000"}).status_code == 422
    assert client.get("/customers").status_code == 302
    TOTPDevice.objects.update(throttling_failure_timestamp=None, throttling_failure_count=0)
    device = TOTPDevice.objects.get(user=member.user)
    codes = text(client.post(f"{SET_UP}?next=/invoices", {"code": code_of(device)}))
    assert 'href="/invoices"' in codes and "Recovery codes" in codes
    for path in ("/", "/customers", "/invoices"):
        assert client.get(path).status_code == 200


def test_a_session_that_was_open_is_held_back_at_the_next_click(organization: Organization) -> None:
    client = sign_in(Client(), make_member(organization, "manager"))
    assert client.get("/customers").status_code == 200
    demanded(organization)
    assert client.get("/customers?q=a")["Location"] == f"{SET_UP}?next=%2Fcustomers%3Fq%3Da"
    piece = client.get(
        "/customers", headers=htmx("customer-table") | {"HX-Current-URL": "http://testserver/invoices"}
    )
    assert piece["HX-Redirect"] == f"{SET_UP}?next=%2Finvoices"
    assert client.post("/customers/add", {"name": "X"})["Location"] == f"{SET_UP}?next=%2F"


def test_what_is_ones_own_stays_open_and_shows_nothing_of_the_organization(
    organization: Organization,
) -> None:
    demanded(organization)
    client = sign_in(Client(), make_member(organization, "support"))
    for name in ("profile", "password-change", "sessions", "two-factor"):
        answer = client.get(reverse(name))
        page = text(answer)
        assert answer.status_code == 200, name
        for link in ("/customers", "/invoices", "/settings", "/search", "/developers"):
            assert f'"{link}' not in page, (name, link)
    missing = client.get("/no-such-page")
    assert missing.status_code == 404 and '"/customers"' not in text(missing)


def test_only_the_demanding_organization_is_closed(organization: Organization) -> None:
    demanded(organization)
    member = make_member(organization, "support")
    other = make_organization("Beta")
    Member.objects.create(organization=other, user=member.user, role="manager")
    client = sign_in(Client(), member)
    page = text(client.get(SET_UP))
    assert "Work in Beta instead" in page
    client.post(reverse("organization-switch"), {"organization": str(other.pk)})
    assert client.get("/customers").status_code == 200
    client.post(reverse("organization-switch"), {"organization": str(organization.pk)})
    assert client.get("/customers").status_code == 302
    third = make_organization("Gamma")
    assert "Gamma" not in page and not Member.objects.filter(organization=third, user=member.user).exists()


def test_api_keys_work_on(organization: Organization) -> None:
    api = Api(organization)
    demanded(organization)
    assert api.get("/customers")[0] == 200
    assert api.post("/customers", {"email": "a@example.com"})[0] == 201


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_the_way_back_never_leaves_the_product(organization: Organization, target: str) -> None:
    demanded(organization)
    member = make_member(organization)
    client = sign_in(Client(), member)
    client.get(SET_UP)
    device = TOTPDevice.objects.get(user=member.user)
    page = text(client.post(f"{SET_UP}?next={target}", {"code": code_of(device)}))
    assert re.findall(r'href="([^"]*)"[^>]*>\s*<span>I have kept them', page) == ["/account"]


# --- Nobody is locked out ---------------------------------------------------------------------------------
def test_the_only_admin_who_turns_it_off_comes_back_in(organization: Organization) -> None:
    admin = demanded(organization)
    client = sign_in(Client(), admin)
    assert client.get("/").status_code == 200
    warned = text(client.get(reverse("two-factor-off")))
    assert "These ask for it" in warned and "Acme" in warned
    assert client.post(reverse("two-factor-off"), {"password": PASSWORD}).status_code == 302
    assert client.get("/")["Location"].startswith(SET_UP)
    assert client.post(reverse("members-two-factor"), {"wanted": "0"})["Location"].startswith(SET_UP)
    client.get(SET_UP)
    client.post(SET_UP, {"code": code_of(TOTPDevice.objects.get(user=admin.user))})
    assert client.get("/").status_code == 200


def test_a_new_member_sets_it_up_after_the_password(organization: Organization) -> None:
    demanded(organization)
    user = make_user("New")
    Member.objects.create(organization=organization, user=user, role="manager")
    client = Client()
    client.post(reverse("login"), {"username": user.email, "password": PASSWORD})
    assert client.get("/", follow=True).redirect_chain[-1] == (f"{SET_UP}?next=%2F", 302)


def test_whoever_has_it_notices_nothing(organization: Organization) -> None:
    """One query more answers it, whatever the page."""
    member = make_member(organization, "manager")
    with_app(member.user)
    client = sign_in(Client(), member)
    client.get("/invoices")
    before = queries(client, "/invoices")
    demanded(organization)
    assert queries(client, "/invoices") == before + 1
