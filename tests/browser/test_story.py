"""The story of a biller, from the first sign-in to a deleted customer, in Chromium against the real stack:
web server, worker, beat, Redis and PostgreSQL. Nothing is faked; events come over HTTP with the API key.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from pypdf import PdfReader

from tests.browser.staff import (
    PASSWORD,
    act,
    choose,
    name_and_code,
    opened,
    said,
    settled,
    sign_in,
    submit,
    tab,
)
from tests.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
CUSTOMER, EXTERNAL_ID = "Müller & Söhne <b>GmbH</b>", "crm-4711"


@dataclass
class Account:
    """The organization's key and its customer as the API shows them."""

    stack: Stack
    key: str
    customer_id: str = ""
    subscription_id: str = ""

    def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """What curl would do."""
        return httpx.request(
            method,
            f"{self.stack.base_url}/api{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=60,
        )

    def event(self, number: int, calls: Any, **fields: Any) -> dict[str, Any]:
        """The body of one event."""
        return {
            "transactionId": f"t-{number}",
            "subscriptionId": self.subscription_id,
            "code": "api_calls",
            "properties": {"calls": calls},
        } | fields

    def usage(self) -> tuple[Decimal, Decimal]:
        """(amount, units of the only charge) of the running period, from the API."""
        answer = self.call("GET", f"/customers/{self.customer_id}/usage").json(parse_float=Decimal)
        [report] = answer["data"]
        [charge] = report["charges"]
        assert charge["amount"] == report["amount"] == answer["meta"]["amount"]
        return Decimal(report["amount"]), Decimal(charge["units"])


def quiet_zone(now: datetime) -> str:
    """A time zone where the day does not end during the test."""
    return "Africa/Kampala" if now.astimezone(ZoneInfo("Africa/Kampala")).hour < 22 else "America/New_York"


def euro(minor: int) -> str:
    """`12345` -> "€123.45"."""
    return f"€{minor // 100:,}.{minor % 100:02d}"


def test_from_sign_in_to_a_deleted_customer(browser_page: Page, live_stack: Stack, tmp_path: Path) -> None:
    """Prices: 0.10 a call up to 1,000, then 5.00 and 0.05 a call. Tax 20 %. The plan costs 49.00 a month.

    - 100 calls: 10.00. 1,500 calls: 1,000 x 0.10 + 5.00 + 500 x 0.05 = 130.00.
    - One-off invoice: 2 x 150.00 = 300.00, tax 60.00, total 360.00.
    - Bill now: 130.00, coupon of 10 % 13.00, tax of 117.00 is 23.40, sum 140.40, wallet 50.00: 90.40 to pay.
    - 200 more calls, counted afresh: 20.00. Deleted on the day that it began, 1 of the month's 30 days is billed:
      49.00 / 30 = 1.63. 21.63 and tax 4.33 (21.63 x 0.2 = 4.326) are 25.96, which the wallet's 40.00 pay: 14.04 of
      credits are lost. The unpaid one-off invoice over 360.00 is voided. (Other months: `closing_bill`.)
    """
    page, zone = browser_page, quiet_zone(datetime.now(UTC))
    given = live_stack.bootstrap("Story House", "biller@story.example", PASSWORD)
    account = Account(live_stack, given["apiKey"])
    sign_in(page, "biller@story.example")
    assert page.locator("h1").inner_text() == "Story House"
    assert page.get_by_text("Get started").is_visible()

    make_catalogue(page)
    add_customer(page, account, zone)
    assign_the_plan(page, account)
    watch_usage(page, account)
    apply_coupon_and_create_wallet(page)
    one_off = create_one_off(page, account)
    final = bill_now(page, account)
    read_and_download(page, final, tmp_path)
    pay_and_top_up(page, account)
    delete(page, account, closing_bill(datetime.now(ZoneInfo(zone))))
    after_the_deletion(page, account, [one_off, final], tmp_path)


def closing_bill(today: datetime) -> int:
    """The total in minor units of the bill that ends the subscription on its first day."""
    days = calendar.monthrange(today.year, today.month)[1]
    fee = int((Decimal(4900) / days).quantize(Decimal(1), ROUND_HALF_UP))
    tax = int(((2000 + fee) * Decimal("0.2")).quantize(Decimal(1), ROUND_HALF_UP))
    return 2000 + fee + tax


