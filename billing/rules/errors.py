"""The one family of errors that a person or a program may be shown.

Law: an error has a stable `code` (for programs), a `message` (for people), the `field` it is
about (or none) and the HTTP `status` that fits it. `billing/web/errors.py` alone turns it into
a toast, a form error or JSON; nobody else parses messages.

Example: `Conflict("An invoice that is voided stays voided.", code="invalid_move")` is a 409.
"""

from collections.abc import Iterable


class BillingError(Exception):
    """Something was refused for a reason that can be told. Shape: message, code, field, status; `details` are further
    members of the API's error (`{"targetCustomerId": …}`).
    """

    default_code = "invalid"
    default_status = 400
    retry_after: int | None = None  # seconds, where waiting helps

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        field: str | None = None,
        status: int | None = None,
        details: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.field = field
        self.status = status or self.default_status
        self.details = details or {}

    def __str__(self) -> str:
        return self.message


class Invalid(BillingError):
    """The input does not make sense: 400."""


class Locked(BillingError):
    """A value that may no longer change: 400, with a code such as `customer_field_locked`."""

    default_code = "locked"


class Forbidden(BillingError):
    """Known person or key, but not allowed: 403."""

    default_code = "forbidden"
    default_status = 403


class NotFound(BillingError):
    """Unknown, or somebody else's, which must look the same: 404."""

    default_code = "not_found"
    default_status = 404


class Conflict(BillingError):
    """Duplicate, or a state that does not allow the move any more: 409."""

    default_code = "conflict"
    default_status = 409


class Unavailable(BillingError):
    """Another system failed us: 502 (its fault) or 503 (ours, try again)."""

    default_code = "unavailable"
    default_status = 502


class FieldErrors(BillingError):
    """Several problems of one input at once.

    Shape: `errors` is a list of (field path, message), e.g.
    `[("graduatedRanges[1].toValue", "Must be more than 10.")]`. The message and field of the
    first one stand for all where only one can be shown.
    """

    def __init__(
        self, errors: Iterable[tuple[str, str]], *, code: str = "invalid", status: int = 400
    ) -> None:
        self.errors: list[tuple[str, str]] = list(errors)
        field, message = self.errors[0] if self.errors else (None, "The input is not valid.")
        super().__init__(message, code=code, field=field, status=status)
