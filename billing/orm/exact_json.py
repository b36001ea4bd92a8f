"""JSON columns whose numbers stay exact: stored as the numbers that the API answers, and read as Decimals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
from django.db import models

OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


def known(value: Any) -> Any:
    """What orjson has no form for: a Decimal as an exact number, a set as a list, everything else as its text."""
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f").encode())
    if isinstance(value, set | frozenset):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def dumps(value: Any) -> bytes:
    """UTF-8 without blanks; moments in UTC, dates and ids as text."""
    return orjson.dumps(value, default=known, option=OPTIONS)


def pretty(value: Any) -> str:
    """The same over several lines, to be read."""
    return orjson.dumps(value, default=known, option=OPTIONS | orjson.OPT_INDENT_2).decode()


def loads(text: str | bytes) -> Any:
    """The value again, with every number that has a point as a Decimal."""
    return json.loads(text, parse_float=Decimal)


class Encoder(json.JSONEncoder):
    """For `JSONField(encoder=…)`."""

    def encode(self, o: Any) -> str:
        return dumps(o).decode()


class Decoder(json.JSONDecoder):
    """For `JSONField(decoder=…)`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "parse_float": Decimal})


class ExactJSONField(models.JSONField):
    """A JSON column with exact numbers. To migrations it is a plain one: the column is the same."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "encoder": Encoder, "decoder": Decoder})

    def deconstruct(self) -> Any:
        name, _, args, options = super().deconstruct()
        del options["encoder"], options["decoder"]
        return name, "django.db.models.JSONField", args, options
