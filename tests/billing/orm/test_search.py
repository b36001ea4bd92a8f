"""What the index is asked for never hides a row whose text has the term."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from billing.orm.search import fold, grams, telling

texts = st.text("aexz19@.-_ Äß日", min_size=3, max_size=30)


@given(texts, st.data())
def test_a_row_has_all_that_is_asked_for_any_part_of_it(text: str, data: st.DataObject) -> None:
    folded = fold(text)
    start = data.draw(st.integers(0, len(folded)))
    for word in folded[start : data.draw(st.integers(start, len(folded)))].split():
        if len(word) >= 3:
            asked = telling(word)
            assert asked and set(asked) <= set(grams(text)), (text, word)


def test_what_tells_most() -> None:
    assert telling("quartz") == ["qua", "rtz"]
    assert set(telling("maria.zola@everybody.example")) & set(grams("maria")), "each part is asked for"
    assert "999" in telling("de000999999"), "the end of a number"
    assert telling("a-b-c") == ["-b-", "a-b", "b-c"]
