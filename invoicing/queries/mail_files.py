"""The files of an e-mail, read when it is sent."""

from __future__ import annotations

import io

from PIL import Image, UnidentifiedImageError

from billing.models import BillingEntity
from billing.rules.errors import BillingError
from invoicing.models import CreditNote, Invoice, Mail, Receipt
from invoicing.queries.e_invoice_xml import e_invoice_xml

MODELS: dict[str, type[Invoice] | type[CreditNote] | type[Receipt]] = {
    "invoice": Invoice,
    "credit_note": CreditNote,
    "receipt": Receipt,
}
MOST_LOGO_PIXELS = 4_000_000


class NotReady(Exception):
    """A file that is still being made."""


def files_of(mail: Mail) -> list[tuple[str, bytes, str]]:
    """(name, bytes, media type) of each. Raises `NotReady` for a PDF that is still to come. An e-invoice that is not
    complete is left out: the PDF alone is the invoice.
    """
    found = []
    for item in mail.attachments:
        row = MODELS[item["of"]].objects.of(mail.organization).get(pk=item["id"])
        if item["form"] == "pdf" or isinstance(row, Receipt):
            copy = row.current_copy
            if not copy.ready:
                raise NotReady(f"The PDF of {row.number} is not made yet.")
            with copy.file.open("rb") as file:
                found.append((f"{row.number}.pdf", bytes(file.read()), "application/pdf"))
            continue
        try:
            found.append((f"{row.number}.xml", e_invoice_xml(row, item["form"]), "application/xml"))
        except BillingError:
            continue
    return found


def logo_of(entity: BillingEntity) -> bytes:
    """The issuer's logo as a small PNG; nothing when it is no picture any more."""
    logo = entity.logo
    name = logo.name or ""
    if not name or not logo.storage.exists(name):
        return b""
    try:
        with logo.storage.open(name) as file, Image.open(file) as image:
            if image.width * image.height > MOST_LOGO_PIXELS:
                return b""
            picture = image.convert("RGBA")
    except (UnidentifiedImageError, OSError):
        return b""
    picture.thumbnail((440, 120))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
