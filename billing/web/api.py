"""Manners of the REST API: keys, envelope, errors, paging, exact numbers. Routes live in `<app>/api/`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn, TypeVar, cast
from uuid import uuid4

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.parser import Parser
from ninja.renderers import BaseRenderer
from ninja.security import HttpBearer
from ninja.types import DictStrAny
from pydantic import ConfigDict, field_validator
from pydantic.alias_generators import to_camel

from billing.models import ApiKey, Organization
from billing.orm.actor import Actor
from billing.orm.compiled import Compiled
from billing.rules.errors import BillingError, FieldErrors, Invalid
from billing.web.shapes import FieldError, Object

T = TypeVar("T")
USED_EVERY = timedelta(minutes=1)
MAX_LIMIT = 100
MAX_PAGE = 10**9
MOST_DIGITS = 1_000  # before and after the point: written out, 1e999999999 would fill the memory
MOST_LEVELS = 20
MOST_DEPTH = 32  # of a body as a whole
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")


class ApiRequest(HttpRequest):
    """A request with a valid key."""

    organization: Organization
    actor: Actor
    api_key: ApiKey
    request_id: str


class ApiSchema(Schema):
    """A body or query: camelCase outside, unknown fields refused by name."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    @field_validator("*", mode="after")
    @classmethod
    def check_numbers(cls, value: Any) -> Any:
        """Numbers sent as text, too, must be of a size that can be written out, and moments must lie within the
        calendar in every timezone.
        """
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Decimal):
                sized(item)
            elif isinstance(item, int) and not -(2**63) <= item < 2**63:
                raise ValueError("Has too many digits.")
            elif isinstance(item, datetime) and not 1900 <= item.year <= 2999:
                raise ValueError("Use a year from 1900 to 2999.")
        return value


def plain_number(value: Any) -> Any:
    """JSON for what orjson does not know: a Decimal is written as an exact JSON number."""
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f").encode())
    raise TypeError(f"{type(value).__name__} has no JSON form")


