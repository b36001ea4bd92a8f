"""What a campaign would do, before it does it: whom it would chase, for how much, and what happens on which day."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce

from billing.models import Organization
from billing.rules.periods import local_date
from invoicing.models import DunningCampaign, DunningCase, DunningChoice
from invoicing.queries.dunning import Assigned, Standing, assigned, standings
from invoicing.rules.dunning import Next, Progress, StepKind, Terms, first_day_of, foresee

MOST_ROWS = 50
MOST_DAYS = 14
Ahead = dict[tuple[Progress, date], list[Next]]


@dataclass(frozen=True)
class Chased:
    """A debt that would be chased: whose, how much, and the steps to come when nothing is paid. `running`: the chase
    has begun already.
    """

    standing: Standing
    steps: list[Next]
    running: bool
    customer: Any = None

    @property
    def first(self) -> Next | None:
        """What would come next."""
        return self.steps[0] if self.steps else None


@dataclass(frozen=True)
class DayAhead:
    """What would happen on a day: how many of each kind of step, over which sums by currency."""

    on: date
    steps: list[tuple[StepKind, int]]
    sums: list[tuple[str, int]]


@dataclass(frozen=True)
class Foreseen:
    """All that a campaign would do now. `rows` are the largest debts; `below` and `stopped` count debts of its
    customers that it leaves alone.
    """

    rows: list[Chased]
    count: int
    sums: list[tuple[str, int]]
    days: list[DayAhead]
    more_days: int = 0
    below: int = 0
    stopped: int = 0

    @property
    def more(self) -> int:
        """How many are not among the rows."""
        return self.count - len(self.rows)


def foreseen(
    organization: Organization,
    at: datetime,
    terms: Terms,
    *,
    campaign: DunningCampaign | None = None,
    entities: Collection[UUID] = (),
) -> Foreseen:
    """What `terms` would do to the customers of these billing entities, and to those that have chosen `campaign`.

    Five queries, however many customers there are.
    """
    known = assigned(organization)
    found: list[Chased] = []
    ahead_of: Ahead = {}
    below = stopped = 0
    for row in standings(organization, at):
        threshold = terms.thresholds.get(row.currency)
        if threshold is None or row.gone or row.overdue_minor <= 0:
            continue
        if not belongs(row, known, campaign, entities):
            continue
        if row.stopped:
            stopped += 1
        elif row.overdue_minor < threshold:
            below += 1
        else:
            found.append(chased(row, terms, campaign, at, ahead_of))
    found.sort(
        key=lambda item: (-item.standing.overdue_minor, item.standing.currency, item.standing.customer_id)
    )
    days = list(ahead(found))
    return Foreseen(
        named(organization, found[:MOST_ROWS]),
        len(found),
        sums_of(found),
        days[:MOST_DAYS],
        max(len(days) - MOST_DAYS, 0),
        below,
        stopped,
    )


def belongs(
    row: Standing, known: Assigned, campaign: DunningCampaign | None, entities: Collection[UUID]
) -> bool:
    """Whether a debt's customer would have the campaign."""
    choice = known.choices.get(row.customer_id)
    if choice is not None and choice.campaign_id is not None:
        return campaign is not None and choice.campaign_id == campaign.pk
    return row.entity_id in entities


def chased(
    row: Standing, terms: Terms, campaign: DunningCampaign | None, at: datetime, known: Ahead
) -> Chased:
    """What would happen to one debt. `known`: the steps of debts that have come as far."""
    case = row.case if row.case and campaign and row.case.campaign_id == campaign.pk else None
    begins = first_day_of(at, row.tz)
    progress = case.progress if case else Progress(begins)
    soonest = local_date(case.next_at, row.tz) if case and case.next_at else begins
    steps = known.get((progress, soonest))
    if steps is None:
        steps = known[progress, soonest] = foresee(terms, progress, soonest)
    return Chased(row, steps, case is not None)


def ahead(rows: Iterable[Chased]) -> Iterable[DayAhead]:
    """Day by day."""
    kinds: dict[date, Counter[StepKind]] = defaultdict(Counter)
    sums: dict[date, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for coming in row.steps:
            kinds[coming.on][coming.step.kind] += 1
            sums[coming.on][row.standing.currency] += row.standing.overdue_minor
    for on in sorted(kinds):
        order = [(kind, kinds[on][kind]) for kind in StepKind if kinds[on][kind]]
        yield DayAhead(on, order, sorted(sums[on].items()))


def sums_of(rows: Iterable[Chased]) -> list[tuple[str, int]]:
    """What is overdue of them by currency."""
    sums: Counter[str] = Counter()
    for row in rows:
        sums[row.standing.currency] += row.standing.overdue_minor
    return sorted(sums.items())


def named(organization: Organization, rows: list[Chased]) -> list[Chased]:
    """With their customers."""
    model = apps.get_model("customers", "Customer")
    customers = model.objects.of(organization).in_bulk([row.standing.customer_id for row in rows])
    return [Chased(row.standing, row.steps, row.running, customers[row.standing.customer_id]) for row in rows]


def campaigns_of(organization: Organization) -> Any:
    """The campaigns with their billing entities, how many customers have chosen each, and how many chases run."""
    rows = DunningCampaign.objects.of(organization).kept()
    rows = rows.annotate(
        running=count_of(DunningCase.objects.running()), chosen=count_of(DunningChoice.objects.all())
    )
    return rows.prefetch_related("defaults__billing_entity").order_by("name", "pk")


def count_of(rows: Any) -> Coalesce:
    """How many of the rows are of a campaign: counted by itself, since joined they would multiply."""
    mine = rows.filter(campaign=OuterRef("pk")).order_by().values("campaign")
    return Coalesce(Subquery(mine.annotate(n=Count("pk")).values("n")), 0)


def cases_of(campaign: DunningCampaign) -> Any:
    """The chases of a campaign that run, the next step first."""
    rows = DunningCase.objects.filter(campaign=campaign).running().select_related("customer")
    return rows.order_by("next_at", "pk")
