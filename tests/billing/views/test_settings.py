"""Settings: the organization, its members and its billing entities in the browser."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from billing.models import AuditEntry, BillingEntity, Member, Organization
from tests.factories.catalog import make_tax
from tests.factories.people import make_member, make_organization, sign_in
from tests.factories.world import small_png

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    """A tenant."""
    return make_organization("Acme")


@pytest.fixture
def admin(organization: Organization) -> Client:
    """Its admin's browser."""
    return sign_in(Client(), Member.objects.get(organization=organization))


def entity_form(**changes: object) -> dict[str, object]:
    """The form as the browser sends it."""
    return {
        "name": "Acme GmbH",
        "timezone": "Europe/Berlin",
        "default_currency": "EUR",
        "locale": "de",
        "brand_color": "#123456",
        "number_prefix": "acm",
        "numbering": "per_billing_entity",
        "net_payment_term_days": "14",
        "grace_period_days": "0",
        "country": "DE",
    } | changes


def test_what_an_entity_has_for_consumers_and_its_taxes(admin: Client, organization: Organization) -> None:
    entity = BillingEntity.objects.get(organization=organization)
    own, foreign = make_tax(organization), make_tax(make_organization("Beta"))
    more = {
        "consumer_payment_term_days": "7",
        "consumer_notice": "You may cancel within 14 days.",
        "zero_amount_invoices": "on",
        "taxes": [str(own.pk)],
    }
    url = reverse("billing-entity", args=[entity])
    assert admin.post(url, entity_form(**more)).status_code == 302
    entity.refresh_from_db()
    assert (entity.consumer_payment_term_days, entity.consumer_notice) == (7, more["consumer_notice"])
    assert (entity.zero_amount_invoices, entity.email_invoices, list(entity.taxes.all())) == (
        True,
        False,
        [own],
    )
    assert AuditEntry.objects.get(action="billing_entity.updated").changes["taxes"] == [[], [str(own)]]
    answer = admin.post(
        url, entity_form(**more | {"taxes": [str(foreign.pk)], "consumer_payment_term_days": "400"})
    )
    assert answer.status_code == 422
    assert {"taxes", "consumer_payment_term_days"} <= set(answer.context["form"].errors)
    assert list(entity.taxes.all()) == [own]


def test_organization_is_changed_and_noted(admin: Client, organization: Organization) -> None:
    data = {"name": "  Acme  Two ", "default_currency": "JPY", "timezone": "Asia/Tokyo"}
    assert admin.post(reverse("settings"), data).status_code == 302
    organization.refresh_from_db()
    assert (organization.name, organization.default_currency, organization.timezone) == (
        "Acme Two",
        "JPY",
        "Asia/Tokyo",
    )
    assert AuditEntry.objects.get(action="organization.updated").changes["name"] == ["Acme", "Acme Two"]
    assert admin.post(reverse("settings"), data).status_code == 302
    assert AuditEntry.objects.filter(action="organization.updated").count() == 1, "no change, no line"


@pytest.mark.parametrize(
    "field, value", [("name", ""), ("default_currency", "XXQ"), ("timezone", "Mars/Base")]
)
def test_bad_organization_values_are_refused(admin: Client, field: str, value: str) -> None:
    data = {"name": "Acme", "default_currency": "EUR", "timezone": "UTC"} | {field: value}
    response = admin.post(reverse("settings"), data)
    assert response.status_code == 422
    assert f'id="id_{field}_error"' in response.content.decode()


def test_who_may_only_look_sees_a_form_without_a_button(organization: Organization) -> None:
    manager = sign_in(Client(), make_member(organization, "manager"))
    page = manager.get(reverse("settings")).content.decode()
    assert '<fieldset class="overlay-body" disabled>' in page
    assert manager.post(reverse("settings"), {"name": "Mine"}).status_code == 403


def test_billing_entity_is_added_with_capital_prefix_and_code(admin: Client) -> None:
    response = admin.post(reverse("billing-entity-add"), entity_form())
    assert response.status_code == 302
    entity = BillingEntity.objects.get(name="Acme GmbH")
    assert (entity.number_prefix, entity.code, entity.is_default) == ("ACM", "acme-gmbh", False)
    again = admin.post(reverse("billing-entity-add"), entity_form())
    assert (again.status_code, "Another billing entity has this code." in again.content.decode()) == (
        422,
        True,
    )


@pytest.mark.parametrize(
    "field, value",
    [
        ("name", ""),
        ("number_prefix", "TOOLONGPREFIX"),
        ("number_prefix", "A B"),
        ("brand_color", "red;}"),
        ("net_payment_term_days", "-1"),
        ("grace_period_days", "366"),
        ("email", "nobody"),
        ("country", "ZZ"),
        ("numbering", "mine"),
        ("invoice_footer", "x" * 601),
    ],
)
def test_bad_billing_entity_values_are_refused(admin: Client, field: str, value: str) -> None:
    response = admin.post(reverse("billing-entity-add"), entity_form(**{field: value}))
    assert response.status_code == 422
    assert BillingEntity.objects.count() == 1


def png(side: int, noise: bool = False) -> bytes:
    """A square picture; with noise it cannot be compressed."""
    out = BytesIO()
    picture = Image.effect_noise((side, side), 100) if noise else Image.new("1", (side, side))
    picture.save(out, "PNG")
    return out.getvalue()


