"""Wallets: prepaid credits, what they are worth and in which order they are spent.

Laws.
- Money = round(credits x rate) to the currency's minor unit. Credits that are bought or granted
  are cut to what whole minor units pay for; voided credits keep the typed number. Typed credits
  keep 5 decimals, the rest is dropped. Credits worth nothing are refused.
- An invoice is paid from what wallets hold, by priority (1 first), then the oldest. Only when nothing is left there,
  wallets with credit pay on credit, in the same order.
- Inside a wallet, entries are used up by priority, promotional before bought, what expires soonest first, then the
  oldest. It is the one order: debits, merges and previews use it.

Example: rate 0.001 EUR, 1,034 credits are worth 1.03 EUR, so 1,030 credits are booked.
Due 700, wallets A (priority 2, 500) and B (priority 1, 300): B pays 300, A pays 400.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from typing import TypeVar

from billing.rules.errors import Conflict, Invalid
from billing.rules.money import allocate_minor, exact, from_minor, round_half_up, to_minor

_STEP = Decimal("0.00001")
LAST_PRIORITY = 50
MOST_CREDITS = Decimal(10) ** 25 - 1
MOST_MINOR = 10**15
S = TypeVar("S")
T = TypeVar("T")
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Credits:
    """A number of credits and the whole minor units they stand for."""

    credits: Decimal
    minor: int


def minor_to_credits(minor: int, rate: Decimal, currency: str) -> Decimal:
    """Credits that `minor` units pay for at `rate` (money per credit), 5 decimals."""
    with exact():
        return round_half_up(from_minor(minor, currency) / rate, 5)


def _checked(credits: Decimal, rate: Decimal, currency: str) -> Credits:
    if rate <= 0:
        raise Invalid("A credit must be worth more than 0.", code="invalid_rate", field="rateAmount")
    if not credits.is_finite() or credits <= 0:
        raise Invalid("Must be more than 0.", code="invalid_credits", field="credits")
    if credits > MOST_CREDITS:
        raise Invalid("Has too many digits.", code="invalid_credits", field="credits")
    with exact():
        kept = credits.quantize(_STEP, rounding=ROUND_DOWN)
        minor = to_minor(kept * rate, currency)
    if minor == 0:
        message = "Is worth less than the smallest unit of the currency."
        raise Invalid(message, code="amount_rounds_to_zero", field="credits")
    return Credits(kept, minor)


def credits_in(credits: Decimal, rate: Decimal, currency: str) -> Credits:
    """Credits granted or bought: cut to what whole minor units pay for."""
    minor = _checked(credits, rate, currency).minor
    if minor > MOST_MINOR:
        raise Invalid("These credits are worth more than an invoice can hold.", field="credits")
    return Credits(minor_to_credits(minor, rate, currency), minor)


def check_priority(priority: int) -> None:
    """Credits are used in the order of 1 to 50."""
    if not 1 <= priority <= LAST_PRIORITY:
        message = f"Must be a whole number from 1 (used first) to {LAST_PRIORITY}."
        raise Invalid(message, code="invalid_priority", field="priority")


def credits_voided(credits: Decimal, rate: Decimal, currency: str) -> Credits:
    """Credits taken out by hand: the typed number (5 decimals) and its worth."""
    return _checked(credits, rate, currency)


@dataclass(frozen=True)
class WalletFacts:
    """A wallet as the spread sees it; pass wallets in creation order. Empty limits: any line. `credit_minor`: how far
    below zero the balance may go.
    """

    id: str
    balance_minor: int
    priority: int = LAST_PRIORITY
    credit_minor: int = 0
    fee_types: frozenset[str] = frozenset()
    metric_ids: frozenset[str] = frozenset()

    @property
    def limited(self) -> bool:
        return bool(self.fee_types or self.metric_ids)

    @property
    def held_minor(self) -> int:
        return max(self.balance_minor, 0)

    @property
    def room_minor(self) -> int:
        """What of the credit is free."""
        return max(self.credit_minor + min(self.balance_minor, 0), 0)


@dataclass(frozen=True)
class Bucket:
    """A part of the invoice that wallets may be limited to; `cap` in minor units with tax. `lines`: the caps of its
    lines, as (position on the invoice, cap).
    """

    cap: Decimal
    fee_type: str = ""
    metric_id: str | None = None
    lines: tuple[tuple[int, Decimal], ...] = ()


Allowed = Callable[[WalletFacts, Bucket], bool]


def may_pay(wallet: WalletFacts, bucket: Bucket) -> bool:
    """An unlimited wallet pays anything; else a match of the fee type or of the metric is enough."""
    if not wallet.limited:
        return True
    return bucket.fee_type in wallet.fee_types or bucket.metric_id in wallet.metric_ids


@dataclass(frozen=True)
class Share:
    """What a wallet pays of an invoice, and of which lines: (position, minor). None: the lines are not known."""

    wallet_id: str
    minor: int
    lines: tuple[tuple[int | None, int], ...]


def shares(
    wallets: Sequence[WalletFacts], due: int, buckets: Sequence[Bucket] = (), allowed: Allowed = may_pay
) -> list[Share]:
    """Which wallet pays how much of `due` minor units, and for what; only amounts above 0.

    Without buckets the invoice is one bucket that only unlimited wallets may pay. Buckets are scaled to sum to `due`,
    and the largest is served first. Within a bucket each line has its part, and what comes first pays the first.
    """
    parts = list(buckets) or [Bucket(Decimal(due))]
    rest = allocate_minor(max(due, 0), [part.cap for part in parts])
    largest_first = sorted(range(len(parts)), key=lambda i: -rest[i])
    waiting = [_lines_of(part, minor) for part, minor in zip(parts, rest, strict=True)]
    in_order = sorted(wallets, key=lambda w: w.priority)
    sources = [(wallet, wallet.held_minor) for wallet in in_order]
    sources += [(wallet, wallet.room_minor) for wallet in in_order]
    paid: dict[str, list[tuple[int | None, int]]] = {}
    for wallet, left in sources:
        for i in largest_first:
            if not allowed(wallet, parts[i]):
                continue
            take = min(rest[i], left)
            rest[i], left = rest[i] - take, left - take
            if take:
                paid.setdefault(wallet.id, []).extend(_take(waiting[i], take))
    return [Share(key, sum(minor for _, minor in lines), tuple(lines)) for key, lines in paid.items()]


def _lines_of(bucket: Bucket, minor: int) -> list[tuple[int | None, int]]:
    """What each line of a bucket asks for, of the bucket's minor units."""
    if not bucket.lines:
        return [(None, minor)]
    asked = allocate_minor(minor, [cap for _, cap in bucket.lines])
    return [(place, part) for (place, _), part in zip(bucket.lines, asked, strict=True) if part]


