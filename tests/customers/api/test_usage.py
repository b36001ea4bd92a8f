"""Usage over the API: the running periods and the invoiced ones."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories.people import make_key, make_organization
from tests.factories.usage import make_metered, use

pytestmark = pytest.mark.django_db


def test_usage_of_a_customer(client):
    at = timezone.now()
    subscription, [metric] = make_metered(
        started_at=at - timedelta(days=3), next_billing_at=at + timedelta(days=3)
    )
    organization = subscription.organization
    use(subscription, metric, 100, 23, at=at - timedelta(minutes=1))
    key = {"HTTP_AUTHORIZATION": f"Bearer {make_key(organization)}"}
    path = f"/api/customers/{subscription.customer.public_id}/usage"
    answer = client.get(path, **key).json()
    [row] = answer["data"]
    assert (row["subscriptionId"], row["currency"], row["eventsCount"]) == (subscription.public_id, "EUR", 2)
    assert (row["amount"], row["taxAmount"], row["totalAmount"]) == (12.3, 0, 12.3)
    assert 24 < row["projectedAmount"] < 25
    [item] = row["charges"]
    assert (item["units"], item["eventsCount"], item["amount"], item["metricCode"]) == (
        123,
        2,
        12.3,
        metric.code,
    )
    assert item["steps"]
    assert answer["meta"]["totalAmount"] == 12.3
    assert client.get(f"{path}/past", **key).json()["data"] == []
    other = {"HTTP_AUTHORIZATION": f"Bearer {make_key(make_organization('Other'))}"}
    assert client.get(path, **other).status_code == 404
    assert client.get(f"{path}/past", **other).status_code == 404