def make_catalogue(page: Page) -> None:
    """A default tax, a metric, a plan with tiers whose worked example is right, and a coupon."""
    page.goto("/taxes")
    page.get_by_role("link", name="Add a tax").first.click()
    drawer = opened(page)
    name_and_code(drawer, "VAT")
    drawer.locator("#id_rate").fill("20")
    drawer.locator("#id_applied_by_default").check()
    submit(drawer, "Create tax")
    said(page, "VAT created")

    page.goto("/metrics")
    page.get_by_role("link", name="Add a metric").first.click()
    drawer = opened(page)
    name_and_code(drawer, "API calls")
    choose(drawer, "aggregation", "sum")
    drawer.locator("#id_field_name").fill("calls")
    submit(drawer, "Create metric")
    page.get_by_role("heading", name="API calls").wait_for()

    page.goto("/plans")
    page.get_by_role("link", name="Add a plan").first.click()
    page.get_by_role("heading", name="Add a plan").wait_for()
    name_and_code(page, "Team")
    page.locator("#id_amount").fill("49")
    page.get_by_role("button", name="Add a charge").click()
    page.locator("#id_charges-0-metric").wait_for()
    settled(page)
    page.locator("#id_charges-0-metric").select_option(label="API calls (api_calls)")
    page.locator(".charge-title", has_text="API calls").wait_for()
    settled(page)
    page.locator("#id_charges-0-charge_model").select_option("graduated")
    page.locator("[name=charges-0-tiers-0-to_value]").fill("1000")
    page.locator("[name=charges-0-tiers-0-price]").fill("0.10")
    page.locator("[name=charges-0-tiers-1-price]").fill("0.05")
    page.locator("[name=charges-0-tiers-1-flat]").fill("5")
    page.locator(".charge-example input").first.fill("1500")
    page.locator("#example-0", has_text="130.00").wait_for()
    page.get_by_role("button", name="Create plan").click()
    page.wait_for_url("**/plans/pln_*")

    page.goto("/coupons")
    page.get_by_role("link", name="Add a coupon").first.click()
    drawer = opened(page)
    name_and_code(drawer, "Welcome")
    choose(drawer, "kind", "percentage")
    drawer.locator("#id_percentage").fill("10")
    choose(drawer, "frequency", "once")
    submit(drawer, "Create coupon")
    page.get_by_role("heading", name="Welcome").wait_for()


def add_customer(page: Page, account: Account, zone: str) -> None:
    """The drawer on the list; first with a faulty e-mail, which is said at the field."""
    page.goto("/customers")
    page.get_by_role("link", name="Add a customer").first.click()
    drawer = opened(page)
    drawer.locator("#customer_name").fill(CUSTOMER)
    drawer.locator("#customer_external_id").fill(EXTERNAL_ID)
    drawer.locator("#customer_timezone").select_option(zone)
    drawer.locator("#customer_currency").select_option("EUR")
    drawer.locator("#customer_email").fill("accounts at mueller")
    drawer.locator("#customer_legal_name").fill("Müller & Söhne GmbH")
    drawer.locator("#customer_tax_id").fill("DE136695976")
    drawer.locator("#customer_address_line1").fill("Straße der Einheit 1")
    drawer.locator("#customer_city").fill("Köln")
    drawer.locator("#customer_country").select_option("DE")
    submit(drawer, "Create customer")
    drawer.get_by_text("Enter an e-mail address such as").wait_for()
    drawer.locator("#customer_email").fill("accounts@mueller.example")
    submit(drawer, "Create customer")
    page.wait_for_url("**/customers/cust_*")
    assert page.locator("h1").inner_text() == CUSTOMER
    [found] = account.call("GET", "/customers").json()["data"]
    assert (found["name"], found["externalId"], found["timezone"]) == (CUSTOMER, EXTERNAL_ID, zone)
    assert found["email"] == "accounts@mueller.example"
    account.customer_id = found["id"]


def assign_the_plan(page: Page, account: Account) -> None:
    """From the Actions menu; the subscription runs at once."""
    drawer = act(page, "Assign a plan")
    value = drawer.locator("#id_plan option", has_text="Team (team)").get_attribute("value")
    drawer.locator("#id_plan").select_option(value)
    submit(drawer, "Assign plan")
    page.wait_for_url("**/subscriptions")
    said(page, "Team assigned")
    [row] = account.call("GET", f"/customers/{account.customer_id}/subscriptions").json()["data"]
    assert (row["status"], row["planCode"]) == ("active", "team")
    account.subscription_id = row["externalId"]


