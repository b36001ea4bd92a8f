# Made by tools/unasync.py from _async/payments.py: change it there.
"""Payments, refunds and credit notes."""

from __future__ import annotations

from typing import Iterator, Optional

from typing_extensions import Unpack

from .._wire import given, path
from ..fields import CreditNoteQuery, Mail, NewCreditNote, PaymentQuery
from ..fields.base import Number
from ..types import CreditNote, DocumentLink, PaginatedResponse, Payment, Record, Refund
from .resource import Resource


class PaymentsResource(Resource):
    """`client.payments`"""

    def get(self, payment_id: str) -> Payment:
        """One payment."""
        return self._call(Payment, "GET", path("/payments/{}", payment_id))

    def list(self, **query: Unpack[PaymentQuery]) -> PaginatedResponse[Payment]:
        """A page of payments."""
        return self._list(Payment, "/payments", query)

    def iterate(self, **query: Unpack[PaymentQuery]) -> Iterator[Payment]:
        """All payments that the query finds, over all pages."""
        return self._walk(Payment, "/payments", query)

    def refund(
        self,
        payment_id: str,
        *,
        amount: Optional[Number] = None,
        reason: str = "",
        reference: str = "",
        by_hand: bool = False,
        idempotency_key: Optional[str] = None,
    ) -> Refund:
        """Give money back; without `amount` all that is left. What came online goes back through its provider,
        unless it was sent otherwise already (`by_hand`).
        """
        place = path("/payments/{}/refund", payment_id)
        body = given(amount=amount, reason=reason, reference=reference, by_hand=by_hand)
        return self._call(Refund, "POST", place, body=body, idempotency_key=idempotency_key)

    def get_receipt(self, payment_id: str) -> Record:
        """Its receipt."""
        return self._call(Record, "GET", path("/payments/{}/receipt", payment_id))


class CreditNotesResource(Resource):
    """`client.credit_notes`"""

    def create(self, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewCreditNote]) -> CreditNote:
        """Take back some of an issued invoice: as credit, as money, or off the invoice."""
        return self._call(CreditNote, "POST", "/credit-notes", body=fields, idempotency_key=idempotency_key)

    def get(self, credit_note_id: str) -> CreditNote:
        """One credit note."""
        return self._call(CreditNote, "GET", path("/credit-notes/{}", credit_note_id))

    def list(self, **query: Unpack[CreditNoteQuery]) -> PaginatedResponse[CreditNote]:
        """A page of credit notes."""
        return self._list(CreditNote, "/credit-notes", query)

    def iterate(self, **query: Unpack[CreditNoteQuery]) -> Iterator[CreditNote]:
        """All credit notes that the query finds, over all pages."""
        return self._walk(CreditNote, "/credit-notes", query)

    def estimate(self, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewCreditNote]) -> Record:
        """What it would come to. Nothing is stored."""
        place = "/credit-notes/estimate"
        return self._call(Record, "POST", place, body=fields, idempotency_key=idempotency_key)

    def void(
        self, credit_note_id: str, *, reason: str = "", idempotency_key: Optional[str] = None
    ) -> CreditNote:
        """Its credit that is left is gone."""
        place, body = path("/credit-notes/{}/void", credit_note_id), {"reason": reason}
        return self._call(CreditNote, "POST", place, body=body, idempotency_key=idempotency_key)

    def send(
        self, credit_note_id: str, *, idempotency_key: Optional[str] = None, **fields: Unpack[Mail]
    ) -> Record:
        """By e-mail, to the customer's address unless `to` says otherwise."""
        place = path("/credit-notes/{}/send", credit_note_id)
        return self._call(Record, "POST", place, body=fields, idempotency_key=idempotency_key)

    def get_pdf(self, credit_note_id: str) -> DocumentLink:
        """Where the PDF is served (`url`), and whether it has been made yet (`status`)."""
        return self._call(DocumentLink, "GET", path("/credit-notes/{}/pdf", credit_note_id))

    def download_pdf(self, credit_note_id: str, *, patience: float = 30.0) -> bytes:
        """The PDF itself; one that is being made is waited for, so many seconds at most."""
        return self._document(path("/credit-notes/{}/pdf", credit_note_id), patience)

    def download_xml(self, credit_note_id: str, *, format: str = "ubl") -> bytes:
        """The e-invoice, `ubl` or `cii`."""
        return self._bytes(path("/credit-notes/{}/xml", credit_note_id), {"format": format})
