"""An organization for a scenario: its plan, customer and subscriptions by the real actions, and a clock that the
steps move. Between two steps the billing run does its work, as it does each minute of a real day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from billing.actions.charge_terms import ChargeTerms, FilterTerms
from billing.actions.metrics import create_metric
from billing.actions.organizations import create_organization
from billing.actions.plans import create_plan
from billing.actions.subscriptions import start_subscription
from billing.actions.taxes import create_tax
from billing.actions.usage import ingest
from billing.actions.wallet_opening import create_wallet
from billing.actions.wallets import grant
from billing.models import BillingEntity, Metric, Organization, Plan, Subscription, Tax, User, Wallet
from billing.orm.actor import Actor
from billing.rules.events import IncomingEvent
from billing.rules.periods import local_date, start_of_day
from customers.actions.customers import add_customer
from customers.models import Customer
from invoicing.actions.billing_run import bill_start, run
from invoicing.models import Invoice
from tests.cases.charges import camel
from tests.cases.given import Given, NotBuilt, NotOffered, Unsupported, moment

BY = Actor.system("Case")
TERMS = {one.name for one in fields(ChargeTerms)}
PRICE = ("properties", "amount")
_MICROSECOND = timedelta(microseconds=1)


@dataclass
class World:
    """Everything of one scenario. `now`: where its clock stands; `unasked`: the invoices of runs between steps."""

    organization: Organization
    customer: Customer
    now: datetime
    metrics: dict[str, Metric] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    unasked: set[Any] = field(default_factory=set)
    sent: int = 0

    @property
    def started(self) -> datetime:
        """When the first subscription was made to start."""
        return self.subscription.subscription_at

    @property
    def subscription(self) -> Subscription:
        """The only subscription, as it is now."""
        return self.subscription_named("")

    def subscription_named(self, name: str) -> Subscription:
        row = self.subscriptions[name] if name else next(iter(self.subscriptions.values()))
        return Subscription.objects.select_related("plan", "customer__billing_entity", "organization").get(
            pk=row.pk
        )

    def run(self, at: datetime) -> None:
        """The billing run of a step."""
        self.now = max(self.now, at)
        failed = run(at).failed
        if failed:
            raise AssertionError("; ".join(failed))

    def pass_time(self, at: datetime) -> None:
        """What the runs of the days before `at` have done: nobody asks for their invoices."""
        tz = self.customer.timezone or "UTC"
        before = start_of_day(local_date(at, tz), tz) - _MICROSECOND
        if before > self.now:
            known = set(Invoice.objects.values_list("pk", flat=True))
            self.run(before)
            self.unasked |= set(Invoice.objects.values_list("pk", flat=True)) - known

    def invoices(self) -> list[Invoice]:
        """What was asked for: visible invoices of the scenario's own steps, the oldest first."""
        rows = Invoice.objects.exclude(pk__in=self.unasked).exclude(status="closed")
        return list(rows.order_by("created_at", "pk"))

    def send(self, rows: Iterable[dict[str, Any]], at: datetime, name: str = "", code: str = "") -> None:
        """Usage as the cases give it: `timestamp` or `timestamp_unix` or the moment of the step."""
        external = self.subscription_named(name).external_id
        events = []
        for row in rows:
            own = dict(row)
            when = own.pop("timestamp", None) or own.pop("at", None)
            unix = own.pop("timestamp_unix", None)
            amount = own.pop("precise_total_amount_cents", None)
            own = own.pop("properties", own)
            stamp = moment(when) if when else datetime.fromtimestamp(unix, UTC) if unix else at
            self.sent += 1
            metric = code or next(iter(self.metrics))
            cents = None if amount is None else Decimal(str(amount)) / 100
            properties = {
                key: str(value) if isinstance(value, Decimal) else value for key, value in own.items()
            }
            events.append(IncomingEvent(f"t{self.sent}", external, metric, stamp, properties, cents))
        for result in ingest(
            self.organization, events, at=max([at, *(event.timestamp or at for event in events)])
        ):
            if result.status not in ("accepted", "quarantined"):
                raise AssertionError(f"event {result.status}: {result.reason}")


def open_world(at: datetime, *, timezone: str = "UTC", currency: str = "EUR", grace_days: int = 0) -> World:
    """An organization with a customer whose invoices are final after the grace period."""
    owner = User.objects.create_user("owner@case.example", "correct-horse-battery", name="Owner")
    organization = create_organization("Case", owner=owner, by=BY, at=at, currency=currency, timezone="UTC")
    entity = BillingEntity.objects.get(organization=organization)
    entity.grace_period_days = grace_days
    entity.save()
    names = {"name": "Case", "external_id": "case", "email": "case@case.example"}
    customer = add_customer(organization, names | {"currency": currency, "timezone": timezone}, by=BY, at=at)
    return World(organization, customer, at)


