"""URL parts: `<pid:...>` takes an id in any accepted spelling and gives the view a UUID."""

from __future__ import annotations

from uuid import UUID

from billing.rules.ids import decode


class PublicIdConverter:
    """`cust_0192…`, a bare UUID with or without dashes."""

    regex = r"(?:[a-z]{2,5}_)?[0-9a-fA-F-]{32,36}"

    def to_python(self, value: str) -> UUID:
        """A UUID; anything else is no such page."""
        prefix = value.split("_", maxsplit=1)[0] if "_" in value else ""
        key = decode(prefix, value)
        if key is None:
            raise ValueError(value)
        return key

    def to_url(self, value: object) -> str:
        """Public ids as they are; rows and UUIDs by their hex digits."""
        if isinstance(value, UUID):
            return value.hex
        return str(getattr(value, "public_id", value))
