"""Errors carry what a page or a program needs."""

import pytest

from billing.rules.errors import (
    BillingError,
    Conflict,
    FieldErrors,
    Forbidden,
    Invalid,
    Locked,
    NotFound,
    Unavailable,
)


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (BillingError, 400, "invalid"),
        (Invalid, 400, "invalid"),
        (Locked, 400, "locked"),
        (Forbidden, 403, "forbidden"),
        (NotFound, 404, "not_found"),
        (Conflict, 409, "conflict"),
        (Unavailable, 502, "unavailable"),
    ],
)
def test_defaults(kind: type[BillingError], status: int, code: str) -> None:
    error = kind("No.")
    assert (str(error), error.status, error.code, error.field) == ("No.", status, code, None)
    special = kind("No.", code="customer_field_locked", field="currency", status=503)
    assert (special.status, special.code, special.field) == (503, "customer_field_locked", "currency")


def test_field_errors_speak_with_the_first() -> None:
    error = FieldErrors([("a[0].b", "Must be more."), ("c", "Required.")])
    assert (error.message, error.field, len(error.errors)) == ("Must be more.", "a[0].b", 2)
