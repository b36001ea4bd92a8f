"""Whether the kept sums of unpaid invoices are those that the invoices give."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

# One statement sees invoices and sums of one moment, so that what is being paid just now is no difference.
DIFFERING = """
    WITH counted AS (
        SELECT organization_id, customer_id, currency, sum(total_minor - paid_minor)::bigint AS due_minor
        FROM invoicing_invoice WHERE status = 'finalized' AND payment_status <> 'paid'
        GROUP BY organization_id, customer_id, currency
    )
    SELECT coalesce(kept.organization_id, counted.organization_id), customer_id, currency,
        coalesce(kept.due_minor, 0) AS kept_minor, coalesce(counted.due_minor, 0) AS counted_minor
    FROM invoicing_outstanding AS kept FULL JOIN counted USING (customer_id, currency)
    WHERE coalesce(kept.due_minor, 0) <> coalesce(counted.due_minor, 0)
    ORDER BY customer_id, currency
"""


@dataclass(frozen=True)
class Difference:
    """A sum that is not what a recount gives, in minor units."""

    organization_id: UUID
    customer_id: UUID
    currency: str
    kept_minor: int
    counted_minor: int


def differing_sums() -> list[Difference]:
    """All that differ, over all organizations; none while the triggers do their work. One query."""
    with connection.cursor() as cursor:
        cursor.execute(DIFFERING)
        return [Difference(*row) for row in cursor.fetchall()]
