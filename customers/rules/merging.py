"""Which values stay when a duplicate is merged: of the customer that stays (target) or of the one that goes (source).

Laws. Every field that differs has a side: target, source, or both for tags. A strategy presets the sides:
`keep_target` takes the target's values, `keep_source` the source's, `fill_missing` the source's only where the target
has none. No strategy erases: where the preferred side is empty and says nothing, `keep_source` and `fill_missing`
take the other one. Objects (metadata, custom fields, tax identifiers) are united key by key, tags as a set, under
every strategy; a key that both have follows the strategy. External ID and currency stay the target's once they are
fixed, and amounts in the defaults for wallets only go with their currency.

Example: target {name: "Acme", phone: ""}, source {name: "ACME Ltd", phone: "+256 1"}: keep_target leaves both,
fill_missing takes the phone, keep_source takes both.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from billing.rules.errors import Invalid, Locked

Values = Mapping[str, Any]
TARGET, SOURCE, BOTH = "target", "source", "both"


class Strategy(StrEnum):
    KEEP_TARGET = "keep_target"
    KEEP_SOURCE = "keep_source"
    FILL_MISSING = "fill_missing"


@dataclass(frozen=True)
class Field:
    """What is chosen as one: `kind` is value, keys (an object, chosen key by key) or set (may be united)."""

    name: str
    label: str
    group: str
    columns: tuple[str, ...]
    kind: str = "value"


def _one(name: str, label: str, group: str, kind: str = "value") -> Field:
    return Field(name, label, group, (name,), kind)


_ADDRESS = ("line1", "line2", "postal_code", "city", "state", "country")
FIELDS: tuple[Field, ...] = (
    _one("name", "Name", "Identity"),
    _one("external_id", "External ID", "Identity"),
    _one("customer_type", "Type", "Identity"),
    Field("person", "First and last name", "Identity", ("first_name", "last_name")),
    _one("status", "Status", "Identity"),
    _one("email", "E-mail", "Contact"),
    _one("phone", "Phone", "Contact"),
    _one("url", "Website", "Contact"),
    _one("locale", "Document language", "Contact"),
    _one("timezone", "Time zone", "Contact"),
    _one("currency", "Currency", "Billing"),
    _one("billing_entity_id", "Billing entity", "Billing"),
    _one("billing_model", "Billing model", "Billing"),
    _one("legal_name", "Legal name", "Billing"),
    _one("legal_number", "Legal number", "Billing"),
    Field("tax_id", "Tax ID", "Billing", ("tax_id", "vat_status")),
    _one("tax_identifiers", "Tax identifiers", "Billing", "keys"),
    Field(
        "vat_checks", "VAT checks", "Billing", ("vat_validation_disabled", "vat_validation_disabled_reason")
    ),
    Field(
        "address",
        "Billing address",
        "Billing",
        tuple(f"address_{part}" if part.startswith("line") else part for part in _ADDRESS),
    ),
    Field("shipping", "Shipping address", "Billing", tuple(f"shipping_{part}" for part in _ADDRESS)),
    _one("taxes", "Taxes", "Billing"),
    _one("net_payment_term_days", "Payment term", "Invoices"),
    _one("grace_period_days", "Grace period", "Invoices"),
    _one("zero_amount_invoices", "Invoices over nothing", "Invoices"),
    _one("email_invoices", "Invoices by e-mail", "Invoices"),
    _one("usage_annex", "Usage by day on invoices", "Invoices"),
    _one("einvoice_email", "E-invoice e-mail", "Invoices"),
    _one("peppol_id", "Peppol ID", "Invoices"),
    _one("prefer_einvoice", "Prefers e-invoices", "Invoices"),
    _one("preferred_provider", "Default payment provider", "Payments"),
    _one("disabled_providers", "Disabled providers", "Payments"),
    _one("collect_automatically", "Automatic collection", "Payments"),
    Field(
        "wallet_defaults",
        "Defaults for wallets",
        "Payments",
        (
            "default_auto_top_up_enabled",
            "default_auto_top_up_minor",
            "default_low_balance_minor",
            "default_max_balance_minor",
            "default_max_single_credit_minor",
            "default_credit_limit_minor",
        ),
    ),
    _one("tag_ids", "Tags", "More", "set"),
    _one("custom_fields", "Custom fields", "More", "keys"),
    _one("metadata", "Metadata", "More", "keys"),
)
BY_NAME = {field.name: field for field in FIELDS}
COLUMNS = frozenset(column for field in FIELDS for column in field.columns)
# What a merge never changes on the customer that stays.
OWN = frozenset(
    {
        "id",
        "organization",
        "sequence",
        "mode",
        "merged_into",
        "deleted_at",
        "deleting_at",
        "erased_at",
        "created_at",
        "updated_at",
        "search_text",
        "search_grams",
    }
)
_SAYS_NOTHING: tuple[Any, ...] = (None, "", [], {}, "unknown", "unvalidated")


@dataclass(frozen=True)
class Choice:
    """One decision: `name` is the field, or field and key (`metadata.color`); a side that has no such key is None.
    `fixed`: the target's value stays, `why` says the reason.
    """

    name: str
    label: str
    field: Field
    target: Any
    source: Any
    side: str
    fixed: bool = False
    why: str = ""

    @property
    def sides(self) -> tuple[str, ...]:
        """What may be chosen."""
        if self.fixed:
            return (TARGET,)
        return (TARGET, SOURCE, BOTH) if self.field.kind == "set" else (TARGET, SOURCE)

    @property
    def kept(self) -> Any:
        """The value of the chosen side."""
        if self.side == BOTH:
            return [*self.target, *(item for item in self.source if item not in self.target)]
        return self.source if self.side == SOURCE else self.target


def value_of(field: Field, values: Values) -> Any:
    """A field's value: of its column, or the tuple of its columns."""
    found = tuple(values[column] for column in field.columns)
    return found[0] if len(found) == 1 else found


