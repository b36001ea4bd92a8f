"""Bodies of calls without what opens anything."""

from __future__ import annotations

from typing import Any

import pytest

from billing.rules.masking import COVER, is_card, masked

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
        ({"last4": "4242", "amount": 12.5, "ok": True}, {"last4": "4242", "amount": 12.5, "ok": True}),
    ],
)
def test_secrets_are_covered_and_the_rest_stays(value: Any, shown: Any) -> None:
    assert masked(value) == shown


def test_a_card_has_a_check_digit() -> None:
    assert is_card("5555555555554444") and is_card("378282246310005")
    assert not is_card("1234567890123") and not is_card("424242424242") and not is_card("\u0664" * 16)