def tax_of(world: World, rate: Any, *, default: bool = False) -> Tax:
    """A tax of that rate, made once."""
    code = f"tax_{str(rate).replace('.', '_')}"
    found = Tax.objects.of(world.organization).filter(code=code).first()
    if found is not None:
        return found
    return create_tax(
        world.organization,
        code=code,
        name=f"Tax {rate}",
        rate=Decimal(str(rate)),
        applied_by_default=default,
        by=BY,
        at=world.now,
    )


def metric_of(
    world: World, kind: str, field_name: str | None = None, code: str = "metric", **more: Any
) -> Metric:
    """A metric, made once by its code."""
    if kind.startswith("custom"):
        raise NotOffered("aggregations written in Ruby")
    if code not in world.metrics:
        aggregation = kind.removesuffix("_agg")
        name = "" if aggregation == "count" else field_name or "value"
        world.metrics[code] = create_metric(
            world.organization,
            name=code,
            code=code,
            aggregation=aggregation,
            field_name=name,
            by=BY,
            at=world.now,
            **more,
        )
    return world.metrics[code]


def terms_of(metric: Metric, model: str, properties: dict[str, Any], **more: Any) -> ChargeTerms:
    """A charge; what its terms do not know yet is not built."""
    if model == "custom":
        raise NotOffered("aggregations written in Ruby")
    wanted = {name: value for name, value in more.items() if value}
    for name in wanted.keys() - TERMS:
        raise NotBuilt(f"charges with {name.replace('_', ' ')}")
    if "filters" in wanted:
        wanted["filters"] = [
            FilterTerms(chosen(row), camel(row.get("properties") or {"amount": row["amount"]}))
            for row in wanted["filters"]
        ]
    return ChargeTerms(metric, model, camel(properties), **wanted)


def chosen(row: dict[str, Any]) -> dict[str, list[str]]:
    """The values that a filter of the cases lets through, by key."""
    return {key: list(some) for key, some in row.items() if key not in PRICE}


def declared_of(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a metric declares, so that it knows all values of these filters."""
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        for key, some in chosen(row).items():
            found.setdefault(key, {}).update(dict.fromkeys(some))
    return [{"key": key, "values": list(some)} for key, some in found.items()]


def plan_of(
    world: World, given: Given, charges: Sequence[ChargeTerms] = (), code: str = "plan", **more: Any
) -> Plan:
    """A plan as the cases give it."""
    given.ignore("currency", "name", "code")
    trial = given.number("trial_period", given.get("trial_period_days", 0))
    if trial != trial.to_integral_value():
        raise Unsupported("trials of parts of a day")
    taxes = [tax_of(world, rate) for rate in given.get("tax_rates", [])]
    return create_plan(
        world.organization,
        name=code,
        code=code,
        currency=given.get("currency", world.customer.currency),
        amount_minor=int(given.number("amount_cents")),
        interval=given.get("interval", "monthly"),
        pay_in_advance=given.get("pay_in_advance", False),
        trial_days=int(trial),
        bill_charges_monthly=given.get("bill_charges_monthly", False),
        bill_fixed_charges_monthly=given.get("bill_fixed_charges_monthly", False),
        taxes=taxes,
        charges=charges,
        by=BY,
        at=world.now,
        **more,
    )


def subscribe(
    world: World, plan: Plan, at: datetime, *, billing_time: str = "calendar", name: str = "sub", **more: Any
) -> Subscription:
    """A subscription from that moment, its first fee in advance billed."""
    world.now = max(world.now, at)
    row = start_subscription(
        world.customer, plan, external_id=name, billing_time=billing_time, by=BY, at=at, **more
    )
    world.subscriptions[name] = row
    if row.started_at:
        bill_start(row, by=BY, at=at)
    return world.subscription_named(name)


def make_wallet(world: World, credits: Any, at: datetime, *, rate: Any = 1) -> Wallet:
    """A wallet of the customer with granted credits."""
    wallet = create_wallet(
        world.customer, currency=world.customer.currency, rate=Decimal(str(rate)), by=BY, at=at
    )
    if Decimal(str(credits)):
        grant(wallet, Decimal(str(credits)), promotional=False, key="case", by=BY, at=at)
    return Wallet.objects.get(pk=wallet.pk)
