"""`GET /health`: what a load balancer and the supervisor ask."""

from __future__ import annotations

from collections.abc import Callable

from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@require_safe
@never_cache
def health(request: HttpRequest) -> JsonResponse:
    """200 when database, broker, worker and beat are up, else 503; the body names the state of each."""
    states = {
        "database": _state(_database),
        "broker": _state(_broker),
        "worker": _state(lambda: _alive("worker")),
        "beat": _state(lambda: _alive("beat")),
    }
    up = all(state == "up" for state in states.values())
    return JsonResponse({"status": "up" if up else "down", **states}, status=200 if up else 503)


def _state(check: Callable[[], bool]) -> str:
    try:
        return "up" if check() else "down"
    except Exception:  # whatever the driver raises, the answer is the same
        return "down"


def _database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone() == (1,))


def _broker() -> bool:
    cache.set("alive:broker", 1, 60)
    return bool(cache.get("alive:broker") == 1)


def _alive(part: str) -> bool:
    """Worker and beat renew these keys every few seconds (`billing/celery.py`); they expire by themselves."""
    return cache.get(f"alive:{part}") is not None
