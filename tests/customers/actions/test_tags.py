"""Tags: the list of an organization, and which of them a customer has."""

from __future__ import annotations

from uuid import uuid4

import pytest

from billing.models import AuditEntry, EmittedEvent, Job, Organization
from billing.orm.search import matching
from billing.rules.errors import Conflict, FieldErrors, Invalid
from customers.actions.customers import update_customer
from customers.actions.tag_list import create_tag, delete_tag, ensure_tags, index, update_tag
from customers.actions.tags import add_tags, remove_tags, set_tags
from customers.models import Customer, Tag
from customers.queries.tags import tag_names, tag_uses, tagged_with_all, tags_of
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def vip(organization: Organization) -> Tag:
    return create_tag(organization, "VIP", "amber", by=ACTOR, at=NOW)


def acts(customer: Customer) -> list[dict[str, list[object]]]:
    rows = AuditEntry.objects.filter(customer=customer, action="customer.updated").order_by("id")
    return [row.changes for row in rows]


def test_names_are_one_without_case(organization: Organization, vip: Tag) -> None:
    with pytest.raises(Conflict) as refused:
        create_tag(organization, " vip ", by=ACTOR, at=NOW)
    assert refused.value.field == "name"
    create_tag(make_organization("Other"), "VIP", by=ACTOR, at=NOW)
    ids = ensure_tags(organization, ["vip", "New", "VIP"], by=ACTOR, at=NOW)
    assert ids[0] == vip.pk and len(ids) == 2
    assert sorted(tag_names(organization).values()) == ["New", "VIP"]


@pytest.mark.parametrize("name", ["", "a,b", "x" * 51, "a\x00b"])
def test_bad_names(organization: Organization, name: str) -> None:
    with pytest.raises(FieldErrors):
        create_tag(organization, name, by=ACTOR, at=NOW)
    assert not Tag.objects.exists()


def test_bad_colour(organization: Organization) -> None:
    with pytest.raises(Invalid) as refused:
        create_tag(organization, "VIP", "mauve", by=ACTOR, at=NOW)
    assert refused.value.field == "color"


def test_adding_and_removing_is_idempotent_and_told(organization: Organization, vip: Tag) -> None:
    customer = make_customer(organization)
    for _ in range(2):
        add_tags(customer, [vip.pk], by=ACTOR, at=NOW)
    customer.refresh_from_db()
    assert tags_of(customer) == [vip] and acts(customer) == [{"tags": [[], ["VIP"]]}]
    event = EmittedEvent.objects.get(name="customer.updated")
    assert event.data["tags"] == ["VIP"] and event.subject_id == customer.pk
    for _ in range(2):
        remove_tags(customer, [vip.pk], by=ACTOR, at=NOW)
    customer.refresh_from_db()
    assert customer.tag_ids == [] and acts(customer)[1:] == [{"tags": [["VIP"], []]}]


def test_setting(organization: Organization, vip: Tag) -> None:
    other = create_tag(organization, "Other", by=ACTOR, at=NOW)
    customer = make_customer(organization, tags=["VIP"])
    assert set_tags(customer, [other.pk], by=ACTOR, at=NOW).tag_ids == [other.pk]
    assert tag_uses(organization) == {other.pk: 1}


def test_strange_and_deleted_customers_and_tags_are_refused(organization: Organization, vip: Tag) -> None:
    customer = make_customer(organization)
    strange = create_tag(make_organization("Other"), "Theirs", by=ACTOR, at=NOW)
    for key in (strange.pk, uuid4()):
        with pytest.raises(Invalid):
            add_tags(customer, [key], by=ACTOR, at=NOW)
    Customer.objects.filter(pk=customer.pk).update(deleting_at=NOW)
    with pytest.raises(Conflict):
        add_tags(customer, [vip.pk], by=ACTOR, at=NOW)
    customer.refresh_from_db()
    assert customer.tag_ids == []


def test_containment_of_all(organization: Organization, vip: Tag) -> None:
    both = make_customer(organization, tags=["VIP", "Beta"])
    make_customer(organization, tags=["Beta"])
    rows = Customer.objects.of(organization)
    assert list(tagged_with_all(rows, organization, ["vip", " BETA "])) == [both]
    assert tagged_with_all(rows, organization, ["beta"]).count() == 2
    assert not tagged_with_all(rows, organization, ["vip", "nobody"]).exists()
    assert tagged_with_all(rows, organization, [""]).count() == 2


def test_search_finds_by_tag_and_learns_a_new_name(organization: Organization, vip: Tag) -> None:
    customer = make_customer(organization, tags=["VIP"])
    rows = Customer.objects.of(organization)
    assert list(matching(rows, "vip")) == [customer]
    update_tag(vip, name="Goldfish", by=ACTOR, at=NOW)
    assert [tag.name for tag in tags_of(customer)] == ["Goldfish"]
    index(Job.objects.get(task="customers.index_tag"))
    assert list(matching(rows, "goldf")) == [customer] and not matching(rows, "vip").exists()


def test_recolouring_needs_no_index_and_nothing_writes_nothing(organization: Organization, vip: Tag) -> None:
    make_customer(organization, tags=["VIP"])
    update_tag(vip, color="red", by=ACTOR, at=NOW)
    update_tag(vip, name="VIP", color="red", by=ACTOR, at=NOW)
    assert not Job.objects.filter(task="customers.index_tag").exists()
    changes = AuditEntry.objects.get(action="tag.updated").changes
    assert changes == {"color": ["amber", "red"]}
    other = create_tag(organization, "Other", by=ACTOR, at=NOW)
    with pytest.raises(Conflict):
        update_tag(other, name="vip", by=ACTOR, at=NOW)


def test_deleting_takes_it_off_everybody(organization: Organization, vip: Tag) -> None:
    kept = make_customer(organization, tags=["VIP", "Beta"])
    theirs = make_customer(make_organization("Other"), tags=["VIP"])
    assert delete_tag(vip, by=ACTOR, at=NOW) == 1
    kept.refresh_from_db()
    theirs.refresh_from_db()
    assert [tag.name for tag in tags_of(kept)] == ["Beta"] and len(theirs.tag_ids) == 1
    index(Job.objects.get(task="customers.index_tag"))
    assert not matching(Customer.objects.of(organization), "vip").exists()
    entry = AuditEntry.objects.get(action="tag.deleted")
    assert entry.changes["customers"] == [1, 0]


def test_an_update_with_the_same_tags_writes_nothing(organization: Organization, vip: Tag) -> None:
    customer = make_customer(organization, tags=["VIP"])
    update_customer(customer, {"tags": ["vip"]}, by=ACTOR, at=NOW)
    assert acts(customer) == []
    update_customer(customer, {"tags": []}, by=ACTOR, at=NOW)
    assert acts(customer) == [{"tags": [["VIP"], []]}]
