"""A client for the billing API: `NovaBilling`, `AsyncNovaBilling`, its errors, and `verify_webhook`."""

from __future__ import annotations

from ._async.buffer import AsyncEventBuffer
from ._async.client import AsyncNovaBilling
from ._batching import Failed
from ._sync.buffer import EventBuffer
from ._sync.client import NovaBilling
from ._version import __version__
from .errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    BufferFullError,
    ConflictError,
    FieldError,
    ForbiddenError,
    NotFoundError,
    NovaBillingError,
    PreconditionFailedError,
    RateLimitError,
    ServerError,
    UnauthorizedError,
    WebhookVerificationError,
)
from .webhooks import WebhookEvent, verify_webhook

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncEventBuffer",
    "AsyncNovaBilling",
    "BadRequestError",
    "BufferFullError",
    "ConflictError",
    "EventBuffer",
    "Failed",
    "FieldError",
    "ForbiddenError",
    "NotFoundError",
    "NovaBilling",
    "NovaBillingError",
    "PreconditionFailedError",
    "RateLimitError",
    "ServerError",
    "UnauthorizedError",
    "WebhookEvent",
    "WebhookVerificationError",
    "__version__",
    "verify_webhook",
]
