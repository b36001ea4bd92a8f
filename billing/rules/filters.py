"""Filters and groups: into which part of a charge the events of a metric fall.

Laws.
- A metric declares filters: keys, each with its allowed values. A charge's filter names some of these keys, each with
  some of its values; no values mean all that are declared.
- An event belongs to the filter that it matches with the most keys; of equals the first one (the oldest) wins. An
  event that matches none has the charge's own price. So every event has exactly one price.
- Within each price, a charge with group keys has one part per distinct tuple of property values; a missing value is
  a group of its own (None). Without events there is one part of empty groups, so that a flat amount is due.
- A property counts as its text: 12.50 is "12.50", true is "true"; objects, lists and null are missing. The same text
  is what `usage_facet` in the database gives.

Example: filters {region: eu} and {region: eu, tier: gold}. An event of eu and gold belongs to the second, one of eu
and silver to the first, one of us to neither.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeVar

from billing.rules.errors import FieldErrors

MAX_KEYS = 10
MAX_KEY_LENGTH = 100
MAX_VALUE_LENGTH = 255
MAX_VALUES = 200
MAX_FILTERS = 100
MAX_GROUP_KEYS = 5
# How another system's API says "all values"; stored as no values.
ALL_VALUES = "__ALL_FILTER_VALUES__"

Facet = tuple[str | None, ...]
Declared = Mapping[str, Sequence[str]]
T = TypeVar("T")


@dataclass(frozen=True)
class Matcher:
    """One filter of a charge: for each key the values that match."""

    values: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, values: Mapping[str, Sequence[str]], declared: Declared) -> "Matcher":
        """From what is stored, where no values mean all that the metric declares."""
        return cls({key: frozenset(some or declared.get(key, ())) for key, some in values.items()})

    def matches(self, properties: Mapping[str, str | None]) -> bool:
        """Whether an event with these texts has every key with one of its values."""
        return all(properties.get(key) in some for key, some in self.values.items())


@dataclass(frozen=True)
class Bucket:
    """A part of a charge: the place of its filter (None: the charge's own price), and its group's values."""

    filter: int | None = None
    group: Facet = ()


@dataclass(frozen=True)
class Sorting:
    """How a charge sorts the events of a metric: its filters in order of age, and its group keys."""

    filters: tuple[Matcher, ...] = ()
    group_keys: tuple[str, ...] = ()

    @cached_property
    def in_turn(self) -> list[int]:
        """The filters as they are tried: most keys first, the oldest of equals."""
        return sorted(range(len(self.filters)), key=lambda at: (-len(self.filters[at].values), at))

    @property
    def plain(self) -> bool:
        """Whether all events are one part."""
        return not (self.filters or self.group_keys)

    def bucket_of(self, properties: Mapping[str, str | None]) -> Bucket:
        """The one part that an event with these texts belongs to."""
        group = tuple(properties.get(key) for key in self.group_keys)
        for at in self.in_turn:
            if self.filters[at].matches(properties):
                return Bucket(at, group)
        return Bucket(None, group)

    def buckets(self, found: Iterable[Bucket]) -> list[Bucket]:
        """Every part in the order of the invoice: filter by filter, the charge's own price last, groups by value.

        A price without events has one part, with a group of missing values.
        """
        by_filter: dict[int | None, set[Bucket]] = {at: set() for at in (*range(len(self.filters)), None)}
        for bucket in found:
            by_filter[bucket.filter].add(bucket)
        nothing = tuple(None for _ in self.group_keys)
        return [
            bucket
            for at, some in by_filter.items()
            for bucket in sorted(some or {Bucket(at, nothing)}, key=lambda one: order_of(one.group))
        ]

    def spread(self, facets: Mapping[Facet, T], keys: Sequence[str]) -> dict[Bucket, list[Facet]]:
        """The facets (values of `keys`) of each part."""
        found: dict[Bucket, list[Facet]] = {}
        for facet in facets:
            found.setdefault(self.bucket_of(dict(zip(keys, facet, strict=True))), []).append(facet)
        return found


def read_declared(raw: Any) -> list[dict[str, Any]]:
    """The filters of a metric as they are stored: [{"key", "values"}]. Raises FieldErrors (filters[i].…)."""
    if not isinstance(raw, list):
        raise FieldErrors([("filters", "Must be a list.")])
    if len(raw) > MAX_KEYS:
        raise FieldErrors([("filters", f"Use at most {MAX_KEYS} filters.")])
    errors: list[tuple[str, str]] = []
    found: list[dict[str, Any]] = []
    for at, row in enumerate(raw):
        path = f"filters[{at}]"
        if not isinstance(row, dict) or not row.keys() <= {"key", "values"}:
            errors.append((path, "Must be an object with key and values."))
            continue
        key = row.get("key")
        if not isinstance(key, str) or not key.strip() or len(key) > MAX_KEY_LENGTH:
            errors.append((f"{path}.key", f"Name a property, with at most {MAX_KEY_LENGTH} characters."))
        elif key.strip() in {other["key"] for other in found}:
            errors.append((f"{path}.key", "This property is named twice."))
        try:
            values = read_values(row.get("values"))
        except ValueError as error:
            errors.append((f"{path}.values", str(error)))
            continue
        if not values:
            errors.append((f"{path}.values", "Enter at least one value."))
        found.append({"key": str(key).strip(), "values": values})
    if errors:
        raise FieldErrors(errors, code="invalid_filters")
    return found


def read_values(raw: Any) -> list[str]:
    """Distinct texts. Raises ValueError with a message for people."""
    if not isinstance(raw, list) or not all(isinstance(value, str) for value in raw):
        raise ValueError("Must be a list of texts.")
    if len(raw) > MAX_VALUES:
        raise ValueError(f"Use at most {MAX_VALUES} values.")
    values = list(dict.fromkeys(value.strip() for value in raw))
    if not all(values) or any(len(value) > MAX_VALUE_LENGTH for value in values):
        raise ValueError(f"A value has 1 to {MAX_VALUE_LENGTH} characters.")
    return values


def read_choice(raw: Any, declared: Declared) -> dict[str, list[str]]:
    """What a charge's filter chooses of the metric's filters, in the metric's order; no values are all of them.

    Raises FieldErrors under `values`.
    """
    if not isinstance(raw, dict) or not raw:
        raise FieldErrors([("values", "Choose at least one property.")])
    errors: list[tuple[str, str]] = []
    found: dict[str, list[str]] = {}
    for key, some in raw.items():
        if key not in declared:
            errors.append((f"values.{key}", "The metric has no filter on this property."))
            continue
        try:
            values = [] if stands_for_all(some) else read_values(some)
        except ValueError as error:
            errors.append((f"values.{key}", str(error)))
            continue
        unknown = [value for value in values if value not in declared[key]]
        if unknown:
            errors.append((f"values.{key}", f"The metric does not have the value {unknown[0]}."))
        found[key] = values
    if errors:
        raise FieldErrors(errors, code="invalid_filters")
    return {key: found[key] for key in declared if key in found}


def stands_for_all(some: Any) -> bool:
    """Whether what is chosen of a key means all of its values."""
    return some in ([], [ALL_VALUES], None)


def same_choice(values: Mapping[str, Any]) -> dict[str, Any]:
    """What a filter chooses as it is stored, to tell whether two are the same."""
    return {key: [] if stands_for_all(some) else some for key, some in values.items()}


def read_group_keys(raw: Sequence[str]) -> list[str]:
    """The group keys of a charge. Raises FieldErrors (groupKeys)."""
    keys = [key.strip() for key in raw]
    if len(keys) > MAX_GROUP_KEYS:
        raise FieldErrors([("groupKeys", f"Use at most {MAX_GROUP_KEYS} properties.")])
    if not all(keys) or any(len(key) > MAX_KEY_LENGTH for key in keys):
        raise FieldErrors([("groupKeys", f"A property has 1 to {MAX_KEY_LENGTH} characters.")])
    if len(set(keys)) < len(keys):
        raise FieldErrors([("groupKeys", "A property is named twice.")])
    return keys


def filter_name(row: Mapping[str, Any]) -> str:
    """What a charge's filter is called: its own name, else the values that it lets through."""
    name: str = row.get("invoice_display_name") or ""
    return name or " · ".join(", ".join(values) or f"any {key}" for key, values in row["values"].items())


def order_of(group: Facet) -> tuple[tuple[bool, str], ...]:
    """How groups are ordered: by value, a missing one last."""
    return tuple((value is None, value or "") for value in group)


def text_of(raw: Any) -> str | None:
    """A property as filters and groups see it."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, str):
        return raw
    if isinstance(raw, Decimal):
        return f"{raw:f}" if raw else f"{abs(raw):f}"
    return str(raw) if isinstance(raw, int) else None


def facet_of(properties: Mapping[str, Any], keys: Sequence[str]) -> Facet:
    """The texts of some properties of an event."""
    return tuple(text_of(properties.get(key)) for key in keys)
