"""An invoice or credit note in the terms of EN 16931, and what is missing before it can be one.

Amounts are exact decimals in major units. BT and BG are the norm's business terms and groups; what they sum to is
BR-CO-10 to BR-CO-16. A note of 381 has the same shape: its amounts are what is given back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from stdnum import iban as iban_number
from stdnum.exceptions import ValidationError

from billing.rules import registers
from billing.rules.money import ZERO, exact, exponent
from billing.rules.tax_category import Category

INVOICE, CREDIT_NOTE = "380", "381"
EMAIL = "EM"  # the scheme of an electronic address that is an e-mail address
MOST_DECIMALS = 2  # BR-DEC-*: amounts of an e-invoice
CENT = Decimal("0.01")
PRICE = Decimal(1).scaleb(-15)
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b")
UNLISTED = {"STN", "XAD"}  # currencies that the norm's list does not have


@dataclass(frozen=True)
class EParty:
    """BG-4 seller or BG-7 buyer. `country`: ISO 3166. `tax_id` with its country prefix is a VAT number (BT-31, 48),
    without one a registration for tax (BT-32). `endpoint`: "scheme:value" (BT-34, BT-49).
    """

    name: str
    country: str = ""
    trading_name: str = ""
    line1: str = ""
    line2: str = ""
    city: str = ""
    postal_code: str = ""
    state: str = ""
    tax_id: str = ""
    legal_id: str = ""
    email: str = ""
    phone: str = ""
    endpoint: str = ""

    @property
    def vat_id(self) -> str:
        """The tax number when it begins with letters, as VAT numbers do: without blanks, Greece's as EL."""
        number = re.sub(r"[^0-9A-Z+*]", "", self.tax_id.upper())
        prefix = "EL" if self.country == "GR" else self.country
        return number if number[:2] in (prefix, "XI", "EU", "IM") else ""

    @property
    def registration(self) -> str:
        """The tax number when it is none for VAT."""
        return "" if self.vat_id else self.tax_id

    @property
    def address(self) -> tuple[str, str] | None:
        """(scheme, value) of the electronic address: the Peppol id, else the VAT number, else the number of its
        country's register, else the e-mail.
        """
        scheme, _, value = self.endpoint.partition(":")
        if value:
            return scheme, value
        if found := registers.of_vat(self.country, self.vat_id):
            return found
        if self.legal[0]:
            return self.legal
        return (EMAIL, self.email) if self.email else None

    @property
    def legal(self) -> tuple[str, str]:
        """(scheme, number) under which it is registered (BT-30, BT-47); no scheme where the number has not the form
        of its country's.
        """
        return registers.of_register(self.country, self.legal_id)


@dataclass(frozen=True)
class ELine:
    """BG-25. quantity x price is the net amount, as near as 15 decimals allow."""

    number: str
    name: str
    quantity: Decimal
    price: Decimal
    net: Decimal
    category: Category
    rate: Decimal
    start: date | None = None
    end: date | None = None


@dataclass(frozen=True)
class EAllowance:
    """BG-20: what lowers the whole document before tax, within one category and rate."""

    reason: str
    amount: Decimal
    category: Category
    rate: Decimal


@dataclass(frozen=True)
class EVat:
    """BG-23: one category and rate of the document."""

    category: Category
    rate: Decimal
    base: Decimal
    amount: Decimal
    reason_code: str = ""
    reason: str = ""


@dataclass(frozen=True)
class EInvoice:
    """The whole document. `start` and `end` are the first and the last day of what is billed (BG-14)."""

    kind: str
    number: str
    issued_on: date
    currency: str
    seller: EParty
    buyer: EParty
    lines: tuple[ELine, ...]
    vat: tuple[EVat, ...]
    due_on: date | None = None
    allowances: tuple[EAllowance, ...] = ()
    prepaid: Decimal = ZERO
    buyer_reference: str = ""
    order: str = ""
    notes: str = ""
    terms: str = ""
    start: date | None = None
    end: date | None = None
    delivered_to: str = ""
    corrects: str = ""
    corrects_on: date | None = None

    @property
    def lines_total(self) -> Decimal:
        """BT-106."""
        return sum((line.net for line in self.lines), ZERO)

    @property
    def allowances_total(self) -> Decimal:
        """BT-107."""
        return sum((item.amount for item in self.allowances), ZERO)

    @property
    def net_total(self) -> Decimal:
        """BT-109."""
        return self.lines_total - self.allowances_total

    @property
    def vat_total(self) -> Decimal:
        """BT-110."""
        return sum((row.amount for row in self.vat), ZERO)

    @property
    def gross_total(self) -> Decimal:
        """BT-112."""
        return self.net_total + self.vat_total

    @property
    def payable(self) -> Decimal:
        """BT-115."""
        return self.gross_total - self.prepaid

    @property
    def out_of_scope(self) -> bool:
        """Whether all of it is not subject to VAT: no VAT number may be named then (BR-O-02)."""
        return any(row.category is Category.OUT_OF_SCOPE for row in self.vat)

    def within(self, country: str) -> bool:
        """Whether seller and buyer are both in that country."""
        return self.seller.country == self.buyer.country == country

    @property
    def iban(self) -> str:
        """BT-84: the first account in the payment terms."""
        return next(ibans(self.terms), "")


