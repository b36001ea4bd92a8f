"""What deleting or merging a customer would bring about, found out by doing it and taking it back.

The steps of the real act run in a transaction that is rolled back: nothing is written, no number is used up,
no message is sent. So the dialog states the closing invoices, the credit notes and the lost credits to the cent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Sum

from billing.actions.locks import lock_customer
from billing.models import WalletEntry
from billing.orm.actor import Actor
from customers.actions.delete import STEPS, VOID, Cascade
from customers.actions.merge import bring_together
from customers.models import Customer, PortalLink
from invoicing.models import CreditNote, Invoice
from invoicing.queries.rates import Rates
from invoicing.rules.states import InvoiceStatus

OUTSIDE = frozenset({"providers"})  # steps that tell others, which nothing could take back


@dataclass(frozen=True)
class Issued:
    """An invoice that the deletion issues: `from_draft` stands in the lists already. Amounts in minor units of
    `currency`: `total_minor` before credits, `due_minor` what is still asked for after them.
    """

    currency: str
    from_draft: bool
    total_minor: int
    credits_minor: int
    due_minor: int


@dataclass(frozen=True)
class Outcome:
    """`credit_notes` as (currency, total_minor); `lost` and `billed` as wallet id -> minor units that are
    voided, or that are owed and go on an invoice; `unused` as (currency, minor units) of credit notes that
    nothing is left to use for.
    """

    voided: list[Invoice]
    issued: list[Issued]
    credit_notes: list[tuple[str, int]]
    lost: dict[object, int]
    billed: dict[object, int] = field(default_factory=dict)
    unused: list[tuple[str, int]] = field(default_factory=list)
    portal_links: int = 0

    @property
    def wallets(self) -> set[object]:
        """The ids of the wallets on which something is lost or billed."""
        return {*self.lost, *self.billed}


def foresee_deletion(customer: Customer, *, unpaid_invoices: str = VOID, by: Actor, at: datetime) -> Outcome:
    """The outcome of deleting the customer now. Raises what the cascade would raise."""
    with transaction.atomic():
        lock_customer(customer.pk)
        invoices = Invoice.objects.filter(customer=customer)
        before = dict(invoices.values_list("pk", "status"))
        notes = set(CreditNote.objects.filter(customer=customer).values_list("pk", flat=True))
        cascade = Cascade(customer, unpaid_invoices, by, at, Rates(customer.organization_id))
        for name, _, work in STEPS:
            if name not in OUTSIDE:
                work(cascade)
        after = list(invoices.order_by("created_at", "pk"))
        issued, voided = InvoiceStatus.FINALIZED.value, InvoiceStatus.VOIDED.value
        new_notes = CreditNote.objects.filter(customer=customer).exclude(pk__in=notes)
        ends = WalletEntry.objects.filter(wallet__customer=customer, at=at)
        left = (
            CreditNote.objects.available().filter(customer=customer).values("currency").order_by("currency")
        )
        outcome = Outcome(
            voided=[row for row in after if row.status == voided and before.get(row.pk) == issued],
            issued=[
                issued_row(row, row.pk in before)
                for row in after
                if row.status == issued and before.get(row.pk) != issued
            ],
            credit_notes=list(new_notes.values_list("currency", "total_minor")),
            lost={row.wallet_id: -row.amount_minor for row in ends.filter(key="terminated")},
            billed={row.wallet_id: row.amount_minor for row in ends.filter(kind="settled")},
            unused=[(row["currency"], row["minor"]) for row in left.annotate(minor=Sum("balance_minor"))],
            portal_links=PortalLink.objects.filter(customer=customer, revoked_at=at).count(),
        )
        transaction.set_rollback(True)
    return outcome


def issued_row(row: Invoice, from_draft: bool) -> Issued:
    """What the dialog says of an invoice."""
    credits = row.wallet_credits_minor + row.credit_notes_minor
    return Issued(row.currency, from_draft, row.total_minor + credits, credits, row.total_minor)


def foresee_merge(
    source: Customer, target: Customer, strategy: str, chosen: Mapping[str, str], *, by: Actor, at: datetime
) -> dict[str, Any]:
    """The counts and amounts of merging now (`Merge.counts`). Raises what the merge would raise."""
    with transaction.atomic():
        merge = bring_together(source, target, strategy, chosen, by=by, at=at)
        counts: dict[str, Any] = merge.counts
        transaction.set_rollback(True)
    return counts
