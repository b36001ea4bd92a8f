"""One transfer over several invoices, and what becomes of a rest."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from billing.actions.wallet_opening import end_untouched
from billing.models import Wallet
from billing.rules.errors import Conflict, FieldErrors, Invalid
from customers.actions.merge import merge_customers
from customers.models import Customer
from invoicing.actions.disputes import dispute_invoice
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.refunds import refund_payment
from invoicing.actions.remittances import give_back_rest, receive, turn_into_credits, use_rest
from invoicing.models import Invoice, Payment, Remittance, RemittanceReturn
from invoicing.queries.outstanding import differing_sums
from tests.factories.api import Api, refused
from tests.factories.customers import make_customer
from tests.factories.invoicing import make_wallet
from tests.factories.people import ACTOR, NOW, make_member, make_organization

pytestmark = pytest.mark.django_db
DONE = {"by": ACTOR, "at": NOW}


@pytest.fixture
def customer() -> Customer:
    return make_customer(make_organization("Acme"), currency="EUR")


def bill(customer: Customer, amount: int, due: str = "") -> Invoice:
    """An issued invoice; `due` puts it in order."""
    row = create_one_off(customer, [Item("Work", Decimal(amount))], finalize=True, **DONE)  # type: ignore[arg-type]
    if due:
        Invoice.objects.filter(pk=row.pk).update(due_on=due)
    row.refresh_from_db()
    return row


def got(customer: Customer, minor: int, **more: object) -> Remittance:
    """Money that came."""
    given = {"currency": customer.currency, "key": "k", **DONE} | more
    return receive(customer, amount_minor=minor, **given)  # type: ignore[arg-type]


def due(*rows: Invoice) -> list[int]:
    """What is due of each now."""
    for row in rows:
        row.refresh_from_db()
    return [row.due_minor for row in rows]


def adds_up(row: Remittance) -> bool:
    """The law of a transfer, over the rows themselves."""
    row.refresh_from_db()
    parts = sum(row.payments.values_list("amount_minor", flat=True))
    back = sum(row.returns.values_list("amount_minor", flat=True))
    return parts == row.applied_minor and parts + back + row.left_minor == row.amount_minor


def test_the_oldest_are_paid_first_and_a_repeat_pays_nothing(customer: Customer) -> None:
    late, old = bill(customer, 50, "2026-03-01"), bill(customer, 60, "2026-02-01")
    row = got(customer, 10000, reference="Transfer 7")
    assert got(customer, 10000).pk == row.pk
    assert due(old, late) == [0, 1000] and adds_up(row)
    assert (old.payment_status, late.payment_status) == ("paid", "partially_paid")
    parts = [
        (part.invoice_id, part.amount_minor, part.reference) for part in row.payments.order_by("amount_minor")
    ]
    assert parts == [(late.pk, 4000, "Transfer 7"), (old.pk, 6000, "Transfer 7")]
    with pytest.raises(Conflict) as used:
        got(customer, 9000)
    assert used.value.code == "payment_key_used" and differing_sums() == []


def test_amounts_can_be_chosen(customer: Customer) -> None:
    a, b = bill(customer, 60, "2026-02-01"), bill(customer, 50, "2026-03-01")
    got(customer, 5000, chosen={a.pk: 0})
    assert due(a, b) == [6000, 0]
    with pytest.raises(Invalid) as undecided:
        got(customer, 7000, key="k2", chosen={a.pk: 1000}, only=True)
    assert (undecided.value.code, undecided.value.field) == ("rest_undecided", "rest")
    with pytest.raises(FieldErrors) as paid:
        got(customer, 7000, key="k2", chosen={b.pk: 1})
    assert paid.value.field == f"invoices[{b.pk}]"
    assert Remittance.objects.count() == 1 and Payment.objects.count() == 1


def test_a_split_that_is_no_longer_the_one_that_was_seen_is_refused(customer: Customer) -> None:
    a, b = bill(customer, 60, "2026-02-01"), bill(customer, 50, "2026-03-01")
    seen = f"{a.pk}:6000,{b.pk}:4000|0"
    got(customer, 1000, key="other")
    with pytest.raises(Conflict) as changed:
        got(customer, 10000, expected=seen)
    assert changed.value.code == "split_changed" and due(a, b) == [5000, 5000]


def test_the_rest_stays_on_account_until_it_is_used_or_given_back(customer: Customer) -> None:
    a = bill(customer, 60)
    row = got(customer, 10000, keep_rest=True)
    assert due(a) == [0] and row.left_minor == 4000 and Payment.objects.count() == 1
    b = bill(customer, 15)
    for _ in range(2):
        use_rest(row, key="use", **DONE)  # type: ignore[arg-type]
    row.refresh_from_db()
    assert due(b) == [0] and row.left_minor == 2500 and adds_up(row)
    with pytest.raises(Invalid) as much:
        give_back_rest(row, amount_minor=2501, key="x", **DONE)  # type: ignore[arg-type]
    assert much.value.field == "amount"
    for _ in range(2):
        give_back_rest(row, amount_minor=1000, reason="Asked", key="back", **DONE)  # type: ignore[arg-type]
    give_back_rest(row, key="rest", **DONE)  # type: ignore[arg-type]
    assert adds_up(row) and row.left_minor == 0 and RemittanceReturn.objects.count() == 2
    for act in (use_rest, give_back_rest):
        with pytest.raises(Invalid) as empty:
            act(row, key="again", **DONE)  # type: ignore[operator]
        assert empty.value.code == "nothing_left"


def test_the_rest_buys_credits(customer: Customer) -> None:
    wallet = make_wallet(customer, "10", NOW)
    a = bill(customer, 60)
    row = got(customer, 10000, rest_to=wallet)
    wallet.refresh_from_db()
    assert due(a) == [0] and wallet.balance_minor == 5000 and adds_up(row) and row.left_minor == 0
    sold = Invoice.objects.get(type="credit")
    assert (sold.total_minor, sold.payment_status, sold.taxes_minor) == (4000, "paid", 0)
    got(customer, 10000, rest_to=wallet)
    wallet.refresh_from_db()
    assert wallet.balance_minor == 5000 and Invoice.objects.filter(type="credit").count() == 1


def test_credits_can_be_bought_later_and_limits_of_the_wallet_hold(customer: Customer) -> None:
    wallet = make_wallet(customer, "10", NOW)
    row = got(customer, 3000, keep_rest=True)
    Wallet.objects.filter(pk=wallet.pk).update(max_balance_minor=3999)
    with pytest.raises(Invalid) as limit:
        turn_into_credits(row, wallet, key="c", **DONE)  # type: ignore[arg-type]
    assert limit.value.field == "rest" and adds_up(row) and row.left_minor == 3000
    Wallet.objects.filter(pk=wallet.pk).update(max_balance_minor=4000)
    for _ in range(2):
        turn_into_credits(row, wallet, key="c", **DONE)  # type: ignore[arg-type]
    wallet.refresh_from_db()
    assert wallet.balance_minor == 4000 and adds_up(row) and row.left_minor == 0
    stranger = make_wallet(make_customer(customer.organization, external_id="other"), "1", NOW)
    with pytest.raises(Invalid):
        got(customer, 100, key="k3", rest_to=stranger)


def test_giving_a_part_back_touches_nothing_else(customer: Customer) -> None:
    a, b = bill(customer, 60, "2026-02-01"), bill(customer, 50, "2026-03-01")
    row = got(customer, 12000, keep_rest=True)
    part = row.payments.get(invoice=a)
    refund_payment(part, key="r", **DONE)  # type: ignore[arg-type]
    part.refresh_from_db()
    assert part.status == "refunded" and due(a, b) == [0, 0]
    assert adds_up(row) and row.left_minor == 1000


def test_a_merge_takes_it_along(customer: Customer) -> None:
    target = make_customer(customer.organization, external_id="stays", currency="EUR")
    row = got(customer, 1000, keep_rest=True)
    merge_customers(customer, target, **DONE)  # type: ignore[arg-type]
    row.refresh_from_db()
    assert row.customer_id == target.pk
    a = bill(target, 10)
    use_rest(row, key="u", **DONE)  # type: ignore[arg-type]
    assert due(a) == [0]


def test_money_on_account_pays_on_the_day_on_which_it_is_used(customer: Customer) -> None:
    """It came in January; the invoice that it pays in March was issued in February."""
    wallet = make_wallet(customer, "10", NOW)
    came = NOW - timedelta(days=60)
    row = got(customer, 10000, keep_rest=True, paid_at=came)
    a = bill(customer, 15)
    later = NOW + timedelta(days=20)
    use_rest(row, key="u", by=ACTOR, at=later)
    turn_into_credits(row, wallet, key="c", by=ACTOR, at=later)
    assert {part.paid_at for part in row.payments.all()} == {later}
    a.refresh_from_db()
    assert a.paid_at == later
    b = bill(customer, 15)
    at_once = got(customer, 2500, key="k2", rest_to=wallet, paid_at=came)
    paid = {part.invoice_id == b.pk: part.paid_at for part in at_once.payments.all()}
    assert paid == {True: came, False: NOW}  # the credits are billed now


def test_what_is_in_dispute_is_paid_last(customer: Customer) -> None:
    a, b = bill(customer, 60, "2026-02-01"), bill(customer, 50, "2026-03-01")
    dispute_invoice(a, reason="Wrong", **DONE)  # type: ignore[arg-type]
    got(customer, 7000)
    assert due(a, b) == [4000, 0]


def test_a_key_is_the_callers_own_and_has_a_length(customer: Customer) -> None:
    """None is taken by the transfer itself; one that no column can hold is refused before anything moves."""
    wallet = make_wallet(customer, "10", NOW)
    bill(customer, 10)
    row = got(customer, 5000, keep_rest=True)
    a = bill(customer, 10)
    use_rest(row, key="first", **DONE)  # type: ignore[arg-type]
    assert due(a) == [0]
    for act in (use_rest, give_back_rest, lambda row, **more: turn_into_credits(row, wallet, **more)):
        with pytest.raises(Invalid) as long:
            act(row, key="x" * 151, **DONE)  # type: ignore[operator]
        assert long.value.field == "key"


@pytest.mark.parametrize(("code", "net", "text"), [("JPY", "60", "¥40"), ("KWD", "6.125", "3.875")])
def test_currencies_without_and_with_three_decimals(
    customer: Customer, client: Client, code: str, net: str, text: str
) -> None:
    """More than is due comes; what is left stays on account to the smallest unit."""
    yen = make_customer(customer.organization, external_id="other", currency=code)
    a = create_one_off(yen, [Item("Work", Decimal(net))], finalize=True, **DONE)  # type: ignore[arg-type]
    client.force_login(make_member(customer.organization, "finance").user)
    url = reverse("customer-payment-add", args=[yen])
    came = str(Decimal(net) + Decimal(text.strip("¥")))
    data = {"amount": came, "paid_on": f"{NOW:%Y-%m-%d}", "once": f"{code}-a", "rest": "account"}
    data["seen"] = client.post(url, data).context["split"].seen
    assert client.post(url, data | {"once": f"{code}-b"}).status_code == 302
    row = Remittance.objects.get()
    assert due(a) == [0] and adds_up(row) and row.applied_minor == a.total_minor
    assert text in client.get(reverse("remittance", args=[row])).content.decode()
    assert (
        client.post(url, data | {"once": f"{code}-c", "amount": f"{came}.1" if code == "JPY" else f"{came}1"})
        .context["form"]
        .errors["amount"]
    )
    payload = Api(customer.organization).get(f"/remittances/{row.public_id}")[1]["data"]
    assert Decimal(str(payload["amountOnAccount"])) == Decimal(text.strip("¥"))


def test_the_database_refuses_more_than_came(customer: Customer) -> None:
    row = got(customer, 1000, keep_rest=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        Remittance.objects.filter(pk=row.pk).update(applied_minor=600, returned_minor=401)


@pytest.fixture
def staff(client: Client, customer: Customer) -> Client:
    client.force_login(make_member(customer.organization, "finance").user)
    return client


def test_the_drawer_shows_the_split_before_it_records(staff: Client, customer: Customer) -> None:
    a, b = bill(customer, 60, "2026-02-01"), bill(customer, 50, "2026-03-01")
    url = reverse("customer-payment-add", args=[customer])
    form = staff.get(url).context["form"]
    data = {"amount": "120", "paid_on": f"{NOW:%Y-%m-%d}", "reference": "", "once": form["once"].value()}
    first = staff.post(url, data)  # without JavaScript: the first press shows it
    assert first.status_code == 200 and not Payment.objects.exists()
    assert "Left over" in first.content.decode() and "€10.00" in first.content.decode()
    data["seen"] = first.context["split"].seen
    undecided = staff.post(url, data)
    assert undecided.status_code == 422 and undecided.context["form"].errors["rest"]
    assert 'name="rest"' in undecided.content.decode()  # the choice that is missing can be made
    assert undecided.context["split"].seen == data["seen"]
    piece = staff.post(url, data, headers={"HX-Request": "true", "HX-Target": "payment-split"})
    assert piece.status_code == 200 and "payment-split" in piece.content.decode()
    for _ in range(2):
        assert staff.post(url, data | {"rest": "account"}).status_code == 302
    assert due(a, b) == [0, 0] and Remittance.objects.get().left_minor == 1000
    tab = staff.get(reverse("customer-payments", args=[customer])).content.decode()
    assert "On account" in tab and "EUR\u00a010.00" in tab and "Part of a payment" in tab
    assert "On account" in staff.get(reverse("payments")).content.decode()


def test_bad_amounts_stand_at_their_cell(staff: Client, customer: Customer) -> None:
    a = bill(customer, 60)
    url = reverse("customer-payment-add", args=[customer])
    data = {"amount": "10", "paid_on": f"{NOW:%Y-%m-%d}", "seen": "x", "once": "t", f"part-{a.pk}": "60.01"}
    answer = staff.post(url, data)
    assert answer.status_code == 422 and "More than is due" in str(
        answer.context["form"].errors[f"part-{a.pk}"]
    )
    assert staff.post(url, data | {"amount": "", "once": "u"}).context["form"].errors["amount"]
    tomorrow = staff.post(url, data | {"paid_on": "2099-01-01", "once": "v"})
    assert tomorrow.context["form"].errors["paid_on"] and not Payment.objects.exists()


def test_choosing_what_a_payment_is_for(staff: Client, customer: Customer) -> None:
    a = bill(customer, 60)
    page = staff.get(reverse("payment-add"), {"q": a.number}).content.decode()
    assert (
        reverse("invoice-pay", args=[a]) in page and reverse("customer-payment-add", args=[customer]) in page
    )
    assert "No unpaid invoice found" in staff.get(reverse("payment-add"), {"q": "nothing"}).content.decode()
    assert (
        reverse("customer-payment-add", args=[customer])
        in staff.get(reverse("invoice-pay", args=[a])).content.decode()
    )


def test_the_page_of_a_transfer_and_its_drawers(staff: Client, customer: Customer) -> None:
    row = got(customer, 5000, keep_rest=True)
    a = bill(customer, 20)
    use = reverse("remittance-use", args=[row])
    form = staff.get(use)
    assert "€20.00" in form.content.decode()
    changed = staff.post(use, {"once": "a0", "seen": "x"})
    assert changed.status_code == 422 and "Look again" in changed.content.decode()
    assert changed.context["split"].seen == form.context["split"].seen
    assert staff.post(use, {"once": "a", "seen": form.context["split"].seen}).status_code == 302
    assert due(a) == [0]
    back = reverse("remittance-give-back", args=[row])
    assert staff.post(back, {"amount": "31", "once": "b"}).status_code == 422
    assert staff.post(back, {"amount": "30", "reason": "Asked", "once": "c"}).status_code == 302
    page = staff.get(reverse("remittance", args=[row])).content.decode()
    assert "Asked" in page and "€30.00" in page and adds_up(row)
    support = Client()
    support.force_login(make_member(customer.organization, "support").user)
    assert support.get(use).status_code == 403
    assert support.get(reverse("remittance", args=[row])).status_code == 200


def test_an_amount_is_never_read_in_another_currency(staff: Client, customer: Customer) -> None:
    """The drawer was opened for dollars; by the time it is sent nothing is due in them any more."""
    bill(customer, 60)
    url = reverse("customer-payment-add", args=[customer])
    assert staff.get(url + "?currency=USD").context["currency"] == "USD"
    assert staff.get(url + "?currency=XYZ").context["currency"] == "EUR"


def test_money_of_a_deleted_customer_can_still_be_used(staff: Client, customer: Customer) -> None:
    row = got(customer, 5000, keep_rest=True)
    end_untouched(Wallet.objects.filter(customer=customer), at=NOW)
    use = reverse("remittance-use", args=[row])
    assert "Buy credits" not in staff.get(use).content.decode()  # there is no wallet
    a = bill(customer, 20)
    Customer.objects.filter(pk=customer.pk).update(deleted_at=NOW)
    assert use in staff.get(reverse("remittance", args=[row])).content.decode()
    form = staff.get(use)
    assert staff.post(use, {"once": "of-deleted", "seen": form.context["split"].seen}).status_code == 302
    assert due(a) == [0]


def test_a_list_of_transfers_asks_once_for_their_parts(customer: Customer) -> None:
    api = Api(customer.organization)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert api.get("/remittances")[0] == 200
        return len(seen)

    got(customer, 1000, keep_rest=True, key="k0")
    queries()  # the first also notes that the key was used
    few = queries()
    for number in range(1, 4):
        bill(customer, 5)
        got(customer, 1000, keep_rest=True, key=f"k{number}")
    assert queries() == few


def test_the_api(customer: Customer) -> None:
    api = Api(customer.organization)
    a, b = bill(customer, 60, "2026-02-01"), bill(customer, 50, "2026-03-01")
    path = f"/customers/{customer.public_id}/payments"
    assert refused(api.post(path, {"amount": 200})) == (400, "rest_undecided", "rest")
    tomorrow = {"amount": 1, "paidAt": f"{timezone.now() + timedelta(days=1):%Y-%m-%dT%H:%M:%S}"}  # no zone
    assert refused(api.post(path, tomorrow))[2] == "paidAt"
    assert refused(api.post("/payments", tomorrow | {"invoiceId": a.public_id}))[2] == "paidAt"
    headers = {"Idempotency-Key": "one"}
    for _ in range(2):
        status, body = api.post(
            path,
            {"amount": 80, "rest": "account", "invoices": [{"invoiceId": b.public_id, "amount": 50}]},
            **headers,
        )
        assert status == 201
    row = body["data"]
    assert (row["amountApplied"], row["amountOnAccount"], len(row["payments"])) == (50, 30, 1)
    assert due(a, b) == [6000, 0]
    status, body = api.post(
        f"/remittances/{row['id']}/use", {"invoices": [{"invoiceId": a.public_id, "amount": 10}]}
    )
    assert (status, body["data"]["amountOnAccount"]) == (200, 20) and due(a) == [5000]
    status, body = api.post(f"/remittances/{row['id']}/give-back", {"reason": "Asked"})
    assert (body["data"]["amountOnAccount"], body["data"]["amountGivenBack"]) == (0, 20)
    assert api.get(path)[1]["meta"]["total"] == 2
    assert api.get("/remittances", onAccount="true")[1]["meta"]["total"] == 0
    assert api.get("/remittances")[1]["data"][0]["id"] == row["id"]
