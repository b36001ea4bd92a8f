"""Every list of the API: pages by number and by cursor, order, and what is refused by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from billing.models import Subscription
from tests.factories.api import Api, refused
from tests.factories.catalog import make_plan, subscribe
from tests.factories.people import make_organization
from tests.factories.world import World, make_world
from tests.house.addresses import api_operations, filled

pytestmark = pytest.mark.django_db


def lists_of(world: World) -> dict[str, dict[str, Any]]:
    """Every address that answers with a page, and its answer."""
    client = Client(headers={"Authorization": f"Bearer {world.key}"})
    found = {}
    for method, route in api_operations():
        if method == "GET":
            path = filled(route, world)
            answer = client.get(path)
            if "json" not in answer.get("Content-Type", ""):
                continue
            body = answer.json()
            if "totalPages" in (body.get("meta") or {}):
                found[path] = body
    return found


def test_every_list_pages_sorts_and_names_what_it_refuses() -> None:
    world = make_world("alpha")
    client = Client(headers={"Authorization": f"Bearer {world.key}"})
    lists = lists_of(world)
    assert len(lists) > 30
    for path, first in lists.items():
        meta = first["meta"]
        assert set(meta) == {"total", "page", "limit", "totalPages", "nextCursor"}, path
        assert meta["total"] >= len(first["data"]) and meta["totalPages"] >= 1, path
        seen, cursor = [], ""
        while True:
            part = client.get(path, {"limit": 1, "cursor": cursor}).json()
            seen += part["data"]
            cursor = part["meta"]["nextCursor"]
            if not cursor:
                break
        assert seen == client.get(path, {"limit": 100}).json()["data"], path
        assert client.get(path, {"sort_order": "DESC", "page": 10**9}).json()["data"] == [], path
        for query in ({"limit": 101}, {"limit": 0}, {"limit": "x"}, {"page": 0}, {"sortBy": "nothing"}):
            answer = client.get(path, query)
            assert answer.status_code == 400, (path, query)
            assert answer.json()["error"]["errors"][0]["field"] == next(iter(query)), (path, query)
        for name in ("sort_order", "cursor", "colour"):
            answer = client.get(path, {name: "nonsense"})
            field = {"sort_order": "sortOrder"}.get(name, name)
            assert answer.status_code == 400, (path, name)
            assert answer.json()["error"]["errors"][0]["field"] == field, (path, name)


def test_a_cursor_walks_any_order_with_ties_and_gaps() -> None:
    organization = make_organization()
    api, plan = Api(organization), make_plan(organization)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for day in (3, 1, None, 1, 2, None):
        row = subscribe(plan)
        ends = None if day is None else start + timedelta(days=day)
        Subscription.objects.filter(pk=row.pk).update(ending_at=ends)
    for order in ("asc", "desc"):
        query = {"sortBy": "ending_at", "sort_order": order, "limit": 2}
        first = api.get("/subscriptions", **query)[1]
        seen, cursor = [], first["meta"]["nextCursor"]
        seen += first["data"]
        while cursor:
            part = api.get("/subscriptions", cursor=cursor, **query)[1]
            seen += part["data"]
            cursor = part["meta"]["nextCursor"]
        days = [row["endingAt"] and row["endingAt"][:10] for row in seen]
        dated = ["2026-01-02", "2026-01-02", "2026-01-03", "2026-01-04"]
        assert days == ([*dated, None, None] if order == "asc" else [None, None, *dated[::-1]])
        assert len({row["id"] for row in seen}) == 6
        other = "desc" if order == "asc" else "asc"
        answer = api.get(
            "/subscriptions", cursor=first["meta"]["nextCursor"], sortBy="endingAt", sortOrder=other
        )
        assert refused(answer)[::2] == (400, "cursor")


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/subscriptions", {"status": "nonsense"}, "status"),
        ("/subscriptions", {"customer_id": "inv_1"}, "customerId"),
        ("/invoices", {"status": "nonsense"}, "status"),
        ("/invoices", {"billingEntityId": "x"}, "billingEntityId"),
        ("/payments", {"status": "nonsense"}, "status"),
        ("/payments", {"dateFrom": "2026-02-31"}, "dateFrom"),
        ("/credit-notes", {"status": "nonsense"}, "status"),
        ("/payment-requests", {"status": "nonsense"}, "status"),
        ("/wallets", {"status": "nonsense"}, "status"),
        ("/plans", {"billing_interval": "nonsense"}, "billingInterval"),
        ("/billable-metrics", {"aggregationType": "nonsense"}, "aggregationType"),
    ],
)
def test_a_filter_that_means_nothing_is_named(path: str, query: dict[str, str], field: str) -> None:
    assert refused(Api(make_organization()).get(path, **query))[::2] == (400, field)


def test_filters_take_any_case_and_the_words_of_other_systems() -> None:
    api = Api(make_organization())
    for path, words in (
        ("/subscriptions", ["ACTIVE", "Cancelled", "pastDue", "PAST-DUE"]),
        ("/invoices", ["FINALIZED", "void", "Canceled", "open", "PENDING", "succeeded", "partially paid"]),
        ("/payments", ["SUCCEEDED", "success", "Refunded", "partiallyRefunded"]),
        ("/credit-notes", ["VOID", "Finalized"]),
        ("/wallets", ["ACTIVE"]),
    ):
        for word in words:
            status, body = api.get(path, status=word)
            assert status == 200, (path, word, body)
