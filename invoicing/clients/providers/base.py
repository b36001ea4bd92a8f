"""What a payment provider can be asked about customers, and how it fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class ProviderError(Exception):
    """The call did not succeed. `message` can be shown to staff."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unavailable(ProviderError):
    """No answer, or "not now": worth trying again. `wait`: seconds that the provider asks for. What was asked may
    have been done all the same.
    """

    def __init__(self, message: str, *, wait: float = 0) -> None:
        super().__init__(message)
        self.wait = wait


class Refused(ProviderError):
    """A final no: trying the same again is useless."""


class KeySpent(ProviderError):
    """The idempotency key has an outcome already that cannot be used: a failure, or that of another body."""


class Gone(ProviderError):
    """The provider has no such customer any more."""


@dataclass(frozen=True)
class Page:
    """Customers as the provider lists them, {its id: facts}; the next page starts `after`, empty at the end."""

    customers: Mapping[str, Mapping[str, str]]
    after: str = ""


class CustomerProvider(Protocol):
    """The customers of one account. Facts: `invoicing/rules/providers.py`. Every call raises ProviderError."""

    def check(self) -> str:
        """Whether the credentials work; a sentence that says for what."""

    def create_customer(self, facts: Mapping[str, str], key: str) -> str:
        """The provider's id. The same `key` again gives the same customer, or KeySpent."""

    def update_customer(self, id: str, changes: Mapping[str, str], facts: Mapping[str, str]) -> None:
        """Tell `changes`, a part of `facts`. Gone when it does not exist."""

    def delete_customer(self, id: str) -> None:
        """Gone when it does not exist."""

    def fetch_customer(self, id: str) -> Mapping[str, str] | None:
        """Its facts; None when it does not exist or was deleted."""

    def find_customer(self, facts: Mapping[str, str]) -> str:
        """The id of the customer that carries our id, or nothing."""

    def list_customers(self, after: str = "") -> Page:
        """A page of all customers."""
