"""What is sent, and what becomes of the answer; each with both clients."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Callable

import pytest
from sdk_test_server import CUSTOMER, Reply

from novabilling.types import InvoiceItemDto

Ask = Callable[..., Any]


def test_a_call_and_its_answer(server: Any, ask: Ask) -> None:
    server.replies = [Reply(201, CUSTOMER, {"ETag": '"v1"', "X-Request-Id": "r-1"})]
    made = ask(
        lambda client: client.customers.create(
            external_id="usr_1",
            email="ann@x.example",
            name="Ann",
            metadata={"user_id": "u", "aB": {"c_d": 1}},
        )
    )
    [seen] = server.seen
    assert (seen.method, seen.path) == ("POST", "/api/customers")
    assert seen.headers["authorization"] == "Bearer sk_test_very_secret_indeed"
    assert seen.headers["content-type"] == "application/json"
    assert seen.json == {
        "externalId": "usr_1",
        "email": "ann@x.example",
        "name": "Ann",
        "metadata": {"user_id": "u", "aB": {"c_d": 1}},
    }
    assert made.id == made.data.id == "cust_1"
    assert (made.etag, made.request_id) == ('"v1"', "r-1")


def test_amounts_are_exact_both_ways(server: Any, ask: Ask) -> None:
    server.replies = [
        Reply(raw=b'{"data": {"id": "inv_1", "total": 17500, "amount": 0.1, "taxAmount": 0.30}}')
    ]
    made = ask(
        lambda client: client.invoices.create(
            customer_id="cust_1",
            items=[
                InvoiceItemDto(description="A", amount=15000, quantity=1),
                InvoiceItemDto(description="B", amount=Decimal("0.1"), quantity=Decimal("2.50")),
                {"description": "C", "unit_amount": Decimal("0.12345678901234567890"), "quantity": 1},
            ],
            due_date=date(2027, 1, 31),
        )
    )
    assert server.seen[0].json == {
        "customerId": "cust_1",
        "items": [
            {"description": "A", "amount": 15000, "quantity": 1},
            {"description": "B", "amount": 0.1, "quantity": 2.5},
            {"description": "C", "unitAmount": "0.12345678901234567890", "quantity": 1},
        ],
        "dueDate": "2027-01-31",
    }
    assert (made.total, made.amount, made.tax_amount) == (17500, Decimal("0.1"), Decimal("0.3"))
    assert isinstance(made.total, int) and sum([made.amount] * 3) == made.tax_amount


def test_times_are_sent_in_utc_and_read_with_their_zone(server: Any, ask: Ask) -> None:
    server.replies = [Reply(body={"data": {"id": "sub_1", "currentPeriodEnd": "2027-01-31T23:00:00Z"}})]
    east = timezone(timedelta(hours=2))
    at = datetime(2027, 1, 1, 1, 30, tzinfo=east)
    found = ask(lambda client: client.subscriptions.create(customer_id="c", plan_id="p", start_date=at))
    assert server.seen[0].json["startDate"] == "2026-12-31T23:30:00Z"
    assert found.current_period_end == datetime(2027, 1, 31, 23, tzinfo=timezone.utc)
    with pytest.raises(ValueError, match="timezone"):
        ask(
            lambda client: client.subscriptions.create(
                customer_id="c", plan_id="p", start_date=datetime(2027, 1, 1)
            )
        )


def test_a_query_leaves_out_what_is_not_said(server: Any, ask: Ask) -> None:
    server.replies = [Reply(body={"data": [], "meta": {"total": 0, "page": 2, "limit": 20, "totalPages": 1}})]
    page = ask(
        lambda client: client.customers.list(
            page=2, limit=20, sort_by="created_at", include_deleted=True, search=None, tags="a,b"
        )
    )
    assert server.seen[0].query == {
        "page": "2",
        "limit": "20",
        "sortBy": "created_at",
        "includeDeleted": "true",
        "tags": "a,b",
    }
    assert (len(page), page.total, page.meta.total, list(page)) == (0, 0, 0, [])


def test_all_pages_by_number_and_by_cursor(server: Any, ask: Ask) -> None:
    def page(ids: str, number: int, cursor: Any = None) -> Reply:
        meta = {"total": 3, "page": number, "limit": 2, "totalPages": 2, "nextCursor": cursor}
        return Reply(body={"data": [{"id": id} for id in ids], "meta": meta})

    server.replies = [page("ab", 1), page("c", 2)]
    assert [row.id for row in ask(lambda client: client.plans.iterate(limit=2))] == ["a", "b", "c"]
    assert [seen.query for seen in server.seen] == [{"limit": "2"}, {"limit": "2", "page": "2"}]
    server.seen.clear()
    server.replies = [page("ab", 1, "next"), page("c", 1)]
    server.replies[1].body["meta"]["totalPages"] = 1
    assert [row.id for row in ask(lambda client: client.customers.iterate(search="x"))] == ["a", "b", "c"]
    assert [seen.query for seen in server.seen] == [
        {"limit": "100", "search": "x"},
        {"limit": "100", "search": "x", "cursor": "next"},
    ]


def test_an_id_is_only_an_id(server: Any, ask: Ask) -> None:
    ask(lambda client: client.customers.get_by_external_id("a/../b?c=d&é"))
    assert server.seen[0].path == "/api/customers/external/a%2F..%2Fb%3Fc%3Dd%26%C3%A9"
    for wrong in ("", "  ", ".", "..", None):
        with pytest.raises(ValueError, match="id is needed"):
            ask(lambda client, wrong=wrong: client.customers.delete(wrong))
    assert len(server.seen) == 1


@pytest.mark.parametrize("base", ["{}", "{}/", "{}/api", "{}/api/"])
def test_the_base_url_may_name_the_api(server: Any, ask: Ask, base: str) -> None:
    ask(lambda client: client.customers.get("cust_1"), base_url=base.format(server.url))
    assert server.seen[0].path == "/api/customers/cust_1"


def test_a_base_url_with_a_path_keeps_it(server: Any, ask: Ask) -> None:
    ask(lambda client: client.customers.get("cust_1"), base_url=server.url + "/billing")
    assert server.seen[0].path == "/billing/api/customers/cust_1"


def test_versions_go_along(server: Any, ask: Ask) -> None:
    ask(lambda client: client.customers.update("cust_1", if_match='"v1"', name=None))
    assert server.seen[0].headers["if-match"] == '"v1"'
    assert server.seen[0].json == {"name": None}
    assert "idempotency-key" not in server.seen[0].headers


def test_a_document_is_waited_for(server: Any, ask: Ask, waits: Any) -> None:
    wait = {"error": {"code": "pdf_not_ready", "message": "It is being made."}}
    server.replies = [Reply(409, wait), Reply(409, wait), Reply(raw=b"%PDF-1.7")]
    assert ask(lambda client: client.invoices.download_pdf("inv_1")) == b"%PDF-1.7"
    assert [seen.headers["accept"] for seen in server.seen] == ["application/pdf"] * 3
    assert len(waits) == 2


def test_any_route(server: Any, ask: Ask) -> None:
    server.replies = [Reply(raw=b'{"data": {"rate": 0.10}}')]
    assert ask(lambda client: client.request("get", "/new", query={"some_thing": 1})) == {
        "data": {"rate": Decimal("0.10")}
    }
    assert (server.seen[0].path, server.seen[0].query) == ("/api/new", {"someThing": "1"})
    with pytest.raises(ValueError):
        ask(lambda client: client.request("GET", "https://elsewhere.example"))


def test_nothing_is_answered_to_some_calls(server: Any, ask: Ask) -> None:
    server.replies = [Reply(204)]
    assert ask(lambda client: client.alerts.delete("alr_1")) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), object()])
def test_what_has_no_json_form_is_not_sent(server: Any, ask: Ask, value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        ask(lambda client: client.payments.refund("pay_1", amount=value))
    assert server.seen == []
