"""Peppol's own rules: what each country asks for, how the file answers it, and what is said when it cannot."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

from billing.rules.registers import DELIVERED, of_register, of_vat, sound
from billing.rules.tax_category import Category
from invoicing.documents.cii import cii
from invoicing.documents.ubl import CUSTOMIZATION, NORM, ubl
from invoicing.rules.e_invoice import CREDIT_NOTE, EInvoice, EParty, missing
from invoicing.rules.peppol import lacking
from tests.invoicing.documents.test_e_invoices import FRENCH, GERMAN, SELLER, d, document, line
from tests.services.en16931 import faults
from tests.services.peppol import Paper, peppol_faults

AE, O, S = Category.REVERSE_CHARGE, Category.OUT_OF_SCOPE, Category.STANDARD  # noqa: E741
PLACE = {
    "line1": "Gate 1",
    "city": "Town",
    "postal_code": "1000",
    "email": "a@b.example",
    "phone": "+45 33 12",
}
DANE = EParty("Dansk ApS", "DK", tax_id="DK13585628", legal_id="13 58 56 28", **PLACE)
DUTCH = EParty("Bedrijf BV", "NL", tax_id="NL004495445B01", legal_id="12345678", **PLACE)
SWEDE = EParty("Bolag AB", "SE", tax_id="SE556036079301", legal_id="556036-0793", **PLACE)
NORWEGIAN = EParty("Selskap AS", "NO", tax_id="NO974760673MVA", legal_id="974 760 673", **PLACE)
ICELANDER = EParty("Félag ehf.", "IS", tax_id="12345", legal_id="450401-3150", **PLACE)
ITALIAN = EParty("Società Srl", "IT", tax_id="IT00743110157", **PLACE)
BELGIAN = EParty("Bedrijf NV", "BE", tax_id="BE0403170701", legal_id="0403.170.701", **PLACE)
GREEK = EParty("Ellas AE", "GR", tax_id="EL094259216", **PLACE)
TERMS = {"DK": "IBAN DK50 0040 0440 1162 43", "NL": "IBAN NL91 ABNA 0417 1643 00"}
RATES = {"DK": "25", "NL": "21", "SE": "25", "NO": "25", "IS": "24", "IT": "22", "BE": "21"}
SELLERS = (DANE, DUTCH, SWEDE, NORWEGIAN, ITALIAN, BELGIAN, SELLER)


def sold(seller: EParty, buyer: EParty, **more: Any) -> EInvoice:
    """An invoice over 100.00 at the seller's rate."""
    rate = RATES.get(seller.country, "19")
    given = {"seller": seller, "terms": TERMS.get(seller.country, "")} | more
    return document(buyer, line(1, "2", "50", S, rate), **given)


@pytest.mark.parametrize("seller", [*SELLERS, ICELANDER], ids=lambda row: row.country)
@pytest.mark.parametrize("abroad", [False, True])
def test_a_seller_of_each_country_sends_to_the_network(seller: EParty, abroad: bool) -> None:
    """At home and abroad, an invoice, one over nothing taxed, and a credit note."""
    buyer = FRENCH if abroad else replace(seller, name="The buyer")
    invoice = sold(seller, buyer)
    note = replace(invoice, kind=CREDIT_NOTE, due_on=None, terms="", corrects="TRN-1")
    reverse = sold(seller, replace(buyer, endpoint="0088:7300010000001"), notes="One\nTwo", order="PO 1")
    for found in (invoice, note, reverse):
        assert missing(found) == [] and lacking(found) == []
        content = ubl(found)
        assert Paper(content).at("CustomizationID") == CUSTOMIZATION
        assert peppol_faults(content) == []
        assert faults(content, "ubl") == []
    assert faults(cii(invoice), "cii") == []


