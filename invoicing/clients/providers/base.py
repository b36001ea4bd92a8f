"""What a payment provider can be asked about customers and payments, and how it fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from invoicing.rules.paying import LINK_HOURS


class ProviderError(Exception):
    """The call did not succeed. `message` can be shown to staff."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unavailable(ProviderError):
    """No answer, or "not now": worth trying again. `wait`: seconds that the provider asks for. What was asked may
    have been done all the same, unless it is `undone`: it never reached the provider, or was turned away.
    """

    def __init__(self, message: str, *, wait: float = 0, undone: bool = False) -> None:
        super().__init__(message)
        self.wait = wait
        self.undone = undone


class Refused(ProviderError):
    """A final no: trying the same again is useless."""


class Declined(Refused):
    """The bank's no to a charge. `code` is the provider's word for why."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


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


class Unknown(Unavailable):
    """No answer to something that may have reached the customer all the same: nobody else may be asked for it."""


class BadSignature(Exception):
    """An incoming message that the provider has not signed, or not in time."""


@dataclass(frozen=True)
class Checkout:
    """What is to be paid. `reference` is ours and unique; it comes back with everything that is said about it.
    `callback_url` is where the provider tells of it, for kinds that are told so with each payment. `save`: the
    customer is charged without asking from then on, so the card is kept where the kind has to be told.
    """

    reference: str
    amount_minor: int
    currency: str
    description: str
    name: str
    email: str
    phone: str
    return_url: str
    callback_url: str = ""
    customer_id: str = ""
    save: bool = False


@dataclass(frozen=True)
class Started:
    """A payment that waits for the customer: under which id, and where it is paid. `note` is for the reader, where
    there is no address to open. `minutes`: how long it can be paid.
    """

    external_id: str
    url: str = ""
    note: str = ""
    minutes: int = 60 * LINK_HOURS


@dataclass(frozen=True)
class Saved:
    """A card or account that the provider keeps. `holder` is whom it belongs to there, `mark` the same for the same
    card; `expires` is (year, month).
    """

    id: str
    holder: str
    mark: str
    kind: str = "card"
    brand: str = ""
    last4: str = ""
    expires: tuple[int, int] | None = None


@dataclass(frozen=True)
class Seen:
    """How a payment stands: a state of `AttemptState`, what came (minor units, once successful), the id under which
    it can be given back, and why it failed. An amount of None is what was asked for. `declined`: somebody tried to
    pay and was refused, which leaves some links open. `saved` is what it was paid with, where that can be charged
    again.
    """

    state: str
    amount_minor: int | None = 0
    currency: str = ""
    payment_id: str = ""
    reason: str = ""
    paid_at: datetime | None = None
    declined: bool = False
    saved: Saved | None = None


@dataclass(frozen=True)
class Notice:
    """What an incoming message is about: `event_id` once per event; `reference` (ours) or `external_id` (theirs) of a
    payment, or `payment_id` of its money; `about_refund`: money of it goes back. What has happened is asked for, not
    believed.
    """

    event_id: str
    name: str
    reference: str = ""
    external_id: str = ""
    payment_id: str = ""
    about_refund: bool = False


@dataclass(frozen=True)
class Charge:
    """What a saved method is charged. `reference` is ours and unique: the same again is the same charge."""

    reference: str
    method_id: str
    holder: str
    amount_minor: int
    currency: str
    description: str = ""


@dataclass(frozen=True)
class Setup:
    """A card that a customer is to leave. `currency` is what it will be charged in. The link's time runs from
    `begun_at`, so that a repeat says what the first has said.
    """

    reference: str
    begun_at: datetime
    currency: str
    email: str
    return_url: str
    customer_id: str = ""


@dataclass(frozen=True)
class SeenSetup:
    """How that stands: pending, successful, failed (why: `reason`)."""

    state: str
    saved: Saved | None = None
    reason: str = ""


class ChargingProvider(Protocol):
    """Charging what customers have left. Calls raise ProviderError."""

    def charge(self, charge: Charge) -> Seen:
        """Charge it now. Declined is the bank's no; Unavailable leaves it open, unless it is `undone`."""

    def fetch_charge(self, charge: Charge) -> Seen | None:
        """How a charge stands; None when the provider has none."""

    def forget(self, method_id: str) -> None:
        """The provider need not keep it any more."""


@dataclass(frozen=True)
class GivingBack:
    """What is to go back of the money `payment_id`. `reference` is ours and unique."""

    reference: str
    payment_id: str
    amount_minor: int
    currency: str
    reason: str = ""


@dataclass(frozen=True)
class GivenBack:
    """Money that goes back, as the provider has it: pending, successful or failed (why: `reason`). `reference` is
    ours, where it was begun by us.
    """

    external_id: str
    state: str
    amount_minor: int
    currency: str
    reference: str = ""
    reason: str = ""


class RefundsProvider(Protocol):
    """Giving back what came by one account. Calls raise ProviderError; amounts in minor units of ISO 4217."""

    REPEATS: bool
    """Whether asking again under the same reference gives the first refund and not a second one."""

    def give_back(self, giving: GivingBack) -> GivenBack:
        """Send money back. Unavailable leaves open whether it goes."""

    def given_back(self, payment_id: str, currency: str) -> list[GivenBack]:
        """Everything that went back, or is to, of some money, whoever began it."""


class PaymentsProvider(Protocol):
    """Paying by one account. Calls raise ProviderError; amounts in minor units of ISO 4217."""

    def check(self) -> str:
        """Whether the credentials work; a sentence that says for what."""

    def start(self, checkout: Checkout) -> Started:
        """Ask for a payment. The same reference again is the same payment, where the provider knows such a thing."""

    def fetch(self, reference: str, external_id: str, currency: str) -> Seen:
        """How it stands."""

    def read_notice(
        self, headers: Mapping[str, str], body: bytes, *, at: datetime, token: str = ""
    ) -> Notice:
        """An incoming message, its signature checked before anything of it is read. Header names are lower-case.
        Raises BadSignature.
        """
