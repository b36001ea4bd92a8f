# Made by tools/unasync.py from _async/collecting.py: change it there.
"""Providers of payments, and how money is asked for."""

from __future__ import annotations

from typing import Iterator, Optional, Sequence

from typing_extensions import Unpack

from .._wire import given, path
from ..fields import (
    CampaignChanges,
    Mail,
    NewCampaign,
    NewPaymentProvider,
    NewPaymentRequest,
    PageQuery,
    PaidInvoice,
    PaymentProviderChanges,
    PaymentRequestQuery,
    ReceiptQuery,
    RemittanceQuery,
)
from ..fields.base import Number
from ..types import Deletion, PaginatedResponse, PaymentProvider, Record
from .resource import Resource


class PaymentProvidersResource(Resource):
    """`client.payment_providers`"""

    def create(
        self, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewPaymentProvider]
    ) -> PaymentProvider:
        """An account at a provider. Its credentials go in and never come out."""
        return self._call(
            PaymentProvider, "POST", "/payment-providers", body=fields, idempotency_key=idempotency_key
        )

    def get(self, provider_id: str) -> PaymentProvider:
        """One account."""
        return self._call(PaymentProvider, "GET", path("/payment-providers/{}", provider_id))

    def update(
        self, provider_id: str, *, if_match: Optional[str] = None, **fields: Unpack[PaymentProviderChanges]
    ) -> PaymentProvider:
        """Change the given fields."""
        place = path("/payment-providers/{}", provider_id)
        return self._call(PaymentProvider, "PATCH", place, body=fields, if_match=if_match)

    def list(self, **query: Unpack[PageQuery]) -> PaginatedResponse[PaymentProvider]:
        """A page of accounts, in the order in which they are chosen."""
        return self._list(PaymentProvider, "/payment-providers", query)

    def iterate(self, **query: Unpack[PageQuery]) -> Iterator[PaymentProvider]:
        """All accounts that the query finds, over all pages."""
        return self._walk(PaymentProvider, "/payment-providers", query)

    def delete(self, provider_id: str) -> Deletion:
        """Its customers stay at the provider and are no longer told."""
        return self._call(Deletion, "DELETE", path("/payment-providers/{}", provider_id))

    def test(self, provider_id: str, *, idempotency_key: Optional[str] = None) -> Record:
        """Try the credentials: `success` and `message`."""
        place = path("/payment-providers/{}/test", provider_id)
        return self._call(Record, "POST", place, idempotency_key=idempotency_key)


class PaymentRequestsResource(Resource):
    """`client.payment_requests`"""

    def create(self, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewPaymentRequest]) -> Record:
        """Ask a customer for what is overdue, in one letter with a link to pay."""
        return self._call(Record, "POST", "/payment-requests", body=fields, idempotency_key=idempotency_key)

    def get(self, request_id: str) -> Record:
        """One request."""
        return self._call(Record, "GET", path("/payment-requests/{}", request_id))

    def list(self, **query: Unpack[PaymentRequestQuery]) -> PaginatedResponse[Record]:
        """A page of requests."""
        return self._list(Record, "/payment-requests", query)

    def iterate(self, **query: Unpack[PaymentRequestQuery]) -> Iterator[Record]:
        """All requests that the query finds, over all pages."""
        return self._walk(Record, "/payment-requests", query)

    def send(
        self,
        request_id: str,
        *,
        to: Optional[Sequence[str]] = None,
        note: str = "",
        attach_invoices: bool = False,
        idempotency_key: Optional[str] = None,
    ) -> Record:
        """Once more."""
        place = path("/payment-requests/{}/send", request_id)
        body = given(to=to, note=note, attach_invoices=attach_invoices)
        return self._call(Record, "POST", place, body=body, idempotency_key=idempotency_key)

    def create_checkout(
        self, request_id: str, *, callback_url: Optional[str] = None, idempotency_key: Optional[str] = None
    ) -> Record:
        """A page of the payment provider where all that is due of it can be paid in one sum."""
        place, body = path("/payment-requests/{}/checkout", request_id), given(callback_url=callback_url)
        return self._call(Record, "POST", place, body=body, idempotency_key=idempotency_key)

    def withdraw(self, request_id: str, *, reason: str = "", idempotency_key: Optional[str] = None) -> Record:
        """Its link ends."""
        place, body = path("/payment-requests/{}/withdraw", request_id), {"reason": reason}
        return self._call(Record, "POST", place, body=body, idempotency_key=idempotency_key)


