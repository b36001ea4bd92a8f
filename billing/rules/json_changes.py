"""What differs between two JSON values, by the path of each leaf.

Law: paths are names with dots and indexes in brackets; a leaf that one side lacks is `MISSING` there. The rows are in
the order of the newer value, what it lacks last.

Example: `changes({"name": "A", "tags": []}, {"name": "B", "tags": ["x"]})` is
`[("name", "A", "B"), ("tags[0]", MISSING, "x")]`.
"""

from collections.abc import Iterator
from typing import Any, Final

MISSING: Final = type("Missing", (), {"__repr__": lambda self: "MISSING"})()


def changes(before: Any, now: Any) -> list[tuple[str, Any, Any]]:
    """(path, before, now) of each leaf that differs."""
    old, new = dict(leaves(before)), dict(leaves(now))
    rows = [(path, old.get(path, MISSING), value) for path, value in new.items()]
    rows += [(path, value, MISSING) for path, value in old.items() if path not in new]
    return [row for row in rows if row[1] != row[2] or isinstance(row[1], bool) != isinstance(row[2], bool)]


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each value that is no object or list, with its path; empty ones have no leaf."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")
    else:
        yield path, value
