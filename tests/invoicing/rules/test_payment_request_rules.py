"""When a payment request ends by itself, and how."""

from __future__ import annotations

import pytest

from invoicing.rules.payment_requests import AskedFor, CloseReason, RequestStatus, outcome

PAID = (RequestStatus.SUCCEEDED, CloseReason.PAID)
SETTLED = (RequestStatus.CANCELED, CloseReason.SETTLED)


@pytest.mark.parametrize(
    ("parts", "ended"),
    [
        ([(10000, 0), (5000, 0)], None),
        ([(0, 10000), (5000, 0)], None),
        ([(0, 10000), (1, 4999)], None),
        ([(0, 10000), (0, 5000)], PAID),
        ([(0, 10000), (0, 0)], PAID),  # the second was voided
        ([(0, 1)], PAID),  # a cent came, the rest was given up
        ([(0, 0), (0, 0)], SETTLED),
    ],
)
def test_open_until_nothing_is_due(parts: list[tuple[int, int]], ended: object) -> None:
    assert outcome(AskedFor(due, came) for due, came in parts) == ended
