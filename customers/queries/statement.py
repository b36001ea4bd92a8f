"""A customer's statement of account: what changed what is owed, line by line, with the balance after each.

Laws. The balance is what is owed on issued invoices. An invoice adds its total, a payment takes off what came, a
credit note what it took off its own invoice, a write-off what was given up; voiding and undoing a write-off take that
back. Opening balance + all changes = closing balance, and on today's statement that is the sum of unpaid invoices.
What changes nothing that is owed stands there without an amount: a refund (its invoice stays paid), and the part of
a credit note that later invoices take or that went back as money.

Days are the customer's own. Within a day: invoices, credit notes, payments, refunds, write-offs, voids.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from billing.queries.schedules import customer_zone
from billing.rules.periods import local_date, start_of_day
from customers.models import Customer
from customers.queries.ageing import Aged, ageing
from invoicing.models import RECEIVED, Invoice
from invoicing.queries.collecting import account_sums

MINE = "organization_id = %(organization)s AND customer_id = %(customer)s AND currency = %(currency)s"
MOVEMENTS = """
    SELECT issuing_on AS day, 1 AS place, created_at AS at, 'invoice' AS kind, id, id AS invoice_id,
        number, '' AS note, total_minor AS amount, total_minor AS change, due_on
    FROM invoicing_invoice WHERE {mine} AND status IN ('finalized', 'voided')
    UNION ALL
    SELECT (voided_at AT TIME ZONE %(zone)s)::date, 6, voided_at, 'void', id, id,
        number, void_reason, total_minor, -total_minor, NULL FROM invoicing_invoice WHERE {mine} AND status = 'voided'
    UNION ALL
    SELECT note.issuing_on, 2, note.created_at, 'credit_note', note.id, note.invoice_id, note.number, invoice.number,
        note.total_minor, -note.offset_minor, NULL
    FROM invoicing_creditnote AS note JOIN invoicing_invoice AS invoice ON invoice.id = note.invoice_id
    WHERE note.organization_id = %(organization)s AND note.customer_id = %(customer)s
        AND note.currency = %(currency)s AND note.status = 'finalized'
    UNION ALL
    SELECT (payment.paid_at AT TIME ZONE %(zone)s)::date, 3, payment.created_at, 'payment', payment.id,
        payment.invoice_id, invoice.number, payment.reference, payment.amount_minor, -payment.amount_minor, NULL
    FROM invoicing_payment AS payment JOIN invoicing_invoice AS invoice ON invoice.id = payment.invoice_id
    WHERE payment.organization_id = %(organization)s AND payment.customer_id = %(customer)s
        AND payment.currency = %(currency)s AND payment.status = ANY(%(received)s)
    UNION ALL
    SELECT (refund.refunded_at AT TIME ZONE %(zone)s)::date, 4, refund.created_at, 'refund', refund.id,
        payment.invoice_id, invoice.number, refund.reason, refund.amount_minor, 0, NULL
    FROM invoicing_refund AS refund JOIN invoicing_payment AS payment ON payment.id = refund.payment_id
    JOIN invoicing_invoice AS invoice ON invoice.id = payment.invoice_id
    WHERE payment.organization_id = %(organization)s AND payment.customer_id = %(customer)s
        AND payment.currency = %(currency)s AND refund.status = 'successful'
    UNION ALL
    SELECT (moment.at AT TIME ZONE %(zone)s)::date, 5, moment.at, moment.kind, given_up.id, given_up.invoice_id,
        invoice.number, given_up.kind, given_up.amount_minor, moment.sign * given_up.amount_minor, NULL
    FROM invoicing_writeoff AS given_up JOIN invoicing_invoice AS invoice ON invoice.id = given_up.invoice_id
    CROSS JOIN LATERAL (
        VALUES (written_off_at, 'write_off', -1), (undone_at, 'write_off_undone', 1)
    ) AS moment (at, kind, sign)
    WHERE invoice.organization_id = %(organization)s AND invoice.customer_id = %(customer)s
        AND invoice.currency = %(currency)s AND moment.at IS NOT NULL
