"""Who does a thing: a person in the browser, an API key, or the system itself."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Actor:
    """The `by` of every action. `kind` is user, key or system; `label` is what the audit trail shows."""

    kind: str
    label: str
    user_id: UUID | None = None
    key_id: UUID | None = None

    @classmethod
    def system(cls, label: str = "Tarn") -> Actor:
        """The clock, a background job or a management command."""
        return cls("system", label)
