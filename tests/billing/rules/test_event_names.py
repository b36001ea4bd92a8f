"""Who hears what, under which name."""

import pytest

from billing.rules.event_names import EVENTS, SYNONYMS, by_noun, names_heard, unknown


@pytest.mark.parametrize(
    ("asked", "name", "heard"),
    [
        (["payment.successful"], "payment.successful", ["payment.successful"]),
        (["payment.succeeded"], "payment.successful", ["payment.succeeded"]),
        (["payment.succeeded", "payment.successful"], "payment.successful", None),
        (["*"], "payment.successful", ["payment.successful"]),
        (["*", "payment.succeeded"], "payment.successful", ["payment.succeeded"]),
        (["*", "payment.successful", "*"], "payment.successful", ["payment.successful"]),
        (["subscription.cancelled"], "subscription.canceled", ["subscription.cancelled"]),
        (["invoice.finalized"], "payment.successful", []),
        ([], "payment.successful", []),
    ],
)
def test_the_names_under_which_an_event_is_heard(
    asked: list[str], name: str, heard: list[str] | None
) -> None:
    assert names_heard(asked, name) == (asked if heard is None else heard)


def test_every_synonym_means_an_event_and_is_none_itself() -> None:
    assert set(SYNONYMS.values()) <= EVENTS.keys()
    assert not SYNONYMS.keys() & EVENTS.keys()
    assert unknown(["*", "customer.created", "payment.succeeded", "customer.createt"]) == ["customer.createt"]


def test_names_are_a_noun_and_what_happened_and_each_says_what() -> None:
    for name, words in EVENTS.items():
        noun, _, verb = name.partition(".")
        assert noun.isidentifier() and verb.isidentifier() and words.endswith("."), name
    assert [name for names in by_noun().values() for name in names] == sorted(EVENTS)
