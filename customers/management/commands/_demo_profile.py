"""What makes the demo's customers differ: tags, the organization's own fields, tax numbers, phones."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from stdnum.iso7064 import mod_11_10
from stdnum.jp import cn

from billing.models import Organization
from billing.orm.actor import Actor
from customers.actions.custom_fields import create_custom_field
from customers.actions.tag_list import create_tag

TAGS = (
    ("VIP", "amber"),
    ("Reseller", "violet"),
    ("Non-profit", "green"),
    ("At risk", "red"),
    ("Beta", "teal"),
)
MANAGERS = ("Grace Okello", "Jonas Keller", "Mei Tanaka")
FIELDS: tuple[dict[str, Any], ...] = (
    {
        "name": "Account manager",
        "code": "account_manager",
        "kind": "choice",
        "choices": MANAGERS,
        "on_list": True,
    },
    {"name": "Cost centre", "code": "cost_centre", "kind": "text", "on_invoice": True},
    {"name": "Contract signed", "code": "contract_signed", "kind": "date"},
    {"name": "Seats agreed", "code": "seats", "kind": "number"},
)
PHONES = {
    "DE": "+4930901820{:02}",
    "FR": "+331425512{:02}",
    "ES": "+349155512{:02}",
    "NL": "+312055512{:02}",
    "US": "+151255501{:02}",
    "CA": "+141655501{:02}",
    "UG": "+2564141234{:02}",
    "JP": "+813123456{:02}",
}


def make_definitions(organization: Organization, *, by: Actor, at: datetime) -> None:
    """The tags and fields that the customers use."""
    for name, color in TAGS:
        create_tag(organization, name, color, by=by, at=at)
    for values in FIELDS:
        create_custom_field(organization, values, by=by, at=at)


def profile(country: str, number: int) -> dict[str, Any]:
    """The fields of the customer with this number: every third has a tag, every second fields of our own."""
    tags = [TAGS[number // 3 % len(TAGS)][0]] if number % 3 == 0 else []
    if number % 12 == 0:
        tags.append(TAGS[(number // 3 + 2) % len(TAGS)][0])
    own: dict[str, Any] = {"account_manager": MANAGERS[number % 3]}
    if number % 2 == 0:
        own |= {
            "cost_centre": f"CC-{100 + number}",
            "contract_signed": f"2026-0{1 + number % 6}-{1 + number % 28:02}",
        }
        own["seats"] = 5 * (1 + number % 9)
    found = {"tags": tags, "custom_fields": own, "tax_identifiers": identifiers(country, number)}
    return found | {"phone": PHONES[country].format(number % 100)} if country in PHONES else found


def identifiers(country: str, number: int) -> dict[str, str]:
    """Numbers whose check digits are right, where the country's rule is known."""
    if country == "DE":
        digits = f"{13000000 + number * 7:08}"
        return {"eu_vat": f"DE{digits}{mod_11_10.calc_check_digit(digits)}"}
    if country == "US":
        return {"us_ein": f"91-{1144000 + number:07}"}
    if country == "JP":
        digits = f"{180301018000 + number}"
        return {"jp_cn": f"{cn.calc_check_digit(digits)}{digits}"}
    if country == "UG":
        return {"other": f"TIN 10{10000000 + number * 13}"}
    return {}
