"""No page breaks a rule of axe-core: light and dark, on a desktop and on a phone, with overlays open; and none is
wider than its window down to 320 px (which is a window of 1280 px at 400 %).

The addresses come from the URLconf, as in tests/house; a page that needs a row takes it from the test world.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import axe_playwright_python
import pytest

from tests.browser.staff import PATIENCE
from tests.factories.people import PASSWORD
from tests.house.addresses import Address, pages
from tests.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import APIResponse, Browser, Page, Response

pytestmark = pytest.mark.browser

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
# Two frames: then all styles are those of the theme and the width that were just set.
RUN = """async (options) => {
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    return (await axe.run(document, options)).violations.map((rule) =>
    `${rule.id}: ${rule.nodes.slice(0, 3).map((node) => node.target.join(" ")).join(" | ")}`);
}"""
EVERYTHING: dict[str, Any] = {"resultTypes": ["violations"]}
COLOURS = EVERYTHING | {"runOnly": ["color-contrast"]}
SHAPE = EVERYTHING | {"rules": {"color-contrast": {"enabled": False}}}
WIDER = """() => {
    const page = document.documentElement;
    if (page.scrollWidth <= page.clientWidth) return [];
    const beyond = (node) => node.getBoundingClientRect().right > page.clientWidth;
    const far = [...document.querySelectorAll("main *")].filter(beyond).slice(0, 3);
    return [`${page.scrollWidth} px wide: ${far.map((node) => `${node.tagName} ${node.className}`).join(" | ")}`];
}"""
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
MAKE_WORLD = """
import json
from django.utils import timezone
from billing.actions.own_terms import agree_on
from billing.queries.own_terms import OwnTerms
from customers.actions.portal import create_link
from tests.factories.people import ACTOR
from tests.factories.world import make_world
world = make_world("access")
objects = {name: str(getattr(row, "public_id", row)) for name, row in world.objects.items()}
agree_on(world.objects["subscriptions"], OwnTerms(amount_minor=1), by=ACTOR, at=timezone.now())
_, secret = create_link(world.objects["customers"], days=7, by=ACTOR, at=timezone.now())
print(json.dumps({"email": world.admin.user.email, "objects": objects, "secret": secret}))
"""
# What can be asked for and is no page to look at, by the reason.
NO_PAGES = {
    "a machine's answer": {"health", "api-document"},
    "only leads elsewhere": {"theme", "logout", "palette", "payment-receipt", "portal-enter"},
    "the page before is looked at, this one needs what was typed there": {
        "login",
        "login-code",
        "two-factor-off",
        "two-factor-codes",
        "customers-bulk",
        "invoices-bulk",
        "customer-merge-pair",
    },
    "a piece of a page": {
        "job-progress",
        "code-suggestion",
        "billing-entity-number-preview",
        "invoice-document",
        "credit-note-document",
        "receipt-document",
        "receipt-mail",
        "invoice-mail",
        "credit-note-mail",
        "mail-html",
        "customer-request-letter",
        "billing-entity-mail-letter",
        "mailbox-letter",
    },
    "a picture or style": {"two-factor-picture", "billing-entity-logo", "portal-logo", "portal-brand"},
    "a download": {
        "invoice-pdf",
        "invoice-pdf-issued",
        "credit-note-pdf",
        "credit-note-pdf-issued",
        "mailbox-file",
        "invoice-xml",
        "credit-note-xml",
        "portal-invoice-pdf",
        "portal-credit-note-pdf",
        "receipt-pdf",
        "portal-receipt-pdf",
        "portal-statement-csv",
        "portal-statement-pdf",
        "customer-statement-csv",
        "customer-statement-pdf",
        "ageing-export",
        "payments-csv",
        "subscriptions-csv",
        "events-csv",
        "invoice-line-csv",
        "customers-export",
        "bulk-run-receipt",
        "invoice-run-receipt",
        "invoice-run-file",
        "document-numbers-export",
        "document-series-export",
        "export-file",
    },
}


@pytest.fixture(scope="module")
def world(live_stack: Stack) -> SimpleNamespace:
    """An organization with one row of each noun, in the stack's database."""
    answer = json.loads(live_stack.manage("shell", "-v", "0", "-c", MAKE_WORLD).strip().splitlines()[-1])
    return SimpleNamespace(**answer)


@pytest.fixture(scope="module")
def page(browser: Browser, live_stack: Stack, world: SimpleNamespace) -> Iterator[Page]:
    """Signed in once; without motion, which colours are measured in the middle of."""
    context = browser.new_context(base_url=live_stack.base_url, viewport=DESKTOP, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto("/login")
    assert broken(page) == [], "the sign-in page"
    page.locator("[name=username]").fill(world.email)
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)
    yield page
    context.close()


def run(page: Page, options: dict[str, Any]) -> list[str]:
    """The rules that are broken now, with the first three places each."""
    found: list[str] = page.evaluate(RUN, options)
    return found


