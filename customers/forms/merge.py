"""Merging: the choices of the page, in words, and what was chosen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms

from billing.forms.lists import country_name
from billing.models import BillingEntity, Organization, Tax
from billing.rules.money import from_minor
from billing.web.once import OnceForm
from customers.models import BillingModel, Customer, CustomerType, Provider, Tag, VatStatus
from customers.rules.merging import BY_NAME, FIELDS, SOURCE, Choice, Strategy, differs, says_nothing, value_of

INHERITS = {
    "net_payment_term_days",
    "grace_period_days",
    "zero_amount_invoices",
    "email_invoices",
    "usage_annex",
}
WORDS: dict[str, dict[str, str]] = {
    "customer_type": dict(CustomerType.choices),
    "billing_model": dict(BillingModel.choices),
    "preferred_provider": dict(Provider.choices),
    "status": {"active": "Active", "inactive": "Inactive"},
}
AMOUNTS = ("Buys", "Low balance", "Maximum balance", "Maximum single credit", "Credit limit")


class MergeForm(OnceForm):
    """The strategy, the side of each field (`field-<name>`), and the typed confirmation when money moves."""

    strategy = forms.CharField(widget=forms.HiddenInput, required=False)
    confirmation = forms.CharField(max_length=255, required=False)

    def clean_strategy(self) -> str:
        """Keeping the target's values is the default."""
        return strategy_of(self.cleaned_data["strategy"])


def strategy_of(word: str) -> str:
    """A known strategy, else the default."""
    return word if word in set(Strategy) else Strategy.KEEP_TARGET.value


def chosen_in(data: Mapping[str, Any]) -> dict[str, str]:
    """{field or field.key: side} of what was sent."""
    return {name.removeprefix("field-"): str(data[name]) for name in data if name.startswith("field-")}


@dataclass(frozen=True)
class Side:
    """One side of a row: what a person reads, and whether it is the chosen one."""

    value: str
    text: str
    chosen: bool


@dataclass(frozen=True)
class Row:
    """A decision on the page: `name` is what is sent for it."""

    name: str
    label: str
    sides: list[Side]
    fixed: bool
    why: str


class Comparison:
    """Choices in words. Two or three queries, for the names of what is held by id."""

    def __init__(self, organization: Organization, target: Customer, source: Customer) -> None:
        self.target, self.source = target, source
        self.names: dict[UUID | str, str] = {}
        for model in (BillingEntity, Tax, Tag):
            for row in model.objects.of(organization):
                self.names |= {row.pk: str(row), str(row.pk): str(row)}

    @staticmethod
    def label(name: str) -> str:
        """What the page calls a field or one key of an object: "Metadata: color"."""
        head, _, key = name.partition(".")
        return f"{BY_NAME[head].label}: {key}" if key else BY_NAME[head].label

    def rows(self, choices: Iterable[Choice]) -> list[Row]:
        """The rows of the table, in the order of the fields."""
        return [self.row(choice) for choice in choices]

    def same(self, target: Mapping[str, Any], source: Mapping[str, Any]) -> list[tuple[str, str]]:
        """(label, text) of what both have alike; what is empty on both is left out."""
        found = []
        for field in FIELDS:
            value = value_of(field, target)
            if field.kind == "keys" or differs(field, target, source) or says_nothing(value):
                continue
            choice = Choice(field.name, field.label, field, value, value, "target")
            found.append((field.label, self.text(choice, value, "target")))
        return [(label, text) for label, text in found if text]

    def row(self, choice: Choice) -> Row:
        """One decision."""
        words = {"target": choice.target, "source": choice.source}
        sides = [
            Side(side, self.text(choice, value, side), choice.side == side) for side, value in words.items()
        ]
        if choice.field.kind == "set":
            sides.append(Side("both", "Both", choice.side == "both"))
        return Row(
            f"field-{choice.name}",
            self.label(choice.name),
            sides,
            choice.fixed,
            choice.why,
        )

    def text(self, choice: Choice, value: Any, side: str) -> str:
        """A value for people; empty for nothing."""
        name = choice.field.name
        if name == "wallet_defaults":
            currency = (self.source if side == SOURCE else self.target).currency
            return amounts_text(value, currency)
        if name == "tax_id":
            number, status = value
            return f"{number} ({VatStatus(status).label.lower()})" if number else ""
        if name in {"address", "shipping"}:
            *lines, country = value
            return ", ".join(filter(None, [*lines, country_name(country) if country else ""]))
        if name == "vat_checks":
            return f"Off: {value[1]}" if value[0] else "On"
        if isinstance(value, tuple):
            return " ".join(part for part in value if part)
        if value is None and name in INHERITS:
            return "Same as the billing entity"
        if name in {"net_payment_term_days", "grace_period_days"}:
            return f"{value} day{'' if value == 1 else 's'}"
        return self.plain(WORDS.get(name, {}).get(value, value) if isinstance(value, str) else value)

    def plain(self, value: Any) -> str:
        """Ids by their names, lists in a row, the rest as it is."""
        if value is None or value == "" or value == []:
            return ""
        if isinstance(value, bool):
            return "Yes" if value else "No"
        if isinstance(value, UUID):
            return self.names.get(value, "")
        if isinstance(value, list):
            return ", ".join(filter(None, (self.plain(item) for item in value)))
        if isinstance(value, str):
            return self.names.get(value, value)
        return json.dumps(value, ensure_ascii=False)

    def stored(self, name: str, value: Any) -> str:
        """A value of `Merge.fields` for people."""
        field = BY_NAME[name.partition(".")[0]]
        kept = tuple(value) if len(field.columns) > 1 and isinstance(value, list) else value
        return self.text(Choice(name, field.label, field, kept, kept, "target"), kept, "target")


def amounts_text(value: tuple[Any, ...], currency: str) -> str:
    """The defaults for wallets in one line."""
    automatic, *amounts = value
    named = [
        f"{label} {from_minor(minor, currency):f} {currency}"
        for label, minor in zip(AMOUNTS, amounts, strict=True)
        if minor is not None
    ]
    return ", ".join(["Automatic top-up", *named] if automatic else named)
