"""The seal of an issued invoice: a fingerprint of what its amounts are made of, taken when it becomes final.

Laws. Facts are plain values (texts, whole numbers, truth, nothing, lists and objects of these; decimals and moments
are texts in one spelling). Their canonical JSON has sorted keys and no spaces; its SHA-256 is the fingerprint
of a part, and the fingerprints of all parts, in the same way, make that of the whole. So a seal says not only
whether anything was changed, but where. What may change later (payments, notes, the customer it belongs to) is
no part of it.

Example: {"a": 1} is `{"a":1}`, whose SHA-256 begins with 015abd7f.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

VERSION = 1
LEAVES = frozenset({str, int, bool, type(None)})


@dataclass(frozen=True)
class Seal:
    """The fingerprint of the whole, and those of its parts by name."""

    version: int
    sha256: str
    parts: dict[str, str]


@dataclass(frozen=True)
class Checked:
    """A seal held against what there is now: `parts` that differ, are missing, or have come."""

    kept: str
    now: str
    differing: list[str]

    @property
    def whole(self) -> bool:
        """Whether everything is as it was sealed."""
        return self.kept == self.now and not self.differing


def canonical(facts: Any) -> bytes:
    """The one spelling of some facts. A float is refused: its spelling is nobody's."""
    no_floats(facts)
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def no_floats(facts: Any) -> None:
    """Raise TypeError where a number is not whole."""
    if isinstance(facts, float):
        raise TypeError("A float has no place among sealed facts.")
    inside: Iterable[Any] = ()
    if isinstance(facts, dict | Mapping):
        inside = facts.values()
    elif isinstance(facts, list | tuple):
        inside = facts
    for value in inside:
        if type(value) not in LEAVES:  # most are: they need no call of their own
            no_floats(value)


def fingerprint(facts: Any) -> str:
    """SHA-256 over the canonical JSON, in hexadecimal digits."""
    return hashlib.sha256(canonical(facts)).hexdigest()


def seal(parts: Mapping[str, Any]) -> Seal:
    """The seal over the facts of each part."""
    return sealed(fingerprints(parts))


def fingerprints(parts: Mapping[str, Any]) -> dict[str, str]:
    """The fingerprint of each part."""
    return {name: fingerprint(facts) for name, facts in parts.items()}


def sealed(prints: dict[str, str]) -> Seal:
    """The seal over parts whose fingerprints are known."""
    return Seal(VERSION, fingerprint([VERSION, prints]), prints)


def check(sha256: str, before: Mapping[str, str], parts: Mapping[str, Any]) -> Checked:
    """Hold a seal (its whole, its parts) against the facts of now. The seal itself is checked too: where facts were
    changed together with the fingerprint of their part, the whole differs.
    """
    now = seal(parts)
    names = [*before, *(name for name in now.parts if name not in before)]
    differing = [name for name in names if before.get(name) != now.parts.get(name)]
    return Checked(sha256, now.sha256, differing)
