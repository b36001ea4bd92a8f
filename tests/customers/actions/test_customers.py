"""Adding and changing customers: exact rows, and nothing else on refusal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from billing.models import (
    AppliedCoupon,
    AuditEntry,
    BillingEntity,
    Coupon,
    Organization,
    Plan,
    Subscription,
    Tax,
    Wallet,
    WalletEntry,
)
from billing.rules.errors import BillingError, Conflict, FieldErrors, Invalid, Locked
from customers.actions.customers import add_customer, update_customer, upsert_customer
from customers.models import Customer
from customers.queries.locks import lock_reasons, lock_sentence
from invoicing.models import Invoice, Sequence
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def add(organization: Organization, **fields: Any) -> Customer:
    return add_customer(organization, fields, by=ACTOR, at=NOW)


def counts() -> tuple[int, int]:
    return Customer.objects.count(), AuditEntry.objects.filter(action__startswith="customer.").count()


def test_added_row(organization: Organization) -> None:
    customer = add(
        organization,
        name="  Bäckerei Öztürk ",
        external_id="crm-1",
        email="Hallo@Example.COM",
        country="de",
        url="example.com",
        customer_type="company",
        metadata={"tier": "gold"},
    )
    row = Customer.objects.get(pk=customer.pk)
    assert (row.name, row.external_id, row.email) == ("Bäckerei Öztürk", "crm-1", "hallo@example.com")
    assert (row.country, row.url, row.customer_type) == ("DE", "https://example.com", "business")
    assert (row.currency, row.status, row.sequence) == ("EUR", "active", 1)
    assert row.billing_entity == BillingEntity.objects.get(organization=organization)
    assert "backerei ozturk" in row.search_text and "ozt" in row.search_grams
    entry = AuditEntry.objects.get(action="customer.created")
    assert (entry.customer, entry.subject_id, entry.at) == (row, row.pk, NOW)
    assert entry.changes["email"] == [None, "hallo@example.com"]
    assert "phone" not in entry.changes


def test_missing_external_id_is_the_public_id(organization: Organization) -> None:
    customer = add(organization, email="a@b.co")
    assert customer.external_id == customer.public_id
    assert str(customer) == "a@b.co"


def test_numbers_count_up_in_each_organization(organization: Organization) -> None:
    other = make_organization("Other")
    assert [add(organization).sequence, add(organization).sequence, add(other).sequence] == [1, 2, 1]
    assert Sequence.objects.get(organization=organization, key="customer").last == 2


def test_refused_customer_leaves_nothing(organization: Organization) -> None:
    add(organization, email="a@b.co")
    before = counts()
    with pytest.raises(Conflict) as refused:
        add(organization, email="A@B.co")
    assert (refused.value.field, refused.value.status) == ("email", 409)
    assert counts() == before
    assert add(organization).sequence == 2, "the number of the refused customer is used again"


def test_external_id_belongs_to_one(organization: Organization) -> None:
    add(organization, external_id="x")
    with pytest.raises(Conflict) as refused:
        add(organization, external_id=" x ")
    assert refused.value.field == "external_id"
    add(make_organization("Other"), external_id="x")
    add(organization, external_id="X")


def test_unique_index_speaks_when_the_check_was_overtaken(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(organization, external_id="x", email="a@b.co")
    monkeypatch.setattr("customers.actions.customers.refuse_duplicates", lambda customer, names: None)
    for fields, field in (({"external_id": "x"}, "external_id"), ({"email": "a@b.co"}, "email")):
        with pytest.raises(Conflict) as refused:
            add(organization, **fields)
        assert refused.value.field == field


def test_after_deletion_both_are_free(organization: Organization) -> None:
    old = add(organization, external_id="x", email="a@b.co")
    Customer.objects.filter(pk=old.pk).update(deleted_at=NOW)
    new = add(organization, external_id="x", email="a@b.co")
    assert new.pk != old.pk


def test_empty_emails_do_not_collide(organization: Organization) -> None:
    add(organization, name="One")
    add(organization, name="Two", email="")
    assert Customer.objects.filter(email="").count() == 2


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"currency": "ZZZ", "country": "Uganda"}, ["country", "currency"]),
        ({"name": "a\x00b"}, ["name"]),
        ({"name": "a\u202eb"}, ["name"]),
        ({"email": "a@"}, ["email"]),
        ({"metadata": ["a"]}, ["metadata"]),
        ({"metadata": {"a": "x" * 20_001}}, ["metadata"]),
        ({"metadata": {"": 1}}, ["metadata"]),
        ({"colour": 1, "size": 2}, ["colour", "size"]),
        ({"grace_period_days": -1}, ["grace_period_days"]),
        ({"net_payment_term_days": True}, ["net_payment_term_days"]),
        ({"locale": "english"}, ["locale"]),
        ({"timezone": "../etc/passwd"}, ["timezone"]),
        ({"postal_code": "1" * 21}, ["postal_code"]),
    ],
)
def test_values_that_mean_nothing(organization: Organization, fields: Any, names: list[str]) -> None:
    with pytest.raises(FieldErrors) as refused:
        add(organization, **fields)
    assert sorted(name for name, _ in refused.value.errors) == names
    assert counts() == (0, 0)


def test_rows_of_another_organization_are_refused(organization: Organization) -> None:
    other = make_organization("Other")
    entity = BillingEntity.objects.get(organization=other)
    tax = Tax.objects.create(organization=other, name="VAT", code="vat", rate=20)
    for fields in ({"billing_entity": entity}, {"taxes": [tax]}):
        with pytest.raises(Invalid):
            add(organization, **fields)
    assert counts() == (0, 0)


def test_update_changes_only_what_is_given(organization: Organization) -> None:
    customer = add(organization, name="Old", phone="+256414000001", email="a@b.co")
    row = update_customer(customer, {"name": "New", "phone": "+256414000001"}, by=ACTOR, at=LATER)
    assert (row.name, row.phone, row.email) == ("New", "+256414000001", "a@b.co")
    entry = AuditEntry.objects.get(action="customer.updated")
    assert (entry.changes, entry.at) == ({"name": ["Old", "New"]}, LATER)
    assert "new" in Customer.objects.get().search_grams


def test_update_to_the_same_writes_nothing(organization: Organization) -> None:
    customer = add(organization, name="Same", email="a@b.co")
    stored = Customer.objects.get()
    update_customer(customer, {"name": " Same ", "email": "A@B.CO"}, by=ACTOR, at=LATER)
    assert Customer.objects.get().updated_at == stored.updated_at
    assert not AuditEntry.objects.filter(action="customer.updated").exists()


def test_taxes_are_replaced_and_audited(organization: Organization) -> None:
    taxes = [
        Tax.objects.create(organization=organization, name=name, code=name, rate=Decimal(rate))
        for name, rate in (("a", 19), ("b", 7))
    ]
    customer = add(organization, taxes=taxes[:1])
    update_customer(customer, {"taxes": taxes}, by=ACTOR, at=LATER)
    assert set(customer.taxes.all()) == set(taxes)
    changes = AuditEntry.objects.get(action="customer.updated").changes
    assert changes == {"taxes": [["a (19 %)"], ["a (19 %)", "b (7 %)"]]}


def test_email_of_another_is_refused_on_update(organization: Organization) -> None:
    add(organization, email="a@b.co")
    second = add(organization, email="c@d.co")
    with pytest.raises(Conflict):
        update_customer(second, {"email": "A@b.co"}, by=ACTOR, at=LATER)
    second.refresh_from_db()
    assert second.email == "c@d.co"


@pytest.mark.parametrize("moment", ["deleted_at", "deleting_at"])
def test_a_customer_that_goes_does_not_change(organization: Organization, moment: str) -> None:
    customer = add(organization, name="Old")
    Customer.objects.filter(pk=customer.pk).update(**{moment: NOW})
    with pytest.raises(Conflict):
        update_customer(customer, {"name": "New"}, by=ACTOR, at=LATER)
    customer.refresh_from_db()
    assert customer.name == "Old"


def test_external_id_cannot_be_emptied(organization: Organization) -> None:
    customer = add(organization, external_id="x")
    with pytest.raises(Invalid) as refused:
        update_customer(customer, {"external_id": " "}, by=ACTOR, at=LATER)
    assert refused.value.field == "external_id"


def give_subscription(customer: Customer) -> None:
    plan = Plan.objects.create(
        organization=customer.organization, name="P", code="p", currency=customer.currency
    )
    Subscription.objects.create(
        organization=customer.organization,
        customer=customer,
        plan=plan,
        currency=plan.currency,
        external_id="s",
        status="terminated",
        subscription_at=NOW,
        started_at=NOW,
        terminated_at=NOW,
    )


def give_coupon(customer: Customer) -> None:
    terms = {"kind": "percentage", "percentage": 10, "frequency": "forever"}
    coupon = Coupon.objects.create(organization=customer.organization, name="C", code="c", **terms)
    AppliedCoupon.objects.create(
        organization=customer.organization, customer=customer, coupon=coupon, applied_at=NOW, **terms
    )


def give_one_off(customer: Customer) -> None:
    Invoice.objects.create(
        organization=customer.organization,
        billing_entity=customer.billing_entity,
        customer=customer,
        type="one_off",
        currency=customer.currency,
        issuing_on=NOW.date(),
        customer_name="x",
    )


def give_wallet(customer: Customer) -> Wallet:
    return Wallet.objects.create(
        organization=customer.organization, customer=customer, currency=customer.currency
    )


def give_credits(customer: Customer) -> None:
    WalletEntry.objects.create(
        organization=customer.organization,
        wallet=give_wallet(customer),
        kind="granted",
        credits=5,
        amount_minor=500,
        balance_after_minor=500,
        key="k",
        at=NOW,
    )


@pytest.mark.parametrize(
    ("give", "word"),
    [
        (give_subscription, "a subscription"),
        (give_coupon, "an applied coupon"),
        (give_one_off, "a one-off invoice"),
        (give_credits, "a wallet with credits"),
    ],
)
def test_what_is_assigned_locks(
    organization: Organization, give: Callable[[Customer], None], word: str
) -> None:
    customer = add(organization, external_id="x")
    assert lock_reasons(customer) == []
    give(customer)
    assert lock_reasons(customer) == [word]
    before = counts()
    for change in ({"external_id": "y"}, {"currency": "USD"}):
        with pytest.raises(Locked) as refused:
            update_customer(customer, change, by=ACTOR, at=LATER)
        assert (refused.value.code, refused.value.status) == ("customer_field_locked", 400)
        assert word in str(refused.value)
    assert counts() == before
    update_customer(
        customer, {"external_id": "x", "currency": "EUR", "phone": "+256414000001"}, by=ACTOR, at=LATER
    )


def test_an_empty_wallet_locks_nothing(organization: Organization) -> None:
    customer = add(organization)
    give_wallet(customer)
    row = update_customer(customer, {"currency": "USD", "external_id": "y"}, by=ACTOR, at=LATER)
    assert (row.currency, row.external_id) == ("USD", "y")


def test_lock_sentence() -> None:
    assert lock_sentence(["a", "b", "c"]) == "Fixed, because the customer has a, b and c."


def test_upsert(organization: Organization) -> None:
    fields = {"external_id": "x", "email": "a@b.co", "name": "One"}
    first, new = upsert_customer(organization, fields, by=ACTOR, at=NOW)
    assert new
    second, new = upsert_customer(organization, {"external_id": "x", "name": "Two"}, by=ACTOR, at=LATER)
    assert (second.pk, second.name, second.email, new) == (first.pk, "Two", "a@b.co", False)
    upsert_customer(organization, {"email": "c@d.co"}, by=ACTOR, at=LATER)
    assert Customer.objects.count() == 2


def test_upsert_that_was_overtaken_updates(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = add(organization, external_id="x", name="First")
    answers = iter([None, made])
    monkeypatch.setattr("customers.actions.customers.customer_of", lambda *arguments: next(answers))
    row, new = upsert_customer(organization, {"external_id": "x", "name": "Second"}, by=ACTOR, at=LATER)
    assert (row.pk, row.name, new) == (made.pk, "Second", False)


def test_upsert_of_a_taken_email_is_refused(organization: Organization) -> None:
    add(organization, email="a@b.co")
    with pytest.raises(BillingError) as refused:
        upsert_customer(organization, {"external_id": "new", "email": "a@b.co"}, by=ACTOR, at=LATER)
    assert refused.value.field == "email"


@pytest.mark.django_db(transaction=True)
def test_customers_added_at_once_get_numbers_without_a_gap() -> None:
    from concurrent.futures import ThreadPoolExecutor

    organization = make_organization()

    def one(number: int) -> int:
        try:
            return add(organization, external_id=f"x{number % 4}").sequence
        except Conflict:
            return 0
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        numbers = sorted(pool.map(one, range(8)))
    assert numbers == [0, 0, 0, 0, 1, 2, 3, 4]


def test_factory(organization: Organization) -> None:
    one, two = make_customer(organization), make_customer(organization, currency="UGX")
    assert (one.sequence, two.sequence, two.currency) == (1, 2, "UGX")
