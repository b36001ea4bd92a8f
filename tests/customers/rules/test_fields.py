"""What a customer's fields may hold, checked by hand-made tables."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.countries import COUNTRIES
from billing.rules.errors import FieldErrors
from customers.rules.fields import clean_fields, contradictions
from customers.rules.identifiers import KINDS, kind_name
from customers.rules.phones import phone, phone_shown
from customers.rules.values import Refused


@pytest.mark.parametrize(
    ("field", "given", "kept"),
    [
        ("country", " ug ", "UG"),
        ("currency", "ugx", "UGX"),
        ("email", " A@B.Co ", "a@b.co"),
        ("einvoice_email", "X@Y.de", "x@y.de"),
        ("locale", "pt_br", "pt-BR"),
        ("locale", "zh-hant", "zh-Hant"),
        ("locale", "EN", "en"),
        ("timezone", "Africa/Kampala", "Africa/Kampala"),
        ("customer_type", "COMPANY", "business"),
        ("customer_type", "Individual", "consumer"),
        ("billing_model", "HYBRID", "hybrid"),
        ("mode", "POSTPAID", "postpaid"),
        ("preferred_provider", "Stripe", "stripe"),
        ("preferred_provider", None, ""),
        ("disabled_providers", ["MPESA", "stripe", "mpesa"], ["stripe", "mpesa"]),
        ("disabled_providers", None, []),
        ("phone", "+49 (30) 901820", "+4930901820"),
        ("phone", "+1 650 253 0000 ext. 5", "+16502530000 ext. 5"),
        ("phone", "", ""),
        ("peppol_id", "0088:7300010000001", "0088:7300010000001"),
        ("peppol_id", " 9915:b ", "9915:b"),
        ("url", "example.com", "https://example.com"),
        ("tags", [" VIP ", "vip", "Big  fish"], ["VIP", "Big fish"]),
        ("default_max_balance", 12, Decimal(12)),
        ("default_max_balance", None, None),
        ("zero_amount_invoices", None, None),
        ("prefer_einvoice", None, False),
    ],
)
def test_one_spelling(field: str, given: Any, kept: Any) -> None:
    assert clean_fields({field: given}) == {field: kept}


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("country", "Uganda", "two-letter"),
        ("country", "XX", "two-letter"),
        ("currency", "ZZZ", "ISO 4217"),
        ("currency", "", "Choose a currency"),
        ("locale", "xx", "language tag"),
        ("locale", "english", "language tag"),
        ("timezone", "Mars/Olympus", "IANA"),
        ("billing_model", "barter", "prepaid, postpaid or hybrid"),
        ("mode", "hybrid", "prepaid or postpaid"),
        ("preferred_provider", "barter", "manual, stripe"),
        ("disabled_providers", "stripe", "a list"),
        ("disabled_providers", ["barter"], "manual, stripe"),
        ("phone", "030 901820", "country code"),
        ("phone", "+49 301", "area code"),
        ("phone", "+999 1234567", "no such country code"),
        ("phone", "call me", "no phone number"),
        ("peppol_id", "7300010000001", "scheme"),
        ("peppol_id", "0088:7300010000002", "check digits"),
        ("peppol_id", "0106:1234567", "written"),
        ("peppol_id", "9955:SE556036079301", "no scheme"),
        ("tags", ["a,b"], "comma"),
        ("tags", ["x" * 51], "50"),
        ("tags", [""], "1 to 50"),
        ("tags", "vip", "list"),
        ("tags", [f"t{n}" for n in range(51)], "50 tags"),
        ("default_credit_limit", Decimal("-1"), "negative"),
        ("default_credit_limit", True, "number"),
        ("prefer_einvoice", "yes", "true or false"),
        ("tax_identifiers", {"gb_vat": "GB 980 7806 85"}, "UK VAT number: the check digits are wrong."),
        ("tax_identifiers", {"jp_cn": "58356782562"}, "wrong number of characters"),
        ("tax_identifiers", {"eu_vat": "XX12345"}, "EU VAT number"),
        ("tax_identifiers", {"moon": "1"}, "no kind moon"),
        ("tax_identifiers", {"other": "x" * 51}, "50 characters"),
        ("tax_identifiers", ["DE1"], "object"),
    ],
)
def test_what_means_nothing_is_refused_in_words(field: str, value: Any, says: str) -> None:
    with pytest.raises(FieldErrors) as refused:
        clean_fields({field: value})
    assert [name for name, _ in refused.value.errors] == [field]
    assert says in str(refused.value)


def test_numbers_by_kind_are_checked_and_compact() -> None:
    given = {
        "eu_vat": "DE 136 695 976",
        "gb_vat": "GB 980 7806 84",
        "ch_uid": "CHE-107.787.577",
        "no_orgnr": "988 077 917",
        "us_ein": "91-1144442",
        "au_abn": "83 914 571 673",
        "in_gstin": "27AAPFU0939F1ZV",
        "za_tin": "0001339050",
        "other": " anything ",
        "nz_ird": "",
    }
    assert clean_fields({"tax_identifiers": given})["tax_identifiers"] == {
        "eu_vat": "DE136695976",
        "gb_vat": "980780684",
        "ch_uid": "CHE107787577",
        "no_orgnr": "988077917",
        "us_ein": "911144442",
        "au_abn": "83914571673",
        "in_gstin": "27AAPFU0939F1ZV",
        "za_tin": "0001339050",
        "other": "anything",
        "nz_ird": None,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_refuses_nonsense(kind: str) -> None:
    with pytest.raises(FieldErrors, match=kind_name(kind)):
        clean_fields({"tax_identifiers": {kind: "?"}})


def test_a_national_phone_is_read_as_of_the_country() -> None:
    assert clean_fields({"phone": "030 901820", "country": "de"})["phone"] == "+4930901820"
    assert clean_fields({"phone": "0414 123456"}, country="UG")["phone"] == "+256414123456"
    with pytest.raises(FieldErrors) as refused:  # a bad country is told once, at its own field
        clean_fields({"phone": "+4930901820", "country": "Uganda"})
    assert [name for name, _ in refused.value.errors] == ["country"]


def test_phones_are_shown_internationally_and_read_back_the_same() -> None:
    assert phone_shown("+4930901820") == "+49 30 901820"
    assert phone_shown("not a number") == "not a number"
    assert phone(phone_shown("+16502530000 ext. 5")) == "+16502530000 ext. 5"


@given(st.text(max_size=30), st.sampled_from(["", "DE", "US", "UG"]))
def test_any_text_is_a_phone_or_refused(text: str, country: str) -> None:
    try:
        kept = phone(text, country)
    except Refused:
        return
    assert kept == "" or (kept.startswith("+") and phone(kept) == kept)


def test_our_countries_are_known_to_babel() -> None:
    from babel import Locale

    assert set(Locale("en").territories) >= COUNTRIES


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({}, []),
        ({"preferred_provider": "stripe", "disabled_providers": ["stripe"]}, ["preferred_provider"]),
        ({"vat_validation_disabled": True}, ["vat_validation_disabled_reason"]),
        ({"vat_validation_disabled": True, "vat_validation_disabled_reason": "Charity"}, []),
        (
            {"default_auto_top_up_enabled": True},
            ["default_auto_topup_amount", "default_low_balance_threshold"],
        ),
        (
            {
                "default_auto_top_up_enabled": True,
                "default_auto_top_up_minor": 1000,
                "default_low_balance_minor": 0,
            },
            [],
        ),
        (
            {"default_auto_top_up_minor": 1000, "default_max_single_credit_minor": 999},
            ["default_auto_topup_amount"],
        ),
        (
            {"default_low_balance_minor": 11, "default_max_balance_minor": 10},
            ["default_low_balance_threshold"],
        ),
    ],
)
def test_contradictions(values: dict[str, Any], fields: list[str]) -> None:
    row = {
        "preferred_provider": "",
        "disabled_providers": [],
        "vat_validation_disabled": False,
        "vat_validation_disabled_reason": "",
        "default_auto_top_up_enabled": False,
        "default_auto_top_up_minor": None,
        "default_low_balance_minor": None,
        "default_max_balance_minor": None,
        "default_max_single_credit_minor": None,
    }
    assert [name for name, _ in contradictions(row | values)] == fields
