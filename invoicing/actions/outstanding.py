"""Putting the kept sums of unpaid invoices right, should something ever have written past the triggers."""

from __future__ import annotations

from django.db import connection, transaction

from invoicing.models import Outstanding
from invoicing.queries.outstanding import Difference, differing_sums

PUT_RIGHT = """
INSERT INTO invoicing_outstanding (organization_id, customer_id, currency, due_minor) VALUES (%s, %s, %s, %s)
ON CONFLICT (customer_id, currency) DO UPDATE SET due_minor = EXCLUDED.due_minor
"""


def recount_outstanding() -> list[Difference]:
    """Write what a recount gives wherever it differs; returns what differed.

    The lock keeps the triggers waiting: who changed a sum before is counted, who changes one afterwards adds to the
    right sum. Nothing else is locked, so nobody waits in a circle.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {Outstanding._meta.db_table} IN SHARE ROW EXCLUSIVE MODE")
        found = differing_sums()
        cursor.executemany(
            PUT_RIGHT,
            [(row.organization_id, row.customer_id, row.currency, row.counted_minor) for row in found],
        )
        return found
