"""PDF by WeasyPrint: an A4 document that prints one `InvoiceDocument` and fetches nothing.

Only this module imports WeasyPrint, and only workers import this module. Laws: the same document gives the same
bytes; nothing in a name or note can make the renderer read a file or an address, because the only thing it may
fetch is the entity's own logo, under the made-up address `asset:logo`.
"""

from __future__ import annotations

import gc
import io
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.template.loader import render_to_string
from django.utils import translation
from PIL import Image, UnidentifiedImageError
from weasyprint import CSS, Document
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

from invoicing.documents.data import DocumentLine, InvoiceDocument, LineGroup
from invoicing.documents.dress import sheet
from invoicing.documents.factur_x import attach
from invoicing.documents.labels import labels
from invoicing.documents.local_text import right_to_left
from invoicing.documents.markup import Markup
from invoicing.documents.receipt import ReceiptDocument
from invoicing.documents.receipt_labels import receipt_labels
from invoicing.documents.statement import StatementDocument
from invoicing.documents.statement_labels import statement_labels
from invoicing.documents.wording import counted

MOST_LOGO_PIXELS = 4_000_000
ONE_PAGE = 12  # rows that stand on the first page, whatever else does
BEGIN, END = b"\nstream\n", b"\nendstream"  # of a stream in a PDF
LEVEL = 6
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Locked(URLFetcher):
    """Serves the document's own assets and refuses every other address."""

    def __init__(self, assets: dict[str, bytes]) -> None:
        super().__init__(allowed_protocols=[], allow_redirects=False, timeout=1)
        self.assets = assets

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
        """The asset behind `asset:<name>`; anything else raises and is left out of the document."""
        if url.startswith("asset:") and url[6:] in self.assets:
            return URLFetcherResponse(url, self.assets[url[6:]], {"Content-Type": "image/png"})
        raise ValueError(f"Refused to fetch {url[:100]}")


@lru_cache(maxsize=1)
def fonts() -> FontConfiguration:
    """Shared by all documents of a process: a new one for each costs time and leaks memory."""
    return FontConfiguration()


@lru_cache(maxsize=1)
def settle() -> None:
    """Once a document has been made, all that is loaded stays: later collections look at their document only."""
    gc.collect()
    gc.freeze()


@lru_cache(maxsize=32)
def style(accent: str, locale: str) -> CSS:
    """The parsed style sheet."""
    return CSS(string=sheet(accent, locale), font_config=fonts(), url_fetcher=Locked({}))


def logo_png(raw: bytes) -> bytes:
    """The logo drawn anew as a PNG of at most 600 x 160 pixels, whatever it was; nothing if it is no picture."""
    if not raw:
        return b""
    try:
        with Image.open(io.BytesIO(raw)) as image:
            if image.width * image.height > MOST_LOGO_PIXELS:
                return b""
            picture = image.convert("RGBA")
    except (UnidentifiedImageError, OSError):
        return b""
    picture.thumbnail((600, 160))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def html_of(document: InvoiceDocument, *, has_logo: bool) -> str:
    """The document as HTML; everything from people is escaped by the template engine."""
    terms = document.terms_days
    with translation.override(document.locale.replace("_", "-").lower()):
        return render_to_string(
            "documents/invoice.html",
            {
                "document": document,
                "rtl": right_to_left(document.locale),
                "groups": with_sums(document),
                "label": labels(document.locale),
                "period": statement_labels(document.locale),
                "terms": counted("term", str(terms), document.locale) if terms else "",
                "has_logo": has_logo,
                "void_word": void_word(document),
            },
        )


def with_sums(document: InvoiceDocument) -> list[dict[str, Any]]:
    """The groups with [(line, sum up to it)]; no sums where all lines stand on one page anyway."""
    rows = sum(1 + len(line.steps) for group in document.groups for line in group.lines)
    total, summed = 0, rows > ONE_PAGE

    def pairs(group: LineGroup) -> Iterator[tuple[DocumentLine, int | None]]:
        nonlocal total
        for line in group.lines:
            total += line.amount_minor
            yield line, total if summed else None

    return [{"group": group, "lines": list(pairs(group))} for group in document.groups]


def void_word(document: InvoiceDocument) -> str:
    """How a voided document is called: in French, say, an invoice and a credit note differ."""
    return labels(document.locale)["void_note" if document.kind == "credit_note" else "void"]


def render_pdf(document: InvoiceDocument, e_invoice: bytes = b"") -> bytes:
    """The PDF's bytes; with an e-invoice in CII a PDF/A-3 that carries it. Raises whatever the renderer raises: the
    job shows it and can be run again.
    """
    collecting = gc.isenabled()
    gc.disable()  # a third quicker on long documents; what it makes is thrown away together below
    try:
        return printed(document, e_invoice)
    finally:
        if collecting:
            gc.enable()
            settle()
            gc.collect()