def broken(page: Page) -> list[str]:
    """What is wrong with the page that has just been opened, in all its dresses."""
    page.evaluate(AXE)
    found = [f"light: {rule}" for rule in run(page, EVERYTHING)]
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {rule}" for rule in run(page, COLOURS)]
    page.emulate_media(color_scheme="light")
    for width in (720, 320):
        page.set_viewport_size({"width": width, "height": 844})
        found += [f"{width} px: {rule}" for rule in page.evaluate(WIDER)]
    page.set_viewport_size(PHONE)
    found += [f"phone: {rule}" for rule in run(page, SHAPE)]
    page.set_viewport_size(DESKTOP)
    return found


def to_look_at(*, portal: bool) -> list[Address]:
    """The addresses of staff or of the customer portal, without what is listed above."""
    named = {address.name for address in pages()}
    listed = set().union(*NO_PAGES.values())
    assert listed <= named, listed - named
    return [
        address
        for address in pages()
        if address.name not in listed and (address.route.split("/")[0] == "portal") == portal
    ]


def opened(page: Page, path: str) -> Response | APIResponse:
    """The answer to opening an address; asked for again where the browser shows none (an error without a body)."""
    from playwright.sync_api import Error

    try:
        answer = page.goto(path, wait_until="domcontentloaded")
    except Error:
        page.wait_for_url("chrome-error://**")  # the browser's own page, which is still on its way
        page.goto("about:blank")  # so that the next one of its kind is waited for as well
        return page.request.get(path, max_redirects=0)
    assert answer is not None
    return answer


def walked(page: Page, world: SimpleNamespace, addresses: list[Address]) -> int:
    """How many pages there were, none of which is wrong. An address that answers with no page is wrong too, unless
    it refuses to be asked for (405).
    """
    wrong, seen = {}, 0
    for address in addresses:
        path = address.path(world)  # type: ignore[arg-type]
        answer = opened(page, path)
        if answer.status == 405:
            continue
        seen += 1
        led = not answer.url.endswith(path)
        if led or answer.status != 200 or not answer.headers.get("content-type", "").startswith("text/html"):
            wrong[address.route] = [f"{answer.status}: neither a page nor listed with a reason"]
        elif page.evaluate("document.doctype === null"):
            wrong[address.route] = ["a piece of a page, and not listed as such"]
        elif found := broken(page):
            wrong[address.route] = found
    assert not wrong, "\n".join(f"{route}: {found}" for route, found in wrong.items())
    return seen


def test_every_page(page: Page, world: SimpleNamespace) -> None:
    assert walked(page, world, to_look_at(portal=False)) > 100


def test_the_portal(browser: Browser, live_stack: Stack, world: SimpleNamespace) -> None:
    """A customer's own pages, behind a link that works; and what is said without one."""
    context = browser.new_context(base_url=live_stack.base_url, viewport=DESKTOP, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    try:
        assert page.goto("/portal/enter/no-such-secret").status == 403  # type: ignore[union-attr]
        assert broken(page) == []
        page.goto(f"/portal/enter/{world.secret}")
        page.wait_for_url("**/portal")
        assert walked(page, world, to_look_at(portal=True)) == 7
    finally:
        context.close()


def test_pages_for_what_goes_wrong(page: Page) -> None:
    assert page.goto("/no-such-page").status == 404  # type: ignore[union-attr]
    assert broken(page) == []


def test_open_overlays_menus_and_the_palette(page: Page, world: SimpleNamespace) -> None:
    page.goto("/customers")
    page.get_by_role("link", name="Add a customer").first.click()
    page.locator("#drawer[open] [data-overlay-title]").wait_for()
    assert broken(page) == [], "a drawer"
    page.keyboard.press("Escape")

    page.goto(f"/customers/{world.objects['customers']}")
    page.locator(".page-actions summary").click()
    page.locator(".page-actions .menu-item").first.wait_for()
    assert broken(page) == [], "a menu"
    page.locator(".page-actions .menu-item", has_text="Delete customer").click()
    page.locator("#dialog[open] [data-overlay-title]").wait_for()
    assert broken(page) == [], "a dialog"
    page.keyboard.press("Escape")

    for text in ("", "access", "nothing fits this"):
        page.keyboard.press("Control+k")
        page.locator("#palette[open] [role=option]").first.wait_for()
        with page.expect_response("**/palette?**"):
            page.locator("#palette [role=combobox]").fill(text or "a")
        assert broken(page) == [], f"the palette: {text}"
        page.keyboard.press("Escape")

    page.keyboard.press("?")
    page.locator("#keys[open]").wait_for()
    assert broken(page) == [], "the keys"
    page.keyboard.press("Escape")


def test_the_left_menu_of_a_phone_holds_the_focus(page: Page) -> None:
    page.goto("/")
    page.set_viewport_size(PHONE)
    page.locator("[data-burger]").click()
    page.locator("#side.is-open").wait_for()
    page.evaluate(AXE)
    assert run(page, EVERYTHING) == []
    for _ in range(40):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('#side')"
        )
    page.keyboard.press("Escape")
    page.locator("#side.is-open").wait_for(state="detached")
    assert page.evaluate("document.activeElement.matches('[data-burger]')")
    page.set_viewport_size(DESKTOP)
