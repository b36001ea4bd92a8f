"""Objects, pages and words."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Any, List

import pytest

from novabilling import types
from novabilling._wire import camel, snake, to_wire
from novabilling.types import (
    ApiKey,
    Customer,
    Invoice,
    PaginatedResponse,
    Record,
    Usage,
    Webhook,
    WebhookDelivery,
)


def test_names_of_the_documentation() -> None:
    names = (
        "Customer Plan Subscription Invoice InvoiceItemDto Payment PaginatedResponse Currency BillingInterval "
        "SubscriptionStatus InvoiceStatus PaymentStatus"
    )
    assert set(names.split()) <= set(types.__all__)
    assert all(hasattr(types, name) for name in types.__all__)


def test_an_object_and_what_this_version_does_not_know() -> None:
    found = Customer.read(
        {
            "id": "cust_1",
            "externalId": "u-1",
            "newField": {"a": 1},
            "metadata": {"userId": 1.5, "user_id": [2]},
        }
    )
    assert (found.external_id, found.data.data.id) == ("u-1", "cust_1")
    assert found.new_field == {"a": 1}  # type: ignore[attr-defined]
    assert found.metadata == {"userId": 1.5, "user_id": [2]}
    with pytest.raises(AttributeError):
        found.no_such_field  # type: ignore[attr-defined]  # noqa: B018
    assert "new_field" in repr(found) and "new_field" in found.model_dump()


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (5, 5),
        (Decimal("5.00"), 5),
        (Decimal("0.10"), Decimal("0.1")),
        (Decimal("29.99"), Decimal("29.99")),
        (0, 0),
        (-3, -3),
        (10**20, 10**20),
    ],
)
def test_amounts(sent: Any, read: Any) -> None:
    amount = Invoice.read({"id": "inv_1", "total": sent}).total
    assert amount == read and type(amount) is type(read)
    total = 0
    total += amount  # type: ignore[assignment]
    assert total == read


def test_an_answer_of_another_shape_is_taken_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    found = Customer.read({"activeSubscriptions": "many", "name": "Ann"})
    wanted: Any = ("Ann", "many", None, [])  # an id is always text, says its type
    assert (found.name, found.active_subscriptions, found.id, found.tags) == wanted
    assert "active_subscriptions, id" in caplog.text


@pytest.mark.parametrize(
    ("status", "payment", "said"),
    [("finalized", "paid", "paid"), ("finalized", "pending", "finalized"), ("voided", "paid", "voided")],
)
def test_an_invoice_that_is_paid_says_so(status: str, payment: str, said: str) -> None:
    found = Invoice.read({"id": "inv_1", "status": status, "paymentStatus": payment})
    assert (found.status, found.payment_status) == (said, payment)


def test_a_field_named_like_a_keyword() -> None:
    found = Usage.read({"from": "2027-01-01T00:00:00Z", "charges": [{"units": Decimal("1.5")}]})
    assert found.from_ is not None and found.from_.year == 2027 and found.charges[0].units == Decimal("1.5")
    assert (camel("from_"), snake("from")) == ("from", "from_")


@pytest.mark.parametrize("name", ["external_id", "vat_number", "line1", "einvoice_email", "a", "from_"])
def test_names_go_there_and_back(name: str) -> None:
    assert snake(camel(name)) == name


def test_acronyms() -> None:
    assert (snake("autoValidateVAT"), snake("pdfURLOfIt")) == ("auto_validate_vat", "pdf_url_of_it")


def test_a_record_goes_as_deep_as_its_answer() -> None:
    found = Record.read(
        {"oldInvoice": {"totalAmount": Decimal("2.0"), "lines": [{"unitAmount": 1}]}, "metadata": {"aB": 1}}
    )
    assert found.old_invoice.total_amount == 2 and found["old_invoice"].lines[0].unit_amount == 1
    assert found.metadata == {"aB": 1}


def test_secrets_are_not_printed() -> None:
    key = ApiKey.read({"id": "key_1", "key": "sk_live_secret"})
    hook = Webhook.read({"id": "whk_1", "secret": "whsec_secret"})
    assert key.key == "sk_live_secret" and hook.secret == "whsec_secret"
    assert "secret" not in repr(key) + str(key) and "whsec" not in repr(hook) + str(hook)


def test_a_delivery_keeps_what_it_says_apart_from_itself() -> None:
    found = WebhookDelivery.read({"id": "dlv_1", "data": {"id": "cust_1"}, "state": "delivered"})
    assert found.data.id == "dlv_1" and found.payload == {"id": "cust_1"}


def test_a_page() -> None:
    meta = {"total": 5, "page": 1, "limit": 2, "totalPages": 3, "nextCursor": None}
    page: PaginatedResponse[Customer] = PaginatedResponse.read(
        Customer, {"data": [{"id": "a"}, {"id": "b"}], "meta": meta}
    )
    ids: List[str] = [row.id for row in page]
    assert (
        ids == ["a", "b"]
        and len(page) == len(page.data) == 2
        and page[1].id == "b"
        and page[-1:][0].id == "b"
    )
    assert (page.total, page.meta.total, page.has_more, page.following()) == (5, 5, True, {"page": 2})
    assert repr(page) == "<page 1 of 3: 2 of 5 rows>"
    whole = PaginatedResponse.read(Customer, {"data": [{"id": "a"}]})
    assert (whole.total, whole.has_more, whole.following()) == (1, False, None)


def test_whose_keys_stay() -> None:
    body = {
        "plan_overrides": {"charges": [{"metric_code": "m", "properties": {"my_key": 1}}]},
        "from_": "now",
    }
    assert to_wire(body) == {
        "planOverrides": {"charges": [{"metricCode": "m", "properties": {"my_key": 1}}]},
        "from": "now",
    }
