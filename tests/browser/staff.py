"""What a person does in the browser, in words: used by the tests that drive Chromium against the real stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PASSWORD = "a long enough pass phrase"
PATIENCE = 45_000  # milliseconds; the machine may be busy


def sign_in(page: Page, email: str) -> None:
    """From the sign-in page to Home."""
    page.set_default_timeout(PATIENCE)
    page.goto("/login")
    page.locator("[name=username]").fill(email)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)


def choose(place: Page | Locator, name: str, value: str) -> None:
    """A radio button that is shown as a card."""
    place.locator(f"label.choice:has(input[name='{name}'][value='{value}'])").click()


def act(page: Page, label: str) -> Locator:
    """An entry of the "Actions" menu of the page; returns the overlay that it opens, if any."""
    page.locator(".page-actions summary", has_text="Actions").click()
    item = page.locator(".page-actions .menu-item", has_text=label)
    target = item.get_attribute("hx-target")
    item.click()
    return opened(page, (target or "").removeprefix("#")) if target else page.locator("body")


def opened(page: Page, kind: str = "drawer") -> Locator:
    """The drawer or dialog, once it is open and its form is there."""
    overlay = page.locator(f"#{kind}[open]")
    overlay.locator("[data-overlay-title]").wait_for()
    return overlay


def submit(overlay: Locator, label: str) -> None:
    """The button at the foot of a drawer or dialog."""
    overlay.get_by_role("button", name=label, exact=True).click()


def name_and_code(place: Page | Locator, name: str) -> None:
    """Types a name and waits for the code that is suggested from it."""
    place.locator("#id_name").fill(name)
    place.locator("#id_name").press("Tab")
    from playwright.sync_api import expect

    expect(place.locator("#id_code")).to_have_value(name.lower().replace(" ", "_"), timeout=PATIENCE)


def tab(page: Page, label: str) -> None:
    """A tab of the customer view."""
    page.locator("nav.tabs, .tabs").get_by_role("link", name=label).first.click()
    page.locator(".tabs [aria-current=page]", has_text=label).wait_for()


def said(page: Page, text: str) -> None:
    """A toast with this text has come up."""
    page.locator(".toast", has_text=text).first.wait_for()


def settled(page: Page) -> None:
    """What htmx has put into the page answers to events a moment after it shows: a person is never that quick."""
    from playwright.sync_api import expect

    moving = page.locator(".htmx-request, .htmx-swapping, .htmx-settling, .htmx-added")
    expect(moving).to_have_count(0, timeout=PATIENCE)
