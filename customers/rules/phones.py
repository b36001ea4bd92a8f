"""Phone numbers: stored as E.164, shown as people write them internationally.

Laws. A number with its country code (`+49 …`, `00…` where the country dials so) needs nothing else; a national one
is read as of the customer's country. A number that cannot exist (wrong length, unknown country code) is refused. An
extension stays.

Example: `phone("030 901820", "DE")` is "+4930901820"; `phone_shown("+4930901820")` is "+49 30 901820".
"""

from __future__ import annotations

from typing import Any

import phonenumbers

from customers.rules.values import Refused, text

LENGTHS = {
    phonenumbers.ValidationResult.TOO_SHORT: "This phone number is too short.",
    phonenumbers.ValidationResult.TOO_LONG: "This phone number is too long.",
    phonenumbers.ValidationResult.INVALID_LENGTH: "No phone number of this country has so many digits.",
    phonenumbers.ValidationResult.INVALID_COUNTRY_CODE: "There is no such country code.",
    phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "Add the area code.",
}


def phone(value: Any, country: str = "") -> str:
    """E.164, or empty. `country` reads national numbers."""
    written = text(value)
    if not written:
        return ""
    try:
        number = phonenumbers.parse(written, country or None)
    except phonenumbers.NumberParseException as error:
        if error.error_type != phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
            raise Refused("This is no phone number.") from None
        if written.startswith("+"):
            raise Refused("There is no such country code.") from None
        hint = "Write the number with its country code, such as +49 30 901820, or set the country."
        raise Refused(hint) from None
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise Refused(LENGTHS.get(reason, "This is no phone number."))
    plain = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{plain} ext. {number.extension}" if number.extension else plain


def phone_shown(stored: str) -> str:
    """`+49 30 901820`; a stored text that is no number is answered as it is."""
    try:
        number = phonenumbers.parse(stored, None)
    except phonenumbers.NumberParseException:
        return stored
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
