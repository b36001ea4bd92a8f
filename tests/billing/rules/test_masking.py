"""Bodies of calls without what opens anything."""

from __future__ import annotations

from typing import Any

import pytest

from billing.rules.masking import COVER, is_card, masked, masked_query

CARD = "4242424242424242"
ID = "inv_" + "0123456789abcdef" * 2
TOKEN = "kq3Jf0-9aXbC_dEfGhIjKlMnOpQrStUv"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"name": "A", "credentials": {"x": 1}}, {"name": "A", "credentials": COVER}),
        (
            {"secretKey": "x", "api_key": "y", "Webhook-Secret": "z"},
            dict.fromkeys(("secretKey", "api_key", "Webhook-Secret"), COVER),
        ),
        ({"password": "", "token": None}, {"password": "", "token": None}),
        (
            {"filters": [{"key": "region", "values": ["eu"]}]},
            {"filters": [{"key": "region", "values": ["eu"]}]},
        ),
        ({"key": "sk_live_" + "a1" * 32}, {"key": f"sk_live_{COVER}"}),
        (["whsec_abcdefgh12345678="], [f"whsec_{COVER}"]),
        (f"card {CARD} of hers", f"card {COVER} 4242 of hers"),
        ("4242 4242 4242 4242", f"{COVER} 4242"),
        (int(CARD), f"{COVER} 4242"),
        ("4242424242424241", "4242424242424241"),
        (f"https://pay.example/portal/{TOKEN}?a=1", f"https://pay.example/portal/{COVER}?a=1"),
        (f"https://pay.example/invoices/{ID}/pdf", f"https://pay.example/invoices/{ID}/pdf"),
        (TOKEN, TOKEN),
        ("https://user:pass@hooks.example/x", f"https://{COVER}@hooks.example/x"),
        (
            "https://hooks.example/x?a=1&access_token=abc#b",
            f"https://hooks.example/x?a=1&access_token={COVER}#b",
        ),
        ("Is 1 & token=2 more? No.", "Is 1 & token=2 more? No."),
        (f"Paid with {CARD}.", f"Paid with {COVER} 4242."),
        (f"{CARD}.50 and 0.{CARD}", f"{CARD}.50 and 0.{CARD}"),
        (
            {"secrets": ["a", {"b": 1}], "rows": [[{"token": "c"}]]},
            {"secrets": COVER, "rows": [[{"token": COVER}]]},
        ),
        ({"last4": "4242", "amount": 12.5, "ok": True}, {"last4": "4242", "amount": 12.5, "ok": True}),
    ],
)
def test_secrets_are_covered_and_the_rest_stays(value: Any, shown: Any) -> None:
    assert masked(value) == shown


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("apiKey=x&page=2", f"apiKey={COVER}&page=2"),
        ("page=2&access%5Ftoken=x", f"page=2&access%5Ftoken={COVER}"),
        ("q=sk_live_" + "a1" * 32, f"q=sk_live_{COVER}"),
        ("", ""),
    ],
)
def test_a_query_is_kept_without_its_secrets(query: str, shown: str) -> None:
    assert masked_query(query) == shown


def test_a_card_has_a_check_digit() -> None:
    assert is_card("5555555555554444") and is_card("378282246310005")
    assert not is_card("1234567890123") and not is_card("424242424242") and not is_card("\u0664" * 16)
