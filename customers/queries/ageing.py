"""Who owes how much and since when, on any day: by customer and currency, in the buckets that collections use.

One statement. Today's debts are read from the unpaid invoices' own index. Those of a day that is past are what was
issued until then and not voided, less the payments, offsets and write-offs until its end, put together by grouping
each of these tables once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from billing.models import Organization
from billing.orm.search import fold
from billing.rules.money import EXPONENTS
from customers.models import Customer
from customers.rules.ageing import BUCKETS
from invoicing.models import RECEIVED

COLUMNS = ("not_due", *(bucket.name for bucket in BUCKETS), "disputed", "total")
SORTS = ("name", "currency", *COLUMNS)
UNPAID = """
    SELECT customer_id, currency, due_on, {disputed} AS disputed, total_minor - paid_minor AS minor
    FROM invoicing_invoice
    WHERE organization_id = %(organization)s AND status = 'finalized' AND payment_status <> 'paid' {mine}
"""
PAST = """
    SELECT customer_id, invoice.currency, due_on, {disputed} AS disputed, total_minor
        - coalesce(paid.minor, 0) - coalesce(offsets.minor, 0) - coalesce(given_up.minor, 0) AS minor
    FROM invoicing_invoice AS invoice
    LEFT JOIN (
        SELECT invoice_id, sum(amount_minor) AS minor FROM invoicing_payment
        WHERE organization_id = %(organization)s AND status = ANY(%(received)s) AND paid_at < %(until)s {ours}
        GROUP BY invoice_id
    ) AS paid ON paid.invoice_id = invoice.id
    LEFT JOIN (
        SELECT invoice_id, sum(offset_minor) AS minor FROM invoicing_creditnote
        WHERE organization_id = %(organization)s AND offset_minor > 0 AND issuing_on <= %(day)s {ours}
        GROUP BY invoice_id
    ) AS offsets ON offsets.invoice_id = invoice.id
    LEFT JOIN (
        SELECT invoice_id, sum(amount_minor) AS minor FROM invoicing_writeoff
        WHERE organization_id = %(organization)s AND written_off_at < %(until)s
            AND (undone_at IS NULL OR undone_at >= %(until)s)
        GROUP BY invoice_id
    ) AS given_up ON given_up.invoice_id = invoice.id
    WHERE organization_id = %(organization)s AND issuing_on <= %(day)s {mine}
        AND (status = 'finalized' OR status = 'voided' AND voided_at >= %(until)s)
"""
CONTESTED_THEN = """
    coalesce(disputed_at < %(until)s AND (dispute_ended_at IS NULL OR dispute_ended_at >= %(until)s), false)
