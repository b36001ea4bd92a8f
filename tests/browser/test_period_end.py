"""The end of a period as it comes by itself: beat starts the billing run, the worker bills and prints, and the
biller finds the invoice. Nobody presses "Bill now"; only the clock of the subscription is moved, by SQL.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.browser.staff import PASSWORD, sign_in
from tests.stack import Stack, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_the_period_ends_by_itself(browser_page: Page, live_stack: Stack) -> None:
    """A month of 30.00 and 1,200 units: 1,000 x 0.10 + 5.00 + 200 x 0.05 = 115.00; 145.00 without tax.

    Beat starts the billing run, here each five seconds.
    """
    given = live_stack.bootstrap("Period House", "biller@period.example", PASSWORD)
    headers = {"Authorization": f"Bearer {given['apiKey']}"}

    def post(path: str, body: Any) -> Any:
        answer = httpx.post(f"{live_stack.base_url}/api{path}", json=body, headers=headers, timeout=60)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()["data"]

    post(
        "/billable-metrics",
        {"name": "Units", "code": "units", "aggregationType": "sum", "fieldName": "value"},
    )
    ranges = [
        {"fromValue": 0, "toValue": 1000, "perUnitAmount": "0.10", "flatAmount": "0"},
        {"fromValue": 1001, "toValue": None, "perUnitAmount": "0.05", "flatAmount": "5"},
    ]
    charge = {
        "metricCode": "units",
        "chargeModel": "graduated",
        "properties": {"graduatedRanges": ranges},
    }
    plan = {"name": "Month", "code": "month", "amount": 30, "currency": "EUR", "interval": "monthly"}
    post("/plans", plan | {"charges": [charge]})
    customer = post(
        "/customers",
        {"email": "period@example.com", "name": "Period Ltd", "timezone": "UTC", "gracePeriodDays": 0},
    )
    subscription = post("/subscriptions", {"customerId": customer["id"], "planId": "month"})

    this_month = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    last_month = (this_month - timedelta(days=1)).replace(day=1)
    row = subscription["id"].removeprefix("sub_")
    live_stack.sql(
        "UPDATE billing_subscription SET started_at = %s, subscription_at = %s WHERE id = %s::uuid",
        last_month,
        last_month,
        row,
    )
    used = (last_month + timedelta(days=10)).isoformat()
    post(
        "/events",
        {
            "transactionId": "p-1",
            "subscriptionId": subscription["externalId"],
            "code": "units",
            "timestamp": used,
            "properties": {"value": 1200},
        },
    )
    live_stack.sql(
        "UPDATE billing_subscription SET next_billing_at = %s WHERE id = %s::uuid", this_month, row
    )

    query = (
        "SELECT number, status, total_minor, pdf_state FROM invoicing_invoice WHERE customer_id = %s::uuid"
    )
    key = customer["id"].removeprefix("cust_")
    [(number, status, total, _)] = wait_for(
        lambda: live_stack.sql(query, key), seconds=60, what="the invoice of the billing run"
    )
    assert (status, total) == ("finalized", 14500)
    wait_for(lambda: live_stack.sql(query, key)[0][3] == "ready", seconds=90, what="the PDF")
    again = live_stack.sql("SELECT next_billing_at FROM billing_subscription WHERE id = %s::uuid", row)
    assert again[0][0] == (this_month + timedelta(days=32)).replace(day=1)

    page = browser_page
    sign_in(page, "biller@period.example")
    page.goto("/invoices")
    page.locator("#invoice-table").get_by_role("link", name=number).click()
    page.get_by_role("heading", name=number).wait_for()
    assert "€145.00" in page.locator(".lines-totals").inner_text()
    page.locator("iframe.document-frame").wait_for()
    listed = httpx.get(f"{live_stack.base_url}/api/invoices", headers=headers, timeout=60)
    [found] = listed.json(parse_float=Decimal)["data"]
    assert [Decimal(line["amount"]) for line in found["lines"]] == [30, 115]
