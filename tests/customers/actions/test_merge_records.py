"""What moves: every record has its place afterwards, no money is made or lost, documents stay as they were issued."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.apps import apps
from django.db import transaction
from django.db.models import ForeignKey, ManyToManyField, OneToOneField, Sum

from billing.actions.wallet_ledger import ledger_total
from billing.actions.wallet_opening import create_wallet
from billing.actions.wallets import grant
from billing.models import (
    AppliedCoupon,
    EntryKind,
    Organization,
    Wallet,
    WalletEntry,
    WalletLot,
)
from customers.actions.merge import merge_customers
from customers.actions.merge_records import CLASSIFIED, MOVED
from customers.models import Customer, VatCheck
from customers.queries.merging import merge_payload
from invoicing.actions.billing_run import run
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.payments import record_payment
from invoicing.actions.top_up import sell_credits
from invoicing.actions.void import void_invoice
from invoicing.models import CreditNote, Invoice, Payment, PaymentProvider, ProviderLink
from tests.factories.catalog import make_coupon
from tests.factories.invoicing import (
    billed_customer,
    default_tax,
    give_coupon,
    make_wallet,
    on,
)
from tests.factories.merging import AT, BY, Case, fresh, make_case, one_off
from tests.factories.people import ACTOR

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(db: None) -> Case:
    return make_case()


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


def test_a_subscription_in_another_currency_goes_on_as_it_is(case: Case) -> None:
    other = billed_customer(case.organization, currency="USD")
    make_wallet(other, "1", AT)
    merge_customers(case.source, other, by=BY, at=AT)
    run(on(2026, 2, 1))
    invoice = Invoice.objects.get(customer=other, type="subscription")
    assert invoice.currency == "EUR" and invoice.lines_minor == 3400
    assert fresh(other).currency == "USD"


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
    """The target's EUR credits end in three days: the source's go into its primary wallet, which nothing ends. Where
    that ends as soon, they stay as they are.
    """
    own = Wallet.objects.get(customer=case.target, is_primary=True)
    Wallet.objects.filter(pk=case.kept.pk).update(expires_at=AT + timedelta(days=3))
    with transaction.atomic():
        merge = case.merge()
        assert merge.counts["wallets_merged"] == 1 and merge.counts["wallets_moved"] == 1
        assert (fresh(own).balance_minor, fresh(case.kept).balance_minor) == (10000, 2000)
        transaction.set_rollback(True)
    Wallet.objects.filter(pk=own.pk).update(expires_at=AT + timedelta(days=3))
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
