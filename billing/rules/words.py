"""Words of a closed list: in the types of answers, and as filters mean them.

Example: `word_of("PastDue", ("active", "past_due"), "status")` is "past_due".
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from billing.rules.errors import Invalid
from billing.rules.ids import decode


class Words:
    """Marks a text that is one of these words, so that its schema names them.

    Example: `status: Annotated[str, Words("open", "paid")]`.
    """

    def __init__(self, *words: str | None) -> None:
        self.words = words

    def __get_pydantic_json_schema__(
        self, core: Any, handler: Callable[[Any], dict[str, Any]]
    ) -> dict[str, Any]:
        """The words as an enum of the schema; None among them: the value may be null."""
        words = [None if word is None else str(word) for word in self.words]
        kinds: Any = ["string", "null"] if None in words else "string"
        return {
            **{name: value for name, value in handler(core).items() if name != "anyOf"},
            "type": kinds,
            "enum": words,
        }


def any_of(words: Iterable[str]) -> str:
    """a, b or c."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def word_of(text: str, known: Iterable[str], field: str, synonyms: Mapping[str, str] | None = None) -> str:
    """The word that a filter means, in any case and spelling. Raises Invalid at the field for an unknown one."""
    words = [str(word) for word in known]
    word = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text.strip()).lower().replace("-", "_").replace(" ", "_")
    word = (synonyms or {}).get(word, word)
    if word not in words:
        raise Invalid(f"Use {any_of(words)}.", field=field)
    return word


def id_of(prefix: str, text: str, field: str) -> UUID:
    """The key that a filter names, in any spelling. Raises Invalid at the field for what is no id."""
    key = decode(prefix, text)
    if key is None:
        raise Invalid(f"This is no id: it looks like {prefix}_ and 32 hex digits.", field=field)
    return key
