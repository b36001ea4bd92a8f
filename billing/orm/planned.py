"""Statements that are sent hundreds of times a second: the database keeps their plan with the connection.

What the ORM sends has its values written into the text, so that each is parsed and planned anew; of a short statement
that is most of the work. These go with their values beside the text. After `prepare_threshold` (settings) times the
text is a prepared statement of the connection.

A value must have a type where the text does not give it one (`%s::uuid[]`), and a list is one array: `= ANY(%s)`.
"""

from __future__ import annotations

from typing import Any, cast

from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg import Cursor


def planned() -> CursorWrapper:
    """A cursor of the default connection, used as `connection.cursor()` is. Where queries are logged it is that one:
    a log shows what was sent with its values.
    """
    if connection.queries_logged:
        return connection.cursor()
    there = cast(Any, connection)
    there.ensure_connection()
    with there.wrap_database_errors:
        return cast(CursorWrapper, there._prepare_cursor(Cursor(there.connection)))