class ExactRenderer(BaseRenderer):
    """Answers with exact decimals and UTC times ending in Z."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return orjson.dumps(data, default=plain_number, option=orjson.OPT_UTC_Z)


def sized(value: Decimal) -> Decimal:
    """The number, unless it has absurdly many digits (ValueError)."""
    if (
        not value.is_finite()
        or abs(value.adjusted()) > MOST_DIGITS
        or len(value.as_tuple().digits) > MOST_DIGITS
    ):
        raise ValueError("Has too many digits.")
    return value


def read_number(text: str) -> Decimal:
    """A number with a fraction or an exponent, exact. What is merely too large is left to its field to name."""
    value = Decimal(text)
    if abs(value.adjusted()) > MOST_DIGITS:
        raise ValueError("a number has too many digits")
    return value


def refuse_constant(name: str) -> NoReturn:
    """NaN and Infinity are not JSON."""
    raise ValueError(f"{name} is not a number")


def deeper_than(text: str, most: int) -> bool:
    """Whether brackets of JSON stand within more than `most` others. Looked at before anything is parsed."""
    if text.count("[") + text.count("{") <= most:
        return False
    depth = 0
    for mark in re.findall(r"[\[\]{}]", STRING.sub("", text)):
        depth += 1 if mark in "[{" else -1
        if depth > most:
            return True
    return False


def read_json(body: bytes) -> Any:
    """The body with numbers as exact Decimals; raises ValueError for anything that is not JSON."""
    try:
        text = body.decode("utf-8")
        if deeper_than(text, MOST_DEPTH):
            raise ValueError(f"nested more than {MOST_DEPTH} levels deep")
        value = json.loads(text, parse_float=read_number, parse_constant=refuse_constant)
        if HALF_CHARACTER.search(text):  # pairs are joined by now; what is left alone cannot be stored
            json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        raise ValueError("half of a surrogate pair is not a character") from None
    if "\\u0000" in text or "\x00" in text:
        raise ValueError("NUL characters are not allowed")
    return value


def plain_json(value: Any, *, field: str = "metadata", level: int = 0) -> Any:
    """A parsed value as it can be stored in a JSON column and answered again: Decimals back to plain numbers.

    Raises Invalid for what an answer could not hold: numbers beyond 64 bits, more than 20 levels.
    """
    if level > MOST_LEVELS:
        raise Invalid(f"Must not be nested more than {MOST_LEVELS} levels deep.", field=field)
    if isinstance(value, Decimal):
        if value.adjusted() > 300:  # beyond a float
            raise Invalid("Send numbers of this size as text.", field=field)
        value = int(value) if value == value.to_integral_value() and abs(value) < 2**53 else float(value)
    if isinstance(value, dict):
        return {key: plain_json(item, field=field, level=level + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_json(item, field=field, level=level + 1) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise Invalid("Send numbers of this size as text.", field=field)
    return value


class ExactParser(Parser):
    """Reads bodies with exact numbers."""

    def parse_body(self, request: HttpRequest) -> DictStrAny:
        try:
            return cast(DictStrAny, read_json(request.body))
        except ValueError as error:
            request.body_error = f"The body is not valid JSON: {error}."  # type: ignore[attr-defined]
            raise

    def parse_querydict(
        self, data: MultiValueDict[str, Any], list_fields: list[str], request: HttpRequest
    ) -> DictStrAny:
        """The query with its names in camelCase, so that `sort_by` is `sortBy`."""
        found = super().parse_querydict(data, list_fields, request)
        return {camel(name): value for name, value in found.items()}


def key_hash(key: str) -> str:
    """How a key is stored. Keys are long random strings, so a plain SHA-256 is enough."""
    return hashlib.sha256(key.encode()).hexdigest()


class KeyAuth(HttpBearer):
    """`Authorization: Bearer sk_live_…`."""

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey | None:
        """The live key that the middleware has found, or None (401)."""
        return cast("ApiKey | None", getattr(request, "api_key", None))


KEYS = Compiled(
    lambda digest: ApiKey.objects.live().filter(key_hash=digest).select_related("organization"), str
)


def admit(request: HttpRequest, token: str) -> ApiKey | None:
    """The live key of a request, or None. Sets organization and actor on the request. Each call reads the key anew:
    one that is revoked opens nothing any more.
    """
    now = timezone.now()
    key = next(KEYS.rows(key_hash(token)), None)
    if key is None or (key.expires_at and key.expires_at <= now):
        return None
    if key.last_used_at is None or key.last_used_at < now - USED_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    request.organization = key.organization  # type: ignore[attr-defined]
    request.api_key = key  # type: ignore[attr-defined]
    request.actor = Actor("key", f"API key {key.name}", key_id=key.pk)  # type: ignore[attr-defined]
    return cast(ApiKey, key)


api = NinjaAPI(
    title="Tarn API",
    version="1",
    auth=KeyAuth(),
    parser=ExactParser(),
    renderer=ExactRenderer(),
    docs_url=None,
    openapi_url=None,  # billing/views/reference.py
    urls_namespace="api",
)


def action_key(request: HttpRequest) -> str:
    """The key of an action that moves money or writes to people, from the request's `Idempotency-Key`. Longer than
    answers are kept it makes sure that a repeat does nothing. Long ones are digested: columns hold 200 characters,
    and some actions put a word before it.
    """
    key = request.headers.get("Idempotency-Key") or uuid4().hex
    return key if len(key) <= 100 else hashlib.sha256(key.encode()).hexdigest()


def envelope(data: T) -> Object[T]:
    """A single object."""
    return {"data": data}


def moment(value: datetime | None) -> datetime | None:
    """A time for the answer: UTC, whole milliseconds."""
    return value and value.replace(microsecond=value.microsecond // 1000 * 1000)


def error_body(
    request: HttpRequest, code: str, message: str, errors: list[FieldError] | None = None
) -> dict[str, Any]:
    """The one shape of all errors, with the message at the top as well."""
    return {
        "message": message,
        "error": {
            "code": code,
            "message": message,
            "errors": errors or [],
            "requestId": getattr(request, "request_id", ""),
        },
    }


@api.exception_handler(BillingError)
def on_billing_error(request: HttpRequest, error: BillingError) -> HttpResponse:
    """A refused act: its own status, code and fields."""
    body = error_body(request, error.code, str(error), refused_fields(error))
    body["error"] |= error.details
    response = api.create_response(request, body, status=error.status)
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response


@api.exception_handler(ValidationError)
def on_validation_error(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """A body or query of the wrong shape: every field is named."""
    fields = named_faults([{**item, "loc": inside(item["loc"])} for item in error.errors])
    first = f"{fields[0]['field']}: {fields[0]['message']}" if fields else "The request is invalid."
    return api.create_response(request, error_body(request, "invalid", first, fields), status=400)


def inside(where: Sequence[Any]) -> Sequence[Any]:
    """A place without its first words: where it was sent (body, query, path), and what the route calls the whole."""
    rest = where[1:]
    return rest[1:] if len(rest) > 1 and rest[0] in {"body", "payload", "filters"} else rest


def named_faults(items: Iterable[Any]) -> list[FieldError]:
    """What pydantic found, by the names that were sent."""
    found: list[FieldError] = []
    for item in items:
        where = item["loc"]
        name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".")
        found.append({"field": camel(name), "message": wording(item)})
    return found


def refused_fields(error: BillingError) -> list[FieldError]:
    """The fields that an action has refused, in camelCase."""
    if isinstance(error, FieldErrors):
        return [{"field": camel(name), "message": text} for name, text in error.errors]
    return [{"field": camel(error.field), "message": str(error)}] if error.field else []


@api.exception_handler(AuthenticationError)
def on_no_key(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    """No key, or not a live one."""
    text = "Send a valid API key as Authorization: Bearer sk_…."
    return api.create_response(request, error_body(request, "unauthorized", text), status=401)


@api.exception_handler(Http404)
def on_not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    """Unknown, or another organization's: the answer is the same."""
    text = str(error) or "Not found."
    return api.create_response(request, error_body(request, "not_found", text), status=404)