class PaymentReceiptsResource(Resource):
    """`client.payment_receipts`"""

    def get(self, receipt_id: str) -> Record:
        """One receipt."""
        return self._call(Record, "GET", path("/payment-receipts/{}", receipt_id))

    def list(self, **query: Unpack[ReceiptQuery]) -> PaginatedResponse[Record]:
        """A page of receipts."""
        return self._list(Record, "/payment-receipts", query)

    def iterate(self, **query: Unpack[ReceiptQuery]) -> Iterator[Record]:
        """All receipts that the query finds, over all pages."""
        return self._walk(Record, "/payment-receipts", query)

    def send(
        self, receipt_id: str, *, idempotency_key: Optional[str] = None, **fields: Unpack[Mail]
    ) -> Record:
        """By e-mail."""
        place = path("/payment-receipts/{}/send", receipt_id)
        return self._call(Record, "POST", place, body=fields, idempotency_key=idempotency_key)

    def download_pdf(self, receipt_id: str, *, patience: float = 30.0) -> bytes:
        """The PDF itself."""
        return self._document(path("/payment-receipts/{}/pdf", receipt_id), patience)


class RemittancesResource(Resource):
    """`client.remittances`"""

    def get(self, remittance_id: str) -> Record:
        """One transfer."""
        return self._call(Record, "GET", path("/remittances/{}", remittance_id))

    def list(self, **query: Unpack[RemittanceQuery]) -> PaginatedResponse[Record]:
        """A page of transfers."""
        return self._list(Record, "/remittances", query)

    def iterate(self, **query: Unpack[RemittanceQuery]) -> Iterator[Record]:
        """All transfers that the query finds, over all pages."""
        return self._walk(Record, "/remittances", query)

    def use(
        self,
        remittance_id: str,
        *,
        invoices: Optional[Sequence[PaidInvoice]] = None,
        wallet_id: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> Record:
        """Pay invoices, or fill a wallet, from what is left of it."""
        place, body = (
            path("/remittances/{}/use", remittance_id),
            given(invoices=invoices, wallet_id=wallet_id),
        )
        return self._call(Record, "POST", place, body=body, idempotency_key=idempotency_key)

    def give_back(
        self,
        remittance_id: str,
        *,
        amount: Optional[Number] = None,
        reason: str = "",
        reference: str = "",
        by_hand: bool = False,
        idempotency_key: Optional[str] = None,
    ) -> Record:
        """What is left goes back: by the provider that it came by, else (or `by_hand`) it is noted that it went."""
        place = path("/remittances/{}/give-back", remittance_id)
        body = given(amount=amount, reason=reason, reference=reference, by_hand=by_hand)
        return self._call(Record, "POST", place, body=body, idempotency_key=idempotency_key)


class DunningCampaignsResource(Resource):
    """`client.dunning_campaigns`"""

    def create(self, *, idempotency_key: Optional[str] = None, **fields: Unpack[NewCampaign]) -> Record:
        """A new campaign."""
        return self._call(Record, "POST", "/dunning-campaigns", body=fields, idempotency_key=idempotency_key)

    def get(self, campaign_id: str) -> Record:
        """One campaign, by id or code."""
        return self._call(Record, "GET", path("/dunning-campaigns/{}", campaign_id))

    def update(
        self, campaign_id: str, *, if_match: Optional[str] = None, **fields: Unpack[CampaignChanges]
    ) -> Record:
        """Change the given fields."""
        place = path("/dunning-campaigns/{}", campaign_id)
        return self._call(Record, "PATCH", place, body=fields, if_match=if_match)

    def list(self, **query: Unpack[PageQuery]) -> PaginatedResponse[Record]:
        """A page of campaigns."""
        return self._list(Record, "/dunning-campaigns", query)

    def iterate(self, **query: Unpack[PageQuery]) -> Iterator[Record]:
        """All campaigns that the query finds, over all pages."""
        return self._walk(Record, "/dunning-campaigns", query)

    def preview(self, campaign_id: str) -> Record:
        """Whom it would ask for what today."""
        return self._call(Record, "GET", path("/dunning-campaigns/{}/preview", campaign_id))

    def delete(self, campaign_id: str) -> None:
        """It asks nobody any more."""
        self._call(Record, "DELETE", path("/dunning-campaigns/{}", campaign_id))