def watch_usage(page: Page, account: Account) -> None:
    """The tab moves by itself as events arrive, and says what the API says."""
    tab(page, "Usage")
    page.get_by_text("No usage yet").wait_for()
    assert account.call("POST", "/events", account.event(1, 100)).status_code == 201
    shows_usage(page, account, 1000, "100")

    batch = [
        account.event(2, 900),
        account.event(3, 500),
        account.event(1, 100),
        account.event(3, 501),
        account.event(4, 1, code="no_such_metric"),
        account.event(5, "many"),
        account.event(6, 1, timestamp="yesterday"),
        "not an event",
    ]
    answer = account.call("POST", "/events/batch", {"events": batch})
    assert answer.status_code == 200
    data = answer.json()["data"]
    statuses = [result["status"] for result in data["results"]]
    assert statuses == [
        "accepted",
        "accepted",
        "duplicate",
        "conflict",
        "quarantined",
        "accepted",  # "many" is no number: the event is kept and adds nothing to a sum
        "invalid",
        "invalid",
    ]
    assert (data["accepted"], data["quarantined"], data["invalid"]) == (3, 1, 2)
    shows_usage(page, account, 13000, "1,500")


def shows_usage(page: Page, account: Account, minor: int, units: str) -> None:
    """Without a reload the tab shows this total, and the charge these units and this amount."""
    page.locator("#usage-panel .figure", has_text="Usage so far").get_by_text(euro(minor)).wait_for()
    row = page.locator("#usage-panel tr", has_text="api_calls")
    assert row.locator("td").nth(1).inner_text() == units
    assert euro(minor) in row.inner_text()
    assert account.usage() == (Decimal(minor) / 100, Decimal(units.replace(",", "")))


def apply_coupon_and_create_wallet(page: Page) -> None:
    """Both from the Actions menu; the wallet gets 50 free credits."""
    drawer = act(page, "Apply coupon")
    drawer.locator("#id_coupon").select_option(label="Welcome")
    submit(drawer, "Apply coupon")
    page.wait_for_url("**/coupons")
    assert "10 %" in page.locator("#coupon-table").inner_text()
    drawer = act(page, "Create wallet")
    drawer.locator("#id_name").fill("Prepaid")
    drawer.locator("#id_granted_credits").fill("50")
    submit(drawer, "Create wallet")
    page.wait_for_url("**/wallets")
    assert "€50.00" in page.locator("#wallet-table").inner_text()


def create_one_off(page: Page, account: Account) -> str:
    """An invoice by hand, its totals while typing; final at once. Returns its number."""
    act(page, "Create one-off invoice")
    page.get_by_role("heading", name="One-off invoice").wait_for()
    page.locator("[name=items-0-description]").fill("Onboarding workshop")
    page.locator("[name=items-0-units]").fill("2")
    page.locator("[name=items-0-unit_amount]").fill("150")
    page.locator("#one-off-totals .total", has_text="€360.00").wait_for()
    page.get_by_role("button", name="Create and finalize").click()
    page.wait_for_url("**/invoices/inv_*")
    page.locator("iframe.document-frame").wait_for()
    number = page.locator("h1").inner_text()
    assert number.endswith("-001")
    [row] = account.call("GET", f"/customers/{account.customer_id}/invoices").json(parse_float=Decimal)[
        "data"
    ]
    assert (row["number"], row["paymentStatus"]) == (number, "pending") and row["total"] == 360
    return number


def bill_now(page: Page, account: Account) -> str:
    """A draft is made, reviewed and finalised. Returns its number."""
    page.goto(f"/customers/{account.customer_id}")
    dialog = act(page, "Bill now")
    text = dialog.inner_text()
    for part in ("€130.00", "€13.00", "€23.40", "€140.40"):
        assert part in text, part
    submit(dialog, "Bill now")
    page.get_by_role("heading", name="Draft invoice").wait_for()
    assert "€140.40" in page.locator(".lines-totals").inner_text()
    page.locator("summary.line-row", has_text="API calls").click()
    assert "1,000" in page.locator(".line-explain").inner_text()
    page.locator(".page-actions").get_by_role("link", name="Finalize").click()
    dialog = opened(page, "dialog")
    text = dialog.inner_text()
    for part in ("€130.00", "€13.00", "€23.40", "€50.00", "€90.40"):
        assert part in text, part
    submit(dialog, "Finalize")
    said(page, "is final")
    number = page.locator("h1").inner_text()
    assert number.endswith("-002")
    return number


