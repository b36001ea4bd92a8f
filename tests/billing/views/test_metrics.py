"""Metric pages: list, drawer, view, deletion, roles, strangers."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing.models import Metric, Organization
from tests.factories.catalog import make_metric, make_plan, subscribe
from tests.factories.people import make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def admin(client: Client, acme: Organization) -> Client:
    return sign_in(client, make_member(acme))


def test_list_search_and_partial(admin: Client, acme: Organization) -> None:
    metric = make_metric(acme, "calls", "count", name="API calls")
    make_metric(acme, "disk", name="Storage")
    make_metric(make_organization("Other"), name="Secret")
    make_plan(acme, [metric])
    page = admin.get("/metrics").context["page"]
    assert [(row.name, row.plans_count) for row in page] == [("API calls", 1), ("Storage", 0)]
    response = admin.get("/metrics?q=DISK", headers=HTMX | {"HX-Target": "metric-table"})
    html = response.content.decode()
    assert "Storage" in html
    assert "API calls" not in html
    assert "<html" not in html


def test_a_metric_is_added_in_the_drawer_with_a_code_from_its_name(admin: Client, acme: Organization) -> None:
    drawer = HTMX | {"HX-Target": "drawer"}
    assert "<html" not in admin.get("/metrics/add", headers=drawer).content.decode()
    data = {"name": "Données (Go)", "code": "", "aggregation": "sum", "field_name": "bytes"}
    response = admin.post("/metrics/add", data, headers=drawer)
    metric = Metric.objects.get()
    assert (metric.code, metric.field_name, metric.aggregation) == ("donnees_go", "bytes", "sum")
    assert response["HX-Redirect"] == f"/metrics/{metric.public_id}"
    again = admin.post("/metrics/add", data | {"code": "donnees_go"}, headers=drawer)
    assert again.status_code == 422
    assert "has the code donnees_go" in again.content.decode()
    assert admin.get("/code-suggestion/metric?name=Donnees GO&code=").context["code"] == "donnees_go_2"
    assert admin.get("/code-suggestion/metric?name=x&code=mine").context["code"] == "mine"
    assert admin.get("/code-suggestion/nothing?name=x").status_code == 404


def test_a_metric_that_stays_in_use_and_is_rounded(admin: Client, acme: Organization) -> None:
    data = {"name": "Seats", "aggregation": "weighted_sum", "field_name": "seats", "recurring": "on"}
    admin.post("/metrics/add", data | {"rounding": "ceil", "rounding_precision": "-1"})
    metric = Metric.objects.get()
    assert (metric.recurring, metric.rounding, metric.rounding_precision) == (True, "ceil", -1)
    shown = admin.get(f"/metrics/{metric.public_id}").content.decode()
    assert "Yes, in later periods too" in shown and "Up, -1 decimals" in shown
    admin.post(f"/metrics/{metric.public_id}/edit", data | {"aggregation": "max", "code": "seats"})
    metric.refresh_from_db()
    assert (metric.aggregation, metric.recurring, metric.rounding_precision) == ("max", False, 0)


def test_what_is_missing_is_told_at_the_field(admin: Client) -> None:
    response = admin.post("/metrics/add", {"name": "", "code": "a b", "aggregation": "max"})
    assert response.status_code == 422
    assert set(response.context["form"].errors) == {"name", "code", "field_name"}
    response = admin.post("/metrics/add", {"name": "!!", "aggregation": "count"})
    assert set(response.context["form"].errors) == {"code"}
    assert not Metric.objects.exists()


def test_view_edit_and_delete(admin: Client, acme: Organization) -> None:
    metric = make_metric(acme, "calls", field_name='it\'s "quoted"')
    plan = make_plan(acme, [metric], name="Pro")
    row = subscribe(plan)
    path = f"/metrics/{metric.public_id}"
    html = admin.get(path).content.decode()
    assert "Pro" in html
    assert "/api/events" in html
    assert "it&#x27;\\&#x27;&#x27;s" in html
    data = {"name": "Calls", "code": "calls", "aggregation": "count", "field_name": "left over"}
    assert admin.post(f"{path}/edit", data).status_code == 302
    metric.refresh_from_db()
    assert (metric.name, metric.aggregation, metric.field_name) == ("Calls", "count", "")
    assert "1 subscription<" in admin.get(f"{path}/delete").content.decode()
    assert admin.post(f"{path}/delete").status_code == 422
    row.status = "canceled"
    row.save()
    assert "taken off 1 plan" in admin.get(f"{path}/delete").content.decode()
    assert admin.post(f"{path}/delete").status_code == 302
    assert admin.get(path).status_code == 404


def test_names_are_shown_as_text(admin: Client, acme: Organization) -> None:
    evil = "<img src=x onerror=alert(1)>"
    metric = make_metric(acme, name=evil, description=evil, field_name=evil)
    for path in ("/metrics", *(f"/metrics/{metric.public_id}{end}" for end in ("", "/edit", "/delete"))):
        assert evil not in admin.get(path).content.decode(), path


def test_strangers_get_404(client: Client, acme: Organization) -> None:
    metric = make_metric(acme)
    sign_in(client, make_member(make_organization("Other")))
    for end in ("", "/edit", "/delete"):
        assert client.get(f"/metrics/{metric.public_id}{end}").status_code == 404


@pytest.mark.parametrize(
    ("role", "status"), [("admin", 200), ("finance", 403), ("manager", 403), ("support", 403)]
)
def test_roles(client: Client, acme: Organization, role: str, status: int) -> None:
    metric = make_metric(acme)
    sign_in(client, make_member(acme, role))
    assert client.get(f"/metrics/{metric.public_id}").status_code == 200
    for path in ("/metrics/add", f"/metrics/{metric.public_id}/edit", f"/metrics/{metric.public_id}/delete"):
        assert client.get(path).status_code == status


def test_the_list_takes_the_same_queries(
    admin: Client, acme: Organization, django_assert_num_queries: Any
) -> None:
    for _ in range(4):
        make_plan(acme, [make_metric(acme)])
    admin.get("/metrics")
    with django_assert_num_queries(4):
        admin.get("/metrics")


def test_an_expression_is_tried_before_it_is_saved(admin: Client) -> None:
    data = {"name": "Traffic", "aggregation": "sum", "expression": "event.properties.gb * 2", "do": "try"}
    target = HTMX | {"HX-Target": "expression-tried"}
    html = admin.post("/metrics/add", data | {"sample": '{"gb": 1.25}'}, headers=target).content.decode()
    assert '<b class="mono">2.5</b>' in html and "<html" not in html
    html = admin.post("/metrics/add", data | {"sample": "{}"}, headers=target).content.decode()
    assert "The sample event: the metric&#x27;s expression needs the property “gb”" in html
    wrong = data | {"expression": "gb * 2", "sample": "{}"}
    html = admin.post("/metrics/add", wrong, headers=target).content.decode()
    assert "The expression: at character" in html
    # Without JavaScript the whole form comes back as it was typed.
    page = admin.post("/metrics/add", data | {"sample": '{"gb": 1.25}'})
    html = page.content.decode()
    assert page.status_code == 200
    assert (
        '<b class="mono">2.5</b>' in html and 'value="Traffic"' in html and "event.properties.gb * 2" in html
    )
    assert not Metric.objects.exists()
    admin.post("/metrics/add", data | {"do": ""})
    metric = Metric.objects.get()
    assert (metric.expression, metric.field_name) == ("event.properties.gb * 2", "")
    shown = admin.get(f"/metrics/{metric.public_id}").content.decode()
    assert "<code>event.properties.gb * 2</code>" in shown and "{&quot;gb&quot;: 12.5}" in shown
    tried = admin.post(f"/metrics/{metric.public_id}/edit", data | {"sample": '{"gb": 3}'})
    assert '<b class="mono">6</b>' in tried.content.decode()


def test_a_mistake_in_an_expression_is_told_at_its_field(admin: Client) -> None:
    data = {"name": "Traffic", "aggregation": "sum", "expression": "event.properties.gb *"}
    response = admin.post("/metrics/add", data)
    assert response.status_code == 422
    assert response.context["form"].errors["expression"] == [
        "At character 22: it ends too early; a value or a “)” is missing."
    ]


def rows(*pairs: tuple[str, str], **more: str) -> dict[str, str]:
    """Filters as the form sends them."""
    data = {"filters-TOTAL_FORMS": str(len(pairs)), "filters-INITIAL_FORMS": "0"}
    for number, (key, values) in enumerate(pairs):
        data |= {f"filters-{number}-key": key, f"filters-{number}-values": values}
    return {"name": "Calls", "code": "calls", "aggregation": "count"} | data | more


def test_filters_are_added_changed_and_kept(admin: Client, acme: Organization) -> None:
    admin.post("/metrics/add", rows(("region", "eu, us ,eu"), ("", ""), ("tier", "gold")))
    metric = Metric.objects.get()
    region = {"key": "region", "values": ["eu", "us"]}
    assert metric.filters == [region, {"key": "tier", "values": ["gold"]}]
    path = f"/metrics/{metric.public_id}"
    assert "eu, us" in admin.get(path).content.decode()
    assert 'value="eu, us"' in admin.get(f"{path}/edit").content.decode()
    removed = rows(("region", "eu,us"), ("tier", "gold")) | {"filters-1-DELETE": "on"}
    admin.post(f"{path}/edit", removed)
    metric.refresh_from_db()
    assert metric.filters == [region]
    admin.post(f"{path}/edit", {"name": "Renamed", "code": "calls", "aggregation": "count"})
    metric.refresh_from_db()
    assert (metric.name, metric.filters) == ("Renamed", [region])
    typed = admin.post(f"{path}/edit", rows(("site", "x"), do="try", expression="1"))
    assert 'value="site"' in typed.content.decode()


def test_what_is_wrong_with_a_filter_stands_at_its_row(admin: Client) -> None:
    response = admin.post("/metrics/add", rows(("", ""), ("region", ""), ("tier", "x"), ("tier", "y")))
    assert response.status_code == 422
    found = [dict(row.errors) for row in response.context["form"].filter_rows.forms]
    assert found == [
        {},
        {"values": ["Enter at least one value."]},
        {},
        {"key": ["This property is named twice."]},
    ]
    assert not Metric.objects.exists()
