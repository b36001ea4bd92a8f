"""Deleting a customer: what is foreseen is what happens, each step once, documents stay, names are free again."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing.actions.wallet_ledger import ledger_total
from billing.actions.wallet_opening import create_wallet
from billing.models import AppliedCoupon, AuditEntry, Subscription, Wallet, WalletEntry
from customers.actions.customers import add_customer
from customers.actions.delete import KEEP, VOID
from customers.actions.foresee import Outcome, foresee_deletion
from customers.actions.merge import merge_customers
from customers.models import PortalLink
from customers.queries.deletion import deletion_preview
from invoicing.actions.billing_run import bill_now, run
from invoicing.actions.credit_notes import CreditItem, create_credit_note
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.remittances import receive
from invoicing.models import CreditNote, Invoice
from tests.factories.customers import make_customer
from tests.factories.deleting import AT, BY, Case, ask, make_case, rows, work
from tests.factories.invoicing import on, owing
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import use


@pytest.fixture
def case(db: None) -> Case:
    return make_case()


def test_the_whole_cascade_to_the_cent(case: Case) -> None:
    """Closing bill: 16 of 31 days of 31.00 are 16.00, 30 units are 3.00; 19.00, coupon 10 % 1.90, tax of 17.10 is
    3.42: 20.52. The advance plan gives back 15 unused days of 31: 62.00 x 15 / 31 = 30.00, and 6.00 tax. That
    credit note of 36.00 pays the closing bill, so the wallet's 100.00 are lost, and 15.48 stay on the note.
    """
    before = set(AuditEntry.objects.values_list("pk", flat=True))
    job = work(ask(case))
    assert (job.state, job.error) == ("succeeded", "")
    assert [(step["name"], step["state"], step["note"]) for step in job.steps] == [
        ("unpaid", "done", "1 invoice voided"),
        ("subscriptions", "done", "2 ended, 1 called off"),
        ("drafts", "done", "2 drafts finalized"),
        ("coupons", "done", "Nothing to do"),
        ("wallets", "done", "1 wallet ended"),
        ("portal", "done", "Nothing to do"),
        ("customer", "done", "Deleted"),
        ("providers", "done", "Nothing to do"),
    ]
    closing = Invoice.objects.get(periods__subscription=case.arrears, periods__kind="usage")
    figures = (closing.lines_minor, closing.coupons_minor, closing.taxes_minor, closing.credit_notes_minor)
    assert figures == (1900, 190, 342, 2052)
    assert (closing.total_minor, closing.status, closing.payment_status) == (0, "finalized", "paid")
    note = CreditNote.objects.get(customer=case.customer)
    assert (note.invoice_id, note.net_minor, note.tax_minor, note.balance_minor) == (
        case.paid.pk,
        3000,
        600,
        1548,
    )
    status = {row.pk: row.status for row in Subscription.objects.filter(customer=case.customer)}
    assert [status[row.pk] for row in (case.arrears, case.advance, case.pending)] == [
        "terminated",
        "terminated",
        "canceled",
    ]
    assert set(
        Subscription.objects.filter(customer=case.customer, status="terminated").values_list(
            "terminated_at", flat=True
        )
    ) == {AT}
    states = [case.invoice(key).status for key in ("paid", "unpaid", "partly", "draft")]
    assert states == ["finalized", "voided", "finalized", "finalized"]
    assert case.invoice("unpaid").void_reason == "Customer deleted"
    numbers = sorted(Invoice.objects.exclude(number="").values_list("number", flat=True))
    assert numbers == [f"ACM-202601-{number:03d}" for number in range(1, 6)]
    applied = AppliedCoupon.objects.get(customer=case.customer)
    assert applied.status == "terminated"
    case.wallet.refresh_from_db()
    assert (case.wallet.status, case.wallet.balance_minor, case.wallet.terminated_at) == ("terminated", 0, AT)
    assert list(case.wallet.entries.order_by("created_at").values_list("kind", "amount_minor", "reason")) == [
        ("granted", 10000, ""),
        ("voided", -10000, "Customer deleted"),
    ]
    case.customer.refresh_from_db()
    assert case.customer.deleted_at == AT
    told = AuditEntry.objects.exclude(pk__in=before).order_by("id")
    assert {entry.actor_label for entry in told} == {"Ada Biller"}
    acts = [entry.action for entry in told]
    assert acts[0] == "customer.deletion_requested" and acts.count("customer.deleted") == 1


@pytest.mark.django_db
@pytest.mark.parametrize("unpaid", [VOID, KEEP])
def test_what_is_foreseen_is_what_happens_and_foreseeing_changes_nothing(case: Case, unpaid: str) -> None:
    before = rows(case.customer)
    foreseen = foresee_deletion(case.customer, unpaid_invoices=unpaid, by=BY, at=AT)
    assert rows(case.customer) == before
    known = set(Invoice.objects.filter(status="finalized").values_list("pk", flat=True))
    work(ask(case, unpaid_invoices=unpaid))
    new = Invoice.objects.filter(status="finalized").exclude(pk__in=known).order_by("created_at", "pk")
    asked = [(row.total_minor, row.credit_notes_minor + row.wallet_credits_minor) for row in new]
    assert [(row.due_minor, row.credits_minor) for row in foreseen.issued] == asked
    assert sorted(row.from_draft for row in foreseen.issued) == [False, True]
    voided = set(Invoice.objects.filter(status="voided").values_list("pk", flat=True))
    assert {row.pk for row in foreseen.voided} == voided == ({case.unpaid.pk} if unpaid == VOID else set())
    assert foreseen.credit_notes == list(CreditNote.objects.values_list("currency", "total_minor"))
    ends = WalletEntry.objects.filter(key="terminated").values_list("wallet", "amount_minor")
    assert foreseen.lost == {wallet: -minor for wallet, minor in ends} == {case.wallet.pk: 10000}


def test_voiding_gives_credits_back_before_they_are_lost(case: Case) -> None:
    """Bill now takes 60.00 usage, less 6.00, tax 10.80: 64.80 from the wallet's 100.00. The invoice is settled by
    credits, so it is paid and is not voided: 35.20 are left, which the foreseen loss must say.
    """
    use(case.arrears, case.metric, 570, at=on(2026, 1, 11))
    draft = bill_now(case.customer, by=ACTOR, at=on(2026, 1, 14))
    run(on(2026, 1, 17))
    draft.refresh_from_db()
    assert (draft.wallet_credits_minor, draft.payment_status) == (6480, "paid")
    outcome = foresee_deletion(case.customer, by=BY, at=on(2026, 1, 18))
    work(ask(case, at=on(2026, 1, 18)))
    assert outcome.lost == {case.wallet.pk: -WalletEntry.objects.get(key="terminated").amount_minor}
    assert outcome.lost[case.wallet.pk] == 10000 - 6480


def test_preview_lists_what_is_touched(case: Case) -> None:
    found = deletion_preview(case.customer, AT)
    assert {(item.subscription.pk, item.unbilled_minor, item.in_advance) for item in found.subscriptions} == {
        (case.arrears.pk, 300, False),
        (case.advance.pk, 0, True),
    }
    assert [row.pk for row in found.pending] == [case.pending.pk]
    assert [row.pk for row in found.drafts] == [case.draft.pk]
    assert {row.pk for row in found.unpaid} == {case.unpaid.pk, case.partly.pk}
    assert (len(found.coupons), found.wallets_ending(()), found.money_involved) == (1, [case.wallet], True)


@pytest.mark.django_db
def test_money_on_account_is_spoken_of_and_stays() -> None:
    customer = make_customer(make_organization(), currency="EUR")
    for key, minor in (("a", 500), ("b", 200)):
        receive(customer, currency="EUR", amount_minor=minor, keep_rest=True, key=key, by=ACTOR, at=AT)
    found = deletion_preview(customer, AT)
    assert (found.on_account, found.money_involved) == ([("EUR", 700)], True)


@pytest.mark.django_db
def test_nothing_at_all_needs_no_confirmation() -> None:
    customer = make_customer(make_organization())
    create_wallet(customer, currency="EUR", by=ACTOR, at=AT)
    found = deletion_preview(customer, AT)
    assert not found.money_involved and found.on_account == []
    outcome = foresee_deletion(customer, by=BY, at=AT)
    assert outcome == Outcome([], [], [], {})


def test_unpaid_invoices_can_be_kept(case: Case) -> None:
    job = work(ask(case, unpaid_invoices=KEEP))
    assert job.steps[0]["note"] == "Kept collectable"
    unpaid = case.invoice("unpaid")
    assert (unpaid.status, unpaid.due_minor) == ("finalized", 12000)
    record_payment(unpaid, key="late", by=ACTOR, at=on(2026, 2, 1))
    assert case.invoice("unpaid").payment_status == "paid"


def test_an_invoice_whose_credit_note_is_used_stays_and_says_so(case: Case) -> None:
    line = case.unpaid.lines.get()
    create_credit_note(
        case.unpaid, [CreditItem(line, "Less", 5000)], 1000, key="half", by=ACTOR, at=on(2026, 1, 13)
    )
    bill_now(case.customer, by=ACTOR, at=on(2026, 1, 13))
    run(on(2026, 1, 16))  # the final bill uses 3.24 of the note
    job = work(ask(case, at=on(2026, 1, 17)))
    assert case.invoice("unpaid").status == "finalized"
    assert case.unpaid.number in job.steps[0]["note"] and "used" in job.steps[0]["note"]


def test_names_are_free_again_and_documents_stay(case: Case) -> None:
    work(ask(case))
    old = case.customer
    fields = {"name": "Acme again", "external_id": "crm-1", "email": "A@example.com"}
    again = add_customer(case.organization, fields, by=ACTOR, at=AT)
    assert again.pk != old.pk and again.sequence > old.sequence
    names = set(Invoice.objects.filter(customer=old).values_list("customer_name", flat=True))
    assert names == {old.display_name}
    line = case.partly.lines.get()
    note = create_credit_note(
        case.invoice("partly"), [CreditItem(line, "Goodwill", 1000)], 200, key="later", by=ACTOR, at=AT
    )
    assert note.number.startswith(case.partly.number)
    record_payment(case.invoice("partly"), key="rest", by=ACTOR, at=AT)
    assert case.invoice("partly").payment_status == "paid"


def test_what_is_owed_on_a_wallet_does_not_hold_the_cascade_up(case: Case) -> None:
    """A postpaid customer owes 5.00 after the closing bills: it goes on an invoice, the ledger adds up to nothing."""
    settle = wallet_that_owes(case, 500)
    job = work(ask(case))
    assert job.state == "succeeded", job.error
    settle.refresh_from_db()
    assert (settle.status, settle.balance_minor, ledger_total(settle)) == ("terminated", 0, 0)
    entry = WalletEntry.objects.get(wallet=settle, kind="settled")
    assert entry.amount_minor == 500 and entry.invoice is not None
    assert (entry.invoice.total_minor, entry.invoice.status) == (500, "finalized")
    note = next(step["note"] for step in job.steps if step["name"] == "wallets")
    assert note == "2 wallets ended, what was owed is on an invoice"


def wallet_that_owes(case: Case, minor: int) -> Wallet:
    """A wallet in a currency that no invoice of the customer has."""
    return owing(create_wallet(case.customer, currency="CHF", by=ACTOR, at=AT), minor)


def test_portal_links_are_revoked(case: Case) -> None:
    link = PortalLink.objects.create(
        organization=case.organization,
        customer=case.customer,
        token_hash="x",
        created_by="Ada",
        expires_at=on(2027, 1, 1),
    )
    foreseen = foresee_deletion(case.customer, by=BY, at=AT)
    link.refresh_from_db()
    assert foreseen.portal_links == 1 and link.revoked_at is None
    work(ask(case))
    link.refresh_from_db()
    assert link.revoked_at is not None


def test_a_customer_into_which_others_were_merged_goes_with_all_their_records(case: Case) -> None:
    twin = make_customer(case.organization, currency="EUR")
    create_one_off(twin, [Item("Work", Decimal(10))], finalize=True, by=ACTOR, at=AT)
    merge_customers(twin, case.customer, by=BY, at=AT)
    job = work(ask(case))
    assert job.state == "succeeded", job.error
    assert Invoice.objects.filter(customer=case.customer, status="voided").count() == 2
    twin.refresh_from_db()
    assert twin.merged_into == case.customer
    again = make_customer(case.organization, external_id=twin.external_id)
    assert again.pk != twin.pk