def test_numbers_name_their_register() -> None:
    """In both syntaxes, and only those that have its form."""
    for who, scheme, number in (
        (DANE, "0184", "13585628"),
        (DUTCH, "0106", "12345678"),
        (SWEDE, "0007", "5560360793"),
        (NORWEGIAN, "0192", "974760673"),
        (BELGIAN, "0208", "0403170701"),
    ):
        assert who.legal == (scheme, number)
        [node] = Paper(ubl(sold(who, FRENCH))).find(
            "AccountingSupplierParty/Party/PartyLegalEntity/CompanyID"
        )
        assert (node.get("schemeID"), node.text) == who.legal
        tree = etree.fromstring(cii(sold(who, FRENCH)))
        [node] = tree.xpath("//*[local-name()='SellerTradeParty']/*/*[local-name()='ID' and @schemeID]")[:1]
        assert (node.get("schemeID"), node.text) == who.legal
    assert SELLER.legal == ("", "HRB 12345")
    assert of_register("SE", "556036-0794") == ("", "556036-0794")  # a wrong check digit
    assert of_register("FR", "303 265 045") == ("0002", "303265045")
    assert of_register("FR", "30326504500019") == ("0009", "30326504500019")


@pytest.mark.parametrize(
    ("country", "vat_id", "expected"),
    [
        ("SE", "SE556036079301", ("0007", "5560360793")),
        ("IT", "IT00743110157", ("0211", "IT00743110157")),
        ("BE", "BE0403170701", ("0208", "0403170701")),
        ("DK", "DK13585628", ("0184", "DK13585628")),
        ("FI", "FI20774740", ("0213", "FI20774740")),
        ("NO", "NO974760673MVA", ("0192", "974760673")),
        ("DE", "DE136695976", ("9930", "DE136695976")),
        ("SE", "SE12", None),
        ("US", "", None),
        ("DE", "", None),
    ],
)
def test_a_vat_number_is_an_address(country: str, vat_id: str, expected: tuple[str, str] | None) -> None:
    assert of_vat(country, vat_id) == expected
    assert expected is None or (expected[0] in DELIVERED and sound(*expected))


@pytest.mark.parametrize(
    ("scheme", "number", "right"),
    [
        ("0088", "7300010000001", True),
        ("0088", "7300010000002", False),
        ("0208", "0403170702", False),
        ("0184", "1358562", False),
        ("0106", "1234567", False),
        ("9944", "NL004495445B01", True),
        ("9944", "004495445B01", False),
        ("0235", "anything", True),
    ],
)
def test_numbers_are_checked(scheme: str, number: str, right: bool) -> None:
    assert sound(scheme, number) is right


@pytest.mark.parametrize(
    ("seller", "buyer", "more", "terms"),
    [
        (SELLER, replace(FRENCH, tax_id="", email="ap@acme.example"), {}, ["BT-49"]),
        (SELLER, replace(FRENCH, endpoint="0088:7300010000002"), {}, ["BT-49"]),
        (replace(SELLER, tax_id="12/345/67890"), FRENCH, {}, ["BT-34"]),
        (SELLER, FRENCH, {"currency": "XCG"}, ["BT-5"]),
        (SELLER, FRENCH, {"buyer_reference": ""}, ["BT-10"]),
        (replace(SELLER, phone="", email="", city="", postal_code=""), replace(GERMAN, city="", postal_code=""), {},
         ["BT-42", "BT-43", "BT-37", "BT-38", "BT-52", "BT-53"]),
        (replace(SELLER, phone="", city=""), FRENCH, {}, []),
        (SELLER, GERMAN, {"buyer_reference": "", "order": "PO 1"}, ["BT-10"]),
        (replace(DANE, legal_id=""), FRENCH, {}, ["BT-30"]),
        (replace(DANE, legal_id="HRB 1"), FRENCH, {}, ["BT-30"]),
        (replace(DUTCH, line1="", legal_id="1"), FRENCH, {}, ["BT-35", "BT-30"]),
        (DUTCH, replace(DUTCH, line1="", legal_id="1"), {"terms": ""}, ["BT-50", "BT-47", "BT-84"]),
        (replace(ICELANDER, postal_code=""), FRENCH, {}, ["BT-38"]),
        (ICELANDER, replace(ICELANDER, legal_id="", line1=""), {}, ["BT-49", "BT-47", "BT-50"]),
        (replace(SWEDE, legal_id="HRB 1"), FRENCH, {}, ["BT-30"]),
        (replace(SWEDE, tax_id="SE5560360793", endpoint="0007:5560360793"), FRENCH, {}, ["BT-31"]),
        (replace(SWEDE, tax_id="5560360793", endpoint="0007:5560360793"), FRENCH, {}, ["BT-31"]),
        (replace(NORWEGIAN, tax_id="NO974760673"), FRENCH, {}, ["BT-31"]),
        (replace(ITALIAN, line1=""), FRENCH, {}, ["BT-35"]),
        (replace(ITALIAN, tax_id="1234", endpoint="0201:ABC123"), FRENCH, {}, ["BT-32"]),
        (GREEK, FRENCH, {}, ["BT-122"]),
    ],
)  # fmt: skip
def test_what_the_network_misses_is_named_by_its_term(
    seller: EParty, buyer: EParty, more: dict[str, Any], terms: list[str]
) -> None:
    """And the file then claims no more than it is: an e-invoice of the norm."""
    found = sold(seller, buyer, **more)
    assert [item.term for item in lacking(found)] == terms
    content = ubl(found)
    assert Paper(content).at("CustomizationID") == (NORM if terms else CUSTOMIZATION)
    assert bool(peppol_faults(content)) == bool(terms)


