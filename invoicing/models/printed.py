"""What is printed and stored: the document as it was issued and, once it is voided, a second file with the stamp."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import models
from django.db.models.fields.files import FieldFile

from billing.orm.scoped import Scoped


class PdfState(models.TextChoices):
    """Where a stored file stands."""

    NONE = "none", "Not made"
    PENDING = "pending", "Being made"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"


@dataclass(frozen=True)
class StoredCopy:
    """One file of a document. `field` is the name of its column; state and moment stand beside it."""

    field: str
    file: FieldFile
    state: str
    made_at: datetime | None

    @property
    def stamped(self) -> bool:
        """Whether this is the file that says that the document is void."""
        return self.field == "void_pdf"

    @property
    def ready(self) -> bool:
        """Whether it can be read."""
        return self.state == PdfState.READY.value and bool(self.file)


class Printed(Scoped):
    """A document with its files. The first is never changed or replaced: it proves what was issued."""

    pdf_state = models.CharField(max_length=10, choices=PdfState.choices, default=PdfState.NONE)
    pdf_made_at = models.DateTimeField(null=True, blank=True)
    void_pdf_state = models.CharField(
        "voided PDF state", max_length=10, choices=PdfState.choices, default=PdfState.NONE
    )
    void_pdf_made_at = models.DateTimeField("voided PDF made at", null=True, blank=True)

    status: str
    number: str
    pdf: FieldFile
    void_pdf: FieldFile

    class Meta:
        abstract = True

    @property
    def issued_copy(self) -> StoredCopy:
        """The file as it was issued."""
        return StoredCopy("pdf", self.pdf, self.pdf_state, self.pdf_made_at)

    @property
    def void_copy(self) -> StoredCopy:
        """The file with the stamp."""
        return StoredCopy("void_pdf", self.void_pdf, self.void_pdf_state, self.void_pdf_made_at)

    @property
    def current_copy(self) -> StoredCopy:
        """The file that everybody is given: a voided document never goes out without its stamp."""
        return self.void_copy if self.status == "voided" else self.issued_copy
