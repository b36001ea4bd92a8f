"""When two customers look like one: reasons in words, and how much each weighs.

Laws. Each reason is a chance that they are the same; independent reasons add up as 1 - (1-a)(1-b), so one more
reason never lowers the score, and it stays below 100. Names are compared without case, accents, punctuation and
legal forms. Similarity of names is the share of their trigrams that both have.

Example: the same tax ID (90 %) and the same phone (60 %) give 96 %. "ACME Trading Ltd." and "Acme  Trading" are
both "acme trading".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

TAX_ID, EMAIL, NAME, PHONE, SIMILAR = "tax_id", "email", "name", "phone", "similar"
WEIGHTS = {TAX_ID: 90, EMAIL: 80, NAME: 60, PHONE: 60, SIMILAR: 40}
WORDS = {
    TAX_ID: "Same tax number",
    EMAIL: "Same mailbox",
    NAME: "Same name",
    PHONE: "Same phone",
    SIMILAR: "Similar name",
}
SIMILAR_FROM = 60
# fmt: off
LEGAL_FORMS = [
    "ltd", "limited", "inc", "incorporated", "llc", "llp", "lp", "plc", "corp", "corporation", "co",
    "company", "gmbh", "mbh", "ag", "kg", "ohg", "ug", "ev", "eg", "se", "sa", "sas", "sarl", "srl", "spa",
    "bv", "nv", "vof", "oy", "oyj", "ab", "as", "aps", "kft", "zrt", "doo", "sro", "pty", "pte", "pvt",
]
# fmt: on
_FORMS = frozenset(LEGAL_FORMS)


@dataclass(frozen=True)
class Facts:
    """What is compared of a customer: `names` are its name and legal name as they are written."""

    names: tuple[str, ...] = ()
    email: str = ""
    phone: str = ""
    tax_numbers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reason:
    """Why: the kind, and what both have (the number, the mailbox, both names)."""

    kind: str
    value: str
    percent: int = 0

    @property
    def text(self) -> str:
        """For people: "Same phone: 256700"."""
        return f"{WORDS[self.kind]}: {self.value}"

    @property
    def weight(self) -> int:
        """Percent; a similar name weighs by how similar it is."""
        whole = WEIGHTS[self.kind]
        return whole * self.percent // 100 if self.kind == SIMILAR else whole


def score(reasons: Iterable[Reason]) -> int:
    """0 to 99."""
    left = 10_000
    for reason in reasons:
        left = left * (100 - reason.weight) // 100
    return min(99, (10_000 - left) // 100)


def reasons(one: Facts, other: Facts) -> list[Reason]:
    """Why the two look alike, the strongest first; none when nothing speaks for it."""
    found = []
    numbers = {plain_number(number) for number in one.tax_numbers} - {""}
    for number in sorted(numbers & {plain_number(number) for number in other.tax_numbers}):
        found.append(Reason(TAX_ID, number))
    if one.email and mailbox(one.email) == mailbox(other.email):
        found.append(Reason(EMAIL, mailbox(one.email)))
    names = [(plain_name(name), name) for name in one.names if plain_name(name)]
    others = [(plain_name(name), name) for name in other.names if plain_name(name)]
    pairs = [(similarity(a, b), _both(first, second)) for a, first in names for b, second in others]
    percent, text = max(pairs, default=(0, ""))
    if percent == 100:
        found.append(Reason(NAME, text))
    if one.phone and plain_phone(one.phone) and plain_phone(one.phone) == plain_phone(other.phone):
        found.append(Reason(PHONE, one.phone))
    if SIMILAR_FROM <= percent < 100:
        found.append(Reason(SIMILAR, text, percent))
    return found


def _both(one: str, other: str) -> str:
    return one if one == other else f"{one} / {other}"


def mailbox(email: str) -> str:
    """Where mail arrives: dots and what follows a plus in the part before the @ do not matter."""
    local, _, domain = email.strip().lower().partition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{domain}"


def plain_number(number: str) -> str:
    """Letters and digits alone; fewer than five say nothing."""
    bare = "".join(char for char in number.upper() if char.isalnum())
    return bare if len(bare) >= 5 else ""


def plain_phone(phone: str) -> str:
    """The last nine digits, so that a country code does not matter; fewer than seven say nothing."""
    digits = "".join(char for char in phone if char.isdigit())
    return digits[-9:] if len(digits) >= 7 else ""


def plain_name(name: str) -> str:
    """Lower case, no accents, no punctuation, no legal forms."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    words = re.sub(r"[.'’]", "", plain)
    kept = [word for word in re.split(r"[\W_]+", words) if word and word not in _FORMS]
    return " ".join(kept)


def similarity(one: str, other: str) -> int:
    """Percent of the trigrams that both plain names have, 100 for equal ones."""
    first, second = _trigrams(one), _trigrams(other)
    together = first | second
    return 100 * len(first & second) // len(together) if together else 0


def _trigrams(name: str) -> set[str]:
    padded = f"  {name} "
    return {padded[i : i + 3] for i in range(len(padded) - 2)} if name else set()
