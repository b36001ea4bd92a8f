"""The pages of merging: search, comparison, confirmation, receipt, duplicates; who may, and what strangers see."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing.models import Organization
from customers.models import Customer, Merge, NotDuplicate
from tests.factories.customers import make_customer
from tests.factories.invoicing import make_plan, make_wallet, on, subscribe
from tests.factories.pages import htmx, queries, statuses, text
from tests.factories.people import make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
AT = on(2026, 1, 16)


@pytest.fixture
def organization(db: None) -> Organization:
    return make_organization(currency="EUR")


@pytest.fixture
def staff(organization: Organization, client: Client) -> Client:
    return sign_in(client, make_member(organization, "manager"))


@pytest.fixture
def target(organization: Organization) -> Customer:
    return make_customer(organization, name="Acme", external_id="acme", metadata={"color": "red"})


@pytest.fixture
def source(organization: Organization, target: Customer) -> Customer:
    row = make_customer(
        organization,
        name="ACME GmbH",
        external_id="acme-2",
        phone="+49301234567",
        metadata={"color": "blue"},
    )
    make_wallet(row, "50", AT)
    return row


def page(source: Customer, target: Customer, **query: str) -> str:
    extra = "".join(f"&{name}={value}" for name, value in query.items())
    return f"/customers/{source.public_id}/merge?into={target.public_id}{extra}"


def sent(staff: Client, path: str, **more: str) -> dict[str, str]:
    """What the browser sends for the page as it stands: hidden fields and the chosen radios."""
    context = staff.get(path).context
    rows = {
        row.name: side.value for row in context["rows"] for side in row.sides if side.chosen and not row.fixed
    }
    hidden = {"strategy": context["strategy"], "version": context["couple"].version}
    return rows | hidden | {"once": context["form"]["once"].value()} | more


def test_the_search_offers_what_looks_alike_and_finds_by_name(
    staff: Client, source: Customer, target: Customer
) -> None:
    path = f"/customers/{source.public_id}/merge"
    body = text(staff.get(path))
    assert (
        "These look alike" in body
        and "Same name" in body
        and page(source, target) in body.replace("&amp;", "&")
    )
    found = text(staff.get(f"{path}?q=acm", headers=htmx("merge-found")))
    assert "Acme" in found and "acme-2" not in found and "<html" not in found
    assert "No customer found" in text(staff.get(f"{path}?q=zzz"))
    drawer = text(staff.get(path, headers=htmx("drawer")))
    assert "Merge into" in drawer and "<html" not in drawer


def test_the_comparison_shows_what_differs_and_what_moves(
    staff: Client, source: Customer, target: Customer
) -> None:
    body = text(staff.get(page(source, target)))
    for part in ("ACME GmbH", "+49301234567", "Metadata: color", "Wallets merged", "€50.00", "acme-2"):
        assert part in body
    assert "leaves the lists for good" in body and 'name="confirmation"' in body
    assert not Merge.objects.exists()


def test_a_strategy_presets_the_choices(staff: Client, source: Customer, target: Customer) -> None:
    def chosen(strategy: str) -> dict[str, str]:
        rows = staff.get(page(source, target, strategy=strategy)).context["rows"]
        return {row.name: side.value for row in rows for side in row.sides if side.chosen}

    assert chosen("keep_target")["field-phone"] == "target"
    assert chosen("fill_missing")["field-phone"] == "source"
    assert chosen("fill_missing")["field-name"] == "target"
    assert chosen("keep_source")["field-name"] == "source"
    assert chosen("no-such-word") == chosen("keep_target")


def test_merging_leads_to_the_receipt(staff: Client, source: Customer, target: Customer) -> None:
    path = page(source, target)
    data = sent(
        staff, path, confirmation="acme-2", **{"field-phone": "source", "field-metadata.color": "source"}
    )
    answer = staff.post(path, data)
    merge = Merge.objects.get()
    assert answer.status_code == 302 and answer["Location"].endswith(f"/customers/merges/{merge.public_id}")
    target.refresh_from_db()
    assert (target.name, target.phone, target.metadata) == ("Acme", "+49301234567", {"color": "blue"})
    body = text(staff.get(answer["Location"]))
    assert "ACME GmbH was merged into Acme" in body and "€50.00" in body and "Metadata: color" in body


def test_the_page_of_the_source_leads_to_the_target(
    staff: Client, source: Customer, target: Customer
) -> None:
    path = page(source, target)
    staff.post(path, sent(staff, path, confirmation="acme-2"))
    answer = staff.get(f"/customers/{source.public_id}")
    assert answer.status_code == 302 and answer["Location"] == f"/customers/{target.public_id}"
    assert staff.get(f"/customers/{source.public_id}/usage").status_code == 404
    receipt = f"/customers/merges/{Merge.objects.get().public_id}"
    assert staff.get(path)["Location"] == receipt
    assert staff.post(path, {})["Location"] == receipt, "a second click ends where the first one did"


def test_without_the_typed_id_nothing_happens_and_the_choices_stay(
    staff: Client, source: Customer, target: Customer
) -> None:
    path = page(source, target)
    answer = staff.post(path, sent(staff, path, confirmation="acme", **{"field-phone": "source"}))
    assert answer.status_code == 422 and "Type acme-2 to confirm." in text(answer)
    rows = {row.name: row for row in answer.context["rows"]}
    assert [side.value for side in rows["field-phone"].sides if side.chosen] == ["source"]
    assert not Merge.objects.exists()


def test_a_customer_that_changed_meanwhile_is_looked_at_again(
    staff: Client, source: Customer, target: Customer
) -> None:
    path = page(source, target)
    data = sent(staff, path, confirmation="acme-2")
    target.phone = "1"
    target.save()
    answer = staff.post(path, data)
    assert answer.status_code == 422 and "changed meanwhile" in text(answer)
    assert not Merge.objects.exists()


def test_a_forged_choice_is_refused_with_a_sentence(
    staff: Client, source: Customer, target: Customer
) -> None:
    path = page(source, target)
    answer = staff.post(path, sent(staff, path, confirmation="acme-2", **{"field-organization": "source"}))
    assert answer.status_code == 422 and "nothing called organization" in text(answer)


def test_what_is_fixed_cannot_be_chosen(
    staff: Client, organization: Organization, source: Customer, target: Customer
) -> None:
    subscribe(target, make_plan(organization), AT)
    rows = {row.name: row for row in staff.get(page(source, target, strategy="keep_source")).context["rows"]}
    assert rows["field-external_id"].fixed and "a subscription" in rows["field-external_id"].why
    path = page(source, target)
    answer = staff.post(path, sent(staff, path, confirmation="acme-2", **{"field-external_id": "source"}))
    assert answer.status_code == 422 and not Merge.objects.exists()


def test_itself_and_nonsense(staff: Client, source: Customer, target: Customer) -> None:
    answer = staff.get(page(source, source))
    assert answer.status_code == 200 and "cannot be merged with itself" in text(answer)
    assert staff.get(f"/customers/{source.public_id}/merge?into=nonsense").status_code == 404


def test_two_selected_rows_are_compared_the_younger_one_goes(
    staff: Client, source: Customer, target: Customer
) -> None:
    answer = staff.get(f"/customers/merge?customers={source.public_id},{target.public_id}")
    assert answer.status_code == 302 and answer["Location"] == page(source, target)
    other = staff.get("/customers/merge", {"customers": [target.public_id, source.public_id]})
    assert other["Location"] == page(source, target)
    assert staff.get(f"/customers/merge?customers={source.public_id}").status_code == 302
    assert staff.get(f"/customers/merge?customers={source.public_id},x").status_code == 404


def test_who_may(organization: Organization, source: Customer, target: Customer) -> None:
    expected = {"admin": 200, "manager": 200, "finance": 403, "support": 403, "stranger": 404}
    assert statuses(organization, page(source, target)) == expected
    assert statuses(organization, page(source, target), {"confirmation": "x"}) == expected | {
        "admin": 422,
        "manager": 422,
    }


def test_another_organizations_customer_is_no_target(staff: Client, source: Customer) -> None:
    stranger = make_customer(make_organization("Other"))
    assert staff.get(page(source, stranger)).status_code == 404
    assert staff.post(page(source, stranger), {}).status_code == 404
    answer = staff.get(f"/customers/merge?customers={source.public_id},{stranger.public_id}")
    assert answer.status_code == 404


def test_duplicates_are_suggested_dismissed_and_suggested_again(
    staff: Client, source: Customer, target: Customer
) -> None:
    body = text(staff.get("/customers/duplicates"))
    assert "Same name" in body and page(source, target) in body.replace("&amp;", "&")
    ids = {"first": source.public_id, "second": target.public_id}
    assert staff.post("/customers/duplicates/decide", ids).status_code == 302
    assert staff.post("/customers/duplicates/decide", ids).status_code == 302
    assert NotDuplicate.objects.count() == 1
    body = text(staff.get("/customers/duplicates"))
    assert "No duplicates found" in body and "Found to be different" in body
    assert "These look alike" not in text(staff.get(f"/customers/{source.public_id}/merge"))
    staff.post("/customers/duplicates/decide", ids | {"undo": "1"})
    assert not NotDuplicate.objects.exists()
    assert "Same name" in text(staff.get("/customers/duplicates"))


def test_strangers_cannot_dismiss(organization: Organization, source: Customer, target: Customer) -> None:
    stranger = sign_in(Client(), make_member(make_organization("Other"), "admin"))
    ids = {"first": source.public_id, "second": target.public_id}
    assert stranger.post("/customers/duplicates/decide", ids).status_code == 404
    assert "Acme" not in text(stranger.get("/customers/duplicates"))
    support = sign_in(Client(), make_member(organization, "support"))
    assert support.post("/customers/duplicates/decide", ids).status_code == 403
    assert "Not duplicates" not in text(support.get("/customers/duplicates"))


def test_reasons_are_found_whatever_the_spelling(staff: Client, organization: Organization) -> None:
    pairs: list[tuple[dict[str, Any], dict[str, Any], str]] = [
        (
            {"email": "jo.doe+x@mail.example"},
            {"email": "jodoe@mail.example"},
            "Same mailbox: jodoe@mail.example",
        ),
        (
            {"legal_number": "1", "tax_id": "DE 136 695 976"},
            {"tax_id": "DE136695976"},
            "Same tax number: DE136695976",
        ),
        (
            {"name": "Müller & Söhne KG"},
            {"name": "Muller Sohne"},
            "Same name: Müller &amp; Söhne KG / Muller Sohne",
        ),
        ({"name": "Kampala Coffee Roasters"}, {"name": "Kampala Cofee Roasters"}, "Similar name"),
    ]
    for number, (one, other, reason) in enumerate(pairs):
        names = [{"name": f"{word}{number}"} for word in ("Alpha", "Omega")]
        for row in (names[0] | one, names[1] | other):
            customer = make_customer(organization)
            Customer.objects.filter(pk=customer.pk).update(**row)
        body = text(staff.get("/customers/duplicates"))
        assert reason in body, (reason, body[-3000:])


def test_the_pages_stay_cheap(
    staff: Client, organization: Organization, source: Customer, target: Customer
) -> None:
    staff.get("/customers/duplicates")
    assert queries(staff, "/customers/duplicates") <= 12
    for number in range(6):
        make_customer(organization, name="Acme", external_id=f"more-{number}")
    assert queries(staff, "/customers/duplicates") <= 12
    assert queries(staff, f"/customers/{source.public_id}/merge") <= 16


def test_amounts_are_of_the_very_merge(staff: Client, source: Customer, target: Customer) -> None:
    make_wallet(target, "20", AT)
    make_wallet(source, "7", AT, currency="USD")
    body = text(staff.get(page(source, target)))
    rows = {row.label: (row.count, row.note) for row in staff.get(page(source, target)).context["moves"]}
    assert rows == {"Wallets merged": (1, "€50.00"), "Wallets moved": (1, "$7.00")}
    assert "Wallets merged" in body
    assert source.wallets.in_use().get(currency="EUR").balance_minor == 5000
