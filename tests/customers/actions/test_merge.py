"""Merging as a whole: counts, fields, refusals, atomicity, what is foreseen."""

from __future__ import annotations

from typing import Any

import pytest

from billing.models import (
    AuditEntry,
    EmittedEvent,
    Event,
    Wallet,
)
from billing.rules.errors import Conflict, FieldErrors, Invalid, Locked
from customers.actions import merge_records
from customers.actions.delete import request_deletion
from customers.actions.foresee import foresee_merge
from customers.actions.merge import merge_customers
from customers.models import Customer, Merge, Tag
from customers.queries.merging import merge_payload
from customers.rules.merging import COLUMNS, OWN
from tests.factories.customers import make_customer
from tests.factories.invoicing import (
    billed_customer,
    default_tax,
)
from tests.factories.merging import AT, BY, Case, fresh, make_case
from tests.factories.people import make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(db: None) -> Case:
    return make_case()


def test_the_counts_say_what_moved(case: Case) -> None:
    merge = case.merge()
    assert merge_payload(merge) == {
        "sourceCustomerId": case.source.public_id,
        "targetCustomerId": case.target.public_id,
        "subscriptionsCount": 1,
        "invoicesCount": 3,
        "paymentMethodsCount": 0,
        "usageEventsCount": 1,
        "promotionRedemptionsCount": 1,
        "customerScopedPricesCount": 0,
        "walletsMovedCount": 1,
        "walletsMergedCount": 1,
    }
    assert merge.counts["credit_notes"] == 1 and merge.counts["payments"] == 1 and merge.counts["notes"] == 1
    assert merge.counts["drafts"] == 1 and merge.counts["portal_links"] == 1
    assert merge.counts["outstanding"] == {"EUR": 6000}
    assert merge.counts["wallets"] == [
        {"currency": "EUR", "minor": 10000, "how": "merged"},
        {"currency": "USD", "minor": 500, "how": "moved"},
    ]
    assert Event.objects.filter(subscription__customer=case.target).count() == 1


def test_the_source_is_gone_and_points_at_the_target(case: Case) -> None:
    merge = case.merge()
    source = fresh(case.source)
    assert source.deleted_at == AT and source.merged_into == case.target
    assert (merge.source, merge.target, merge.actor_label) == (case.source, case.target, "Ada Biller")
    lines = AuditEntry.objects.filter(action="customer.merged")
    assert {line.customer_id for line in lines} == {case.source.pk, case.target.pk}
    event = EmittedEvent.objects.get(name="customer.merged")
    assert event.subject_id == case.target.pk and event.data == merge_payload(merge)


def test_every_column_of_a_customer_is_chosen_or_its_own() -> None:
    columns = {
        field.attname if field.name == "billing_entity" else field.name for field in Customer._meta.fields
    }
    many = {field.name for field in Customer._meta.many_to_many}
    assert (columns | many) == (COLUMNS | OWN), "say in rules/merging.py whether a merge chooses it"
    assert not COLUMNS & OWN


def test_tags_and_metadata_are_united_and_what_is_chosen_is_kept(case: Case) -> None:
    tags = [Tag.objects.create(organization=case.organization, name=name) for name in ("a", "b")]
    Customer.objects.filter(pk=case.target.pk).update(tag_ids=[tags[0].pk], metadata={"color": "red", "x": 1})
    Customer.objects.filter(pk=case.source.pk).update(
        tag_ids=[tags[1].pk], metadata={"color": "blue", "y": 2}
    )
    merge = case.merge("fill_missing", {"metadata.color": "source", "name": "source", "metadata.x": "source"})
    target = fresh(case.target)
    assert target.tag_ids == [tags[0].pk, tags[1].pk]
    assert target.metadata == {"color": "blue", "y": 2}
    assert (target.name, target.phone, target.email) == ("ACME Ltd", "+4930123456", "billing@acme.example")
    assert merge.fields["name"] == ["Acme", "ACME Ltd", "ACME Ltd"]
    assert "acme ltd" in target.search_text


def test_the_sources_email_and_external_id_may_be_taken_over(case: Case) -> None:
    other = billed_customer(case.organization, external_id="plain")
    merge_customers(case.source, other, "keep_source", by=BY, at=AT)
    other = fresh(other)
    assert (other.external_id, other.email, other.name) == ("acme-2", "ap@acme.example", "ACME Ltd")


