"""One settings file: everything comes from the environment, with safe defaults.

`TARN_HOME` is the only folder that is written to (database files, media, secret key). The full table of
variables stands in the README.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONE, SELF

BASE_DIR = Path(__file__).resolve().parent.parent
TARN_HOME = Path(os.environ.get("TARN_HOME", BASE_DIR / "var")).resolve()


def env_flag(name: str, default: bool = False) -> bool:
    """A yes/no variable: 1, true, yes and on are yes."""
    value = os.environ.get(name)
    return default if value is None else value.strip().lower() in {"1", "true", "yes", "on"}


def env_list(name: str, default: list[str]) -> list[str]:
    """A comma-separated variable."""
    value = os.environ.get(name)
    return default if value is None else [part.strip() for part in value.split(",") if part.strip()]


def secret_key() -> str:
    """SECRET_KEY from the environment, else one generated once and kept under TARN_HOME (mode 0600)."""
    if value := os.environ.get("SECRET_KEY"):
        return value
    path = TARN_HOME / "secret_key"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        TARN_HOME.mkdir(parents=True, exist_ok=True)
        key = secrets.token_urlsafe(64)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(key)
        return key


SECRET_KEY = secret_key()
DEBUG = env_flag("DEBUG")
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS", [])
BASE_URL = os.environ.get("BASE_URL", f"http://localhost:{os.environ.get('PORT', '8000')}")

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "django_htmx",
    "template_partials",
    "csp",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "billing",
    "invoicing",
    "customers",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "billing.web.compression.CompressionMiddleware",
    "billing.web.requests.RequestIdMiddleware",
    "billing.web.api_middleware.ApiMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "billing.web.sign_ins.SignInMiddleware",
    "billing.web.access.MemberMiddleware",
    "billing.web.errors.ErrorMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "billing.urls"
CSRF_FAILURE_VIEW = "billing.views.failures.out_of_date"
WSGI_APPLICATION = "billing.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "billing.web.menu.shell",
                "invoicing.views.counts.menu_counts",
            ],
            "builtins": ["template_partials.templatetags.partials", "billing.templatetags.ui"],
        },
    }
]

# --- Data -----------------------------------------------------------------------------------------------
# `billing.embedded` sets DATABASE_URL and REDIS_URL when it has started its own servers.
DATABASE_URL = os.environ.get("DATABASE_URL", "postgresql://tarn@localhost/tarn")
DATABASES = {"default": dj_database_url.parse(DATABASE_URL, conn_max_age=0)}
DATABASES["default"]["ENGINE"] = "django.db.backends.postgresql"
DATABASES["default"]["CONN_HEALTH_CHECKS"] = False
DATABASES["default"].setdefault("OPTIONS", {})
DATABASES["default"]["OPTIONS"]["prepare_threshold"] = (
    2  # for billing/orm/planned.py: Django itself prepares nothing
)
DATABASES["default"]["OPTIONS"]["pool"] = {
    "min_size": int(os.environ.get("DATABASE_POOL_MIN", "1")),
    "max_size": int(os.environ.get("DATABASE_POOL_MAX", "8")),
    "timeout": 15,
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = os.environ.get("REDIS_URL", "redis://localhost:6379/0")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "tarn",
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"

# --- API ------------------------------------------------------------------------------------------------
# What a key may send a minute, 0 for no limit; organizations and keys can have a limit of their own.
API_RATE_LIMIT = int(os.environ.get("API_RATE_LIMIT", "6000"))
API_EVENT_RATE_LIMIT = int(os.environ.get("API_EVENT_RATE_LIMIT", "2000000"))
API_LOG_DAYS = int(
    os.environ.get("API_LOG_DAYS", "30")
)  # how long calls that changed something are remembered

# --- Background work ------------------------------------------------------------------------------------
# A unix-socket Redis is `unix://` for redis-py and `redis+socket://` for Celery.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600}
CELERY_TIMEZONE = "UTC"
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True

# --- People ---------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "billing.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
PASSWORD_RESET_TIMEOUT = 3600
AXES_HANDLER = "axes.handlers.cache.AxesCacheHandler"
AXES_FAILURE_LIMIT = int(os.environ.get("LOGIN_FAILURE_LIMIT", "10"))
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = ["username", "ip_address"]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_ENABLE_ADMIN = False
AXES_USERNAME_CALLABLE = "billing.web.throttle.account"
AXES_CLIENT_IP_CALLABLE = "billing.web.throttle.address"
AXES_LOCKOUT_CALLABLE = "billing.web.throttle.locked_out"
INVITATION_DAYS = 7

UNFOLD = {"SITE_TITLE": "Tarn back office", "SITE_HEADER": "Tarn back office", "SITE_SYMBOL": "landscape"}

# --- Mail -----------------------------------------------------------------------------------------------
EMAIL_BACKEND = os.environ.get("EMAIL_BACKEND", "django.core.mail.backends.filebased.EmailBackend")
EMAIL_FILE_PATH = TARN_HOME / "mail"
EMAIL_HOST = os.environ.get("EMAIL_HOST", "localhost")
EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "25"))
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
EMAIL_TIMEOUT = int(os.environ.get("EMAIL_TIMEOUT", "20"))
EMAIL_USE_TLS = env_flag("EMAIL_USE_TLS")
DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", "Tarn <billing@localhost>")

# --- Requests of ours to others -------------------------------------------------------------------------
# Private addresses that may be reached: a comma list of hosts and networks, or 1 for all of them.
OUTBOUND_ALLOW_PRIVATE = os.environ.get("OUTBOUND_ALLOW_PRIVATE", "")
# Outgoing webhooks: a fraction of 1 shortens all waits between tries; deliveries are kept for so many days.
WEBHOOK_PACE = float(os.environ.get("WEBHOOK_PACE", "1"))
WEBHOOK_DAYS_KEPT = int(os.environ.get("WEBHOOK_DAYS_KEPT", "90"))
VIES_URL = os.environ.get("VIES_URL", "https://ec.europa.eu/taxation_customs/vies/rest-api")
STRIPE_API_BASE = os.environ.get("STRIPE_API_BASE", "https://api.stripe.com")
FLUTTERWAVE_API_BASE = os.environ.get("FLUTTERWAVE_API_BASE", "https://api.flutterwave.com")
PAYSTACK_API_BASE = os.environ.get("PAYSTACK_API_BASE", "https://api.paystack.co")
MPESA_API_BASE = os.environ.get("MPESA_API_BASE", "https://api.safaricom.co.ke")
# What encrypts the credentials of payment providers at rest; derived from SECRET_KEY when it is empty.
CREDENTIALS_KEY = os.environ.get("CREDENTIALS_KEY", "")

# --- Language and time ----------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

# --- Files ----------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = TARN_HOME / "static"
STATIC_BUILD_DIR = TARN_HOME / "static-build"
STATIC_BUILD_DIR.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [STATIC_BUILD_DIR, BASE_DIR / "static"]
MEDIA_ROOT = TARN_HOME / "media"
STORAGES = {
    "default": {
        "BACKEND": os.environ.get("FILE_STORAGE", "django.core.files.storage.FileSystemStorage"),
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
FILE_UPLOAD_PERMISSIONS = 0o640
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000  # an invoice that is made again sends four for each of its lines

# --- Security -------------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "frame-src": [SELF],
        "frame-ancestors": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
    },
    "EXCLUDE_URL_PREFIXES": ["/admin/"],
}
HTTPS = env_flag("TARN_HTTPS")
# Without a mail server the e-mails are files, which admins may read on a machine that nobody else reaches.
LOCAL_MAILBOX = EMAIL_BACKEND == "django.core.mail.backends.filebased.EmailBackend" and not HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health$"]  # load balancers ask by plain http
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
BEHIND_PROXY = env_flag("TARN_BEHIND_PROXY")
PROXY_COUNT = int(os.environ.get("TARN_PROXY_COUNT", "1"))  # how many of our own proxies append an address
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
OTP_TOTP_ISSUER = "Tarn"
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "SAMEORIGIN"  # the invoice page shows its own PDF inline
SILENCED_SYSTEM_CHECKS = ["security.W019"]  # wants DENY, see the line above
if (
    not HTTPS
):  # plain http on localhost cannot have HSTS, the redirect and secure cookies: TARN_HTTPS=1 has all
    SILENCED_SYSTEM_CHECKS += ["security.W004", "security.W008", "security.W012", "security.W016"]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {
        "axes": {"level": "WARNING"},
        "fontTools": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},  # its lines hold whole addresses
        "httpcore": {"level": "WARNING"},
        "weasyprint": {"level": "ERROR"},
    },
}
