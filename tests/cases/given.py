"""The facts of a case, and what was asked of them: a fact that nobody reads makes a case unsupported."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any


class Unsupported(Exception):
    """The case asks for something that the runner cannot ask the product."""


class NotBuilt(Unsupported):
    """The product cannot do this yet."""

    def __init__(self, what: str) -> None:
        super().__init__(f"not built yet: {what}")


class NotOffered(Unsupported):
    """The product does not do this, by decision."""

    def __init__(self, what: str) -> None:
        super().__init__(f"not offered: {what}")


def moment(text: str) -> datetime:
    """An instant, in UTC."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def end_moment(text: str) -> datetime:
    """The exclusive end that a published one stands for: the last second of a minute becomes the next midnight."""
    at = moment(text)
    return (at + timedelta(seconds=1)).replace(microsecond=0) if at.second == 59 else at


class Given:
    """A JSON object whose members are read by name; `unread` tells which were not."""

    def __init__(self, facts: dict[str, Any], path: str = "") -> None:
        self._facts = facts
        self._path = path
        self._read: set[str] = set()
        self._parts: dict[str, list[Given]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._facts

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def get(self, name: str, default: Any = None) -> Any:
        """A member as it is, or `default` when it is absent or null."""
        self._read.add(name)
        value = self._facts.get(name)
        return default if value is None else value

    def __getitem__(self, name: str) -> Any:
        if name not in self._facts:
            raise Unsupported(f"no {self._path}{name} is given")
        self._read.add(name)
        return self._facts[name]

    def number(self, name: str, default: Any = 0) -> Decimal:
        """A number, exact."""
        return Decimal(str(self.get(name, default)))

    def moment(self, name: str) -> datetime:
        """An instant that must be there."""
        return moment(self[name])

    def moment_or(self, name: str, default: datetime | None = None) -> datetime | None:
        """An instant, or the default."""
        text = self.get(name)
        return moment(text) if text else default

    def day(self, name: str) -> date:
        """A local date; of an instant its UTC day."""
        return date.fromisoformat(str(self[name])[:10])

    def part(self, name: str) -> Given:
        """An object within; empty when it is absent."""
        value = self.get(name, {})
        if name not in self._parts:
            self._parts[name] = [Given(value, f"{self._path}{name}.")]
        return self._parts[name][0]

    def rows(self, name: str) -> list[Given]:
        """The objects of a list; none when it is absent."""
        value = self.get(name, [])
        if name not in self._parts:
            self._parts[name] = [Given(row, f"{self._path}{name}[{i}].") for i, row in enumerate(value)]
        return self._parts[name]

    def rest(self) -> dict[str, Any]:
        """All members that were not read one by one."""
        found = {name: value for name, value in self._facts.items() if name not in self._read}
        self._read.update(found)
        return found

    def ignore(self, *names: str) -> Given:
        """Members that are known to change nothing here."""
        self._read.update(names)
        return self

    def unread(self) -> list[str]:
        """The paths that nobody asked for."""
        own = [f"{self._path}{name}" for name in self._facts if name not in self._read]
        return own + [path for parts in self._parts.values() for part in parts for path in part.unread()]
