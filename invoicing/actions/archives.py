"""Many PDFs in one ZIP file: packed by a worker, one file after the other, kept for a day.

Memory stays that of one document however many there are: each is copied in pieces from the storage into a file on
disk that has no name, which the system takes back whatever becomes of the worker. What has no PDF yet is printed
first. Packing begins anew after a worker was killed; its file is stored under one name, so that none is left behind.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import zipfile
from collections.abc import Container
from datetime import datetime, timedelta
from typing import IO
from uuid import UUID

from django.core.files import File
from django.db import transaction
from django.utils import timezone

from billing.actions import later
from billing.models import Job
from billing.rules.errors import BillingError, Conflict
from invoicing.actions.publish import publish_invoice, publish_voided_invoice
from invoicing.actions.runs import end, refuse
from invoicing.models import Invoice, InvoiceRun, InvoiceRunRow, RunOutcome
from invoicing.rules.bulk import KEPT_HOURS

logger = logging.getLogger(__name__)
PIECE = 256 * 1024


def pack(job: Job) -> None:
    """The archive of a run: the PDFs of all its rows but those that were left out."""
    run = InvoiceRun.objects.select_related("organization").get(pk=job.subject_id)
    rows = run.rows.exclude(outcome=RunOutcome.SKIPPED)
    rows.update(outcome=RunOutcome.WAITING, note="")
    keys = list(rows.order_by("pk").values_list("pk", flat=True))
    with tempfile.TemporaryFile() as content:
        with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
            packed = sum(packed_one(archive, key) for key in keys)
        values = stored(run, content) if packed else {"file": "", "file_bytes": 0, "file_expires_at": None}
    end(run, **values)


def packed_one(archive: zipfile.ZipFile, key: UUID) -> bool:
    """Put one document in; its outcome on its row. True when it is in."""
    try:
        with transaction.atomic():
            row = InvoiceRunRow.objects.locked().get(pk=key)
            row.outcome, row.note = RunOutcome.DONE, put(archive, row)
            row.save(update_fields=["outcome", "note", "updated_at"])
    except BillingError as error:
        refuse(key, str(error))
    except Exception as error:  # one item of the batch; the others go on
        logger.exception("Row %s of an archive failed.", key)
        refuse(key, later.reason(error))
    else:
        return True
    return False


def put(archive: zipfile.ZipFile, row: InvoiceRunRow) -> str:
    """Copy the PDF of a row's invoice, printed first where it has none. Returns the name of the file."""
    if row.invoice_id is None:
        raise Conflict("This invoice was deleted.", code="invoice_deleted")
    invoice = printed(row.invoice_id)
    name = file_name(invoice, archive.NameToInfo)
    with invoice.current_copy.file.open("rb") as source, archive.open(name, "w") as target:
        shutil.copyfileobj(source, target, PIECE)
    return name


def printed(key: UUID) -> Invoice:
    """The invoice with the file that everybody is given: of a voided one that with the stamp."""
    invoice = Invoice.objects.select_related("billing_entity").get(pk=key)
    if not invoice.current_copy.ready:
        if invoice.current_copy.stamped:
            publish_voided_invoice(key)
        else:
            publish_invoice(key, issued=False)
        invoice = Invoice.objects.select_related("billing_entity").get(pk=key)
    if not invoice.current_copy.ready:
        raise Conflict("A draft has no document.", code="invoice_not_finalized")
    return invoice


def file_name(invoice: Invoice, taken: Container[str]) -> str:
    """A folder for the billing entity, the number, and nothing that a path could be made of."""
    kept = "".join(char if char.isalnum() or char in "-_." else "-" for char in invoice.number).strip(".")
    name = f"{invoice.billing_entity.code}/{kept or invoice.public_id}.pdf"
    return name if name not in taken else f"{invoice.billing_entity.code}/{kept}-{invoice.pk.hex[-8:]}.pdf"


def stored(run: InvoiceRun, content: IO[bytes]) -> dict[str, object]:
    """Keep the file, under one name whatever happened before; the columns that say so."""
    storage = run.file.storage
    name = run.file.field.generate_filename(run, f"{run.organization_id.hex}/{run.pk.hex}.zip")
    if storage.exists(name):  # left by a worker that was killed, or packed before
        storage.delete(name)
    file_bytes = content.seek(0, os.SEEK_END)
    saved = storage.save(name, File(content))
    expires = timezone.now() + timedelta(hours=KEPT_HOURS)
    return {"file": saved, "file_bytes": file_bytes, "file_expires_at": expires}


def drop_expired(at: datetime) -> int:
    """Take away archives whose time is over. Returns how many."""
    dropped = 0
    for run in InvoiceRun.objects.filter(file_expires_at__lte=at).exclude(file=""):
        run.file.storage.delete(str(run.file.name))
        InvoiceRun.objects.filter(pk=run.pk).update(file="", file_bytes=0)
        dropped += 1
    return dropped
