"""The WSGI application that gunicorn serves."""

from __future__ import annotations

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "billing.settings")

application = get_wsgi_application()

# gunicorn loads this once and forks: what is imported here is shared by the workers, and the first request is quick.
get_resolver().url_patterns  # noqa: B018
gc.freeze()
