"""/api/customers/bulk: many customers in one call."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, cast

from django.http import HttpRequest
from ninja import Field, Router
from pydantic import ValidationError
from typing_extensions import TypedDict

from billing.rules.errors import BillingError
from billing.rules.words import Words
from billing.web.api import ApiRequest, ApiSchema, envelope, named_faults, refused_fields
from billing.web.shapes import FieldError, Object
from customers.api.customers import upsert
from customers.api.schemas import CustomerIn

MOST = 100
router = Router(tags=["Customers"])


class BulkIn(ApiSchema):
    """Up to 100 customers, each as POST /customers takes it. A mistake in one never rejects the others."""

    customers: list[dict[str, Any]] = Field(min_length=1, max_length=MOST)


class BulkResult(TypedDict):
    """What became of a row: `index` counts from 0, `id` is its customer, `errors` name what is wrong with it."""

    index: int
    status: Annotated[str, Words("created", "updated", "refused")]
    id: str | None
    externalId: str | None
    code: str | None
    message: str | None
    errors: list[FieldError]


class BulkOut(TypedDict):
    """A result for each row, in order."""

    results: list[BulkResult]
    created: int
    updated: int
    refused: int


@router.post("")
def create_customers(request: HttpRequest, body: BulkIn) -> Object[BulkOut]:
    """Each row as POST /customers does it: added, or brought up to date when its external ID exists. Always 200 with
    a result for each, in order.
    """
    staff = cast(ApiRequest, request)
    results = [result_of(staff, index, raw) for index, raw in enumerate(body.customers)]
    counts = Counter(result["status"] for result in results)
    return envelope(
        {
            "results": results,
            "created": counts["created"],
            "updated": counts["updated"],
            "refused": counts["refused"],
        }
    )


def result_of(request: ApiRequest, index: int, raw: dict[str, Any]) -> BulkResult:
    """Do one row; the next ones do not hear of its fault."""
    given = raw.get("externalId", raw.get("external_id"))
    found: BulkResult = {
        "index": index,
        "status": "refused",
        "id": None,
        "externalId": given if isinstance(given, str) else None,
        "code": None,
        "message": None,
        "errors": [],
    }
    try:
        customer, new = upsert(request, CustomerIn.model_validate(raw))
    except ValidationError as error:
        faults = named_faults(error.errors(include_url=False))
        message = f"{faults[0]['field']}: {faults[0]['message']}"
        return {**found, "code": "invalid", "message": message, "errors": faults}
    except BillingError as error:
        return {**found, "code": error.code, "message": str(error), "errors": refused_fields(error)}
    status = "created" if new else "updated"
    return {**found, "status": status, "id": customer.public_id, "externalId": customer.external_id}