"""
STATEMENT = """
WITH movement AS MATERIALIZED ({movements})
SELECT NULL, 0, NULL, 'opening', NULL, NULL, '', '', 0, coalesce(sum(change), 0)::bigint, NULL
FROM movement WHERE day < %(first)s
UNION ALL (
    SELECT * FROM movement WHERE day BETWEEN %(first)s AND %(last)s ORDER BY day, place, at, id, kind
)
"""


@dataclass(frozen=True)
class Movement:
    """A line. `change_minor` is what it does to what is owed, `amount_minor` what it is about; `note` says more: a
    reference, a reason, the invoice that a credit note corrects.
    """

    day: date
    kind: str
    id: UUID
    invoice_id: UUID
    number: str
    note: str
    amount_minor: int
    change_minor: int
    balance_minor: int
    due_on: date | None

    @property
    def charged_minor(self) -> int:
        """What is owed more."""
        return max(self.change_minor, 0)

    @property
    def credited_minor(self) -> int:
        """What is owed less."""
        return max(-self.change_minor, 0)


@dataclass(frozen=True)
class Statement:
    """The statement of [first, last], both days included. `aged` says how old the closing balance is (None: nothing
    is owed); `on_account_minor` came and is used for nothing yet, only known today (else None).
    """

    currency: str
    first: date
    last: date
    opening_minor: int
    lines: tuple[Movement, ...]
    aged: Aged | None
    on_account_minor: int | None

    @property
    def closing_minor(self) -> int:
        """What is owed at the end of the last day."""
        return self.lines[-1].balance_minor if self.lines else self.opening_minor

    @property
    def charged_minor(self) -> int:
        """All that was added."""
        return sum(line.charged_minor for line in self.lines)

    @property
    def credited_minor(self) -> int:
        """All that was taken off."""
        return sum(line.credited_minor for line in self.lines)


def statement(customer: Customer, currency: str, first: date, last: date, at: datetime) -> Statement:
    """The customer's statement; a last day after today is today. Four queries at most."""
    zone = customer_zone(customer)
    today = local_date(at, zone)
    last = min(last, today)
    first = min(first, last)
    with connection.cursor() as cursor:
        cursor.execute(
            STATEMENT.format(movements=MOVEMENTS.format(mine=MINE)),
            {
                "organization": customer.organization_id,
                "customer": customer.pk,
                "currency": currency,
                "zone": str(zone),
                "received": list(RECEIVED),
                "first": first,
                "last": last,
            },
        )
        rows = cursor.fetchall()
    opening = next(int(row[9]) for row in rows if row[3] == "opening")
    until = None if last == today else start_of_day(last + timedelta(days=1), zone)
    report = ageing(customer.organization, last, until, currency=currency, customer=customer)
    on_account = None
    if last == today:
        on_account = dict(account_sums(customer)).get(currency, 0)
    return Statement(
        currency,
        first,
        last,
        opening,
        tuple(run(opening, (row for row in rows if row[3] != "opening"))),
        report.rows[0] if report.rows else None,
        on_account,
    )


def run(opening: int, rows: Iterable[tuple[Any, ...]]) -> Iterable[Movement]:
    """The lines with the balance after each."""
    balance = opening
    for day, _, _, kind, id, invoice, number, note, amount, change, due_on in rows:
        balance += int(change)
        yield Movement(day, kind, id, invoice, number, note, int(amount), int(change), balance, due_on)


def currencies_of(customer: Customer) -> list[str]:
    """The currencies of the customer's issued invoices, its own first. One query."""
    rows = Invoice.objects.filter(customer=customer, status__in=["finalized", "voided"])
    found = set(rows.order_by().values_list("currency", flat=True).distinct())
    return [customer.currency, *sorted(found - {customer.currency})]
