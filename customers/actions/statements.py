"""The PDF of a statement of account: made by a worker when somebody asks for it, once for the same content."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone

from billing.actions import later
from billing.actions.clock import now
from billing.models import Job
from billing.rules.errors import Conflict
from customers.models import Customer, StatementFile
from customers.queries.statement import Statement, statement
from customers.queries.statement_document import statement_document
from invoicing.documents.statement import StatementDocument

HOUR = timedelta(hours=1)


@transaction.atomic
def ask_for_statement(
    customer: Customer, found: Statement, *, most_an_hour: int | None = None
) -> StatementFile:
    """The file of a statement as it is now, being made when there is none. Twice is once. Raises Conflict (code
    too_many_statements) when so many were begun for the customer within an hour: printing is work, and each pair of
    days is another statement.
    """
    document = statement_document(customer, found)
    files = StatementFile.objects.filter(customer=customer)
    if most_an_hour is not None and not files.filter(digest=document.digest).exists():
        begun = files.filter(created_at__gt=timezone.now() - HOUR).count()
        if begun >= most_an_hour:
            raise Conflict("Too many statements were asked for. Try again later.", code="too_many_statements")
    row, new = StatementFile.objects.get_or_create(
        customer=customer,
        digest=document.digest,
        defaults={
            "organization_id": customer.organization_id,
            "currency": found.currency,
            "first": found.first,
            "last": found.last,
        },
    )
    if new:
        later.enqueue(
            customer.organization,
            "customers.print_statement",
            key=job_key(row),
            label=f"Statement of {customer.display_name}",
            subject_id=row.pk,
        )
    return row


def job_key(row: StatementFile) -> str:
    """What the job that makes a file is known by."""
    return f"statement:{row.pk}"


def print_statement(job: Job) -> None:
    """Make and store the file. When the account has changed since it was asked for, what is printed is the account
    as it is now, and the file answers to that content.
    """
    row = StatementFile.objects.select_related("customer__billing_entity", "customer__organization").get(
        pk=job.subject_id
    )
    if row.pdf:
        return
    customer = row.customer
    at = now(customer.organization)
    document = statement_document(customer, statement(customer, row.currency, row.first, row.last, at))
    content = render(document)
    file = f"{row.organization_id.hex}/{row.pk.hex}.pdf"
    name = row.pdf.field.generate_filename(row, file)
    if row.pdf.storage.exists(name):  # left by a worker that was killed before it could mark the row
        row.pdf.storage.delete(name)
    stored = row.pdf.storage.save(name, ContentFile(content))
    taken = (
        StatementFile.objects.filter(customer=customer, digest=document.digest).exclude(pk=row.pk).exists()
    )
    values: dict[str, object] = {"pdf": stored, "pdf_made_at": made_at()}
    StatementFile.objects.filter(pk=row.pk).update(**values | ({} if taken else {"digest": document.digest}))


def made_at() -> datetime:
    """The moment in which a file is stored, by the real clock."""
    return timezone.now()


def render(document: StatementDocument) -> bytes:
    """The PDF, only in the processes that print."""
    from invoicing.documents.pdf import render_statement

    return render_statement(document)