def says_nothing(value: Any) -> bool:
    """Whether a value is empty; a group is when all of its parts are empty or off."""
    if isinstance(value, tuple):
        return all(part is False or says_nothing(part) for part in value)
    return value in _SAYS_NOTHING


def differs(field: Field, target: Values, source: Values) -> bool:
    """Whether there is anything to choose. A VAT status says nothing without another number."""
    if field.name == "tax_id":
        return bool(target["tax_id"] != source["tax_id"])
    one, other = value_of(field, target), value_of(field, source)
    return set(one) != set(other) if field.kind == "set" else bool(one != other)


def preset(strategy: Strategy, target: Any, source: Any) -> str:
    """The side that a strategy takes of a value."""
    if strategy is Strategy.KEEP_SOURCE:
        return TARGET if says_nothing(source) else SOURCE
    if strategy is Strategy.FILL_MISSING and says_nothing(target) and not says_nothing(source):
        return SOURCE
    return TARGET


def choices(
    target: Values,
    source: Values,
    strategy: Strategy,
    *,
    fixed: Mapping[str, str] | None = None,
    chosen: Mapping[str, str] | None = None,
) -> list[Choice]:
    """Every decision with its side: as `chosen` by name, else as the strategy presets it, in the order of FIELDS.

    `fixed` is {field: reason} of what must stay the target's. Raises Invalid for a name that is nothing to choose or
    a side that it does not have, Locked for another side of what is fixed.
    """
    fixed, chosen = dict(fixed or {}), dict(chosen or {})
    found: list[Choice] = []
    for field in FIELDS:
        if field.kind == "keys":
            found += _by_key(field, target, source, strategy)
        elif differs(field, target, source):
            one, other = value_of(field, target), value_of(field, source)
            side = BOTH if field.kind == "set" else preset(strategy, one, other)
            found.append(Choice(field.name, field.label, field, one, other, side))
    found = [_decided(choice, chosen, fixed) for choice in found]
    _check_names(chosen, {choice.name for choice in found})
    return _with_currency(found, target, source, chosen)


def _by_key(field: Field, target: Values, source: Values, strategy: Strategy) -> list[Choice]:
    one, other = target[field.name], source[field.name]
    rows = []
    for key in [*one, *(key for key in other if key not in one)]:
        if key in one and key in other:
            if one[key] != other[key]:
                side = preset(strategy, one[key], other[key])
                rows.append(Choice(f"{field.name}.{key}", key, field, one[key], other[key], side))
        else:
            side = TARGET if key in one else SOURCE
            rows.append(Choice(f"{field.name}.{key}", key, field, one.get(key), other.get(key), side))
    return rows


def _decided(choice: Choice, chosen: Mapping[str, str], fixed: Mapping[str, str]) -> Choice:
    side = chosen.get(choice.name, choice.side)
    why = fixed.get(choice.name, "")
    if why:
        if chosen.get(choice.name, TARGET) != TARGET:
            raise Locked(why, code="customer_field_locked", field=choice.name)
        return _at(choice, TARGET, fixed=True, why=why)
    if side not in choice.sides:
        options = " or ".join(choice.sides)
        raise Invalid(f"Choose {options} for {choice.label}.", field=choice.name)
    return _at(choice, side)


def _at(choice: Choice, side: str, *, fixed: bool = False, why: str = "") -> Choice:
    parts = (choice.name, choice.label, choice.field, choice.target, choice.source)
    return Choice(*parts, side, fixed, why)


def _check_names(chosen: Mapping[str, str], known: Collection[str]) -> None:
    """A field that is equal on both sides may be named; one that does not exist may not."""
    for name, side in chosen.items():
        head = name.partition(".")[0]
        if name not in known and (head not in BY_NAME or side not in {TARGET, SOURCE, BOTH}):
            raise Invalid(f"There is nothing called {name} to choose.", field=name)


def _with_currency(
    found: list[Choice], target: Values, source: Values, chosen: Mapping[str, str]
) -> list[Choice]:
    """Defaults for wallets are amounts in the customer's currency: they go with it."""
    if target["currency"] == source["currency"]:
        return found
    side = next((choice.side for choice in found if choice.name == "currency"), TARGET)
    other = SOURCE if side == TARGET else TARGET
    if chosen.get("wallet_defaults") == other:
        raise Invalid("These amounts are in the other currency.", field="wallet_defaults")
    why = "Amounts in the currency that is kept."
    return [
        _at(choice, side, fixed=True, why=why) if choice.name == "wallet_defaults" else choice
        for choice in found
    ]


def resolved(target: Values, source: Values, decisions: Collection[Choice]) -> dict[str, Any]:
    """The columns of the customer that stays that get another value."""
    values: dict[str, Any] = {}
    for choice in decisions:
        if choice.field.kind == "keys":
            name, _, key = choice.name.partition(".")
            united = values.setdefault(name, dict(target[name]))
            united.pop(key, None)
            held = (source if choice.side == SOURCE else target)[name]
            if key in held:
                united[key] = held[key]
        elif choice.side != TARGET:
            kept = choice.kept
            parts = kept if len(choice.field.columns) > 1 else (kept,)
            values |= dict(zip(choice.field.columns, parts, strict=True))
    return {name: value for name, value in values.items() if value != target[name]}
