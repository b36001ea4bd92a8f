"""Which due subscriptions share an invoice."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from invoicing.rules.consolidation import Due, group_due

BASE = Due("s1", "c1", "EUR", "e1")


def test_what_splits_an_invoice() -> None:
    together = replace(BASE, subscription_id="s2")
    apart = [
        replace(BASE, subscription_id="s3", customer_id="c2"),
        replace(BASE, subscription_id="s4", currency="USD"),
        replace(BASE, subscription_id="s5", billing_entity_id="e2"),
        replace(BASE, subscription_id="s6", payment_method="card"),
        replace(BASE, subscription_id="s7", purchase_order="PO-1"),
        replace(BASE, subscription_id="s8", consolidate=False),
        replace(BASE, subscription_id="s9", consolidate=False),
    ]
    assert group_due([BASE, *apart, together]) == [(BASE, together), *((due,) for due in apart)]
    assert group_due([]) == []


DUES = st.lists(
    st.builds(
        Due,
        subscription_id=st.uuids().map(str),
        customer_id=st.sampled_from(["c1", "c2"]),
        currency=st.sampled_from(["EUR", "USD"]),
        billing_entity_id=st.sampled_from(["e1", "e2"]),
        payment_method=st.sampled_from([None, "card"]),
        purchase_order=st.none(),
        consolidate=st.booleans(),
    ),
    max_size=12,
)


@given(DUES)
def test_each_subscription_is_on_exactly_one_invoice(dues: list[Due]) -> None:
    groups = group_due(dues)
    assert sorted(d.subscription_id for group in groups for d in group) == sorted(
        d.subscription_id for d in dues
    )
    for group in groups:
        assert len({(d.customer_id, d.currency, d.billing_entity_id, d.payment_method) for d in group}) == 1
        assert len(group) == 1 or all(d.consolidate for d in group)
