"""`GET /health` names each part and answers 503 when one is down."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client

from billing.celery import sign_of_life


@pytest.fixture
def alive(db: None) -> None:
    for part in ("worker", "beat"):
        sign_of_life(part)


def test_all_up(client: Client, alive: None) -> None:
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {"status": "up", "database": "up", "broker": "up", "worker": "up", "beat": "up"}
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("part", ["worker", "beat"])
def test_a_part_without_sign_of_life_is_down(client: Client, alive: None, part: str) -> None:
    cache.delete(f"alive:{part}")
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json()[part] == "down"
    assert answer.json()["status"] == "down"


def test_a_database_that_does_not_answer(
    client: Client, alive: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> bool:
        raise OSError("connection refused")

    monkeypatch.setattr("billing.views.health._database", refuse)
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["database"]) == (503, "down")
