"""How many invoices wait for a person, counted no further than anybody reads."""

from __future__ import annotations

from collections import Counter
from datetime import date

from django.db.models import Value

from billing.models import Organization
from invoicing.models import Invoice

MOST = 99
UNPAID = ("pending", "partially_paid", "failed")


def open_counts(organization: Organization, today: date) -> dict[str, str]:
    """{drafts, overdue} as people read them ("7", "99+"), without zeros. One query over at most 200 rows."""
    mine = Invoice.objects.of(organization).order_by()
    drafts = mine.filter(status="draft").values_list(Value("drafts"))[: MOST + 1]
    late = mine.filter(status="finalized", due_on__lt=today, payment_status__in=UNPAID)
    late = late.exclude(dispute="open")
    rows = drafts.union(late.values_list(Value("overdue"))[: MOST + 1], all=True)
    found = Counter(name for (name,) in rows)
    return {name: str(count) if count <= MOST else f"{MOST}+" for name, count in found.items()}
