"""What Peppol BIS Billing 3.0 asks for beyond EN 16931, of everybody and of sellers in some countries.

Source: the rules of the release of May 2026 (PEPPOL-EN16931-*, PEPPOL-COMMON-*, and by country). A document that
lacks some of it is an e-invoice all the same, but not one for the network.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal

from stdnum.exceptions import ValidationError
from stdnum.no import orgnr

from billing.rules.registers import DELIVERED, sound
from billing.rules.tax_category import CODES, Category
from invoicing.rules.e_invoice import CREDIT_NOTE, EInvoice, EParty, Missing

UNLISTED = {"XCG"}  # currencies that Peppol's list does not have
SWEDISH_RATES = {Decimal(25), Decimal(12), Decimal(6)}
SWEDISH_VAT = re.compile(r"SE\d{12}")
NORWEGIAN_VAT = re.compile(r"NO(\d{9})MVA")
ITALIAN_NUMBER = re.compile(r"[A-Z0-9]{11,16}")
# The business terms of an address: seller's and buyer's.
STREET, CITY, POSTCODE, LEGAL = ("BT-35", "BT-50"), ("BT-37", "BT-52"), ("BT-38", "BT-53"), ("BT-30", "BT-47")
SELLER, BUYER = 0, 1
PLACES = ("seller", "buyer")
WHOSE = ("The billing entity's", "The customer's")


def lacking(document: EInvoice) -> list[Missing]:
    """All that keeps an e-invoice from the network; empty when it may go."""
    found = [*address(document, SELLER), *address(document, BUYER)]
    if document.currency in UNLISTED:
        found.append(Missing("BT-5", f"Peppol has no currency {document.currency} yet.", "document"))
    if not (document.buyer_reference or document.order):
        found.append(Missing("BT-10", "The buyer's reference or order number is missing.", "document"))
    found += [
        Missing("BT-121", f"{row.reason_code} is the reason of category {CODES[row.reason_code]}.", "tax")
        for row in document.vat
        if CODES.get(row.reason_code, row.category) != row.category
    ]
    for rules in (RULES.get(document.seller.country), BY_VAT.get(land(document))):
        if rules:
            found += rules(document)
    return list(dict.fromkeys(found))


def party(document: EInvoice, who: int) -> EParty:
    """The seller or the buyer."""
    return document.buyer if who else document.seller


def address(document: EInvoice, who: int) -> Iterator[Missing]:
    """Where the network delivers to, and where it comes from."""
    scheme, number = party(document, who).address or ("", "")
    term = ("BT-34", "BT-49")[who]
    if scheme not in DELIVERED:
        ways = ("a VAT number", "a Peppol ID or a VAT number")[who]
        text = f"{WHOSE[who]} address in the network is missing: {ways}. An e-mail address is none."
        yield Missing(term, text, PLACES[who])
    elif not sound(scheme, number):
        yield Missing(term, f"{WHOSE[who]} number {number} is none of scheme {scheme}.", PLACES[who])


def land(document: EInvoice) -> str:
    """The country that the seller's VAT number names, where it may stand, else the seller's own."""
    number = "" if document.out_of_scope else document.seller.vat_id
    return number[:2] or document.seller.country


def placed(document: EInvoice, who: int, *, street: bool, city: bool = True) -> Iterator[Missing]:
    """Street, city and postcode."""
    found = party(document, who)
    asked = [(STREET, "street", found.line1)] if street else []
    asked += [(CITY, "city", found.city)] if city else []
    asked += [(POSTCODE, "postcode", found.postal_code)]
    for terms, name, value in asked:
        if not value:
            yield Missing(terms[who], f"{WHOSE[who]} {name} is missing.", PLACES[who])


def registered(document: EInvoice, who: int, what: str, *, needed: bool) -> Iterator[Missing]:
    """A legal number of the country's register; `what` it is called."""
    found = party(document, who)
    if (found.legal_id and not found.legal[0]) or (needed and not found.legal_id):
        yield Missing(LEGAL[who], f"{WHOSE[who]} legal number has to be {what}.", PLACES[who])