def render_statement(document: StatementDocument) -> bytes:
    """The PDF of a statement of account. The same content gives the same bytes."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        logo = logo_png(document.logo)
        html = statement_html(document, has_logo=bool(logo))
        rendered = laid_out(html, logo, document.accent, document.locale)
        rendered.metadata.title = f"{statement_labels(document.locale)['statement']} {document.last:%Y-%m-%d}"
        rendered.metadata.authors = [document.seller.name]
        rendered.metadata.created = rendered.metadata.modified = iso(None)
        return written(rendered, document.digest[:32])
    finally:
        if collecting:
            gc.enable()
            settle()
            gc.collect()


def statement_html(document: StatementDocument, *, has_logo: bool) -> str:
    """The statement as HTML, escaped by the template engine."""
    label = statement_labels(document.locale)
    with translation.override(document.locale.replace("_", "-").lower()):
        lines = [{"line": line, "what": label[line.kind]} for line in document.lines]
        return render_to_string(
            "documents/statement.html",
            {
                "document": document,
                "rtl": right_to_left(document.locale),
                "lines": lines,
                "label": label,
                "words": labels(document.locale),
                "ages": [(label[name], minor) for name, minor in document.ages],
                "has_logo": has_logo,
            },
        )


def render_receipt(document: ReceiptDocument) -> bytes:
    """The PDF of a receipt. The same receipt gives the same bytes."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        logo = logo_png(document.logo)
        html = receipt_html(document, has_logo=bool(logo))
        rendered = laid_out(html, logo, document.accent, document.locale)
        rendered.metadata.title = f"{receipt_labels(document.locale)['receipt']} {document.number}"
        rendered.metadata.authors = [document.seller.name]
        rendered.metadata.created = rendered.metadata.modified = iso(document.made_at)
        return written(rendered, document.reference)
    finally:
        if collecting:
            gc.enable()
            settle()
            gc.collect()


def receipt_html(document: ReceiptDocument, *, has_logo: bool) -> str:
    """The receipt as HTML, escaped by the template engine."""
    label, words = receipt_labels(document.locale), labels(document.locale)
    with translation.override(document.locale.replace("_", "-").lower()):
        return render_to_string(
            "documents/receipt.html",
            {
                "document": document,
                "rtl": right_to_left(document.locale),
                "label": label,
                "words": words,
                "parties": words | {name: label[name] for name in ("from", "to")},
                "has_logo": has_logo,
            },
        )


def laid_out(html: str, logo: bytes, accent: str, locale: str) -> Document:
    """The pages of a document."""
    page = Markup(html, Locked({"logo": logo} if logo else {}))
    return page.render(font_config=fonts(), stylesheets=[style(accent, locale)])


def printed(document: InvoiceDocument, e_invoice: bytes) -> bytes:
    """Lay out and write. A function of its own, so that nothing of the document is held when it is thrown away."""
    logo = logo_png(document.logo)
    words = labels(document.locale)
    rendered = laid_out(html_of(document, has_logo=bool(logo)), logo, document.accent, document.locale)
    metadata = rendered.metadata
    metadata.title = f"{words[document.kind]} {document.number}".strip()
    if document.voided:
        metadata.title += f" ({void_word(document)})"
    metadata.authors = [document.seller.name]
    metadata.created = metadata.modified = iso(document.made_at)
    if e_invoice:
        attach(metadata, e_invoice, document.made_at or LONG_AGO)
    return written(rendered, identifier(document), pdf_variant="pdf/a-3b" if e_invoice else None)


def written(rendered: Document, name: str, **options: Any) -> bytes:
    """The file; `name` is its own id, the same each time."""
    return bytes(rendered.write_pdf(pdf_identifier=name.encode(), finisher=pack, **options))


def pack(_: Document, pdf: Any) -> None:
    """Compress each stream once, as zlib does usually: else it is done twice, for the file and for a checksum in it,
    and with a level that takes a tenth of the whole time to save a hundredth of the size.
    """
    for part in pdf.objects:
        if getattr(part, "compress", False):
            part.compress = False
            content = part.data
            plain = content[content.index(BEGIN) + len(BEGIN) : -len(END)]
            part.stream, part.extra["Filter"] = [zlib.compress(plain, LEVEL)], "/FlateDecode"


def identifier(document: InvoiceDocument) -> str:
    """The file's own id, the same each time it is made; the stamped file is another one."""
    return f"{document.reference}{'-void' if document.voided else ''}"


def iso(moment: datetime | None) -> str:
    """A fixed moment, so that the bytes do not depend on when they are made."""
    return (moment or LONG_AGO).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
