"""Merging: every record has its place afterwards, no money is made or lost, documents stay as they were issued."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction
from django.db.models import ForeignKey, ManyToManyField, OneToOneField, Sum

from billing.actions.wallets import create_wallet, grant, ledger_total
from billing.models import (
    AppliedCoupon,
    AuditEntry,
    EmittedEvent,
    EntryKind,
    Event,
    Organization,
    Subscription,
    Wallet,
    WalletEntry,
    WalletLot,
)
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, FieldErrors, Invalid, Locked
from customers.actions import merge_records
from customers.actions.delete import request_deletion
from customers.actions.foresee import foresee_merge
from customers.actions.merge import merge_customers
from customers.actions.merge_records import CLASSIFIED, MOVED
from customers.models import Customer, Merge, Note, PortalLink, Tag, VatCheck
from customers.queries.merging import merge_payload
from customers.rules.merging import COLUMNS, OWN
from invoicing.actions.billing_run import run
from invoicing.actions.credit_notes import CreditItem, create_credit_note
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.top_up import sell_credits
from invoicing.actions.void import void_invoice
from invoicing.models import CreditNote, Invoice, InvoiceLine, Payment, PaymentProvider, ProviderLink
from tests.factories.catalog import make_coupon, make_metric
from tests.factories.customers import make_customer
from tests.factories.invoicing import (
    billed_customer,
    default_tax,
    give_coupon,
    make_plan,
    make_wallet,
    on,
    set_entity,
    subscribe,
)
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import use

pytestmark = pytest.mark.django_db
AT = on(2026, 1, 16, 12)
BY = Actor("user", "Ada Biller")


@dataclass
class Case:
    """Two customers in EUR on 16 January. The source has a running subscription with 30 events, a paid and an unpaid
    one-off invoice (10.00 credited of the paid one), a draft of 24.00, a coupon of 10 %, EUR credits of 100.00, USD
    credits of 5.00, a note, a portal link. The target has EUR credits of 20.00.
    """

    organization: Organization
    source: Customer
    target: Customer
    subscription: Subscription
    paid: Invoice
    unpaid: Invoice
    draft: Invoice
    euros: Wallet
    dollars: Wallet
    kept: Wallet

    def merge(
        self, strategy: str = "keep_target", chosen: dict[str, str] | None = None, **more: Any
    ) -> Merge:
        """The source into the target."""
        return merge_customers(self.source, self.target, strategy, chosen, by=BY, at=AT, **more)


@pytest.fixture
def case(db: None) -> Case:
    organization = make_organization(at=on(2026, 1, 1))
    set_entity(organization, net_payment_term_days=14)
    default_tax(organization)
    target = billed_customer(organization, name="Acme", external_id="acme", email="billing@acme.example")
    source = billed_customer(
        organization, name="ACME Ltd", external_id="acme-2", email="ap@acme.example", phone="+4930123456"
    )
    metric = make_metric(organization)
    subscription = subscribe(source, make_plan(organization, 3100, metric_charge(metric)), on(2026, 1, 1))
    use(subscription, metric, 30, at=on(2026, 1, 5))
    paid = one_off(source, 100, finalize=True)
    record_payment(paid, key="paid", by=ACTOR, at=on(2026, 1, 10))
    line = InvoiceLine.objects.get(invoice=paid)
    create_credit_note(paid, [CreditItem(line, "Less", 1000)], 200, key="note", by=ACTOR, at=on(2026, 1, 11))
    unpaid = one_off(source, 50, finalize=True)
    draft = one_off(source, 20, finalize=False)
    give_coupon(source, AT, percentage=Decimal(10))
    euros = make_wallet(source, "100", AT, name="Euros")
    dollars = make_wallet(source, "5", AT, currency="USD")
    kept = make_wallet(target, "20", AT, name="Kept")
    Note.objects.create(organization=organization, customer=source, author_label="Ada", text="Pays late.")
    PortalLink.objects.create(
        organization=organization,
        customer=source,
        token_hash="x",
        created_by="Ada",
        expires_at=AT + timedelta(9),
    )
    return Case(organization, source, target, subscription, paid, unpaid, draft, euros, dollars, kept)


def metric_charge(metric: Any) -> Any:
    """0.10 a unit."""
    from tests.factories.catalog import charge

    return charge(metric)


def one_off(customer: Customer, amount: int, *, finalize: bool) -> Invoice:
    """An invoice over the amount and 20 % tax."""
    return create_one_off(
        customer, [Item("Work", Decimal(amount))], finalize=finalize, by=ACTOR, at=on(2026, 1, 10)
    )


def fresh(row: Any) -> Any:
    """As it is now."""
    return type(row).objects.get(pk=row.pk)


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


def test_every_table_that_points_at_a_customer_is_accounted_for(case: Case) -> None:
    found = set()
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.get_fields():
            single = isinstance(field, ForeignKey | OneToOneField) and not isinstance(field, ManyToManyField)
            if single and field.related_model is Customer:
                found.add(f"{model._meta.label}.{field.name}")
    assert found == set(CLASSIFIED), "say in merge_records.py what a merge does with it"
    case.merge()
    for name, fate in CLASSIFIED.items():
        label, _, field_name = name.rpartition(".")
        if fate == MOVED:
            rows = apps.get_model(label).objects.filter(**{field_name: case.source})
            assert not rows.exists(), name


def test_every_column_of_a_customer_is_chosen_or_its_own() -> None:
    columns = {
        field.attname if field.name == "billing_entity" else field.name for field in Customer._meta.fields
    }
    many = {field.name for field in Customer._meta.many_to_many}
    assert (columns | many) == (COLUMNS | OWN), "say in rules/merging.py whether a merge chooses it"
    assert not COLUMNS & OWN


def test_issued_documents_keep_the_party_they_were_issued_to(case: Case) -> None:
    before = {row.pk: row for row in Invoice.objects.filter(customer=case.source).exclude(number="")}
    note = CreditNote.objects.get()
    case.merge("keep_source")
    for key, old in before.items():
        new = Invoice.objects.get(pk=key)
        frozen = ("number", "customer_name", "buyer", "seller", "total_minor", "billing_entity_id", "status")
        assert [getattr(new, name) for name in frozen] == [getattr(old, name) for name in frozen]
        assert new.customer == case.target
    assert fresh(note).customer == case.target and fresh(note).customer_name == note.customer_name
    assert Payment.objects.get().customer == case.target


def test_a_draft_is_addressed_to_the_target_and_numbered_in_its_series(case: Case) -> None:
    own = one_off(case.target, 1, finalize=True)
    case.merge()
    draft = fresh(case.draft)
    assert (draft.customer, draft.customer_name) == (case.target, "Acme")
    final = finalize_invoice(draft, by=BY, at=AT)
    assert final.buyer["external_id"] == "acme"
    head, _, series = own.number.rpartition("-")
    assert final.number == f"{head}-{int(series) + 1:03d}"
    numbers = list(Invoice.objects.exclude(number="").values_list("number", flat=True))
    assert len(numbers) == len(set(numbers))


def test_a_subscription_draft_takes_the_targets_taxes_and_coupons(case: Case) -> None:
    Customer.objects.filter(pk=case.source.pk).update(grace_period_days=3)
    run(on(2026, 2, 1))
    draft = Invoice.objects.get(customer=case.source, status="draft", type="subscription")
    reduced = default_tax(case.organization, rate="5")
    reduced.applied_by_default = False
    reduced.save()
    case.target.taxes.set([reduced])
    give_coupon(case.target, on(2026, 2, 1), percentage=Decimal(50))
    merge_customers(case.source, case.target, by=BY, at=on(2026, 2, 2))
    draft = fresh(draft)
    assert draft.lines_minor == 3100 + 300
    # 10 % first, then 50 % of the rest, then 5 % tax
    assert draft.coupons_minor == 340 + 1530 and draft.taxes_minor == 77


def test_money_is_neither_made_nor_lost(case: Case) -> None:
    before = balances(case.organization)
    due = Invoice.objects.aggregate(n=Sum("total_minor"), p=Sum("paid_minor"))
    credit = CreditNote.objects.aggregate(n=Sum("balance_minor"))
    case.merge()
    assert balances(case.organization) == before
    assert Invoice.objects.aggregate(n=Sum("total_minor"), p=Sum("paid_minor")) == due
    assert CreditNote.objects.aggregate(n=Sum("balance_minor")) == credit
    kept, euros, dollars = fresh(case.kept), fresh(case.euros), fresh(case.dollars)
    assert (kept.balance_minor, kept.credits_balance) == (12000, Decimal(120))
    assert (euros.balance_minor, euros.status, euros.customer) == (0, "terminated", case.target)
    assert (dollars.balance_minor, dollars.status, dollars.customer) == (500, "active", case.target)
    for wallet in (kept, euros, dollars):
        assert ledger_total(wallet) == wallet.balance_minor
    assert WalletEntry.objects.get(wallet=euros, kind=EntryKind.MOVED_OUT).amount_minor == -10000


def balances(organization: Organization) -> dict[str, int]:
    """The sum of all wallets by currency."""
    rows = Wallet.objects.of(organization).values("currency").order_by("currency")
    return {row["currency"]: row["n"] for row in rows.annotate(n=Sum("balance_minor"))}


def test_credits_that_come_later_find_the_wallet_they_belong_to(case: Case) -> None:
    bought = sell_credits(case.euros, Decimal(7), by=ACTOR, at=AT)
    used = one_off(case.source, 10, finalize=False)
    Invoice.objects.filter(pk=used.pk).update(type="subscription")
    case.merge()
    record_payment(fresh(bought), key="later", by=ACTOR, at=AT + timedelta(days=1))
    assert fresh(case.kept).balance_minor == 12700
    assert ledger_total(fresh(case.kept)) == 12700


def test_a_voided_invoice_returns_credits_to_the_merged_wallet(case: Case) -> None:
    run(on(2026, 2, 1))
    invoice = Invoice.objects.get(customer=case.source, type="subscription")
    assert invoice.wallet_credits_minor > 0
    merge_customers(case.source, case.target, by=BY, at=on(2026, 2, 2))
    before = fresh(case.kept).balance_minor
    void_invoice(fresh(invoice), by=BY, at=on(2026, 2, 3))
    assert fresh(case.kept).balance_minor == before + invoice.wallet_credits_minor


def test_a_merge_keeps_one_application_of_a_coupon_the_one_with_more_left(case: Case) -> None:
    coupon = make_coupon(case.organization, amount_minor=1000, currency="EUR")
    from billing.actions.coupons import apply_coupon

    theirs = apply_coupon(case.target, coupon, by=ACTOR, at=AT)
    ours = apply_coupon(case.source, coupon, by=ACTOR, at=AT)
    AppliedCoupon.objects.filter(pk=theirs.pk).update(remaining_minor=300)
    merge = case.merge()
    assert fresh(theirs).status == "terminated" and fresh(ours).status == "active"
    assert merge.counts["coupons"] == 2 and merge.counts["coupons_ended"] == 1
    assert set(AppliedCoupon.objects.values_list("customer", flat=True)) == {case.target.pk}


def test_links_to_providers_move_where_the_target_has_none(case: Case) -> None:
    providers = [
        PaymentProvider.objects.create(
            organization=case.organization, type="stripe", name=name, credentials=b""
        )
        for name in ("One", "Two")
    ]
    links = [
        ProviderLink.objects.create(
            organization=case.organization, provider=provider, customer=case.source, external_id=provider.name
        )
        for provider in providers
    ]
    ProviderLink.objects.create(organization=case.organization, provider=providers[0], customer=case.target)
    merge = case.merge()
    assert merge_payload(merge)["paymentMethodsCount"] == 1
    assert fresh(links[1]).customer == case.target
    assert fresh(links[0]).customer == case.source and "Merged into acme" in fresh(links[0]).error


def test_one_vat_check_stays_open_the_one_of_the_number_that_is_kept(case: Case) -> None:
    for customer, number in ((case.source, "DE136695976"), (case.target, "DE111111125")):
        Customer.objects.filter(pk=customer.pk).update(tax_id=number, vat_status="pending")
        VatCheck.objects.create(
            organization=case.organization,
            customer=customer,
            source="vies",
            state="pending",
            number=number,
            asked_at=AT,
        )
    merge = case.merge(chosen={"tax_id": "source"})
    target = fresh(case.target)
    assert (target.tax_id, target.vat_status) == ("DE136695976", "pending")
    states = dict(VatCheck.objects.filter(customer=target).values_list("number", "state"))
    assert states == {"DE136695976": "pending", "DE111111125": "failed"}
    assert merge.counts["vat_checks"] == 1


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


def test_a_subscription_in_another_currency_goes_on_as_it_is(case: Case) -> None:
    other = billed_customer(case.organization, currency="USD")
    make_wallet(other, "1", AT)
    merge_customers(case.source, other, by=BY, at=AT)
    run(on(2026, 2, 1))
    invoice = Invoice.objects.get(customer=other, type="subscription")
    assert invoice.currency == "EUR" and invoice.lines_minor == 3400
    assert fresh(other).currency == "USD"


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


def test_lots_keep_their_kind_and_their_end(case: Case) -> None:
    wallet = create_wallet(case.source, currency="UGX", expires_at=AT + timedelta(days=30), by=ACTOR, at=AT)
    theirs = create_wallet(case.target, currency="UGX", by=ACTOR, at=AT)
    grant(wallet, Decimal(40), key="g", by=ACTOR, at=AT)
    case.merge()
    theirs = fresh(theirs)
    assert theirs.balance_minor == 40
    lots = list(WalletLot.objects.filter(wallet=theirs, remaining_minor__gt=0))
    assert sum(lot.remaining_minor for lot in lots) == 40
    assert {lot.expires_at for lot in lots} == {AT + timedelta(days=30)}


def test_nothing_is_merged_into_a_wallet_that_expires_sooner(case: Case) -> None:
    Wallet.objects.filter(pk=case.kept.pk).update(expires_at=AT + timedelta(days=3))
    merge = case.merge()
    assert merge.counts["wallets_merged"] == 0 and merge.counts["wallets_moved"] == 2
    assert fresh(case.euros).customer == case.target and fresh(case.euros).balance_minor == 10000


def test_of_a_number_in_another_country_nothing_is_known(case: Case) -> None:
    """Each number comes with what is known of it; another country takes that back."""
    for customer, country, status in ((case.source, "AT", "valid"), (case.target, "DE", "invalid")):
        Customer.objects.filter(pk=customer.pk).update(
            tax_id=f"{country}12345678", country=country, vat_status=status, customer_type="business"
        )
    foreseen = {"tax_id": "source", "address": "source"}
    with transaction.atomic():
        case.merge(chosen=foreseen)
        assert fresh(case.target).vat_status == "valid"
        transaction.set_rollback(True)
    with transaction.atomic():
        case.merge(chosen={"tax_id": "source"})
        assert fresh(case.target).vat_status == "invalid", "its form is checked anew"
        assert VatCheck.objects.get(customer=case.target).source == "offline"
        transaction.set_rollback(True)
    case.merge()
    assert fresh(case.target).vat_status == "invalid"


def test_chosen_taxes_stand_in_the_history(case: Case) -> None:
    reduced = default_tax(case.organization, rate="5")
    case.source.taxes.set([reduced])
    case.merge("fill_missing")
    assert list(case.target.taxes.all()) == [reduced]
    line = AuditEntry.objects.get(action="customer.merged", customer=case.target)
    assert line.changes["taxes"] == [[], [str(reduced)]]
