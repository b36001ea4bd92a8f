"""E-invoices against the official rules: every tax case, both syntaxes, invoices and credit notes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from billing.rules.tax_category import Category, reason_of
from invoicing.documents.cii import cii
from invoicing.documents.ubl import ubl
from invoicing.rules.e_invoice import (
    CREDIT_NOTE,
    INVOICE,
    EAllowance,
    EInvoice,
    ELine,
    EParty,
    EVat,
    missing,
    quantity_and_price,
)
from invoicing.rules.peppol import lacking
from tests.services.en16931 import faults
from tests.services.peppol import peppol_faults

S, Z, E, AE, K, G, O = Category  # noqa: E741
SELLER = EParty(
    "Tarn Works GmbH",
    country="DE",
    line1="Hauptstr. 1",
    city="Berlin",
    postal_code="10115",
    tax_id="DE136695976",
    legal_id="HRB 12345",
    email="billing@tarn.example",
    phone="+49 30 901820",
)
FRENCH = EParty("Acme SAS", country="FR", city="Lyon", postal_code="69001", tax_id="FR40303265045")
GERMAN = EParty(
    "Kunde AG",
    "DE",
    trading_name="Kunde",
    line1="Weg 2",
    line2="Hof",
    city="Bonn",
    postal_code="53111",
    state="NW",
    tax_id="DE136695976",
)
AMERICAN = EParty("Foo Inc.", country="US", city="Boston", email="ap@foo.example")
PERSON = EParty("Erika Mustermann", country="DE", email="erika@example.org")
PEPPOL = replace(FRENCH, endpoint="0088:7300010000001")


def d(text: str) -> Decimal:
    return Decimal(text)


def line(number: int, quantity: str, price: str, kind: Category = S, rate: str = "19", **more: Any) -> ELine:
    """A line whose amount is rounded to cents."""
    net = (d(quantity) * d(price)).quantize(d("0.01"))
    quantity_of, price_of = quantity_and_price(d(quantity), d(price), net)
    return ELine(str(number), f"Line {number}", quantity_of, price_of, net, kind, d(rate), **more)


def document(buyer: EParty, *lines: ELine, **more: Any) -> EInvoice:
    """An invoice with the VAT breakdown of its lines less its allowances, each rounded once."""
    allowances: tuple[EAllowance, ...] = more.get("allowances", ())
    bases: dict[tuple[Category, Decimal], Decimal] = {}
    for item in lines:
        bases[item.category, item.rate] = bases.get((item.category, item.rate), d("0")) + item.net
    for cut in allowances:
        bases[cut.category, cut.rate] -= cut.amount
    vat = tuple(
        EVat(kind, rate, base, (base * rate / 100).quantize(d("0.01")), *reason_of(kind, *WHY.get(kind, ())))
        for (kind, rate), base in bases.items()
    )
    values: dict[str, Any] = {
        "kind": INVOICE,
        "number": "TRN-202611-001",
        "issued_on": date(2026, 11, 26),
        "due_on": date(2026, 12, 26),
        "currency": "EUR",
        "seller": SELLER,
        "buyer_reference": "acme-1",
        "start": date(2026, 10, 1),
        "end": date(2026, 10, 31),
    }
    return EInvoice(**values | {"buyer": buyer, "lines": lines, "vat": vat} | more)


WHY = {E: ("VATEX-EU-132-1I", "Education")}
CUT = EAllowance("Coupon: Welcome", d("10.00"), S, d("19"))
MANY = tuple(line(number, "1", "0.13", S, "20") for number in range(1, 101))
CASES = {
    "standard": document(GERMAN, line(1, "3", "20")),
    "standard, part of a month": document(
        GERMAN, line(1, "0.483870967741935", "99", start=date(2026, 10, 17), end=date(2026, 10, 31))
    ),
    "fractions of a cent": document(GERMAN, line(1, "1234567", "0.000123")),
    "by tiers: a mean price": document(
        GERMAN,
        ELine("1", "Calls", *quantity_and_price(d("1500"), d("0.1"), d("125.37")), d("125.37"), S, d("19")),
    ),
    "no units, a flat amount": document(
        GERMAN, ELine("1", "Base", *quantity_and_price(d("0"), d("0"), d("50")), d("50"), S, d("19"))
    ),
    "nothing used": document(GERMAN, line(1, "0", "2"), line(2, "1", "1")),
    "two rates": document(GERMAN, line(1, "1", "100"), line(2, "1", "50", S, "7")),
    "three rates and an allowance": document(
        GERMAN,
        line(1, "1", "100"),
        line(2, "1", "50", S, "7"),
        line(3, "1", "5", Z, "0"),
        allowances=(CUT, EAllowance("Coupon: Welcome", d("5.00"), S, d("7"))),
    ),
    "all of it off": document(GERMAN, line(1, "1", "10"), allowances=(CUT,)),
    "many small lines": document(GERMAN, *MANY),
    "zero rated": document(GERMAN, line(1, "2", "9.99", Z, "0")),
    "exempt": document(GERMAN, line(1, "1", "250", E, "0")),
    "exempt beside standard": document(GERMAN, line(1, "1", "250", E, "0"), line(2, "1", "10")),
    "reverse charge": document(FRENCH, line(1, "5", "12.5", AE, "0")),
    "reverse charge, allowance": document(
        FRENCH, line(1, "5", "12.5", AE, "0"), allowances=(EAllowance("Coupon", d("2.50"), AE, d("0")),)
    ),
    "goods within the union": document(FRENCH, line(1, "5", "12.5", K, "0"), delivered_to="FR"),
    "export": document(AMERICAN, line(1, "5", "12.5", G, "0")),
    "out of scope": document(AMERICAN, line(1, "5", "12.5", O, "0")),
    "out of scope, buyer with a VAT number": document(FRENCH, line(1, "5", "12.5", O, "0")),
    "a person": document(PERSON, line(1, "1", "8.40")),
    "Peppol id": document(PEPPOL, line(1, "5", "12.5", AE, "0")),
    "purchase order, notes, terms with an account": document(
        GERMAN,
        line(1, "1", "1"),
        order="PO 77",
        notes="Line one\nLine two <b>",
        terms="Please pay to DE89 3704 0044 0532 0130 00 in time",
    ),
    "prepaid in part": document(GERMAN, line(1, "1", "100"), prepaid=d("19.00")),
    "prepaid in full": document(GERMAN, line(1, "1", "100"), prepaid=d("119.00"), due_on=None),
    "no decimals": document(GERMAN, line(1, "3", "1500"), currency="JPY"),
    "seller without VAT number": document(
        AMERICAN,
        line(1, "1", "10", S, "18"),
        seller=EParty("Kampala Ltd", "UG", tax_id="1000123456", legal_id="80020001", email="a@b.example"),
    ),
    "Greece": document(EParty("Ellas AE", "GR", tax_id="EL094259216"), line(1, "1", "10", AE, "0")),
    "half a percent": document(GERMAN, line(1, "1", "10", S, "25.5")),
}
NOTES = {
    f"credit note: {name}": replace(
        CASES[name], kind=CREDIT_NOTE, due_on=None, corrects="TRN-202610-007", corrects_on=date(2026, 10, 1)
    )
    for name in (
        "standard",
        "two rates",
        "exempt",
        "reverse charge",
        "goods within the union",
        "export",
        "out of scope",
    )
}


# Somebody in them has only an e-mail address, which the network does not deliver to.
BY_MAIL = {"export", "out of scope", "a person", "seller without VAT number"}


@pytest.mark.parametrize("name", [*CASES, *NOTES])
def test_the_official_rules_find_nothing(name: str) -> None:
    found = (CASES | NOTES)[name]
    assert missing(found) == []
    assert faults(ubl(found), "ubl") == []
    assert faults(cii(found), "cii") == []
    assert ubl(found) == ubl(found)
    if name.removeprefix("credit note: ") in BY_MAIL:
        assert {item.term for item in lacking(found)} <= {"BT-34", "BT-49", "BT-52", "BT-53"}
    else:
        assert lacking(found) == [] and peppol_faults(ubl(found)) == []


def test_the_rules_would_find_something() -> None:
    """A validator that calls everything valid proves nothing."""
    right = CASES["standard"]
    wrong = replace(right, vat=(replace(right.vat[0], amount=right.vat[0].amount + 5),))
    assert any("BR-CO-17" in fault or "BR-S-09" in fault for fault in faults(ubl(wrong), "ubl"))
    nobody = replace(CASES["reverse charge"], buyer=replace(FRENCH, tax_id="", email="a@b.example"))
    assert any("BR-AE-02" in fault for fault in faults(ubl(nobody), "ubl"))
    assert any("BR-AE-02" in fault for fault in faults(cii(nobody), "cii"))
    assert [(item.term, item.where) for item in missing(nobody)] == [("BT-48", "buyer")]
    assert faults(ubl(replace(right, number="")), "ubl")


@pytest.mark.parametrize(
    ("changed", "terms"),
    [
        ({"number": ""}, ["BT-1"]),
        ({"currency": "KWD"}, ["BT-5"]),
        ({"lines": ()}, ["BG-25"]),
        ({"seller": EParty("", email="a@b.c")}, ["BT-27", "BT-40", "BT-30", "BT-31"]),
        ({"buyer": EParty("Nobody", "DE")}, ["BT-49"]),
        ({"seller": replace(SELLER, tax_id="")}, ["BT-31"]),
        ({"buyer": EParty("", "", email="a@b.c")}, ["BT-44", "BT-55"]),
    ],
)
def test_what_is_missing_is_named_by_its_term(changed: dict[str, Any], terms: list[str]) -> None:
    assert [item.term for item in missing(replace(CASES["standard"], **changed))] == terms


def test_a_document_may_not_mix_what_is_out_of_scope_with_vat() -> None:
    mixed = document(GERMAN, line(1, "1", "10"), line(2, "1", "10", O, "0"))
    assert [item.term for item in missing(mixed)] == ["BT-118"]
    bare = replace(CASES["out of scope"], seller=replace(SELLER, legal_id=""))
    assert [item.term for item in missing(bare)] == ["BT-30"]


@pytest.mark.parametrize(
    ("units", "price", "net", "expected"),
    [
        ("3", "20", "60.00", ("3", "20")),
        ("1234567", "0.000123", "151.85", ("1234567", "0.000123")),
        ("1500", "0.1", "125.37", ("1500", "0.083580000000000")),
        ("0", "0", "50", ("1", "50")),
        ("0", "3", "0", ("0", "3")),
    ],
)
def test_quantity_times_price_is_the_amount(
    units: str, price: str, net: str, expected: tuple[str, str]
) -> None:
    quantity, unit = quantity_and_price(d(units), d(price), d(net))
    assert (quantity, unit) == (d(expected[0]), d(expected[1]))
    assert abs(quantity * unit - d(net)) <= d("0.005")