def read_and_download(page: Page, number: str, folder: Path) -> None:
    """The worker's PDF appears beside the lines without a reload, and is the same file when downloaded."""
    frame = page.locator("iframe.document-frame")
    frame.wait_for()
    inline = page.request.get((frame.get_attribute("src") or "").partition("#")[0])
    assert inline.headers["content-type"] == "application/pdf"
    assert inline.headers["content-disposition"].startswith("inline")
    with page.expect_download() as download:
        page.locator("#document").get_by_role("link", name="Download").click()
    path = folder / "invoice.pdf"
    download.value.save_as(path)
    assert download.value.suggested_filename == f"{number}.pdf"
    assert path.read_bytes() == inline.body()
    text = pdf_text(path.read_bytes())
    for part in (number, "Müller & Söhne", "API calls", "90.40", "130.00"):
        assert part in text, part


def pdf_text(content: bytes) -> str:
    """The words of a PDF."""
    assert content.startswith(b"%PDF")
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)


def pay_and_top_up(page: Page, account: Account) -> None:
    """The money arrives; 40 more credits and 200 more calls."""
    page.locator(".page-actions").get_by_role("link", name="Record payment").click()
    drawer = opened(page)
    assert drawer.locator("#id_amount").input_value() == "90.40"
    submit(drawer, "Record payment")
    said(page, "The payment was recorded")
    page.goto(f"/customers/{account.customer_id}")
    tab(page, "Wallets")
    page.locator("#wallet-table").get_by_role("link", name="Prepaid").click()
    page.locator(".page-actions").get_by_role("link", name="Top up").click()
    drawer = opened(page)
    drawer.locator("#id_granted_credits").fill("40")
    submit(drawer, "Top up")
    said(page, "The promotional credits are there")
    assert "€40.00" in page.locator(".figures").inner_text()
    assert account.call("POST", "/events", account.event(7, 200)).status_code == 201
    assert account.usage() == (Decimal(20), Decimal(200))


def delete(page: Page, account: Account, total: int) -> None:
    """The dialog says what will happen, the external ID is typed, the page runs through the steps."""
    page.goto(f"/customers/{account.customer_id}")
    dialog = act(page, "Delete customer")
    text = dialog.inner_text()
    for part in ("Team", euro(total), "€360.00", "Prepaid", euro(4000 - total)):
        assert part in text, (part, text)
    submit(dialog, "Delete customer")
    dialog.get_by_text(f"Type {EXTERNAL_ID} to confirm").wait_for()
    dialog.locator("[name=confirmation]").fill(EXTERNAL_ID)
    submit(dialog, "Delete customer")
    page.wait_for_url("**/deletion")
    page.locator("#deletion-progress", has_text="The customer is gone from your lists").wait_for()
    steps = page.locator(".steps .step")
    assert [steps.nth(n).get_attribute("data-state") for n in range(steps.count())] == ["done"] * 8
    assert "1 invoice voided" in steps.nth(0).inner_text()
    assert "1 ended" in steps.nth(1).inner_text()


def after_the_deletion(page: Page, account: Account, numbers: list[str], folder: Path) -> None:
    """Customer gone, documents there, the external ID free."""
    old = account.customer_id
    assert account.call("GET", f"/customers/{old}").status_code == 404
    answer = page.goto(f"/customers/{old}")
    assert answer is not None and answer.status == 404
    page.goto("/customers")
    assert EXTERNAL_ID not in page.locator("main").inner_text()
    page.goto("/invoices")
    table = page.locator("#invoice-table")
    for number in numbers:
        row = table.locator("tr", has_text=number)
        assert CUSTOMER in row.inner_text()
    page.locator("#invoice-table").get_by_role("link", name=numbers[1]).click()
    page.get_by_role("heading", name=numbers[1]).wait_for()
    with page.expect_download() as download:
        page.locator("#document").get_by_role("link", name="Download").click()
    download.value.save_as(folder / "later.pdf")
    assert "90.40" in pdf_text((folder / "later.pdf").read_bytes())
    page.goto("/customers")
    page.get_by_role("link", name="Add a customer").first.click()
    drawer = opened(page)
    drawer.locator("#customer_name").fill("Another Müller")
    drawer.locator("#customer_external_id").fill(EXTERNAL_ID)
    submit(drawer, "Create customer")
    page.wait_for_url("**/customers/cust_*")
    assert old not in page.url
