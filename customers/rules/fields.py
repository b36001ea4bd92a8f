"""What a customer's fields may hold, whichever door they come through.

Law: values are brought to one spelling (stripped, e-mail in lower case, codes in upper case, words of other
systems translated, phones as E.164) and refused by field when they mean nothing. A field that is not given is not
touched.

Example: `clean_fields({"country": " ug ", "customer_type": "COMPANY"})` is
`{"country": "UG", "customer_type": "business"}`; `{"country": "Uganda"}` raises FieldErrors naming `country`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from billing.rules.errors import FieldErrors
from customers.rules import identifiers, values, words
from customers.rules.phones import phone
from customers.rules.values import Refused, text

TEXTS = (
    "external_id",
    "name",
    "first_name",
    "last_name",
    "legal_name",
    "legal_number",
    "tax_id",
    "vat_validation_disabled_reason",
    "address_line1",
    "address_line2",
    "postal_code",
    "city",
    "state",
    "shipping_line1",
    "shipping_line2",
    "shipping_postal_code",
    "shipping_city",
    "shipping_state",
)
# Defaults for wallets: amounts in major units, and the columns that keep them in minor ones.
AMOUNTS = {
    "default_auto_topup_amount": "default_auto_top_up_minor",
    "default_low_balance_threshold": "default_low_balance_minor",
    "default_max_balance": "default_max_balance_minor",
    "default_max_single_credit": "default_max_single_credit_minor",
    "default_credit_limit": "default_credit_limit_minor",
}
MAX_METADATA_KEYS = 50
MAX_METADATA_KEY = 100
MAX_METADATA_SIZE = 20_000
MAX_TAGS, MAX_TAG = 50, 50


def metadata(value: Any) -> dict[str, Any]:
    """A JSON object of at most 50 keys; values are kept as they are."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refused("Send a JSON object of keys and values.")
    if len(value) > MAX_METADATA_KEYS:
        raise Refused(f"At most {MAX_METADATA_KEYS} keys are kept.")
    for key in value:
        if not isinstance(key, str) or not key.strip() or len(key) > MAX_METADATA_KEY:
            raise Refused(f"Keys have 1 to {MAX_METADATA_KEY} characters.")
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False)
        written.encode()  # a lone surrogate cannot be stored
    except (TypeError, ValueError, RecursionError):
        raise Refused("Send values that JSON can hold.") from None
    if "\\u0000" in written:
        raise Refused("Remove the invisible character U+0000.")
    if len(written) > MAX_METADATA_SIZE:
        raise Refused(f"At most {MAX_METADATA_SIZE:,} characters are kept.")
    return value


def tags(value: Any) -> list[str]:
    """Names, each once without case. A comma parts names in a query, so none holds one."""
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise Refused("Send a list of names.")
    found: dict[str, str] = {}
    for item in value:
        name = tag_name(item)
        found.setdefault(name.casefold(), name)
    if len(found) > MAX_TAGS:
        raise Refused(f"A customer has at most {MAX_TAGS} tags.")
    return list(found.values())


def tag_name(value: Any) -> str:
    """One name: 1 to 50 characters, single spaces, no comma."""
    name = " ".join(text(value).split())
    if not name or len(name) > MAX_TAG:
        raise Refused(f"A tag has 1 to {MAX_TAG} characters.")
    if "," in name:
        raise Refused("A tag holds no comma.")
    return name


CLEANERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(TEXTS, text),
    **dict.fromkeys(AMOUNTS, values.amount),
    "email": values.email,
    "einvoice_email": values.email,
    "url": values.url,
    "country": values.country,
    "shipping_country": values.country,
    "currency": values.currency,
    "timezone": values.timezone,
    "locale": values.locale,
    "customer_type": words.customer_type,
    "status": words.status,
    "billing_model": words.billing_model,
    "mode": words.mode,
    "preferred_provider": words.provider,
    "disabled_providers": words.providers,
    "peppol_id": identifiers.peppol_id,
    "prefer_einvoice": values.flag,
    "tax_identifiers": identifiers.tax_identifiers,
    "vat_validation_disabled": values.flag,
    "default_auto_top_up_enabled": values.flag,
    "collect_automatically": values.flag,
    "zero_amount_invoices": values.choice_or_inherited,
    "email_invoices": values.choice_or_inherited,
    "usage_annex": values.choice_or_inherited,
    "net_payment_term_days": values.days,
    "grace_period_days": values.days,
    "tags": tags,
    "metadata": metadata,
}


NAMES = frozenset({*CLEANERS, "phone"})


def clean_fields(fields: Mapping[str, Any], *, country: str = "") -> dict[str, Any]:
    """The given fields in their one spelling; others pass through. `country` is the customer's, for a national
    phone number that comes without one. Raises FieldErrors for every bad one.
    """
    cleaned: dict[str, Any] = {}
    errors: list[tuple[str, str]] = []
    for name, value in fields.items():
        cleaner = CLEANERS.get(name)
        try:
            if name == "phone":
                cleaned[name] = phone(value, place(fields.get("country", country)))
            else:
                cleaned[name] = cleaner(value) if cleaner else value
        except Refused as error:
            errors.append((name, str(error)))
    if errors:
        raise FieldErrors(errors)
    return cleaned


def place(value: Any) -> str:
    """The country to read a phone number by; a bad one is told at its own field."""
    try:
        return values.country(value)
    except Refused:
        return ""


def contradictions(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a customer's columns must not say together, by field: a preferred provider that is disabled, no VAT checks
    without a reason, an automatic top-up that does not know when or how much, limits that rule each other out.
    """
    found = []
    if row["preferred_provider"] and row["preferred_provider"] in row["disabled_providers"]:
        found.append(("preferred_provider", "This provider is among the disabled ones."))
    if row["vat_validation_disabled"] and not row["vat_validation_disabled_reason"]:
        found.append(("vat_validation_disabled_reason", "Say why VAT numbers are not checked."))
    top_up, low = row["default_auto_top_up_minor"], row["default_low_balance_minor"]
    most, single = row["default_max_balance_minor"], row["default_max_single_credit_minor"]
    if row["default_auto_top_up_enabled"]:
        if not top_up:
            found.append(("default_auto_topup_amount", "An automatic top-up needs an amount."))
        if low is None:
            found.append(
                (
                    "default_low_balance_threshold",
                    "An automatic top-up needs the balance that starts it.",
                )
            )
    if top_up and single is not None and top_up > single:
        found.append(("default_auto_topup_amount", "This is more than the maximum single credit."))
    if low is not None and most is not None and low > most:
        found.append(("default_low_balance_threshold", "This is more than the maximum balance."))
    return found
