"""What a tax may say about why nothing is charged."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing.rules.errors import FieldErrors
from billing.rules.tax_category import check_category


@pytest.mark.parametrize(
    ("category", "rate", "code", "reason", "field"),
    [
        ("E", "0", "VATEX-EU-132-1I", "", ""),
        ("E", "0", "VATEX-EU-D", "", ""),
        ("AE", "0", "VATEX-EU-AE", "", ""),
        ("E", "0", "VATEX-EU-G", "", "exemption_code"),
        ("AE", "0", "VATEX-EU-IC", "", "exemption_code"),
        ("G", "0", "VATEX-EU-F", "", "exemption_code"),
        ("E", "0", "", "", "exemption_reason"),
        ("AE", "19", "", "", "rate"),
        ("S", "0", "", "", "category"),
        ("S", "19", "VATEX-EU-AE", "", "exemption_code"),
    ],
)
def test_the_parts_of_a_tax_fit_each_other(
    category: str, rate: str, code: str, reason: str, field: str
) -> None:
    if not field:
        check_category(category, Decimal(rate), code, reason)
        return
    with pytest.raises(FieldErrors) as refused:
        check_category(category, Decimal(rate), code, reason)
    assert field in [name for name, _ in refused.value.errors]
