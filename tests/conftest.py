"""Shared fixtures: one embedded PostgreSQL and Redis for the whole run, the real stack, and a browser."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from billing import embedded
from tests import prepared
from tests.services.stripe import FakeStripe, StripeServer
from tests.services.vies import FakeVies, serving
from tests.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from pytest_django.fixtures import SettingsWrapper

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
CHROMIUM_OPTIONS = ["--no-sandbox", "--disable-quic", "--disable-background-networking"]

# How long an example takes depends on what else the machine does: no test is about that.
settings.register_profile("tarn", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tarn")

_servers: embedded.Servers | None = None


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers once, in the process that owns the run; xdist workers find them by TARN_TEST_HOME."""
    global _servers
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each time that /health is asked
    if os.environ.get("TARN_TEST_OWNER") == str(os.getpid()):
        home = Path(os.environ["TARN_TEST_HOME"])
        prepared.copy_to(home)
        _servers = embedded.start(home, safe=False)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what `pytest_configure` started; tests/settings.py removes the folder."""
    if _servers is not None:
        _servers.stop()


@pytest.fixture(autouse=True)
def empty_cache(request: pytest.FixtureRequest) -> None:
    """Sign-in throttling, sessions and signs of life live in the cache: no test sees another's."""
    if "db" in request.fixturenames or "transactional_db" in request.fixturenames:
        from django.core.cache import cache

        cache.clear()


@pytest.fixture(autouse=True)
def answers_as_documented(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test asks of the API: the answer is what the OpenAPI document says."""
    if not {"db", "transactional_db"} & set(request.fixturenames):
        return
    from django.test import Client

    from tests.factories.documented import check_answer

    plain = Client.request

    def checked(client: Client, **environ: Any) -> Any:
        response = plain(client, **environ)
        path, status = environ.get("PATH_INFO", ""), response.status_code
        if path.startswith("/api/") and not path.startswith(("/api/docs", "/api/openapi")) and status != 500:
            kind = response.get("Content-Type", "")
            check_answer(
                environ.get("REQUEST_METHOD", ""),
                path,
                status,
                kind,
                b"" if response.streaming else response.content,
            )
        return response

    monkeypatch.setattr(Client, "request", checked)


@pytest.fixture(scope="session")
def stripe_server() -> Iterator[StripeServer]:
    """A port that speaks Stripe's customer API."""
    server = StripeServer()
    yield server
    server.stop()


@pytest.fixture
def stripe(stripe_server: StripeServer, settings: SettingsWrapper) -> FakeStripe:
    """An empty Stripe account, reached by what the product sends to Stripe."""
    stripe_server.stripe = FakeStripe()
    settings.STRIPE_API_BASE = stripe_server.base
    settings.OUTBOUND_ALLOW_PRIVATE = "127.0.0.1"
    return stripe_server.stripe


@pytest.fixture
def vies(settings: SettingsWrapper) -> Iterator[FakeVies]:
    """A VIES that knows every number, reached by what the product asks."""
    with serving(FakeVies()) as found:
        settings.VIES_URL = found.url
        settings.OUTBOUND_ALLOW_PRIVATE = "127.0.0.1"
        yield found


@pytest.fixture(scope="session")
def live_stack(stripe_server: StripeServer) -> Iterator[Stack]:
    """Web server, worker, beat, PostgreSQL and Redis as `make run` starts them, without the demo; what is due is
    billed within seconds. Stripe is that of the tests, nobody answers as Paystack, and webhooks reach this machine.
    """
    stack = Stack(
        BILLING_RUN_SECONDS="5",
        STRIPE_API_BASE=stripe_server.base,
        PAYSTACK_API_BASE="http://127.0.0.1:1",
        OUTBOUND_ALLOW_PRIVATE="127.0.0.1",
        WEBHOOK_PACE="0.02",
    )
    try:
        yield stack.start()
    finally:
        stack.stop()
        shutil.rmtree(stack.home, ignore_errors=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium, the system's own."""
    from playwright.sync_api import sync_playwright

    # Playwright keeps an event loop in this thread; the ORM, used beside it to look at rows, would refuse.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        yield chromium
        chromium.close()


@pytest.fixture
def browser_page(browser: Browser, live_stack: Stack) -> Iterator[Page]:
    """A fresh page on the live stack; an uncaught script error or a blocked resource (CSP) fails the test."""
    context = browser.new_context(base_url=live_stack.base_url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(10_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda line: errors.append(line.text) if "Content Security Policy" in line.text else None,
    )
    yield page
    context.close()
    assert errors == []
