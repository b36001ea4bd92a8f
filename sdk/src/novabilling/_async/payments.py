"""Payments, refunds and credit notes."""

from __future__ import annotations

from typing import AsyncIterator, Optional

from typing_extensions import Unpack

from .._wire import given, path
from ..fields import CreditNoteQuery, Mail, NewCreditNote, PaymentQuery
from ..fields.base import Number
from ..types import CreditNote, DocumentLink, PaginatedResponse, Payment, Record, Refund
from .resource import AsyncResource


class AsyncPaymentsResource(AsyncResource):
    """`client.payments`"""

    async def get(self, payment_id: str) -> Payment:
        """One payment."""
        return await self._call(Payment, "GET", path("/payments/{}", payment_id))

    async def list(self, **query: Unpack[PaymentQuery]) -> PaginatedResponse[Payment]:
        """A page of payments."""
        return await self._list(Payment, "/payments", query)

    def iterate(self, **query: Unpack[PaymentQuery]) -> AsyncIterator[Payment]:
        """All payments that the query finds, over all pages."""
        return self._walk(Payment, "/payments", query)

    async def refund(
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
        return await self._call(Refund, "POST", place, body=body, idempotency_key=idempotency_key)

    async def get_receipt(self, payment_id: str) -> Record:
        """Its receipt."""
        return await self._call(Record, "GET", path("/payments/{}/receipt", payment_id))


class AsyncCreditNotesResource(AsyncResource):
    """`client.credit_notes`"""

    async def create(
        self, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewCreditNote]
    ) -> CreditNote:
        """Take back some of an issued invoice: as credit, as money, or off the invoice."""
        return await self._call(
            CreditNote, "POST", "/credit-notes", body=fields, idempotency_key=idempotency_key
        )

    async def get(self, credit_note_id: str) -> CreditNote:
        """One credit note."""
        return await self._call(CreditNote, "GET", path("/credit-notes/{}", credit_note_id))

    async def list(self, **query: Unpack[CreditNoteQuery]) -> PaginatedResponse[CreditNote]:
        """A page of credit notes."""
        return await self._list(CreditNote, "/credit-notes", query)

    def iterate(self, **query: Unpack[CreditNoteQuery]) -> AsyncIterator[CreditNote]:
        """All credit notes that the query finds, over all pages."""
        return self._walk(CreditNote, "/credit-notes", query)

    async def estimate(
        self, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewCreditNote]
    ) -> Record:
        """What it would come to. Nothing is stored."""
        place = "/credit-notes/estimate"
        return await self._call(Record, "POST", place, body=fields, idempotency_key=idempotency_key)

    async def void(
        self, credit_note_id: str, *, reason: str = "", idempotency_key: Optional[str] = None
    ) -> CreditNote:
        """Its credit that is left is gone."""
        place, body = path("/credit-notes/{}/void", credit_note_id), {"reason": reason}
        return await self._call(CreditNote, "POST", place, body=body, idempotency_key=idempotency_key)

    async def send(
        self, credit_note_id: str, *, idempotency_key: Optional[str] = None, **fields: Unpack[Mail]
    ) -> Record:
        """By e-mail, to the customer's address unless `to` says otherwise."""
        place = path("/credit-notes/{}/send", credit_note_id)
        return await self._call(Record, "POST", place, body=fields, idempotency_key=idempotency_key)

    async def get_pdf(self, credit_note_id: str) -> DocumentLink:
        """Where the PDF is served (`url`), and whether it has been made yet (`status`)."""
        return await self._call(DocumentLink, "GET", path("/credit-notes/{}/pdf", credit_note_id))

    async def download_pdf(self, credit_note_id: str, *, patience: float = 30.0) -> bytes:
        """The PDF itself; one that is being made is waited for, so many seconds at most."""
        return await self._document(path("/credit-notes/{}/pdf", credit_note_id), patience)

    async def download_xml(self, credit_note_id: str, *, format: str = "ubl") -> bytes:
        """The e-invoice, `ubl` or `cii`."""
        return await self._bytes(path("/credit-notes/{}/xml", credit_note_id), {"format": format})
