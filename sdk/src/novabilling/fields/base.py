"""What numbers and times may be given as, and what every list understands."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Optional, Union

from typing_extensions import TypedDict

Number = Union[int, float, Decimal, str]
Moment = Union[datetime, str]
Day = Union[date, str]


class PageQuery(TypedDict, total=False):
    """A page of a list and its order: `sort_by` a field, `sort_order` asc or desc. `cursor`: the `next_cursor` of the
    page before.
    """

    page: Optional[int]
    limit: Optional[int]
    cursor: Optional[str]
    sort_by: Optional[str]
    sort_order: Optional[str]
