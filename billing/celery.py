"""The Celery app, its queues and the beat schedule.

Tasks are known by name only: `<app>/tasks.py` registers them, `billing/actions/later.py` sends them. Worker and
beat write a sign of life to the cache, which `GET /health` reads instead of asking the worker over the broker.
"""

from __future__ import annotations

import gc
import os
import signal
import time
from typing import Any

from celery import Celery
from celery.beat import Scheduler
from celery.schedules import crontab
from celery.signals import heartbeat_sent, setup_logging, worker_before_create_process, worker_process_init

from billing.embedded import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "billing.settings")

JOB_QUEUES = (
    "default",
    "documents",
)  # beside them `webhooks`, which holds no jobs: each round finds what is due
BILLING_RUN_SECONDS = float(os.environ.get("BILLING_RUN_SECONDS", "60"))
SIGN_OF_LIFE_SECONDS = 20  # how long a sign of life counts; each is renewed every 2 to 5 seconds

app = Celery("tarn")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.set_default()  # else only the importing thread would know the app, not the web server's other threads
app.conf.task_default_queue = "default"
# Rendering takes long: in a queue of its own it cannot hold up the bill run, as the worker takes turns.
app.conf.task_routes = {
    "invoicing.publish": {"queue": "documents"},
    "invoicing.publish_voided": {"queue": "documents"},  # a deletion may void many at once
    "customers.print_statement": {"queue": "documents"},
    "invoicing.archive": {"queue": "documents"},
    "billing.send_webhooks": {
        "queue": "webhooks"
    },  # a round lasts as long as a slow receiver takes to answer
}
app.conf.beat_max_loop_interval = 5
app.autodiscover_tasks()

# name -> task, seconds or crontab. Each task finds its work in the database and may run twice at once.
app.conf.beat_schedule = {
    "sweep": {"task": "billing.sweep", "schedule": 5.0},
    "match-quarantined": {"task": "billing.match_quarantined", "schedule": 15.0},
    "billing-run": {"task": "invoicing.billing_run", "schedule": BILLING_RUN_SECONDS},
    "bill-advance": {"task": "invoicing.bill_advance", "schedule": 5.0},
    "watch-usage": {"task": "invoicing.watch_usage", "schedule": 5.0},
    "second-looks": {"task": "invoicing.second_looks", "schedule": 20.0},
    "watch-wallets": {"task": "invoicing.watch_wallets", "schedule": 10.0},
    "sync-providers": {"task": "invoicing.sync_providers", "schedule": 15.0},
    "dunning": {"task": "invoicing.dunning_run", "schedule": 60.0},
    "ask-attempts": {"task": "invoicing.ask_attempts", "schedule": 15.0},
    "ask-setups": {"task": "invoicing.ask_setups", "schedule": 30.0},
    "collect-due": {"task": "invoicing.collect_due", "schedule": 600.0},
    "send-refunds": {"task": "invoicing.send_refunds", "schedule": 15.0},
    "check-vat": {"task": "customers.check_vat", "schedule": 60.0},
    "end-wallets": {"task": "invoicing.end_expired_wallets", "schedule": 60.0},
    "scheduled-top-ups": {"task": "invoicing.scheduled_top_ups", "schedule": 60.0},
    "expire-credits": {"task": "billing.expire_credits", "schedule": 60.0},
    "remind": {"task": "invoicing.remind", "schedule": 600.0},
    "drop-exports": {"task": "billing.drop_exports", "schedule": 600.0},
    "drop-archives": {"task": "invoicing.drop_archives", "schedule": 600.0},
    "drop-old-calls": {"task": "billing.drop_old_calls", "schedule": 600.0},
    "send-webhooks": {"task": "billing.send_webhooks", "schedule": 5.0, "options": {"expires": 5}},
    "drop-deliveries": {"task": "billing.drop_deliveries", "schedule": crontab(hour="3", minute="40")},
    "check-usage": {"task": "billing.check_all_usage", "schedule": crontab(hour="3", minute="10")},
    # A second worker process, when there is one, bills from the other end.
    "billing-run-backwards": {
        "task": "invoicing.billing_run",
        "args": [True],
        "schedule": BILLING_RUN_SECONDS,
    },
}


class Beat(Scheduler):
    """The plain scheduler in memory: every entry is a sweep over the database, so nothing must be remembered."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """One round of beat; proves that it lives."""
        sign_of_life("beat")
        return super().tick(*args, **kwargs)


def sign_of_life(part: str) -> None:
    """Note in the cache that `part` (worker or beat) is alive now."""
    from django.core.cache import cache

    cache.set(f"alive:{part}", time.time(), SIGN_OF_LIFE_SECONDS)


def waiting() -> int:
    """How many messages wait in the broker, over all queues of jobs."""
    with app.connection_for_read() as connection:
        client = connection.default_channel.client
        return sum(int(client.llen(queue)) for queue in JOB_QUEUES)


@heartbeat_sent.connect
def worker_is_alive(**_: Any) -> None:
    """Sent by the worker's main process every two seconds."""
    sign_of_life("worker")


@worker_before_create_process.connect
def share_what_is_loaded(**_: Any) -> None:
    """Collections in a pool process would write to each object that it has from its worker, and so copy the memory of
    them all; what is loaded by now is left alone. A third of a process's memory.
    """
    gc.collect()
    gc.freeze()


@worker_process_init.connect
def end_with_the_worker(**_: Any) -> None:
    """A pool process whose worker was killed must not go on with its task beside the one that replaces it."""
    die_with_parent(signal.SIGKILL)


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Celery would replace the handlers of settings.LOGGING; a receiver here stops it."""