def german(document: EInvoice) -> Iterator[Missing]:
    """Between German parties: whom to ask, and full addresses."""
    if not document.within("DE"):
        return
    if not document.buyer_reference:
        yield Missing("BT-10", "The buyer's reference is missing.", "document")
    for term, name, value in (
        ("BT-42", "phone number", document.seller.phone),
        ("BT-43", "e-mail address", document.seller.email),
    ):
        if not value:
            yield Missing(term, f"The billing entity's {name} is missing.", "seller")
    yield from placed(document, SELLER, street=False)
    yield from placed(document, BUYER, street=False)


def danish(document: EInvoice) -> Iterator[Missing]:
    """The CVR number."""
    yield from registered(document, SELLER, "a CVR number of 8 digits", needed=True)


def dutch(document: EInvoice) -> Iterator[Missing]:
    """Full addresses, numbers of a Dutch register, and an account among Dutch parties."""
    what = "a KvK number of 8 digits or an OIN of 20"
    yield from placed(document, SELLER, street=True)
    yield from registered(document, SELLER, what, needed=False)
    if not document.within("NL"):
        return
    yield from placed(document, BUYER, street=True)
    yield from registered(document, BUYER, what, needed=False)
    if document.kind != CREDIT_NOTE and not document.iban:
        yield Missing("BT-84", "The payment details of the billing entity name no IBAN.", "seller")


def icelandic(document: EInvoice) -> Iterator[Missing]:
    """The kennitala and the address; among Icelandic parties the buyer's too."""
    for who in (SELLER, BUYER) if document.within("IS") else (SELLER,):
        yield from registered(document, who, "a kennitala of 10 digits", needed=True)
        yield from placed(document, who, street=True, city=False)


def swedish(document: EInvoice) -> Iterator[Missing]:
    """The forms of the numbers, and the rates that Sweden has."""
    seller = document.seller
    yield from registered(document, SELLER, "an organisation number of 10 digits", needed=False)
    if document.out_of_scope:
        return
    if seller.vat_id.startswith("SE"):
        if not SWEDISH_VAT.fullmatch(seller.vat_id):
            yield Missing("BT-31", "A Swedish VAT number is SE and 12 digits.", "seller")
        for row in document.vat:
            if row.category is Category.STANDARD and row.rate not in SWEDISH_RATES:
                yield Missing("BT-119", f"Swedish VAT is 25, 12 or 6 %, not {row.rate:f} %.", "tax")
    elif seller.registration and seller.legal_id:
        yield Missing("BT-31", "A Swedish VAT number is SE and 12 digits.", "seller")


def norwegian(document: EInvoice) -> Iterator[Missing]:
    """The form of the VAT number."""
    if document.out_of_scope or not document.seller.vat_id:
        return
    found = NORWEGIAN_VAT.fullmatch(document.seller.vat_id)
    try:
        orgnr.validate(found[1] if found else "")
    except ValidationError:
        text = "A Norwegian VAT number is NO, the organisation number and MVA."
        yield Missing("BT-31", text, "seller")


def italian(document: EInvoice) -> Iterator[Missing]:
    """The full address, and the form of a tax number."""
    yield from placed(document, SELLER, street=True)
    number = document.seller.registration
    if number and not document.out_of_scope and not ITALIAN_NUMBER.fullmatch(number):
        yield Missing("BT-32", "An Italian tax number has 11 to 16 letters and digits.", "seller")


def greek(document: EInvoice) -> Iterator[Missing]:
    """The tax office gives each document a mark, which has to stand in it together with a number of six parts."""
    text = "A Greek seller's document needs the tax office's mark (myDATA), which is not known here."
    yield Missing("BT-122", text, "document")


# By the country of the seller's address, and by the country of its VAT number.
Rules = Callable[[EInvoice], Iterator[Missing]]
RULES: dict[str, Rules] = {"DE": german, "DK": danish, "IS": icelandic, "NL": dutch, "SE": swedish}
BY_VAT: dict[str, Rules] = {"EL": greek, "GR": greek, "IT": italian, "NO": norwegian}
