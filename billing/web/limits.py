"""How many calls a key may make: a bucket in Redis that empties evenly.

A bucket holds a minute's worth. Each call puts one in (events: one for each event), and it empties evenly, so that a
key may come in a rush and then at its rate. One number per key is kept, the moment at which the bucket is empty (the
"generic cell rate algorithm"): one atomic step in Redis, by Redis' own clock, alike for all web servers. A limit in
the database would cost a write for each request; windows of a fixed minute would let twice as many through at their
seam.

When Redis does not answer at once, calls go on without a limit and it is asked again a little later.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from redis.backoff import NoBackoff
from redis.retry import Retry

from billing.models import ApiKey
from billing.rules.errors import BillingError
from billing.web.api import ApiRequest

logger = logging.getLogger(__name__)

PATIENCE = 0.1  # seconds that Redis may take
AWAY = 5.0  # seconds for which it is not asked again
MINUTE = 60_000_000  # microseconds

# KEYS[1]: the bucket. ARGV: microseconds per call, capacity, what this call counts. Answers whether it may go on, how
# many more may, and in how many microseconds the bucket is empty and this call could go on.
BUCKET = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local each, most, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local empty = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local after = empty + math.min(cost, most) * each
local wait = after - now - most * each
if wait > 0.5 then
  return {0, math.floor((now + most * each - empty) / each + 0.0001), math.ceil(empty - now), math.ceil(wait)}
end
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000) + 1)
return {1, math.floor(-wait / each + 0.0001), math.ceil(after - now), 0}
"""


@dataclass(frozen=True)
class Room:
    """What is left of a limit: `reset` seconds until all of it is there again."""

    limit: int
    remaining: int
    reset: int


class TooMany(BillingError):
    """Come back later."""

    default_code = "too_many_requests"
    default_status = 429

    def __init__(self, what: str, limit: int, wait: int) -> None:
        seconds = "a second" if wait == 1 else f"{wait} seconds"
        super().__init__(f"This key may send {limit:,} {what} a minute. Try again in {seconds}.")
        self.retry_after = wait


class Redis:
    """The connection, and until when it is taken as lost."""

    away_until = 0.0

    @staticmethod
    @lru_cache(maxsize=1)
    def bucket() -> redis.commands.core.Script:
        """The script, known to Redis by its digest."""
        client = redis.Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 0),
        )
        return client.register_script(BUCKET)


def limit_of(key: ApiKey) -> int:
    """Requests a minute: the key's own limit, else its organization's, else the installation's; 0 for none."""
    for limit in (key.rate_limit, key.organization.api_rate_limit):
        if limit is not None:
            return limit
    return settings.API_RATE_LIMIT


def charge_request(request: HttpRequest) -> None:
    """Count a request. Raises TooMany."""
    key = cast(ApiRequest, request).api_key
    charge(request, f"tarn:rate:{key.pk.hex}", "requests", limit_of(key), 1)


def charge_events(request: HttpRequest, count: int = 1, *, counted: int = 0) -> None:
    """Count events that are sent, less those of the request that are `counted`; a batch that is larger than the limit
    needs an empty bucket. Raises TooMany.
    """
    key, limit = cast(ApiRequest, request).api_key, settings.API_EVENT_RATE_LIMIT
    cost = min(count, limit) - counted
    if cost > 0:
        charge(request, f"tarn:rate:{key.pk.hex}:events", "events", limit, cost)


def charge(request: HttpRequest, bucket: str, what: str, limit: int, count: int) -> None:
    """Put `count` into a bucket and remember for the answer how much room there is."""
    if not limit or time.monotonic() < Redis.away_until:
        return
    try:
        passed, remaining, reset, wait = Redis.bucket()(keys=[bucket], args=[MINUTE / limit, limit, count])
    except redis.RedisError:
        Redis.away_until = time.monotonic() + AWAY
        logger.warning("Redis does not answer: the API goes on without rate limits.", exc_info=True)
        return
    request.room = Room(limit, int(remaining), seconds(reset))  # type: ignore[attr-defined]
    if not passed:
        raise TooMany(what, limit, max(1, seconds(wait)))


def seconds(microseconds: int) -> int:
    """Whole seconds, rounded up."""
    return -(-int(microseconds) // 1_000_000)


def add_room(request: HttpRequest, response: HttpResponse) -> None:
    """Tell in the answer what is left."""
    room: Room | None = getattr(request, "room", None)
    if room is not None:
        response["RateLimit-Limit"] = str(room.limit)
        response["RateLimit-Remaining"] = str(room.remaining)
        response["RateLimit-Reset"] = str(room.reset)
