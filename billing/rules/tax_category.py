"""VAT categories: what a rate is in law, as e-invoices name it (UNCL 5305), and the reason when nothing is charged.

Source: EN 16931, business terms BT-118 (category), BT-121 (reason code, list VATEX) and BT-120 (reason in words).
"""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum

from billing.rules.errors import FieldErrors

VATEX = re.compile(r"VATEX-[A-Z]{2}-[A-Z0-9-]{1,40}")


class Category(StrEnum):
    """UNCL 5305, those that EN 16931 allows and we use."""

    STANDARD = "S"
    ZERO_RATED = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"
    INTRA_COMMUNITY = "K"
    EXPORT = "G"
    OUT_OF_SCOPE = "O"

    @property
    def label(self) -> str:
        """For people."""
        return LABELS[self]


LABELS = {
    Category.STANDARD: "Charged at its rate",
    Category.ZERO_RATED: "Zero rated",
    Category.EXEMPT: "Exempt",
    Category.REVERSE_CHARGE: "Reverse charge",
    Category.INTRA_COMMUNITY: "Supply of goods within the EU",
    Category.EXPORT: "Export outside the EU",
    Category.OUT_OF_SCOPE: "Not subject to VAT",
}
# What is said when the tax says nothing itself.
REASONS = {
    Category.REVERSE_CHARGE: ("VATEX-EU-AE", "Reverse charge"),
    Category.INTRA_COMMUNITY: ("VATEX-EU-IC", "Intra-community supply"),
    Category.EXPORT: ("VATEX-EU-G", "Export outside the EU"),
    Category.OUT_OF_SCOPE: ("VATEX-EU-O", "Not subject to VAT"),
}
# Reason codes that belong to one category (Peppol's P0104 to P0111).
CODES = {code: category for category, (code, _) in REASONS.items()} | {
    f"VATEX-EU-{letter}": Category.EXEMPT for letter in "DFIJ"
}


def category_of(category: str, rate: Decimal) -> Category:
    """The category of a tax; one that names none is charged, or zero rated at 0 %."""
    if category:
        return Category(category)
    return Category.STANDARD if rate else Category.ZERO_RATED


def reason_of(category: Category, code: str = "", text: str = "") -> tuple[str, str]:
    """(code, words) why nothing is charged; both empty for what is charged and for zero rated."""
    if category in (Category.STANDARD, Category.ZERO_RATED):
        return "", ""
    usual_code, usual_text = REASONS.get(category, ("", ""))
    return code or ("" if text else usual_code), text or ("" if code else usual_text)


def check_category(category: str, rate: Decimal, code: str, reason: str) -> None:
    """Raise FieldErrors when the parts contradict each other."""
    errors: list[tuple[str, str]] = []
    if category and category not in set(Category):
        errors.append(("category", f"Use one of {', '.join(Category)}."))
    elif category == Category.STANDARD and not rate:
        errors.append(("category", "A tax that is charged needs a rate above 0."))
    elif category not in ("", Category.STANDARD) and rate:
        errors.append(("rate", "Only a tax that is charged has a rate: enter 0."))
    if category == Category.EXEMPT and not (code or reason):
        errors.append(("exemption_reason", "Say why it is exempt, in words or with a code."))
    if code and not VATEX.fullmatch(code):
        errors.append(("exemption_code", "Use a code of the VATEX list, such as VATEX-EU-132-1I."))
    elif code and category and CODES.get(code, category) != category:
        errors.append(("exemption_code", f"{code} is the reason of another category: {CODES[code].label}."))
    if (code or reason) and category in ("", Category.STANDARD, Category.ZERO_RATED):
        name = "exemption_code" if code else "exemption_reason"
        errors.append((name, "Only what is exempt or not charged for another reason has one."))
    if errors:
        raise FieldErrors(errors)
