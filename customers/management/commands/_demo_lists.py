"""What people keep of the lists of the demo: saved views, and invoices that were voided many at once."""

from __future__ import annotations

from datetime import datetime

from billing.actions.saved_views import save_view
from billing.models import Job, Member, Organization
from billing.orm.actor import Actor
from invoicing.actions.runs import carry_out, start_run
from invoicing.models import Invoice, InvoiceType
from invoicing.queries.runs import forecast
from invoicing.rules.bulk import VOID

VIEWS = (
    (
        "invoices",
        "Late, over 1,000 €",
        "amount_min=1000&currency=EUR&tab=overdue",
        "customer due amount amount_due",
    ),
    (
        "invoices",
        "Paid this quarter",
        "sort=-amount&tab=paid",
        "customer entity issued paid_on net tax amount",
    ),
    ("credit-notes", "With credit left", "state=available", "customer invoice issued amount used balance"),
)


def make_views(organization: Organization, by: Actor, at: datetime) -> None:
    """Views that everybody in the organization sees."""
    owner = Member.objects.of(organization).filter(role="admin").order_by("pk").first()
    if owner is None:
        return
    for noun, name, query, columns in VIEWS:
        save_view(owner, noun, name, query, columns.split(), shared=True, by=by, at=at)


def void_some(organization: Organization, by: Actor, at: datetime) -> None:
    """Four unpaid invoices, voided together."""
    unpaid = Invoice.objects.of(organization).filter(type=InvoiceType.SUBSCRIPTION, paid_minor=0).unpaid()
    chosen = unpaid.filter(total_minor__gt=0, credit_notes=None).order_by("issuing_on").values_list("pk")[:4]
    rows = Invoice.objects.of(organization).filter(pk__in=[key for (key,) in chosen])
    if not rows:
        return
    run = start_run(
        organization,
        rows,
        VOID.key,
        seen=forecast(rows, VOID.key, on=at.date()).seen,
        reason="Billed to the wrong customer",
        query="tab=outstanding",
        token="demo",  # noqa: S106 - a name, not a secret
        by=by,
        at=at,
    )
    job = Job.objects.get(subject_id=run.pk)
    carry_out(job)
    Job.objects.filter(pk=job.pk).update(state="succeeded", started_at=at, finished_at=at)
