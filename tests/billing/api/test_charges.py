"""POST /api/charges/preview: the very rule, its steps, and errors by field."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing.models import Event
from tests.factories.catalog import GRADUATED, make_metric
from tests.factories.people import make_key, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def preview(client: Client) -> Any:
    """`preview(chargeModel=…, …)` -> (status, body)."""
    key = make_key(make_organization())

    def send(**body: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {key}"}
        response = client.post("/api/charges/preview", body, content_type="application/json", headers=headers)
        return response.status_code, response.json()

    return send


def test_steps_add_up_to_the_amount(preview: Any) -> None:
    status, body = preview(chargeModel="graduated", properties=GRADUATED, units=1200, currency="EUR")
    assert status == 200
    assert body["data"]["amount"] == 115
    assert [(step["label"], step["units"], step["amount"]) for step in body["data"]["steps"]] == [
        ("First 1,000 units", 1000, 100),
        ("Above 1,000 units", 200, 15),
    ]


@pytest.mark.parametrize(("currency", "amount"), [("JPY", 123), ("KWD", 123.457), ("EUR", 123.46)])
def test_the_line_rounds_once_in_its_currency(preview: Any, currency: str, amount: float) -> None:
    body = preview(
        chargeModel="standard", properties={"amount": "0.123456789"}, units=1000, currency=currency
    )[1]
    assert body["data"]["amount"] == amount
    assert body["data"]["steps"][0]["unitAmount"] == 0.123456789


def test_events_count_for_percentages(preview: Any) -> None:
    price = {
        "rate": "1.3",
        "fixedAmount": "2",
        "freeUnitsPerEvents": 3,
        "freeUnitsPerTotalAggregation": "250",
    }
    values = [50, 100, 250, 400]
    body = preview(chargeModel="percentage", properties=price, eventValues=values, currency="EUR")[1]
    assert body["data"]["amount"] == 11.15
    assert body["data"]["units"] == 800


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"chargeModel": "magic"}, "chargeModel"),
        ({"currency": "XXX"}, "currency"),
        ({"units": -1}, "units"),
        ({"units": None}, "units"),
        ({"properties": {"amount": "-1"}}, "amount"),
        ({"properties": {"amount": "1", "x": 1}}, "x"),
        ({"eventsCount": -1}, "eventsCount"),
        ({"nonsense": 1}, "nonsense"),
        ({"chargeModel": "volume", "properties": {"volumeRanges": []}}, "volumeRanges"),
    ],
)
def test_what_cannot_be_priced_is_named(preview: Any, body: dict[str, Any], field: str) -> None:
    whole = {"chargeModel": "standard", "properties": {"amount": "1"}, "units": 10, "currency": "EUR"}
    status, answer = preview(**(whole | body))
    assert (status, answer["error"]["errors"][0]["field"]) == (400, field)


def test_in_advance_each_event_has_its_fee(preview: Any) -> None:
    asked = {"properties": GRADUATED, "currency": "EUR", "payInAdvance": True}
    status, body = preview(chargeModel="graduated", eventValues=[900, -100, 400], **asked)
    fees = [(fee["units"], fee["amount"]) for fee in body["data"]["events"]]
    assert (status, fees) == (200, [(900, 90), (0, 0), (300, 25)])  # 100 at 0.10, 200 at 0.05, 5 flat
    assert body["data"]["amount"] == 115
    assert sum(step["amount"] for step in body["data"]["events"][2]["steps"]) == 25
    for wrong, field in (
        ({"chargeModel": "volume", "eventValues": [1]}, "payInAdvance"),
        ({"chargeModel": "graduated", "units": 1}, "eventValues"),
    ):
        status, body = preview(**(asked | wrong))
        assert (status, body["error"]["errors"][0]["field"]) == (400, field)


def test_a_key_is_needed(client: Client) -> None:
    assert client.post("/api/charges/preview", {}, content_type="application/json").status_code == 401


def test_events_are_measured_by_a_metric_before_they_are_priced(client: Client) -> None:
    """Units: 600 + 600 GB = 1,200, which the tiers price at 115.00; what takes no part is told by the count."""
    organization = make_organization()
    metric = make_metric(organization, "gb", aggregation="sum", field_name="gb")
    headers = {"Authorization": f"Bearer {make_key(organization)}"}

    def send(**body: Any) -> tuple[int, Any]:
        body = {"chargeModel": "graduated", "properties": GRADUATED, "currency": "EUR"} | body
        response = client.post("/api/charges/preview", body, content_type="application/json", headers=headers)
        return response.status_code, response.json()

    events = [{"gb": 600}, {"properties": {"gb": "600"}, "timestamp": "2026-11-03T10:00:00Z"}, {"gb": "lots"}]
    for named in ({"metricCode": "gb"}, {"billableMetricId": metric.public_id}):
        status, body = send(events=events, **named)
        assert (status, body["data"]["amount"], body["data"]["units"]) == (200, 115, 1200)
        assert (body["data"]["eventsCount"], body["data"]["from"]) == (2, "2026-11-01T00:00:00Z")
    status, body = send(
        events=events, metricCode="gb", payInAdvance=True
    )  # 600 at 0.10; 400 so, 200 at 0.05 + 5.00
    assert (status, [fee["amount"] for fee in body["data"]["events"]]) == (200, [60, 55])
    assert Event.objects.count() == 0
    for wrong, field in (
        ({"events": events}, "billableMetricId"),
        ({"events": events, "metricCode": "none"}, "metricCode"),
        ({"events": [], "metricCode": "gb"}, "events"),
        ({"events": events, "metricCode": "gb", "units": 5}, "units"),
        ({"events": [{"gb": 1}, {"gb": "9" * 2000}], "metricCode": "gb"}, "events[1].properties.gb"),
    ):
        status, body = send(**wrong)
        assert (status, body["error"]["errors"][0]["field"]) == (400, field), body
    stranger = {"Authorization": f"Bearer {make_key(make_organization('Other'))}"}
    headers = stranger
    assert send(events=events, billableMetricId=metric.public_id)[0] == 400
