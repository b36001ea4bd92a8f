"""What numbers and times may be given as."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Union

Number = Union[int, float, Decimal, str]
Moment = Union[datetime, str]
Day = Union[date, str]
