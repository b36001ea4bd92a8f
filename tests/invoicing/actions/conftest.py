"""Providers of African payments for all tests of actions: a local server speaks the protocol of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import pytest

from tests.services.african import FakeFlutterwave, FakeMpesa, FakePaystack, serving

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper


@pytest.fixture
def paystack(settings: SettingsWrapper) -> Iterator[FakePaystack]:
    """A Paystack account, reached by what the product sends there."""
    with serving(FakePaystack()) as found:
        settings.PAYSTACK_API_BASE, settings.OUTBOUND_ALLOW_PRIVATE = found.url, "127.0.0.1"
        yield cast(FakePaystack, found)


@pytest.fixture
def flutterwave(settings: SettingsWrapper) -> Iterator[FakeFlutterwave]:
    """A Flutterwave account, reached by what the product sends there."""
    with serving(FakeFlutterwave()) as found:
        settings.FLUTTERWAVE_API_BASE, settings.OUTBOUND_ALLOW_PRIVATE = found.url, "127.0.0.1"
        yield cast(FakeFlutterwave, found)


@pytest.fixture
def mpesa(settings: SettingsWrapper) -> Iterator[FakeMpesa]:
    """Daraja, reached by what the product sends there."""
    with serving(FakeMpesa()) as found:
        settings.MPESA_API_BASE, settings.OUTBOUND_ALLOW_PRIVATE = found.url, "127.0.0.1"
        yield cast(FakeMpesa, found)