def ibans(text: str) -> Iterator[str]:
    """The account numbers that a text names, those with a right check digit."""
    for found in IBAN.findall(text.upper()):
        words = found.split(" ")
        for count in range(len(words), 0, -1):  # a word behind the number may look like a part of it
            try:
                yield iban_number.validate("".join(words[:count]))
            except ValidationError:
                continue
            break


def quantity_and_price(units: Decimal, price: Decimal, net: Decimal) -> tuple[Decimal, Decimal]:
    """The pair whose product is the line's amount: as billed; the mean price of what was billed by tiers; else once
    the whole amount. Source: BT-146 may not be negative, and Peppol's R120 allows 0.02.
    """
    if net < ZERO:  # given back: of a negative number of units
        quantity, mean = quantity_and_price(abs(units), abs(price), -net)
        return -quantity, mean
    with exact():
        if price >= 0 and abs(units * price - net) <= CENT / 2:
            return units, price
        if units > 0:
            mean = (net / units).quantize(PRICE, ROUND_HALF_UP)
            if abs(units * mean - net) <= CENT / 2:
                return units, mean
    return Decimal(1), net


@dataclass(frozen=True)
class Missing:
    """What keeps a document from being an e-invoice. `where`: seller, buyer, tax, line or document."""

    term: str
    text: str
    where: str


def missing(document: EInvoice, *, issued: bool = True) -> list[Missing]:
    """All that EN 16931 asks for and the document does not have; empty when it is ready. `issued`: a draft has no
    number yet.
    """
    found = [*party_missing(document.seller, "seller"), *party_missing(document.buyer, "buyer")]
    if issued and not document.number:
        found.append(Missing("BT-1", "It has no number yet.", "document"))
    if exponent(document.currency) > MOST_DECIMALS:
        text = f"E-invoices have two decimals; {document.currency} has {exponent(document.currency)}."
        found.append(Missing("BT-5", text, "document"))
    if document.currency in UNLISTED:
        found.append(Missing("BT-5", f"E-invoices have no currency {document.currency}.", "document"))
    if not document.lines:
        found.append(Missing("BG-25", "It has no line.", "document"))
    categories = {row.category for row in document.vat}
    if document.out_of_scope and len(categories) > 1:
        text = "Some lines have no tax, or one that is not subject to VAT, others have VAT. Give each line a VAT tax."
        found.append(Missing("BT-118", text, "tax"))
    if not document.seller.legal_id and (document.out_of_scope or not document.seller.vat_id):
        text = "The billing entity's legal number is missing: without a VAT number it says who the seller is."
        found.append(Missing("BT-30", text, "seller"))
    taxed = categories - {Category.OUT_OF_SCOPE}
    if taxed and not (document.seller.vat_id or document.seller.registration):
        found.append(Missing("BT-31", "The billing entity's VAT number is missing.", "seller"))
    abroad = taxed & {Category.REVERSE_CHARGE, Category.INTRA_COMMUNITY, Category.EXPORT}
    if abroad and not document.seller.vat_id:
        found.append(
            Missing("BT-31", "The billing entity's VAT number needs its country's letters.", "seller")
        )
    if categories & {Category.REVERSE_CHARGE, Category.INTRA_COMMUNITY} and not document.buyer.vat_id:
        found.append(Missing("BT-48", "The customer's VAT number is missing.", "buyer"))
    if Category.INTRA_COMMUNITY in categories and not (document.delivered_to or document.buyer.country):
        found.append(Missing("BT-80", "The country that the goods go to is missing.", "buyer"))
    found += [
        Missing("BT-120", f"The tax of 0 % in category {row.category} does not say why.", "tax")
        for row in document.vat
        if row.category is Category.EXEMPT and not (row.reason or row.reason_code)
    ]
    return list(dict.fromkeys(found))


def party_missing(party: EParty, who: str) -> Iterator[Missing]:
    """Name, country and electronic address."""
    whose = "The billing entity's" if who == "seller" else "The customer's"
    if not party.name:
        yield Missing("BT-27" if who == "seller" else "BT-44", f"{whose} name is missing.", who)
    if not party.country:
        yield Missing("BT-40" if who == "seller" else "BT-55", f"{whose} country is missing.", who)
    if party.address is None:
        text = f"{whose} electronic address is missing: a VAT number or an e-mail."
        if who == "buyer":
            text = f"{whose} electronic address is missing: a Peppol ID, a VAT number or an e-mail."
        yield Missing("BT-34" if who == "seller" else "BT-49", text, who)
