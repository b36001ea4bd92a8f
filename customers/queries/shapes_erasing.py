"""The shapes in which the erasing of personal data is answered; the OpenAPI document is made from them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from typing_extensions import TypedDict

from billing.rules.words import Words


class ErasureLineOut(TypedDict):
    """One kind of records; `count` is null where they are found only when it is done."""

    kind: str
    title: str
    explanation: str
    count: int | None


class ErasureOut(TypedDict):
    """What erasing a customer's personal data does, or has done. `keptUntil`: to which day the youngest document
    is kept by the law of its issuer's country, where that is not known for ten years.
    """

    customerId: str
    state: Annotated[str, Words("not_deleted", "merged", "possible", "running", "failed", "erased")]
    erasedAt: datetime | None
    jobId: str | None
    mergedCustomers: int
    erased: list[ErasureLineOut]
    kept: list[ErasureLineOut]
    keptUntil: date | None
