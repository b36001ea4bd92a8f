"""Seed 003 on the screens, in Chromium against the real stack: each step of its text as a person does it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.browser.staff import PASSWORD, act, opened, said, sign_in, submit, tab
from tests.seeds.proving import Proof
from tests.seeds.rows import row
from tests.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser
ADDING = ("L01", "L02", "L03", "L04", "L05", "L06", "L07", "L08")
ASSIGNING = ("L15", "L16", "L17", "L18", "L19", "L20")
USING = ("L21", "L22", "L23", "L24", "L25")
ROWS = (*ADDING, *ASSIGNING, *USING, "L26", "L34", "L35")
OFFERED = {"Assign a plan", "Apply coupon", "Create one-off invoice", "Create wallet", "Delete customer"}
Call = Callable[..., Any]


@row(*ROWS)
def test_from_the_side_menu_to_a_deleted_customer(browser_page: Page, live_stack: Stack) -> None:
    """1,500 calls at 0.10 are 150.00; a one-off invoice over 2 x 150.00 is paid and 100.00 of it credited."""
    page, proof = browser_page, Proof(*ROWS)
    given = live_stack.bootstrap("Screen House", "biller@screens.example", PASSWORD)
    client = httpx.Client(headers={"Authorization": f"Bearer {given['apiKey']}"}, timeout=60)

    def call(method: str, path: str, body: Any = None) -> Any:
        answer = client.request(method, f"{live_stack.base_url}/api{path}", json=body)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json(parse_float=Decimal)["data"]

    make_catalogue(call)
    sign_in(page, "biller@screens.example")
    id = add_customers(page, proof, call)
    assign(page, proof, call, id)
    watch_usage(page, proof, call, id)
    delete_and_find_documents(page, proof, call, id)
    proof.complete()


def make_catalogue(call: Call) -> None:
    """A plan with calls at 0.10 and a coupon of 10 %."""
    metric = {"name": "Calls", "code": "calls", "aggregationType": "sum", "fieldName": "calls"}
    call("POST", "/billable-metrics", metric)
    charge = {"metricCode": "calls", "chargeModel": "standard", "properties": {"amount": "0.10"}}
    plan = {"name": "Team", "code": "team", "amount": 49, "currency": "EUR", "interval": "monthly"}
    call("POST", "/plans", plan | {"charges": [charge]})
    coupon = {"name": "Welcome", "code": "welcome", "couponType": "percentage", "percentage": 10}
    call("POST", "/coupons", coupon | {"frequency": "once"})


def upper_right(page: Page, place: Locator) -> bool:
    """Whether it stands in the upper right corner of the window."""
    box, size = place.bounding_box(), page.viewport_size
    assert box is not None and size is not None
    return box["x"] > size["width"] / 2 and box["y"] + box["height"] < size["height"] / 4


def add_customers(page: Page, proof: Proof, call: Call) -> str:
    """One with the least, one with everything; returns the id of the second."""
    with proof("L01"):
        page.get_by_role("navigation", name="Main menu").get_by_role("link", name="Customers").click()
        page.get_by_role("heading", name="Customers", level=1).wait_for()
    with proof("L02"):
        button = page.locator(".page-actions").get_by_role("link", name="Add a customer")
        assert upper_right(page, button)
        button.click()
        drawer = opened(page)
    with proof("L03"):
        submit(drawer, "Create customer")
        drawer.get_by_text("Enter a name.").wait_for()
        drawer.get_by_text("Enter the ID that your own system uses.").wait_for()
        drawer.locator("#customer_name").fill("Bare Ltd")
        drawer.locator("#customer_external_id").fill("crm-0")
        submit(drawer, "Create customer")
        page.wait_for_url("**/customers/cust_*")
        bare = call("GET", "/customers/external/crm-0")
        assert (bare["name"], bare["preferredProvider"]) == ("Bare Ltd", None)

    page.goto("/customers")
    page.locator(".page-actions").get_by_role("link", name="Add a customer").click()
    drawer = opened(page)
    drawer.locator("#customer_name").fill("Globex")
    drawer.locator("#customer_external_id").fill("crm-1")
    with proof("L04"):
        drawer.locator("#customer_timezone").select_option("Africa/Kampala")
    with proof("L05"):
        for name, value in COMPANY.items():
            drawer.locator(f"#customer_{name}").fill(value)
        drawer.locator("#customer_country").select_option("DE")
        drawer.locator("#customer_currency").select_option("EUR")
    with proof("L06"):
        drawer.locator("summary", has_text="Payment and documents").click()
        drawer.get_by_label("Default payment provider").select_option("stripe")
    with proof("L07"):
        submit(drawer, "Create customer")
        page.wait_for_url("**/customers/cust_*")
        found = call("GET", "/customers/external/crm-1")
        assert (found["name"], found["externalId"], found["currency"]) == ("Globex", "crm-1", "EUR")
    with proof("L04", "L05", "L06"):
        assert (found["timezone"], found["preferredProvider"]) == ("Africa/Kampala", "stripe")
        assert (found["legalName"], found["taxId"]) == ("Globex GmbH", "DE136695976")
        address = {"line1": "Straße der Einheit 1", "city": "Köln", "country": "DE"}
        assert address.items() <= found["address"].items()
    with proof("L08"):
        assert page.locator("h1").inner_text() == "Globex"
        drawer = act(page, "Edit customer")
        drawer.locator("#customer_name").fill("Globex Group")
        submit(drawer, "Save changes")
        page.get_by_role("heading", name="Globex Group", level=1).wait_for()
        assert call("GET", f"/customers/{found['id']}")["name"] == "Globex Group"
    return str(found["id"])


COMPANY = {
    "email": "ap@globex.example",
    "legal_name": "Globex GmbH",
    "tax_id": "DE136695976",
    "address_line1": "Straße der Einheit 1",
    "city": "Köln",
}


def assign(page: Page, proof: Proof, call: Call, id: str) -> None:
    """From the list to the customer, and each object from the dropdown."""
    with proof("L20"):
        page.goto("/customers")
        page.locator("main").get_by_role("link", name="Globex Group").first.click()
        page.wait_for_url(f"**/customers/{id}")
    with proof("L19"):
        actions = page.locator(".page-actions summary", has_text="Actions")
        assert upper_right(page, actions)
        actions.click()
        items = page.locator(".page-actions .menu-item")
        items.first.wait_for()
        assert {text.strip() for text in items.all_inner_texts()} >= OFFERED
        actions.click()
    with proof("L15"):
        drawer = act(page, "Assign a plan")
        value = drawer.locator("#id_plan option", has_text="Team (team)").get_attribute("value")
        drawer.locator("#id_plan").select_option(value)
        submit(drawer, "Assign plan")
        said(page, "Team assigned")
        [subscription] = call("GET", f"/customers/{id}/subscriptions")
        assert (subscription["status"], subscription["planCode"]) == ("active", "team")
    with proof("L16"):
        drawer = act(page, "Apply coupon")
        drawer.locator("#id_coupon").select_option(label="Welcome")
        submit(drawer, "Apply coupon")
        page.wait_for_url("**/coupons")
        assert "10 %" in page.locator("#coupon-table").inner_text()
    with proof("L18"):
        drawer = act(page, "Create wallet")
        drawer.locator("#id_name").fill("Prepaid")
        drawer.locator("#id_granted_credits").fill("50")
        submit(drawer, "Create wallet")
        page.wait_for_url("**/wallets")
        assert "€50.00" in page.locator("#wallet-table").inner_text()
        balances = {row["name"]: row["balance"] for row in call("GET", f"/wallets?customerId={id}")}
        assert balances["Prepaid"] == 50
    with proof("L17"):
        act(page, "Create one-off invoice")
        page.locator("[name=items-0-description]").fill("Onboarding workshop")
        page.locator("[name=items-0-units]").fill("2")
        page.locator("[name=items-0-unit_amount]").fill("150")
        page.locator("#one-off-totals .total", has_text="€300.00").wait_for()
        page.get_by_role("button", name="Create and finalize").click()
        page.wait_for_url("**/invoices/inv_*")
        [invoice] = call("GET", f"/customers/{id}/invoices")
        assert page.locator("h1").inner_text() == invoice["number"] and invoice["total"] == 300


def watch_usage(page: Page, proof: Proof, call: Call, id: str) -> None:
    """What the tab shows while events come is what the API says."""
    page.goto(f"/customers/{id}")
    [subscription] = call("GET", f"/customers/{id}/subscriptions")
    with proof("L22"):
        tab(page, "Usage")
        page.locator("#usage-panel", has_text="Usage so far").wait_for()
    with proof("L21"):
        for number, calls in enumerate((1000, 500)):
            event = {"transactionId": f"s-{number}", "code": "calls", "properties": {"calls": calls}}
            call("POST", "/events", event | {"subscriptionId": subscription["externalId"]})
    with proof("L25"):
        [report] = call("GET", f"/customers/{id}/usage")
        [charge] = report["charges"]
        assert (report["amount"], charge["units"], charge["amount"]) == (150, 1500, 150)
    with proof("L23"):
        total = page.locator("#usage-panel .figure", has_text="Usage so far")
        total.get_by_text(f"€{report['amount']:.2f}").wait_for()
    with proof("L24"):
        cells = page.locator("#usage-panel tr[data-row]", has_text="Calls").locator("td")
        shown = [cells.nth(number).inner_text() for number in range(cells.count())]
        assert f"{charge['units']:,}" in shown and f"€{charge['amount']:.2f}" in " ".join(shown)


def delete_and_find_documents(page: Page, proof: Proof, call: Call, id: str) -> None:
    """A paid and partly credited invoice is found in the Invoices section after its customer has gone."""
    [invoice] = call("GET", f"/customers/{id}/invoices")
    call("POST", "/payments", {"invoiceId": invoice["id"]})
    note = call("POST", "/credit-notes", {"invoiceId": invoice["id"], "amount": 100})
    with proof("L26"):
        page.goto(f"/customers/{id}")
        dialog = act(page, "Delete customer")
        dialog.locator("[name=confirmation]").fill("crm-1")
        submit(dialog, "Delete customer")
        page.wait_for_url("**/deletion")
        page.locator("#deletion-progress", has_text="The customer is gone from your lists").wait_for()
    with proof("L34"):
        page.get_by_role("navigation", name="Main menu").get_by_role("link", name="Invoices").click()
        line = page.locator("#invoice-table tr", has_text=invoice["number"])
        assert "Globex Group" in line.inner_text()
        line.get_by_role("link", name=invoice["number"]).click()
        page.get_by_role("heading", name=invoice["number"], level=1).wait_for()
        page.locator("main").get_by_role("link", name=note["number"]).first.click()
        page.get_by_role("heading", name=note["number"]).wait_for()
    with proof("L35"):
        assert call("GET", f"/invoices/{invoice['id']}")["number"] == invoice["number"]
        assert call("GET", f"/credit-notes/{note['id']}")["total"] == 100
