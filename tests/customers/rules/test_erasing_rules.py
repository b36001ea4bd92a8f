"""What becomes of every table when a customer's data is erased; how it is found in texts; how long documents stay."""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import models

from billing.orm.fields import CurrencyField
from customers.models import Customer
from customers.queries.erasing import SUBJECTS
from customers.rules.erased_words import pattern, scrubbed, words_in
from customers.rules.erasing import APART, KINDS, TABLES, Fate
from customers.rules.retention import is_known, kept_until

MODELS = {
    model._meta.label: model
    for app in ("billing", "invoicing", "customers")
    for model in apps.get_app_config(app).get_models()
}
TEXTS = (
    models.CharField,
    models.TextField,
    models.JSONField,
    models.BinaryField,
    models.FileField,
    ArrayField,
)


def texts(model: type[models.Model]) -> set[str]:
    """The columns of a table that may hold somebody's data: no word of a list, no currency."""
    return {
        field.name
        for field in model._meta.concrete_fields
        if isinstance(field, TEXTS) and not isinstance(field, CurrencyField) and not field.choices
    }


def of_customers() -> set[str]:
    """Tables whose rows lead to a customer by their foreign keys."""
    found = {Customer._meta.label}
    while True:
        more = {
            label
            for label, model in MODELS.items()
            if any(
                field.is_relation and field.related_model._meta.label in found  # type: ignore[union-attr]
                for field in model._meta.concrete_fields
            )
        } - found
        if not more:
            return found
        found |= more


def test_every_table_stands_in_the_rule_once() -> None:
    assert set(TABLES) | set(APART) == set(MODELS), "say in rules/erasing.py what erasing does with it"
    assert not set(TABLES) & set(APART)
    assert not of_customers() & set(APART), "its rows lead to a customer"


@pytest.mark.parametrize("label", sorted(TABLES))
def test_every_column_of_text_is_erased_or_kept(label: str) -> None:
    table = TABLES[label]
    said = set(table.put) | set(table.kept)
    extra = said - {field.name for field in MODELS[label]._meta.concrete_fields}
    missing = texts(MODELS[label]) - said
    assert not missing, f"say in rules/erasing.py what becomes of {missing}"
    assert not extra and not set(table.put) & set(table.kept)
    assert (table.fate == Fate.KEPT) == (not table.put) or table.fate == Fate.REMOVED
    assert table.kind in KINDS


@pytest.mark.parametrize("label", [label for label, table in TABLES.items() if table.ties])
def test_the_ways_to_the_customer_are_there(label: str) -> None:
    for tie in TABLES[label].ties:
        MODELS[label]._base_manager.filter(**{f"{tie}__in": []}).query  # noqa: B018 - raises FieldError
    assert label in of_customers()


def test_what_is_spoken_of_and_counted_is_in_the_table() -> None:
    assert set(SUBJECTS) <= set(TABLES)
    assert {kind.counted for kind in KINDS.values() if kind.counted} <= set(TABLES)
    kept = {table.kind for table in TABLES.values() if table.fate == Fate.KEPT}
    assert {key for key, kind in KINDS.items() if kind.kept} <= kept | {"checks"}


KEY = UUID("018f2f6e-7c3b-7cc0-8000-0123456789ab")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("customers/cust_018f2f6e7c3b7cc080000123456789ab", True),
        ("018F2F6E-7C3B-7CC0-8000-0123456789AB", True),
        ("x zoë@example.com y", True),
        ('{"email":"zo\\u00eb@EXAMPLE.com"}', True),
        ("email=zo%C3%AB%40example.com", True),
        ('"name":"Anna"', True),
        ("search=anna&page=2", True),
        ("Annabelle wrote", False),
        ('"externalId":"site-1"', True),
        ("/customers/external/site-1", True),
        ("site-10", False),
        ("a+b", False),
        ("Al", False),
    ],
)
def test_a_customer_is_found_in_texts(text: str, found: bool) -> None:
    wanted = pattern([KEY], {"zoë@example.com", "Anna", "Al", "a"}, whole={"site-1", "x"})
    assert bool(re.search(wanted, text, re.IGNORECASE)) == found


def test_words_are_what_a_customer_is_known_by() -> None:
    values = {
        "name": "Zoë & Co",
        "first_name": "Zoë",
        "last_name": "",
        "external_id": "z",
        "email": "z@x.example",
    }
    assert words_in(values | {"tax_identifiers": {"us_ein": "12-3"}}) == {
        "Zoë & Co",
        "Zoë",
        "z@x.example",
        "12-3",
    }


def test_of_changes_figures_days_and_states_stay() -> None:
    changes: dict[str, Any] = {
        "name": ["Zoë", "Zoë & Co"],
        "metadata": [{}, {"a": "Zoë"}],
        "total_minor": [0, 12],
        "status": ["draft", "finalized"],
        "due_on": [None, "2026-01-01"],
    }
    assert scrubbed(changes, instead="Erased") == {
        "name": ["Erased", "Erased"],
        "metadata": [{}, "Erased"],
        "total_minor": [0, 12],
        "status": ["draft", "finalized"],
        "due_on": [None, "2026-01-01"],
    }


@pytest.mark.parametrize(
    ("country", "newest", "end"),
    [
        ("DE", date(2026, 3, 3), date(2034, 12, 31)),
        ("FR", date(2026, 12, 31), date(2036, 12, 31)),
        ("", date(2026, 1, 1), date(2036, 12, 31)),
    ],
)
def test_documents_are_kept_to_the_end_of_a_year(country: str, newest: date, end: date) -> None:
    assert kept_until(country, newest) == end
    assert is_known(country) is bool(country)
