"""What can go wrong, as exceptions that say what and why."""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple, Optional, Sequence, Tuple, Type


class FieldError(NamedTuple):
    """What is wrong with one field of a request."""

    field: str
    message: str


class NovaBillingError(Exception):
    """The base of all errors of this package.

    `message` says what went wrong. The rest is there where the API answered: `status_code`, `code` (a word for
    programs), `errors` (one for each field at fault), `request_id` (for questions to the operator), `details`.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: Optional[int] = None,
        code: Optional[str] = None,
        errors: Sequence[FieldError] = (),
        request_id: Optional[str] = None,
        retry_after: Optional[float] = None,
        details: Optional[Mapping[str, Any]] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code
        self.code = code
        self.errors: Tuple[FieldError, ...] = tuple(errors)
        self.request_id = request_id
        self.retry_after = retry_after
        self.details: Dict[str, Any] = dict(details or {})

    def __str__(self) -> str:
        notes = [str(self.status_code)] if self.status_code is not None else []
        notes += [self.code] if self.code else []
        notes += ["request {}".format(self.request_id)] if self.request_id else []
        return "{} ({})".format(self.message, ", ".join(notes)) if notes else self.message


class APIStatusError(NovaBillingError):
    """The API refused the request, or could not answer it."""


class BadRequestError(APIStatusError):
    """400: the body or a parameter is invalid; `errors` names the fields."""


class UnauthorizedError(APIStatusError):
    """401: no token, or not a valid one."""


class ForbiddenError(APIStatusError):
    """403: the token's scopes do not allow this call."""


class NotFoundError(APIStatusError):
    """404: there is no such object."""


class ConflictError(APIStatusError):
    """409: it contradicts what is there already: a duplicate, or another state."""


class PreconditionFailedError(APIStatusError):
    """412: the object was changed since it was read (`if_match`)."""


class RateLimitError(APIStatusError):
    """429: too many requests; `retry_after` says how many seconds to wait."""


class ServerError(APIStatusError):
    """5xx: the server failed."""


class APIConnectionError(NovaBillingError):
    """No answer: the server could not be reached, or the connection broke."""


class APITimeoutError(APIConnectionError):
    """No answer in time."""


class WebhookVerificationError(NovaBillingError):
    """A webhook that was not signed with the secret, or too long ago."""


class BufferFullError(NovaBillingError):
    """The events buffer holds as much as it may."""


BY_STATUS: Dict[int, Type[APIStatusError]] = {
    400: BadRequestError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    412: PreconditionFailedError,
    413: BadRequestError,
    415: BadRequestError,
    422: BadRequestError,
    428: PreconditionFailedError,
    429: RateLimitError,
}


def error_for(
    status: int, body: Any, *, request_id: Optional[str] = None, retry_after: Optional[float] = None
) -> APIStatusError:
    """The error that an answer stands for; one that is no JSON of the API (a proxy's page) is told by its status."""
    kind = BY_STATUS.get(status) or (ServerError if status >= 500 else APIStatusError)
    found = body.get("error") if isinstance(body, dict) else None
    told: Dict[str, Any] = found if isinstance(found, dict) else {}
    top = body.get("message") if isinstance(body, dict) else None
    message = told.get("message") or top or "The server answered with status {}.".format(status)
    rows = told.get("errors")
    errors = [
        FieldError(str(row.get("field", "")), str(row.get("message", "")))
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, dict)
    ]
    known = {"code", "message", "errors", "requestId"}
    return kind(
        str(message),
        status_code=status,
        code=str(told["code"]) if told.get("code") else None,
        errors=errors,
        request_id=str(told.get("requestId") or "") or request_id,
        retry_after=retry_after,
        details={name: value for name, value in told.items() if name not in known},
    )