def test_what_a_tax_says_has_to_fit_its_category_and_its_country() -> None:
    wrong = document(FRENCH, line(1, "1", "10", AE, "0"))
    wrong = replace(wrong, vat=(replace(wrong.vat[0], reason_code="VATEX-EU-G"),))
    assert [item.term for item in lacking(wrong)] == ["BT-121"]
    rates = document(FRENCH, line(1, "1", "10", S, "19"), seller=SWEDE)
    assert [item.term for item in lacking(rates)] == ["BT-119"]


def test_how_danes_pay() -> None:
    """A Danish account by the bank's and its own number, a foreign one in euro by SEPA, else without a code."""
    euro, krone = "IBAN DE89 3704 0044 0532 0130 00", {"currency": "DKK"}
    for terms, more, expected in (
        (TERMS["DK"], {}, ("42", "0440116243", "0040")),
        (euro, {}, ("58", "DE89370400440532013000", "")),
        (euro, krone, ("1", "DE89370400440532013000", "")),
        ("", {}, ("1", "", "")),
    ):
        paper = Paper(ubl(sold(DANE, DANE, terms=terms, **more)))
        account = "PaymentMeans/PayeeFinancialAccount/"
        found = (
            paper.at("PaymentMeans/PaymentMeansCode"),
            paper.at(f"{account}ID"),
            paper.at(f"{account}FinancialInstitutionBranch/ID"),
        )
        assert found == expected
    assert Paper(ubl(sold(DANE, FRENCH))).at("PaymentMeans/PaymentMeansCode") == "30"


def test_german_parties_get_a_rate_and_a_way_to_pay_even_where_there_is_none() -> None:
    free = document(GERMAN, line(1, "1", "10", O, "0"))
    note = replace(free, kind=CREDIT_NOTE, due_on=None, corrects="TRN-1")
    # Without VAT numbers the addresses in the network are e-mails unless Peppol ids are known.
    for found in (free, note):
        paper = Paper(ubl(found))
        assert paper.at("TaxTotal/TaxSubtotal/TaxCategory/Percent") == "0"
        assert paper.at("PaymentMeans/PaymentMeansCode") == "1"
        assert not [fault for fault in peppol_faults(ubl(found)) if fault.startswith("DE-")]
    abroad = Paper(ubl(document(FRENCH, line(1, "1", "10", O, "0"))))
    assert not abroad.find("TaxTotal/TaxSubtotal/TaxCategory/Percent")


def test_a_number_of_units_below_none_keeps_its_price_above() -> None:
    found = document(GERMAN, line(1, "10", "5"), line(2, "-2", "5"), line(3, "1", "-0.50"))
    assert [(row.quantity, row.price) for row in found.lines] == [
        (Decimal(10), Decimal(5)),
        (Decimal(-2), Decimal(5)),
        (Decimal(-1), d("0.50")),
    ]
    assert faults(ubl(found), "ubl") == [] and peppol_faults(ubl(found)) == []