def test_logo_is_kept_shown_and_removed(admin: Client, organization: Organization) -> None:
    entity = BillingEntity.objects.get(organization=organization)
    url = reverse("billing-entity", args=[entity.public_id])
    file = SimpleUploadedFile("../../evil.php", small_png(), "text/html")
    assert admin.post(url, entity_form(logo=file)).status_code == 302
    entity.refresh_from_db()
    assert entity.logo.name.startswith("logos/") and entity.logo.name.endswith(".png")
    shown = admin.get(reverse("billing-entity-logo", args=[entity.public_id]))
    assert (shown["Content-Type"], b"".join(shown.streaming_content)) == ("image/png", small_png())  # type: ignore[attr-defined]
    assert admin.post(url, entity_form()).status_code == 302
    entity.refresh_from_db()
    assert entity.logo, "saving without a file keeps the logo"
    assert admin.post(url, entity_form(remove_logo="on")).status_code == 302
    entity.refresh_from_db()
    assert not entity.logo


@pytest.mark.parametrize(
    "data, words",
    [
        (b"<svg onload=alert(1)>", "not a PNG or JPEG"),
        (b"GIF89a" + b"\0" * 40, "not a PNG or JPEG"),
        (small_png()[:40], "not a PNG or JPEG"),
        (b"", "empty"),
        (png(4001), "4000 pixels"),
        (png(950, noise=True), "800 KB"),
    ],
)
def test_files_that_are_no_logo_are_refused(
    admin: Client, organization: Organization, data: bytes, words: str
) -> None:
    entity = BillingEntity.objects.get(organization=organization)
    file = SimpleUploadedFile("logo.png", data, "image/png")
    response = admin.post(reverse("billing-entity", args=[entity.public_id]), entity_form(logo=file))
    assert response.status_code == 422
    assert words in response.content.decode()


def test_default_moves_and_there_is_always_one(admin: Client, organization: Organization) -> None:
    admin.post(reverse("billing-entity-add"), entity_form())
    second = BillingEntity.objects.get(name="Acme GmbH")
    url = reverse("billing-entity-default", args=[second.public_id])
    for _ in range(2):
        assert admin.post(url).status_code == 302
    assert BillingEntity.objects.get(organization=organization, is_default=True).pk == second.pk
    entry = AuditEntry.objects.get(action="billing_entity.made_default")
    assert entry.changes == {"default": ["Acme", "Acme GmbH"]}


def test_preview_shows_the_next_number_without_taking_it(admin: Client, organization: Organization) -> None:
    entity = BillingEntity.objects.get(organization=organization)
    data = {"entity": entity.public_id, "number_prefix": "nyx", "numbering": "per_billing_entity"}
    first, second = (admin.get(reverse("billing-entity-number-preview"), data) for _ in range(2))
    assert "-001</strong>" in first.content.decode() and "NYX-" in first.content.decode()
    assert first.content == second.content
    data["numbering"] = "per_customer"
    assert "NYX-001-001" in admin.get(reverse("billing-entity-number-preview"), data).content.decode()


def test_member_is_invited_from_the_drawer(admin: Client, organization: Organization) -> None:
    headers = {"HX-Request": "true", "HX-Target": "drawer"}
    url = reverse("member-invite")
    assert "<html" not in admin.get(url, headers=headers).content.decode()
    bad = admin.post(url, {"email": "nobody", "role": "king"}, headers=headers)
    assert (bad.status_code, "id_email_error" in bad.content.decode()) == (422, True)
    good = admin.post(url, {"email": "new@example.com", "role": "finance"}, headers=headers)
    assert good.status_code == 204
    assert {"close-overlay", "member-changed", "toast"} <= set(
        good.headers["HX-Trigger"].replace('"', " ").split()
    )
    assert Member.objects.filter(organization=organization, user__email="new@example.com").exists()
    again = admin.post(url, {"email": "NEW@example.com", "role": "finance"}, headers=headers)
    assert (again.status_code, "already a member" in again.content.decode()) == (422, True)


def test_last_admin_is_protected_in_the_browser_too(admin: Client, organization: Organization) -> None:
    member = Member.objects.get(organization=organization)
    response = admin.post(reverse("member-role", args=[member.public_id]), {"role": "support"})
    assert (response.status_code, "last admin" in response.content.decode()) == (422, True)
    headers = {"HX-Request": "true", "HX-Target": "dialog"}
    refused = admin.post(reverse("member-remove", args=[member.public_id]), headers=headers)
    assert (refused.status_code, "last admin" in refused.headers["HX-Trigger"]) == (409, True)
    assert Member.objects.filter(pk=member.pk, role="admin").exists()


def test_member_list_searches_and_escapes(admin: Client, organization: Organization) -> None:
    member = make_member(organization, "finance")
    member.user.name = "<script>alert(1)</script>"
    member.user.save()
    page = admin.get(reverse("members"), {"q": "<script>"}).content.decode()
    assert "<script>alert(1)" not in page
    assert member.user.email in page
    assert "Nobody found" in admin.get(reverse("members"), {"q": "%"}).content.decode()
