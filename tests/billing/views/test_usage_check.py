"""Developers > Usage check."""

from __future__ import annotations

import pytest
from django.utils.html import strip_tags

from billing import tasks
from billing.actions.usage import ingest
from billing.models import AuditEntry, Job, UsageHour
from tests.factories.people import make_member, make_organization, sign_in
from tests.factories.usage import AT, event, make_metered

pytestmark = pytest.mark.django_db
PAGE = "/developers/usage-check"


def test_compares_says_what_was_wrong_and_repairs_it(client, django_assert_max_num_queries):
    subscription, [one, two] = make_metered(["sum", "count"])
    organization = subscription.organization
    sign_in(client, make_member(organization))
    assert "Nothing compared yet" in client.get(PAGE).content.decode()
    ingest(organization, [event(subscription, one, 5, id="a"), event(subscription, two, id="b")], at=AT)
    UsageHour.objects.filter(metric=one).update(sum_value=7)

    assert "is being compared" in client.post(f"{PAGE}/start", follow=True).content.decode()
    client.post(f"{PAGE}/start")  # twice: it is the same comparison
    job = Job.objects.get(organization=organization)
    assert AuditEntry.objects.filter(action="usage.check_requested").count() == 1
    text = client.get(PAGE).content.decode()
    assert "Compare now" not in text and 'hx-trigger="job-finished from:body"' in text

    tasks.check_usage(str(job.pk))
    with django_assert_max_num_queries(9):
        text = strip_tags(client.get(PAGE).content.decode())
    assert "1 hour differed and is repaired." in text
    assert "1 of 1 hours were wrong and are repaired" in text and "1 hours agree" in text
    assert UsageHour.objects.get(metric=one).sum_value == 5

    client.post(f"{PAGE}/start")
    tasks.check_usage(str(Job.objects.open().get().pk))
    text = client.get(PAGE).content.decode()
    assert "Every hour agrees with its events." in text
    assert text.count("data-row") == 2


def test_support_may_look_and_not_start_and_strangers_see_their_own(client):
    subscription, [one] = make_metered()
    ingest(subscription.organization, [event(subscription, one, 5, id="a")], at=AT)
    sign_in(client, make_member(subscription.organization, "support"))
    assert client.post(f"{PAGE}/start").status_code == 403
    assert "Compare now" not in client.get(PAGE).content.decode()
    sign_in(client, make_member(subscription.organization))
    client.post(f"{PAGE}/start")
    sign_in(client, make_member(make_organization("Other")))
    assert "Nothing compared yet" in client.get(PAGE).content.decode()


def test_a_metric_that_is_being_divided_is_named(client):
    subscription, [one] = make_metered()
    one.rolled = False
    one.save(update_fields=["rolled"])
    sign_in(client, make_member(subscription.organization))
    assert one.name in client.get(PAGE).content.decode()
