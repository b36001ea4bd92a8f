"""Which dunning step follows and when: a table worked out by hand, and what holds whatever happens."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.errors import FieldErrors
from invoicing.rules.dunning import (
    Progress,
    Step,
    StepKind,
    Terms,
    Verdict,
    after,
    check_terms,
    first_day_of,
    foresee,
    moment_of,
    next_step,
    verdict,
)

REMIND, PAUSE, TERMINATE = StepKind.REMIND, StepKind.PAUSE, StepKind.TERMINATE
MARCH = date(2026, 3, 1)
THRESHOLDS = {"EUR": 5000}
TERMS = Terms(THRESHOLDS, days_between=7, max_attempts=3, escalation=[Step(21, PAUSE), Step(30, TERMINATE)])


def test_the_whole_of_a_campaign() -> None:
    found = [
        (row.step.kind, row.on.day, row.number, row.of) for row in foresee(TERMS, Progress(MARCH), MARCH)
    ]
    assert found == [
        (REMIND, 1, 1, 5),
        (REMIND, 8, 2, 5),
        (REMIND, 15, 3, 5),
        (PAUSE, 22, 4, 5),
        (TERMINATE, 31, 5, 5),
    ]


def test_what_was_late_moves_the_rest_along() -> None:
    progress = after(Progress(MARCH), Step(0, REMIND), MARCH)
    progress = after(progress, Step(7, REMIND), date(2026, 3, 10))
    assert [row.on.day for row in foresee(TERMS, progress, date(2026, 3, 11))][:2] == [17, 24]
    assert foresee(TERMS, progress, date(2026, 3, 20))[0].on == date(2026, 3, 20), (
        "today, and the rest after it"
    )
    assert foresee(TERMS, progress, date(2026, 3, 20))[1].on == date(2026, 3, 27)


@pytest.mark.parametrize(
    ("overdue", "progress", "day", "stopped", "expected"),
    [
        (0, None, 1, False, Verdict.NOTHING),
        (4999, None, 1, False, Verdict.NOTHING),
        (5000, None, 1, False, Verdict.START),
        (5000, None, 1, True, Verdict.NOTHING),
        (5000, Progress(MARCH), 1, False, Verdict.ACT),
        (5000, Progress(MARCH, 0, MARCH, 1), 7, False, Verdict.WAIT),
        (5000, Progress(MARCH, 0, MARCH, 1), 8, False, Verdict.ACT),
        (5000, Progress(MARCH, 0, MARCH, 1), 8, True, Verdict.HOLD),
        (4999, Progress(MARCH, 0, MARCH, 1), 8, False, Verdict.HOLD),
        (0, Progress(MARCH, 0, MARCH, 1), 8, True, Verdict.END),
        (5000, Progress(MARCH, 30, MARCH, 3), 31, False, Verdict.FINISHED),
    ],
)
def test_what_is_to_be_done(
    overdue: int, progress: Progress | None, day: int, stopped: bool, expected: Verdict
) -> None:
    assert verdict(TERMS, "EUR", overdue, progress, date(2026, 3, day), stopped=stopped) == expected
    without = verdict(TERMS, "USD", overdue, progress, date(2026, 3, day), stopped=stopped)
    assert without == (Verdict.END if progress else Verdict.NOTHING), "this currency has no threshold"
    assert verdict(None, "EUR", overdue, progress, date(2026, 3, day)) == without


def test_reminders_that_were_sent_count_in_a_changed_campaign() -> None:
    daily = Progress(MARCH, last_day=2, last_on=date(2026, 3, 3), attempts=3)
    weekly = Terms(THRESHOLDS, days_between=7, max_attempts=4, escalation=[Step(40, PAUSE)])
    assert [(row.step.day, row.step.kind) for row in foresee(weekly, daily, MARCH)] == [
        (7, REMIND),
        (40, PAUSE),
    ]


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (Terms({}), "Name at least one currency"),
        (Terms({"EUR": 0}), "must be more than 0"),
        (Terms(THRESHOLDS, days_between=0), "Use 1 to 365"),
        (Terms(THRESHOLDS, max_attempts=25), "Use 1 to 24"),
        (Terms(THRESHOLDS, first_day=-1), "Use 0 to 365"),
        (Terms(THRESHOLDS, escalation=[Step(7, PAUSE)]), "Day 7 has another step"),
        (Terms(THRESHOLDS, escalation=[Step(20, PAUSE), Step(20, TERMINATE)]), "Day 20 has another step"),
        (Terms(THRESHOLDS, escalation=[Step(731, PAUSE)]), "Day 731 is not within"),
        (Terms(THRESHOLDS, escalation=[Step(20, TERMINATE), Step(21, PAUSE)]), "cannot be paused"),
    ],
)
def test_what_makes_no_campaign(terms: Terms, words: str) -> None:
    with pytest.raises(FieldErrors) as error:
        check_terms(terms)
    assert words in " ".join(text for _, text in error.value.errors)


@pytest.mark.parametrize(
    ("at", "tz", "day", "moment"),
    [
        (datetime(2026, 3, 1, 0, 0, tzinfo=UTC), "UTC", MARCH, datetime(2026, 3, 1, 9, tzinfo=UTC)),
        (datetime(2026, 3, 1, 9, 0, tzinfo=UTC), "UTC", MARCH, datetime(2026, 3, 1, 9, tzinfo=UTC)),
        (
            datetime(2026, 3, 1, 9, 1, tzinfo=UTC),
            "UTC",
            date(2026, 3, 2),
            datetime(2026, 3, 2, 9, tzinfo=UTC),
        ),
        (datetime(2026, 3, 1, 0, 0, tzinfo=UTC), "Asia/Tokyo", MARCH, datetime(2026, 3, 1, 0, tzinfo=UTC)),
        (
            datetime(2026, 3, 1, 0, 0, tzinfo=UTC),
            "America/Los_Angeles",
            MARCH,
            datetime(2026, 3, 1, 17, tzinfo=UTC),
        ),
    ],
)
def test_it_begins_at_nine_in_the_customers_zone(at: datetime, tz: str, day: date, moment: datetime) -> None:
    assert first_day_of(at, tz) == day
    assert moment_of(day, tz) == moment


CAMPAIGNS = st.builds(
    Terms,
    st.just(THRESHOLDS),
    days_between=st.integers(1, 6),
    max_attempts=st.integers(1, 4),
    first_day=st.integers(0, 3),
    escalation=st.lists(st.builds(Step, st.integers(0, 30), st.just(PAUSE)), max_size=3),
)


@given(st.lists(CAMPAIGNS, min_size=1, max_size=3), st.lists(st.sampled_from("rrrrsplc"), max_size=60))
def test_never_two_steps_at_once_nor_more_than_there_are(campaigns: list[Terms], days: str) -> None:
    """Day by day: the run looks (r, possibly twice), is down (s), the customer pays (p), owes less (l), or the
    campaign is changed (c).
    """
    for terms in campaigns:
        try:
            check_terms(terms)
        except FieldErrors:
            return
    which, progress, today = 0, None, MARCH
    done: list[tuple[date, Step]] = []
    for day in days:
        today += timedelta(days=1)
        which = (which + (day == "c")) % len(campaigns)
        terms, owed = campaigns[which], {"p": 0, "l": 100}.get(day, 5000)
        for _ in range(0 if day == "s" else 2):
            told = verdict(terms, "EUR", owed, progress, today)
            if told == Verdict.START:
                progress = Progress(today)
                assert not done, "a new debt begins anew"
            elif told == Verdict.END:
                progress, done = None, []
            elif told == Verdict.ACT:
                assert progress is not None
                coming = next_step(terms, progress)
                assert coming is not None
                progress = after(progress, coming.step, today)
                done.append((today, coming.step))
        on = [moment for moment, _ in done]
        assert on == sorted(set(on)), "never two on one day"
        reached = [step.day for _, step in done]
        assert reached == sorted(set(reached)), "none twice"
        reminders = sum(step.kind == REMIND for _, step in done)
        assert reminders <= max(row.max_attempts for row in campaigns)
        if len(campaigns) == 1:
            assert len(done) <= len(terms.steps)
            gaps = [(a, b) for a, b in pairwise(done)]
            assert all((b[0] - a[0]).days >= b[1].day - a[1].day for a, b in gaps), (
                "never sooner than planned"
            )
