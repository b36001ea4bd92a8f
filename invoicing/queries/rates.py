"""Prices and taxes of many subscriptions at once.

Which taxes apply: those of the charge, else of the plan, else of the customer, else of its billing entity, else the
organization's default taxes. The first level that names any wins; levels never merge. A customer that owes the tax
itself (`billing/rules/tax.py:reverse_charged`) has reverse charge on every line, whatever the levels say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.apps import apps

from billing.models import AddOn, BillingEntity, Charge, FixedCharge, Organization, Plan
from billing.models import Tax as TaxRow
from billing.queries.terms import PriceBook, Terms, price_books
from billing.queries.versions import frozen_book, version_of
from billing.rules.countries import in_eu
from billing.rules.tax import CONFIRMED, REVERSE_CHARGE, Tax, applicable_taxes, reverse_charged

Levels = dict[UUID, tuple[Tax, ...]]
BUYER = ("customer_type", "vat_status", "country", "tax_id", "billing_entity_id")


class Rates:
    """The prices and taxes of some plans and customers of one organization, read once and then answered from
    memory: a run bills many subscriptions of few plans.
    """

    def __init__(self, organization_id: UUID) -> None:
        self.organization_id = organization_id
        self.defaults = tuple(
            fact(row)
            for row in TaxRow.objects.of(organization_id)
            .kept()
            .filter(applied_by_default=True)
            .order_by("name")
        )
        self._plans: Levels = {}
        self._charges: Levels = {}
        self._books: dict[tuple[UUID, int], PriceBook] = {}
        self._terms: dict[tuple[UUID, int, str], Terms] = {}
        self._customers: Levels = {}
        self._entities: dict[UUID, BillingEntity] = {}
        self._known_plans: dict[UUID, Plan] = {}
        self._buyers: dict[UUID, Any] = {}

    def load(self, plan_ids: Iterable[UUID] = (), customer_ids: Iterable[UUID] = ()) -> None:
        """Read what is not known yet: six queries for new plans, more with other prices, two for new customers."""
        # `difference` looks each id up; `-` with the keys of a dictionary would walk along all that is known.
        plans = set(plan_ids).difference(self._known_plans)
        customers = set(customer_ids).difference(self._buyers)
        if plans:
            self._plans |= chosen(Plan, "plan_id", {"plan_id__in": plans})
            self._charges |= chosen(Charge, "charge_id", {"charge__plan_id__in": plans})
            self._known_plans |= Plan.objects.in_bulk(plans)
            books = price_books(self._known_plans[key] for key in plans)
            self._books |= {(key, book.plan.price_version): book for key, book in books.items()}
        if customers:
            model = apps.get_model("customers", "Customer")
            self._customers |= chosen(model, "customer_id", {"customer_id__in": customers})
            rows = model.objects.filter(pk__in=customers).only(*BUYER)
            self._buyers |= {row.pk: row for row in rows}

    @cached_property
    def organization(self) -> Organization:
        """Whose prices these are."""
        found: Organization = Organization.objects.get(pk=self.organization_id)
        return found

    def entity(self, entity_id: UUID) -> BillingEntity:
        """A billing entity of the organization."""
        if entity_id not in self._entities:
            self._entities |= {row.pk: row for row in BillingEntity.objects.of(self.organization_id)}
        return self._entities[entity_id]

    def plan(self, plan_id: UUID) -> Plan:
        """A plan."""
        self.load([plan_id])
        return self._known_plans[plan_id]

    def terms(self, subscription: Any, at: datetime) -> Terms:
        """What a subscription pays for what begins at a moment: the prices of that time in its currency."""
        book, version = self.book(subscription, at)
        key = (subscription.plan_id, version, subscription.currency)
        if key not in self._terms:
            self._terms[key] = book.terms(subscription.currency)
        return self._terms[key]

    def book(self, subscription: Any, at: datetime) -> tuple[PriceBook, int]:
        """The prices that count for a subscription, and the number of their version."""
        plan = self.plan(subscription.plan_id)
        version = version_of(subscription, plan, at)
        key = (subscription.plan_id, version)
        if key not in self._books:
            self._books[key] = frozen_book(plan, version)
        return self._books[key], version

    def of_customer(self, customer_id: UUID) -> tuple[Tax, ...]:
        """For what is no part of a plan: the customer's taxes, else its billing entity's, else the default ones."""
        if self.reverse_charged(customer_id):
            return (REVERSE_CHARGE,)
        entity = self._entity_taxes.get(self._buyers[customer_id].billing_entity_id, ())
        return applicable_taxes(self._customers.get(customer_id, ()), entity, self.defaults)

    def reverse_charged(self, customer_id: UUID) -> bool:
        """Whether the customer owes the tax itself."""
        self.load(customer_ids=[customer_id])
        buyer = self._buyers[customer_id]
        if buyer.customer_type != "business" or buyer.vat_status not in CONFIRMED:
            return False
        return reverse_charged(
            seller_country=self.entity(buyer.billing_entity_id).country,
            buyer_country=buyer.country,
            number_country=number_country(buyer.tax_id),
            kind=buyer.customer_type,
            vat_status=buyer.vat_status,
        )

    @cached_property
    def _entity_taxes(self) -> Levels:
        """The taxes of the organization's billing entities."""
        own = {"billingentity__organization_id": self.organization_id}
        return chosen(BillingEntity, "billingentity_id", own)

    def of_plan(
        self, plan_id: UUID, customer_id: UUID, own: Iterable[TaxRow] | None = None
    ) -> tuple[Tax, ...]:
        """For the plan's fee. `own`: what a subscription has agreed on instead of the plan's taxes."""
        self.load([plan_id])
        usual = self.of_customer(customer_id)
        level = self._plans.get(plan_id, ()) if own is None else tuple(fact(row) for row in own)
        return usual if usual == (REVERSE_CHARGE,) else applicable_taxes(level, usual)

    def chosen(self, tax_ids: Iterable[str], customer_id: UUID) -> tuple[Tax, ...]:
        """Taxes that somebody chose for a line; reverse charge stands above them."""
        if self.reverse_charged(customer_id):
            return (REVERSE_CHARGE,)
        wanted = set(tax_ids)
        return tuple(fact(row) for row in self._kept_taxes if str(row.pk) in wanted)

    def coded(self, codes: Iterable[str], customer_id: UUID) -> tuple[Tax, ...]:
        """`chosen` by their codes."""
        wanted = set(codes)
        return self.chosen([str(row.pk) for row in self._kept_taxes if row.code in wanted], customer_id)

    @cached_property
    def _kept_taxes(self) -> list[TaxRow]:
        """The organization's taxes by name."""
        return list(TaxRow.objects.of(self.organization_id).kept().order_by("name", "pk"))

    @cached_property
    def _add_on_taxes(self) -> Levels:
        """The taxes of the organization's add-ons."""
        return chosen(AddOn, "addon_id", {"addon__organization_id": self.organization_id})

    def of_add_on(self, add_on_id: UUID | None, customer_id: UUID) -> tuple[Tax, ...]:
        """For an add-on on a one-off invoice; for a line typed by hand (None) the customer's."""
        usual = self.of_customer(customer_id)
        if add_on_id is None or usual == (REVERSE_CHARGE,):
            return usual
        return applicable_taxes(self._add_on_taxes.get(add_on_id, ()), usual)

    def fixed(self, subscription: Any, at: datetime) -> list[FixedCharge]:
        """The fixed charges of a subscription for what begins at a moment, priced in its currency."""
        return self.book(subscription, at)[0].fixed.priced(subscription.currency)

    @cached_property
    def _fixed_taxes(self) -> Levels:
        """The taxes of the organization's fixed charges."""
        own = {"fixedcharge__organization_id": self.organization_id}
        return chosen(FixedCharge, "fixedcharge_id", own)

    def of_fixed(
        self, row: FixedCharge, customer_id: UUID, own: Iterable[TaxRow] | None = None
    ) -> tuple[Tax, ...]:
        """For a fixed charge: its own taxes, else its add-on's, else the plan's."""
        usual = self.of_plan(row.plan_id, customer_id, own)
        if usual == (REVERSE_CHARGE,):
            return usual
        add_on = self._add_on_taxes.get(row.add_on_id, ())
        return applicable_taxes(self._fixed_taxes.get(row.pk, ()), add_on, usual)

    def of_charge(
        self, charge_id: UUID, plan_id: UUID, customer_id: UUID, own: Iterable[TaxRow] | None = None
    ) -> tuple[Tax, ...]:
        """For the usage that a charge prices."""
        self.load([plan_id])
        usual = self.of_plan(plan_id, customer_id, own)
        return (
            usual if usual == (REVERSE_CHARGE,) else applicable_taxes(self._charges.get(charge_id, ()), usual)
        )


def number_country(tax_id: str) -> str:
    """The member state whose prefix a VAT number has; none when it has no such prefix."""
    prefix = {"EL": "GR"}.get(tax_id[:2].upper(), tax_id[:2].upper())
    return prefix if in_eu(prefix) else ""


def fact(row: TaxRow) -> Tax:
    """A tax as the rules see it."""
    return Tax(row.code, row.rate, row.name, row.category, row.exemption_code, row.exemption_reason)


def chosen(model: Any, owner: str, where: dict[str, Any]) -> Levels:
    """{owner's id: its taxes by name}; deleted taxes no longer apply."""
    found: dict[UUID, list[Tax]] = defaultdict(list)
    links = model.taxes.through.objects.filter(tax__deleted_at=None, **where).select_related("tax")
    for link in links.order_by("tax__name", "tax_id"):
        found[getattr(link, owner)].append(fact(link.tax))
    return {key: tuple(taxes) for key, taxes in found.items()}
