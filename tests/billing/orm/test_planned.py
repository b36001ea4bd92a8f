"""Statements whose plan the database keeps."""

from __future__ import annotations

import pytest
from django.db import DataError, connection, transaction
from django.test.utils import CaptureQueriesContext

from billing.orm.planned import planned

pytestmark = pytest.mark.django_db
ADD = "SELECT %s::int + %s::int AS planned_sum"


def kept() -> list[str]:
    """The statements of this connection that have been prepared."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%planned_sum'")
        return [row[0] for row in cursor.fetchall()]


def test_a_statement_that_comes_again_is_prepared_and_takes_other_values() -> None:
    found = []
    for number in range(5):
        with planned() as cursor:
            cursor.execute(ADD, [number, 1])
            found.append(cursor.fetchone()[0])
    assert found == [1, 2, 3, 4, 5]
    assert kept() == ["SELECT $1::int + $2::int AS planned_sum"]


def test_an_error_of_it_is_one_of_djangos_and_harms_no_later_one() -> None:
    for number in (0, 1, 2, 0, 4):
        with planned() as cursor:
            if number:
                cursor.execute("SELECT 4 / %s::int", [number])
                assert cursor.fetchone()[0] == 4 // number
            else:
                with pytest.raises(DataError), transaction.atomic():
                    cursor.execute("SELECT 4 / %s::int", [number])


def test_a_log_of_queries_shows_the_values() -> None:
    with CaptureQueriesContext(connection) as found, planned() as cursor:
        cursor.execute(ADD, [20, 3])
    assert [query["sql"] for query in found.captured_queries] == ["SELECT 20::int + 3::int AS planned_sum"]
