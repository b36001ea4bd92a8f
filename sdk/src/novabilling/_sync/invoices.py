# Made by tools/unasync.py from _async/invoices.py: change it there.
"""Invoices."""

from __future__ import annotations

from typing import Iterator, Optional, Sequence, Union

from typing_extensions import Unpack

from .._wire import given, path
from ..fields import (
    InvoiceChanges,
    InvoicePreview,
    InvoiceQuery,
    LineChanges,
    Mail,
    NewInvoice,
    NewInvoiceItem,
    NewLine,
    RemadeLine,
)
from ..fields.base import Number
from ..types import DocumentLink, Invoice, InvoiceItemDto, PaginatedResponse, Record
from .resource import Resource


class InvoicesResource(Resource):
    """`client.invoices`"""

    def create(self, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewInvoice]) -> Invoice:
        """A one-off invoice: a draft until it is finalised."""
        return self._call(Invoice, "POST", "/invoices", body=fields, idempotency_key=idempotency_key)

    def get(self, invoice_id: str) -> Invoice:
        """One invoice."""
        return self._call(Invoice, "GET", path("/invoices/{}", invoice_id))

    def update(
        self, invoice_id: str, *, if_match: Optional[str] = None, **fields: Unpack[InvoiceChanges]
    ) -> Invoice:
        """Change what may still change: terms of a draft, notes and metadata of an issued one."""
        place = path("/invoices/{}", invoice_id)
        return self._call(Invoice, "PATCH", place, body=fields, if_match=if_match)

    def list(self, **query: Unpack[InvoiceQuery]) -> PaginatedResponse[Invoice]:
        """A page of invoices."""
        return self._list(Invoice, "/invoices", query)

    def iterate(self, **query: Unpack[InvoiceQuery]) -> Iterator[Invoice]:
        """All invoices that the query finds, over all pages."""
        return self._walk(Invoice, "/invoices", query)

    def preview(self, *, idempotency_key: Optional[str] = None, **fields: Unpack[InvoicePreview]) -> Record:
        """The invoice that would be made. Nothing is stored."""
        return self._call(Record, "POST", "/invoices/preview", body=fields, idempotency_key=idempotency_key)

    def finalize(
        self,
        invoice_id: str,
        *,
        expected_total: Optional[Number] = None,
        idempotency_key: Optional[str] = None,
    ) -> Invoice:
        """Issue a draft: it gets its number and never changes again. With `expected_total` no other amount is
        issued.
        """
        place, body = path("/invoices/{}/finalize", invoice_id), given(expected_total=expected_total)
        return self._call(Invoice, "POST", place, body=body, idempotency_key=idempotency_key)

    def refresh(self, invoice_id: str, *, idempotency_key: Optional[str] = None) -> Invoice:
        """Compute a draft anew."""
        place = path("/invoices/{}/refresh", invoice_id)
        return self._call(Invoice, "POST", place, idempotency_key=idempotency_key)

    def void(self, invoice_id: str, *, reason: str = "", idempotency_key: Optional[str] = None) -> Invoice:
        """Withdraw an issued invoice that nobody has paid."""
        place, body = path("/invoices/{}/void", invoice_id), {"reason": reason}
        return self._call(Invoice, "POST", place, body=body, idempotency_key=idempotency_key)

    def mark_paid(
        self,
        invoice_id: str,
        *,
        payment_method: Optional[str] = None,
        reference: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> Invoice:
        """Everything that was due has been paid elsewhere."""
        place = path("/invoices/{}/mark-paid", invoice_id)
        body = given(payment_method=payment_method, reference=reference)
        return self._call(Invoice, "POST", place, body=body, idempotency_key=idempotency_key)

    def get_pdf(self, invoice_id: str) -> DocumentLink:
        """Where the PDF is served (`url`), and whether it has been made yet (`status`)."""
        return self._call(DocumentLink, "GET", path("/invoices/{}/pdf", invoice_id))

    def download_pdf(self, invoice_id: str, *, patience: float = 30.0) -> bytes:
        """The PDF itself; one that is being made is waited for, so many seconds at most."""
        return self._document(path("/invoices/{}/pdf", invoice_id), patience)

    def download_xml(self, invoice_id: str, *, format: str = "ubl") -> bytes:
        """The e-invoice, `ubl` or `cii`."""
        return self._bytes(path("/invoices/{}/xml", invoice_id), {"format": format})

    def explain(self, invoice_id: str, *, rerate: bool = False) -> Record:
        """Where each amount comes from. `rerate`: usage measured again with the events of now."""
        place = path("/invoices/{}/explain", invoice_id)
        return self._call(Record, "GET", place, query={"rerate": rerate})

    def send(
        self, invoice_id: str, *, idempotency_key: Optional[str] = None, **fields: Unpack[Mail]
    ) -> Record:
        """By e-mail, to the customer's address unless `to` says otherwise."""
        place = path("/invoices/{}/send", invoice_id)
        return self._call(Record, "POST", place, body=fields, idempotency_key=idempotency_key)

    def create_checkout(
        self, invoice_id: str, *, callback_url: Optional[str] = None, idempotency_key: Optional[str] = None
    ) -> Record:
        """A page of the payment provider where the invoice can be paid."""
        place, body = path("/invoices/{}/checkout", invoice_id), given(callback_url=callback_url)
        return self._call(Record, "POST", place, body=body, idempotency_key=idempotency_key)

    def charge(self, invoice_id: str, *, idempotency_key: Optional[str] = None) -> Record:
        """Charge the customer's card or account now."""
        place = path("/invoices/{}/charge", invoice_id)
        return self._call(Record, "POST", place, idempotency_key=idempotency_key)

    def regenerate(
        self,
        invoice_id: str,
        *,
        lines: Optional[Sequence[RemadeLine]] = None,
        items: Sequence[Union[InvoiceItemDto, NewInvoiceItem]] = (),
        idempotency_key: Optional[str] = None,
    ) -> Invoice:
        """A new draft from a voided invoice: the lines that stay (without `lines` all), and what is added."""
        place, body = path("/invoices/{}/regenerate", invoice_id), given(lines=lines, items=list(items))
        return self._call(Invoice, "POST", place, body=body, idempotency_key=idempotency_key)

    def dispute(self, invoice_id: str, *, reason: str = "", idempotency_key: Optional[str] = None) -> Invoice:
        """The customer does not agree: it is not collected meanwhile."""
        place = path("/invoices/{}/dispute", invoice_id)
        return self._call(Invoice, "POST", place, body={"reason": reason}, idempotency_key=idempotency_key)

    def end_dispute(
        self, invoice_id: str, *, outcome: str, note: str = "", idempotency_key: Optional[str] = None
    ) -> Invoice:
        """How the dispute ended."""
        place, body = path("/invoices/{}/dispute/end", invoice_id), {"outcome": outcome, "note": note}
        return self._call(Invoice, "POST", place, body=body, idempotency_key=idempotency_key)

    def write_off(
        self,
        invoice_id: str,
        *,
        kind: str = "bad_debt",
        reason: str = "",
        expected_amount: Optional[Number] = None,
        idempotency_key: Optional[str] = None,
    ) -> Invoice:
        """Give up what is due: small_difference, bad_debt, goodwill or other."""
        place = path("/invoices/{}/write-off", invoice_id)
        body = given(kind=kind, reason=reason, expected_amount=expected_amount)
        return self._call(Invoice, "POST", place, body=body, idempotency_key=idempotency_key)

    def undo_write_off(self, invoice_id: str, *, idempotency_key: Optional[str] = None) -> Invoice:
        """What was given up is owed again."""
        place = path("/invoices/{}/undo-write-off", invoice_id)
        return self._call(Invoice, "POST", place, idempotency_key=idempotency_key)

    # --- Lines of a draft
    def add_line(
        self, invoice_id: str, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewLine]
    ) -> Invoice:
        """A line more."""
        place = path("/invoices/{}/lines", invoice_id)
        return self._call(Invoice, "POST", place, body=fields, idempotency_key=idempotency_key)

    def update_line(self, invoice_id: str, line_id: str, **fields: Unpack[LineChanges]) -> Invoice:
        """What a line says instead; None takes a change back."""
        place = path("/invoices/{}/lines/{}", invoice_id, line_id)
        return self._call(Invoice, "PATCH", place, body=fields)

    def remove_line(self, invoice_id: str, line_id: str) -> Invoice:
        """Remove a line that was added, or take all changes of one back."""
        return self._call(Invoice, "DELETE", path("/invoices/{}/lines/{}", invoice_id, line_id))