def too_large() -> str:
    """What a body that is not read is told."""
    megabytes = settings.DATA_UPLOAD_MAX_MEMORY_SIZE / 1024**2
    return f"The body is too large: send at most {megabytes:g} MB at once."


@api.exception_handler(RequestDataTooBig)
def on_large_body(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    """More than `DATA_UPLOAD_MAX_MEMORY_SIZE`: it is not read at all."""
    return api.create_response(request, error_body(request, "too_large", too_large()), status=413)


@api.exception_handler(HttpError)
def on_http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    """What the framework refuses, mostly a body that is not JSON. Of that it says no more than that, we say why."""
    text = getattr(request, "body_error", None) or str(error)
    return api.create_response(request, error_body(request, "invalid", text), status=error.status_code)


@contextmanager
def named(**names: str) -> Iterator[None]:
    """Errors under the names that the body uses: `named(rate="rate_amount")`."""
    try:
        yield
    except BillingError as error:
        error.field = names.get(error.field or "", error.field)
        if isinstance(error, FieldErrors):
            error.errors = [(names.get(field, field), text) for field, text in error.errors]
        raise


def camel(name: str | None) -> str:
    """`net_payment_term_days` -> `netPaymentTermDays`; paths keep their dots and brackets."""
    return re.sub(r"_([a-z0-9])", lambda match: match.group(1).upper(), name or "")


def wording(item: dict[str, Any]) -> str:
    """A validation message that says what to do."""
    kind = item.get("type", "")
    if kind == "extra_forbidden":
        return "Unknown field."
    if kind == "missing":
        return "This field is required."
    text = str(item.get("msg", "Invalid value."))
    return text.removeprefix("Value error, ")