"""
REPORT = """
WITH debts AS MATERIALIZED ({debts}), grouped AS MATERIALIZED (
    SELECT customer_id, debts.currency, {sums}, sum(minor)::bigint AS total, count(*)::bigint AS invoices
    FROM debts {joined} WHERE minor > 0 {found}
    GROUP BY customer_id, debts.currency {having}
)
SELECT NULL::uuid, currency, {totals}, sum(invoices)::bigint, count(*)::bigint
FROM grouped GROUP BY currency
UNION ALL (
    SELECT customer_id, grouped.currency, {columns}, invoices, 1::bigint FROM grouped
    JOIN customers_customer AS customer ON customer.id = customer_id
    ORDER BY {order}, customer_id, grouped.currency {limit}
)
"""
JOINED = "JOIN customers_customer AS customer ON customer.id = customer_id"
NAME = (
    "lower(coalesce(nullif(customer.name, ''), nullif(customer.legal_name, ''), customer.email, external_id))"
)


@dataclass(frozen=True)
class Aged:
    """One customer's debts in a currency (`customer` None: the currency's total), in minor units by column; `count`
    customers are in it.
    """

    customer_id: UUID | None
    currency: str
    minor: Mapping[str, int]
    invoices: int
    count: int = 1
    customer: Customer | None = field(default=None, compare=False)

    @property
    def total_minor(self) -> int:
        """All of it."""
        return self.minor["total"]


@dataclass(frozen=True)
class Ageing:
    """The rows of a page, the totals of all pages by currency, and how many rows there are."""

    rows: list[Aged]
    totals: list[Aged]

    @property
    def count(self) -> int:
        """How many rows all pages have."""
        return sum(total.count for total in self.totals)


def ageing(
    organization: Organization,
    day: date,
    until: datetime | None,
    *,
    currency: str = "",
    words: str = "",
    bucket: str = "",
    customer: Customer | None = None,
    sort: str = "-total",
    limit: int | None = None,
    offset: int = 0,
) -> Ageing:
    """What is owed on `day`; `until` is its end when it is past, None for today. Two queries: the report, and the
    customers of the page.

    `bucket`: only rows that have something in that column; `words` are sought in the customers.
    """
    values: dict[str, Any] = {
        "organization": organization.pk,
        "day": day,
        "until": until,
        "received": list(RECEIVED),
        "currency": currency,
        "customer": customer.pk if customer else None,
    }
    mine = "AND {0}currency = %(currency)s" if currency else ""
    mine += " AND {0}customer_id = %(customer)s" if customer else ""
    found = ""
    for index, word in enumerate(fold(words).split()):
        values[f"word{index}"] = f"%{escaped(word)}%"
        found += f" AND customer.search_text LIKE %(word{index})s"
    for one in BUCKETS:
        values[f"{one.name}_from"], values[f"{one.name}_to"] = one.due_days(day)
    query = REPORT.format(
        debts=debts(until, mine, "AND customer_id = %(customer)s" if customer else ""),
        sums=", ".join(f"{part_of(name)}::bigint AS {name}" for name in COLUMNS if name != "total"),
        joined=JOINED if found else "",
        found=found,
        having=f"HAVING {part_of(bucket)} > 0" if bucket in COLUMNS and bucket != "total" else "",
        totals=", ".join(f"sum({name})::bigint" for name in COLUMNS),
        columns=", ".join(COLUMNS),
        order=order(sort),
        limit="" if limit is None else f"LIMIT {int(limit)} OFFSET {int(offset)}",
    )
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        lines = [read(line) for line in cursor.fetchall()]
    customers = Customer.objects.in_bulk([row.customer_id for row in lines if row.customer_id])
    return Ageing(
        [with_customer(row, customers) for row in lines if row.customer_id],
        sorted((row for row in lines if row.customer_id is None), key=lambda row: row.currency),
    )


def debts(until: datetime | None, mine: str, ours: str) -> str:
    """The statement behind the report: today's debts, or those of a day that is past. `mine` narrows the invoices,
    `ours` what lowers them, so that the statement of one customer reads nobody else's payments.
    """
    if until is None:
        return UNPAID.format(disputed="dispute = 'open'", mine=mine.format(""))
    return PAST.format(disputed=CONTESTED_THEN, mine=mine.format("invoice."), ours=ours)


def part_of(name: str) -> str:
    """The sum of one column. What is disputed is in no other column but the total."""
    if name == "disputed":
        return "coalesce(sum(minor) FILTER (WHERE disputed), 0)"
    if name == "not_due":
        return "coalesce(sum(minor) FILTER (WHERE NOT disputed AND (due_on IS NULL OR due_on >= %(day)s)), 0)"
    late = f"due_on <= %({name}_to)s AND (%({name}_from)s::date IS NULL OR due_on >= %({name}_from)s::date)"
    return f"coalesce(sum(minor) FILTER (WHERE NOT disputed AND {late}), 0)"


def order(sort: str) -> str:
    """The order of rows; amounts are compared as people write them, whatever decimals their currency has."""
    name, way = sort.lstrip("-"), "DESC" if sort.startswith("-") else "ASC"
    if name == "name":
        return f"{NAME} {way}"
    if name == "currency" or name not in COLUMNS:
        return f"grouped.currency {way}, {NAME}"
    cases = [
        f"WHEN grouped.currency = '{code}' THEN {name}::numeric / {10**digits}"
        for code, digits in sorted(EXPONENTS.items())
        if digits != EXPONENTS["EUR"]
    ]
    return f"CASE {' '.join(cases)} ELSE {name}::numeric / 100 END {way}, {NAME}"


def escaped(word: str) -> str:
    """A word for LIKE."""
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def read(line: tuple[Any, ...]) -> Aged:
    """One line of the answer."""
    customer_id, currency, *amounts, invoices, count = line
    return Aged(customer_id, currency, dict(zip(COLUMNS, map(int, amounts), strict=True)), invoices, count)


def with_customer(row: Aged, customers: Mapping[Any, Customer]) -> Aged:
    """The row with whose it is."""
    return Aged(row.customer_id, row.currency, row.minor, row.invoices, row.count, customers[row.customer_id])