def test_external_id_and_currency_stay_when_they_are_fixed(case: Case) -> None:
    case.merge("keep_source")
    assert fresh(case.target).external_id == "acme"
    assert fresh(case.target).email == "ap@acme.example"


def test_asking_for_what_is_fixed_is_refused(case: Case) -> None:
    with pytest.raises(Locked) as refused:
        case.merge(chosen={"external_id": "source"})
    assert refused.value.field == "external_id"
    assert fresh(case.source).deleted_at is None


def test_what_cannot_be_merged(case: Case) -> None:
    with pytest.raises(Invalid) as itself:
        merge_customers(case.source, case.source, by=BY, at=AT)
    assert itself.value.field == "target_customer_id"
    with pytest.raises(Invalid):
        merge_customers(case.source, make_customer(make_organization("Other")), by=BY, at=AT)
    with pytest.raises(Invalid) as word:
        case.merge("newest")
    assert word.value.field == "strategy"
    with pytest.raises(Invalid) as unknown:
        case.merge(chosen={"shoe_size": "source"})
    assert unknown.value.field == "shoe_size"
    request_deletion(case.target, by=BY, at=AT)
    with pytest.raises(Conflict) as going:
        case.merge()
    assert going.value.code == "customer_deleted"
    assert not Merge.objects.exists()


def test_a_second_merge_of_the_same_customer_is_refused(case: Case) -> None:
    case.merge()
    other = billed_customer(case.organization)
    with pytest.raises(Conflict) as again:
        merge_customers(case.source, other, by=BY, at=AT)
    assert again.value.code == "customer_merged"
    with pytest.raises(Conflict):
        merge_customers(other, case.source, by=BY, at=AT)


def test_pointers_lead_to_the_last_of_a_chain(case: Case) -> None:
    case.merge()
    last = billed_customer(case.organization)
    merge_customers(case.target, last, by=BY, at=AT)
    assert fresh(case.source).merged_into == last and fresh(case.target).merged_into == last
    wallet = Wallet.objects.get(customer=last, currency="EUR", status="active")
    assert wallet.balance_minor == 12000


def test_a_failure_half_way_leaves_nothing(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(moving: Any) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(merge_records, "STEPS", merge_records.STEPS)
    monkeypatch.setattr("customers.actions.merge.STEPS", (*merge_records.STEPS, fail))
    with pytest.raises(RuntimeError):
        case.merge("keep_source")
    assert fresh(case.source).deleted_at is None and fresh(case.source).merged_into is None
    assert fresh(case.target).name == "Acme" and fresh(case.euros).balance_minor == 10000
    assert fresh(case.subscription).customer == case.source
    assert not Merge.objects.exists() and not AuditEntry.objects.filter(action="customer.merged").exists()


def test_what_is_foreseen_is_what_happens(case: Case) -> None:
    foreseen = foresee_merge(case.source, case.target, "fill_missing", {}, by=BY, at=AT)
    assert fresh(case.source).deleted_at is None and not Merge.objects.exists()
    assert case.merge("fill_missing").counts == foreseen


def test_money_asks_for_the_sources_external_id(case: Case) -> None:
    with pytest.raises(Invalid) as wrong:
        case.merge(confirmation="acme")
    assert wrong.value.field == "confirmation" and fresh(case.source).deleted_at is None
    case.merge(confirmation=" acme-2 ")
    empty, other = billed_customer(case.organization), billed_customer(case.organization)
    merge_customers(empty, other, confirmation="", by=BY, at=AT)


def test_more_metadata_than_fits_is_refused_by_name(case: Case) -> None:
    Customer.objects.filter(pk=case.target.pk).update(metadata={f"a{n}": n for n in range(30)})
    Customer.objects.filter(pk=case.source.pk).update(metadata={f"b{n}": n for n in range(30)})
    with pytest.raises(FieldErrors) as full:
        case.merge()
    assert full.value.field == "metadata"


def test_chosen_taxes_stand_in_the_history(case: Case) -> None:
    reduced = default_tax(case.organization, rate="5")
    case.source.taxes.set([reduced])
    case.merge("fill_missing")
    assert list(case.target.taxes.all()) == [reduced]
    line = AuditEntry.objects.get(action="customer.merged", customer=case.target)
    assert line.changes["taxes"] == [[], [str(reduced)]]
