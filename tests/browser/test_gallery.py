"""Every component in Chromium: nothing blocked by the content policy, and the keyboard reaches everything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ACTIVE = "document.activeElement.textContent.trim()"


@pytest.fixture
def gallery(browser: Browser, live_server: Any, settings: Any) -> Iterator[Page]:
    """The gallery page; a blocked style, script or an uncaught error fails the test."""
    settings.ROOT_URLCONF = "tests.browser.gallery_urls"
    call_command("build_css")
    if not (Path(settings.STATIC_BUILD_DIR) / "fonts/inter-400.woff2").exists():
        call_command("build_fonts")
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=live_server.url)
    context.set_default_timeout(10_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if "Content Security" in line.text else None)
    page.goto("/ui/")  # until its deferred scripts have run
    assert page.evaluate("typeof htmx") == "object"
    yield page
    context.close()
    assert errors == []


def test_page_is_styled_and_fits_a_phone(gallery: Page) -> None:
    assert gallery.evaluate("document.fonts.ready.then(() => document.fonts.check('500 14px Inter'))")
    assert gallery.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(246, 248, 249)"
    gallery.set_viewport_size({"width": 390, "height": 844})
    assert gallery.evaluate("document.documentElement.scrollWidth") == 390
    gallery.locator("[data-burger]").click()
    gallery.locator("#side").wait_for(state="visible")
    gallery.keyboard.press("Escape")
    gallery.locator("#side").wait_for(state="hidden")


def test_drawer_by_keyboard_asks_before_losing_input(gallery: Page) -> None:
    opener = gallery.locator(".section-head a.btn-primary")
    opener.focus()
    gallery.keyboard.press("Enter")
    gallery.locator("#drawer[open]").wait_for()
    assert gallery.evaluate("document.activeElement.name") == "name"
    gallery.keyboard.type("Acme")
    asked: list[str] = []
    gallery.once("dialog", lambda box: (asked.append(box.message), box.dismiss()))
    gallery.keyboard.press("Escape")
    assert asked == ["Leave without saving what you entered?"]
    assert gallery.locator("#drawer[open]").count() == 1
    gallery.once("dialog", lambda box: box.accept())
    gallery.keyboard.press("Escape")
    gallery.locator("#drawer[open]").wait_for(state="detached")
    assert gallery.evaluate(ACTIVE) == "Add a customer"


def test_invalid_form_comes_back_and_valid_one_closes_with_a_toast(gallery: Page) -> None:
    gallery.locator(".section-head a.btn-primary").click()
    gallery.locator("#drawer [type=submit]").click()
    gallery.locator("#drawer [aria-invalid=true]").first.wait_for()
    invalid = gallery.locator("#drawer #id_name")
    assert gallery.evaluate("document.activeElement.id") == "id_name"
    described = (invalid.get_attribute("aria-describedby") or "").split()
    assert "This field is required." in gallery.locator(f"#{described[-1]}").inner_text()
    invalid.fill("Acme")
    gallery.locator("#drawer #id_amount").fill("12")
    gallery.locator("#drawer .cards label").first.click()
    gallery.locator("#drawer [type=submit]").click()
    gallery.locator(".toast", has_text="Customer created").wait_for()
    assert gallery.locator("#drawer[open]").count() == 0


def test_menu_and_dialog_by_keyboard(gallery: Page) -> None:
    gallery.locator(".page-actions summary").focus()
    gallery.keyboard.press("ArrowDown")
    assert gallery.evaluate(ACTIVE) == "Add a customer"
    gallery.keyboard.press("End")
    assert gallery.evaluate(ACTIVE) == "Delete customer"
    gallery.keyboard.press("Enter")
    gallery.locator("#dialog[open]").wait_for()
    assert gallery.evaluate(ACTIVE) == "Cancel"
    gallery.keyboard.press("Escape")
    gallery.locator("#dialog[open]").wait_for(state="detached")
    assert gallery.evaluate(ACTIVE) == "Actions"


def test_formset_adds_by_enter_and_renumbers_on_removal(gallery: Page) -> None:
    names = "[...document.querySelectorAll('[data-formset-row] input[name$=unit]')].map(node => node.name)"
    gallery.locator("[data-formset-row] input").nth(0).fill("100")
    gallery.locator("[data-formset-row]").last.locator("input").first.press("Enter")
    assert gallery.evaluate(names) == ["tiers-0-unit", "tiers-1-unit", "tiers-2-unit"]
    gallery.locator("[data-formset-remove]").first.click()
    assert gallery.evaluate(names) == ["tiers-0-unit", "tiers-1-unit"]
    assert gallery.locator("[name=tiers-TOTAL_FORMS]").input_value() == "2"
    assert gallery.locator("[data-formset-row] input").nth(0).input_value() == ""


def test_error_toast_stays_and_rows_are_selected(gallery: Page) -> None:
    gallery.get_by_role("button", name="Error toast").click()
    toast = gallery.locator(".toast[data-kind=error]")
    toast.wait_for()
    toast.locator("[data-toast-close]").click()
    assert toast.count() == 0
    gallery.locator("[data-check-all]").check()
    assert gallery.locator("[data-bulk-count]").inner_text() == "4"
    assert gallery.locator("[data-bulk]").is_visible()


def test_theme_is_kept_by_the_server(gallery: Page) -> None:
    gallery.locator(".top-tools summary").first.click()
    gallery.locator("[data-theme-choice=dark]").click()
    dark = "rgb(14, 20, 25)"
    assert gallery.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    gallery.reload()
    assert gallery.locator("html").get_attribute("data-theme") == "dark"
    assert gallery.evaluate("getComputedStyle(document.body).backgroundColor") == dark
