"""Wallets through time."""

from __future__ import annotations

from tests.cases.comparing import Answers
from tests.cases.given import Given, NotBuilt


def balance_over_time(given: Given) -> Answers:
    """Balances after each step of a scenario."""
    raise NotBuilt("ongoing balances of wallets")
