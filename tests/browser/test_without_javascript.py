"""Everything works as plain links and forms: the key flows with JavaScript switched off, on the real stack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.browser.staff import PASSWORD, PATIENCE
from tests.stack import Stack, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


@pytest.fixture
def plain_page(browser: Browser, live_stack: Stack) -> Iterator[Page]:
    """A page that runs no scripts."""
    context = browser.new_context(
        base_url=live_stack.base_url,
        java_script_enabled=False,
        viewport={"width": 1280, "height": 900},
    )
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def act(page: Page, label: str) -> None:
    """An entry of the Actions menu, which opens without a script."""
    page.locator(".page-actions summary", has_text="Actions").click()
    page.locator(".page-actions .menu-item", has_text=label).click()


def press(page: Page, label: str) -> None:
    """A button of the page's form."""
    page.locator("main").get_by_role("button", name=label, exact=True).click()


def test_the_key_flows(plain_page: Page, live_stack: Stack) -> None:
    """Sign in, add a customer, assign a plan, apply a coupon, create a wallet, bill a one-off invoice of 3 x 20.00
    as a draft and finalise it, bill a call of 40.00 now (less 10 % and a wallet of 25.00: 11.00), record its
    payment, delete the customer.
    """
    page = plain_page
    given = live_stack.bootstrap("Plain House", "biller@plain.example", PASSWORD)
    headers = {"Authorization": f"Bearer {given['apiKey']}"}

    def api(method: str, path: str, body: Any = None) -> httpx.Response:
        return httpx.request(
            method, f"{live_stack.base_url}/api{path}", json=body, headers=headers, timeout=60
        )

    metric = {"name": "Calls", "code": "calls", "aggregationType": "count"}
    assert api("POST", "/billable-metrics", metric).status_code == 201
    charge = {"metricCode": "calls", "chargeModel": "standard", "properties": {"amount": "40"}}
    plan = {"name": "Basic", "code": "basic", "amount": 30, "currency": "EUR", "interval": "monthly"}
    assert api("POST", "/plans", plan | {"charges": [charge]}).status_code == 201
    coupon = {
        "name": "Ten",
        "code": "ten",
        "couponType": "percentage",
        "percentage": 10,
        "frequency": "forever",
    }
    answer = api("POST", "/coupons", coupon)
    assert answer.status_code == 201, answer.text

    page.goto("/customers")  # to the sign-in page and back
    page.locator("[name=username]").fill("biller@plain.example")
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Add a customer").first.click()

    press(page, "Create customer")
    assert "Enter a name." in page.locator("main").inner_text()
    page.locator("#customer_name").fill("Plain Ltd")
    page.locator("#customer_external_id").fill("plain-1")
    press(page, "Create customer")
    page.wait_for_url("**/customers/cust_*")
    assert page.locator("h1").inner_text() == "Plain Ltd"
    home = page.url

    act(page, "Assign a plan")
    value = page.locator("#id_plan option", has_text="Basic (basic)").get_attribute("value")
    page.locator("#id_plan").select_option(value)
    press(page, "Assign plan")
    page.wait_for_url("**/subscriptions")
    assert "Basic assigned" in page.locator("body").inner_text()

    page.goto(home)
    act(page, "Apply coupon")
    page.locator("#id_coupon").select_option(label="Ten")
    press(page, "Apply coupon")
    page.wait_for_url("**/coupons")
    assert "10 %" in page.locator("#coupon-table").inner_text()

    page.goto(home)
    act(page, "Create wallet")
    page.locator("#id_granted_credits").fill("25")
    press(page, "Create wallet")
    page.wait_for_url("**/wallets")
    assert "€25.00" in page.locator("#wallet-table").inner_text()

    page.goto(home)
    act(page, "Create one-off invoice")
    page.locator("[name=items-0-description]").fill("Work")
    page.locator("[name=items-0-units]").fill("3")
    page.locator("[name=items-0-unit_amount]").fill("20")
    press(page, "Compute the totals")
    assert "€60.00" in page.locator("#one-off-totals").inner_text()
    press(page, "Save as draft")
    page.get_by_role("heading", name="Draft invoice").wait_for()
    page.locator(".page-actions").get_by_role("link", name="Finalize").click()
    assert "€60.00" in page.locator("main").inner_text()
    press(page, "Finalize")
    page.wait_for_url("**/invoices/inv_*")
    number = page.locator("h1").inner_text()
    assert number.endswith("-001")

    def printed() -> bool:
        page.reload()
        return page.locator("iframe.document-frame").count() == 1

    wait_for(printed, seconds=90, what="the PDF on the page")

    [subscription] = api("GET", "/subscriptions").json()["data"]
    call = {"transactionId": "t-1", "subscriptionId": subscription["externalId"], "code": "calls"}
    assert api("POST", "/events", call | {"properties": {}}).status_code == 201
    page.goto(home)
    act(page, "Bill now")
    text = page.locator("main").inner_text()
    assert all(part in text for part in ("€40.00", "€4.00", "€36.00")), text
    press(page, "Bill now")
    page.get_by_role("heading", name="Draft invoice").wait_for()
    page.locator(".page-actions").get_by_role("link", name="Finalize").click()
    press(page, "Finalize")
    page.wait_for_url("**/invoices/inv_*")
    assert page.locator("h1").inner_text().endswith("-002")
    page.locator(".page-actions").get_by_role("link", name="Record payment").click()
    assert page.locator("#id_amount").input_value() == "11.00"
    press(page, "Record payment")
    page.wait_for_url("**/invoices/inv_*")
    assert "The payment was recorded" in page.locator("body").inner_text()
    assert page.locator(".page-actions").get_by_role("link", name="Record payment").count() == 0

    page.goto(home)
    act(page, "Delete customer")
    text = page.locator("main").inner_text()
    assert "Basic" in text and number in text and "The coupon Ten ends" in text
    page.locator("[name=confirmation]").fill("plain-2")
    press(page, "Delete customer")
    assert "Type plain-1 to confirm" in page.locator("main").inner_text()
    page.locator("[name=confirmation]").fill("plain-1")
    press(page, "Delete customer")
    page.wait_for_url("**/deletion")

    def gone() -> bool:
        page.reload()
        return "The customer is gone from your lists" in page.locator("main").inner_text()

    wait_for(gone, seconds=90, what="the end of the deletion")
    gone_page = page.goto(home)
    assert gone_page is not None and gone_page.status == 404
    page.goto("/invoices")
    assert number in page.locator("#invoice-table").inner_text()
