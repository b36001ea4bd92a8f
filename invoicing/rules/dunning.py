"""Dunning: which step follows for a customer who does not pay, and when.

Laws. A customer's debt in a currency is chased from the first nine o'clock of its own time zone at which the overdue
sum reaches the campaign's threshold: that day is day 0. The steps are reminders on `first_day`, then every
`days_between` days until there were `max_attempts` of them, and what else is to happen (`escalation`), each on a day
of its own. A step follows the one before it by as many days as stand between them in the campaign, counted from the
day on which that one was really done: what was late (a worker that was down, a chase that was stopped) moves the rest
along, and two steps never fall on one day. A changed campaign goes on with its first step after the day that was
reached; reminders that were sent count. Nothing is done below the threshold, or while the chase is stopped. It ends
when nothing is overdue any more, and a new debt begins anew at day 0.

Example: first_day 0, every 7 days, 3 reminders, pause on day 21. Begun on 1 March: reminders on 1, 8 and 15 March,
pause on 22 March. When the second is sent on the 10th only, the third follows on the 17th and the pause on the 24th.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo

from billing.rules.errors import FieldErrors

HOUR = time(9)  # nobody is written to at night
MOST_DAYS = 730
MOST_ATTEMPTS = 24
MOST_STEPS = 10
MOST_MINOR = 10**15
DAY = timedelta(days=1)


class StepKind(StrEnum):
    """What a step does."""

    REMIND = "remind"
    CHARGE = "charge"
    PAUSE = "pause"
    TERMINATE = "terminate"


@dataclass(frozen=True)
class Step:
    """What happens `day` days after the chase began."""

    day: int
    kind: StepKind


@dataclass(frozen=True)
class Terms:
    """A campaign: from which overdue sum on by currency (minor units), its reminders, and what else happens."""

    thresholds: Mapping[str, int]
    days_between: int = 7
    max_attempts: int = 3
    first_day: int = 0
    escalation: Sequence[Step] = field(default_factory=tuple)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """All steps in order, one a day."""
        days = range(
            self.first_day, self.first_day + self.max_attempts * self.days_between, self.days_between
        )
        reminders = [Step(day, StepKind.REMIND) for day in days]
        return tuple(sorted([*reminders, *self.escalation], key=lambda step: step.day))


@dataclass(frozen=True)
class Progress:
    """How far a chase has come: the day on which it began, the campaign's day that was reached and when that was,
    and how many reminders there were.
    """

    started_on: date
    last_day: int | None = None
    last_on: date | None = None
    attempts: int = 0


@dataclass(frozen=True)
class Next:
    """The step that follows, on which day, and which of how many it is."""

    step: Step
    on: date
    number: int
    of: int


class Verdict(StrEnum):
    """What is to be done about a debt."""

    NOTHING = "nothing"
    START = "start"
    ACT = "act"
    WAIT = "wait"
    HOLD = "hold"  # below the threshold, or stopped
    FINISHED = "finished"  # every step was done
    END = "end"


def check_terms(terms: Terms) -> None:
    """Raise FieldErrors for what makes no campaign."""
    faults: list[tuple[str, str]] = []
    if not terms.thresholds:
        faults.append(("thresholds", "Name at least one currency."))
    for currency, minor in terms.thresholds.items():
        if not 0 < minor <= MOST_MINOR:
            faults.append(("thresholds", f"The amount in {currency} must be more than 0."))
    for name, value, least, most in (
        ("days_between", terms.days_between, 1, 365),
        ("max_attempts", terms.max_attempts, 1, MOST_ATTEMPTS),
        ("first_day", terms.first_day, 0, 365),
    ):
        if not least <= value <= most:
            faults.append((name, f"Use {least} to {most}."))
    if not faults:
        faults += step_faults(terms)
    if faults:
        raise FieldErrors(faults)


def step_faults(terms: Terms) -> list[tuple[str, str]]:
    """What is wrong with the days of the steps."""
    faults = []
    if len(terms.escalation) > MOST_STEPS:
        faults.append(("steps", f"At most {MOST_STEPS} further steps."))
    taken: dict[int, StepKind] = {}
    ends = min((s.day for s in terms.escalation if s.kind == StepKind.TERMINATE), default=None)
    for step in terms.steps:
        if not 0 <= step.day <= MOST_DAYS:
            faults.append(("steps", f"Day {step.day} is not within 0 to {MOST_DAYS}."))
        elif step.day in taken:
            faults.append(("steps", f"Day {step.day} has another step already: choose another day."))
        elif ends is not None and step.day > ends and step.kind == StepKind.PAUSE:
            faults.append(("steps", f"Day {step.day}: what has ended on day {ends} cannot be paused."))
        taken[step.day] = step.kind
    return faults


def next_step(terms: Terms, progress: Progress) -> Next | None:
    """The step that follows; None when there is none left."""
    steps = terms.steps
    for number, step in enumerate(steps, 1):
        if progress.last_day is not None and step.day <= progress.last_day:
            continue
        if step.kind == StepKind.REMIND and progress.attempts >= terms.max_attempts:
            continue
        if progress.last_day is None or progress.last_on is None:
            on = progress.started_on + step.day * DAY
        else:
            on = progress.last_on + (step.day - progress.last_day) * DAY
        return Next(step, on, number, len(steps))
    return None


def after(progress: Progress, step: Step, on: date) -> Progress:
    """How far it has come once a step was done on a day."""
    more = int(step.kind == StepKind.REMIND)
    return replace(progress, last_day=step.day, last_on=on, attempts=progress.attempts + more)


def foresee(terms: Terms, progress: Progress, today: date) -> list[Next]:
    """All steps that are left, when nothing is paid; what should have been done before happens today."""
    found = []
    while (coming := next_step(terms, progress)) is not None:
        coming = replace(coming, on=max(coming.on, today))
        found.append(coming)
        progress = after(progress, coming.step, coming.on)
    return found


def verdict(
    terms: Terms | None,
    currency: str,
    overdue_minor: int,
    progress: Progress | None,
    today: date,
    *,
    stopped: bool = False,
) -> Verdict:
    """What is to be done. `terms`: those of the campaign that the customer has, if any; `progress`: of the chase that
    runs, if any.
    """
    running = progress is not None
    threshold = terms.thresholds.get(currency) if terms else None
    if terms is None or threshold is None or overdue_minor <= 0:
        return Verdict.END if running else Verdict.NOTHING
    if stopped or overdue_minor < threshold:
        return Verdict.HOLD if running else Verdict.NOTHING
    if progress is None:
        return Verdict.START
    coming = next_step(terms, progress)
    if coming is None:
        return Verdict.FINISHED
    return Verdict.ACT if coming.on <= today else Verdict.WAIT


def first_day_of(at: datetime, tz: str) -> date:
    """The day of the next nine o'clock in a time zone."""
    local = at.astimezone(ZoneInfo(tz))
    return local.date() if local.time() <= HOUR else local.date() + DAY


def moment_of(on: date, tz: str) -> datetime:
    """Nine o'clock of a day in a time zone."""
    return datetime.combine(on, HOUR, ZoneInfo(tz))
