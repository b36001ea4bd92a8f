"""What the API reads of a customer who goes to a provider's page: where to return to."""

from __future__ import annotations

from ninja import Field
from pydantic import AliasChoices

from billing.rules.errors import Invalid
from billing.web.api import ApiSchema


class ReturnIn(ApiSchema):
    """Where the customer goes from the provider's page; without it to a page of ours that says thank you."""

    callback_url: str = Field(
        "",
        max_length=2000,
        validation_alias=AliasChoices("callbackUrl", "returnUrl", "callback_url"),
        serialization_alias="callbackUrl",
    )


def return_url(body: ReturnIn | None) -> str:
    """The address, or nothing. Raises Invalid for what is none of the web."""
    target = body.callback_url if body else ""
    if target and not target.lower().startswith(("https://", "http://")):
        raise Invalid("Use an address that starts with https://.", field="callback_url")
    return target