def _take(waiting: list[tuple[int | None, int]], minor: int) -> list[tuple[int | None, int]]:
    """Take `minor` units off the first of those that wait."""
    taken = []
    while minor:
        place, asked = waiting.pop(0)
        part = min(asked, minor)
        taken.append((place, part))
        minor -= part
        if asked > part:
            waiting.insert(0, (place, asked - part))
    return taken


def spread(
    wallets: Sequence[WalletFacts], due: int, buckets: Sequence[Bucket] = (), allowed: Allowed = may_pay
) -> list[tuple[str, int]]:
    """`shares` without the lines: (wallet id, minor)."""
    return [(share.wallet_id, share.minor) for share in shares(wallets, due, buckets, allowed)]


def paired(sources: Sequence[tuple[S, int]], uses: Sequence[tuple[T, int]]) -> list[tuple[S, T, int]]:
    """Which source goes to which use, both in their order: (source, use, minor). Both sum to the same.

    Example: lots a 300, b 200 and lines x 100, y 400: a pays x 100, a pays y 200, b pays y 200.
    """
    found: list[tuple[S, T, int]] = []
    waiting = list(uses)
    for source, left in sources:
        while left:
            use, asked = waiting.pop(0)
            part = min(left, asked)
            if part:
                found.append((source, use, part))
            left -= part
            if asked > part:
                waiting.insert(0, (use, asked - part))
    return found


@dataclass(frozen=True)
class Life:
    """What kind of credits come in, until when they live, and when they are used: 1 first."""

    promotional: bool = False
    expires_at: datetime | None = None
    priority: int = LAST_PRIORITY


@dataclass(frozen=True)
class InboundEntry:
    """Credits that came in and are not used up; pass entries in creation order."""

    id: str
    remaining_minor: int
    granted: bool
    priority: int = LAST_PRIORITY
    expires_at: datetime | None = None


def consume(entries: Sequence[InboundEntry], minor: int) -> list[tuple[str, int]]:
    """Which entries `minor` units going out use up: (entry id, minor). Conflict when too few."""
    used: list[tuple[str, int]] = []
    left = minor
    for entry in sorted(entries, key=lambda e: (e.priority, not e.granted, e.expires_at or NEVER)):
        take = min(entry.remaining_minor, left)
        if take > 0:
            used.append((entry.id, take))
            left -= take
    if left > 0:
        raise Conflict("The wallet does not hold that many credits.", code="insufficient_credits")
    return used
