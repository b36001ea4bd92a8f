"""Counting and sorting in one look gives the window that counting and then sorting gives."""

from __future__ import annotations

from random import Random

import pytest

from billing.models import Metric
from billing.orm.windows import Order, capped_count, found_at_once, numbered
from tests.factories.catalog import make_metric
from tests.factories.people import make_organization

pytestmark = pytest.mark.django_db
PAGES = (None, "", "1", "2", "3", "4", "5", "99", "0", "-1", "x", "99999999999999999999")


@pytest.mark.parametrize("matches", [0, 1, 4, 5, 8, 9])
def test_windows_are_the_same(matches: int) -> None:
    organization, dice = make_organization(), Random(matches)
    for number in range(matches):
        make_metric(organization, name=dice.choice(["A", "b", "Ä", "Z z"]), code=f"c{number}")
    make_metric(make_organization("Else"))
    rows = Metric.objects.of(organization)
    for order in (Order("name"), Order("name", True), Order("created_at"), Order("created_at", True)):
        for page in PAGES:
            found = found_at_once(rows, order, page, size=3, most=8)
            if matches > 8:
                assert found is None
                continue
            count = capped_count(rows, 8)
            assert found == numbered(rows, order, count, page, size=3, indexed=False), (order, page)


def test_rows_that_cannot_be_there() -> None:
    rows = Metric.objects.of(make_organization()).filter(pk__in=[])
    order = Order("name")
    assert found_at_once(rows, order, "2", size=3) == numbered(rows, order, 0, "2", size=3, indexed=False)
