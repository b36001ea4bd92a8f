"""The biller's story by keys alone: no pointer touches the page from the sign-in to the payment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.browser.staff import PASSWORD, PATIENCE, opened, said
from tests.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
FOCUSED = "document.activeElement.innerText?.trim()"
UNSEEN = """(() => {
    const at = document.activeElement;
    const seen = at.matches(":focus-visible, body") || getComputedStyle(at).outlineStyle !== "none";
    return seen ? "" : at.outerHTML;
})()"""
STEPS = 60  # of the Tab key, at most


def tab_to(page: Page, label: str) -> None:
    """Tab until the button or link with this name has the focus; the focus is seen on the way."""
    for _ in range(STEPS):
        page.keyboard.press("Tab")
        assert page.evaluate(UNSEEN) == ""
        if page.evaluate(FOCUSED) == label:
            return
    raise AssertionError(f"{label} cannot be reached by Tab")


def command(page: Page, words: str, label: str) -> None:
    """The palette: type what to do, press Enter on the first option, which must be `label`."""
    page.keyboard.press("Control+k")
    page.locator("#palette[open] [role=option]").first.wait_for()
    page.keyboard.type(words)
    page.locator("#palette [aria-selected=true]", has_text=label).wait_for()
    active = page.locator("#palette [role=combobox]").get_attribute("aria-activedescendant")
    assert label in page.locator(f"#{active}").inner_text()
    page.keyboard.press("Enter")


def prepare(stack: Stack, key: str) -> Any:
    """A metric and a plan by API; returns the function that calls it."""

    def post(path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {key}"}
        answer = httpx.post(f"{stack.base_url}/api{path}", json=body, headers=headers, timeout=60)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()["data"]

    post("/billable-metrics", {"name": "Calls", "code": "calls", "aggregationType": "count"})
    charge = {"metricCode": "calls", "chargeModel": "standard", "properties": {"amount": "25"}}
    plan = {"name": "Keys", "code": "keys", "amount": 10, "currency": "EUR", "interval": "monthly"}
    post("/plans", plan | {"charges": [charge]})
    return post


def test_the_story_by_keys(browser_page: Page, live_stack: Stack) -> None:
    """One call at 25.00 is billed, finalised and paid."""
    page = browser_page
    page.set_default_timeout(PATIENCE)
    given = live_stack.bootstrap("Keys House", "biller@keys.example", PASSWORD)
    post = prepare(live_stack, given["apiKey"])
    page.goto("/login")
    page.keyboard.type("biller@keys.example")
    page.keyboard.press("Tab")
    if page.evaluate("document.activeElement.name") != "password":  # a link for those who forgot it
        page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Keys House").wait_for()

    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/customers")
    page.keyboard.press("c")
    opened(page)
    page.keyboard.type("Keyboard Ltd")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("keys-1")
    page.keyboard.press("Enter")
    page.wait_for_url("**/customers/cust_*")
    assert page.locator("h1").inner_text() == "Keyboard Ltd"

    command(page, "assign", "Assign a plan")
    drawer = opened(page)
    assert page.evaluate("document.activeElement.id") == "id_plan"
    page.keyboard.type("Keys")
    tab_to(page, "Assign plan")
    page.keyboard.press("Enter")
    said(page, "Keys assigned")
    assert not drawer.is_visible()
    [subscription] = httpx.get(
        f"{live_stack.base_url}/api/subscriptions",
        headers={"Authorization": f"Bearer {given['apiKey']}"},
        timeout=60,
    ).json()["data"]
    event = {"transactionId": "k-1", "subscriptionId": subscription["externalId"], "code": "calls"}
    post("/events", event)

    command(page, "bill", "Bill now")
    opened(page, "dialog")
    tab_to(page, "Bill now")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Draft invoice").wait_for()
    tab_to(page, "Finalize")
    page.keyboard.press("Enter")
    opened(page, "dialog")
    tab_to(page, "Finalize")
    page.keyboard.press("Enter")
    said(page, "is final")
    tab_to(page, "Record payment")
    page.keyboard.press("Enter")
    drawer = opened(page)
    assert drawer.locator("#id_amount").input_value() == "25.00"
    tab_to(page, "Record payment")
    page.keyboard.press("Enter")
    said(page, "The payment was recorded")

    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/invoices")
    page.keyboard.press("j")
    number = page.evaluate(FOCUSED)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=number, exact=True).wait_for()


def test_keys_of_one_letter_can_be_switched_off(browser_page: Page, live_stack: Stack) -> None:
    page = browser_page
    page.set_default_timeout(PATIENCE)
    live_stack.bootstrap("Quiet House", "biller@quiet.example", PASSWORD)
    page.goto("/login")
    page.locator("[name=username]").fill("biller@quiet.example")
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Quiet House").wait_for()
    page.keyboard.press("?")
    page.locator("#keys[open]").wait_for()
    page.locator("#keys [data-keys-switch]").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    page.reload()
    page.keyboard.press("?")
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.keyboard.press("Control+k")  # no key of one letter: it stays
    page.locator("#palette[open]").wait_for()
    assert page.locator("#keys[open]").count() == 0
    assert page.url.rstrip("/") == live_stack.base_url
