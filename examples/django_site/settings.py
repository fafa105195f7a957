# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings. Environment: ELECTION, SECRET, HOST, SITE_DATABASE, MAIL_PORT, REGISTER_HOST; docs/how-to/django.md."""

from __future__ import annotations

import os
from pathlib import Path

ELECTION = Path(os.environ["ELECTION"])
VOTE_HOST = os.environ["HOST"]
SECRET_KEY = os.environ["SECRET"]
ALLOWED_HOSTS = [VOTE_HOST, "127.0.0.1"]
ROOT_URLCONF = "django_site.urls"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django_site",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]


def of_the_box(name: str) -> dict[str, object]:
    """Describe one of the box's two databases, as SQLite files; Django opens it for reading only."""
    path = f"file:{ELECTION / 'private' / name}?mode=ro"
    options = {"uri": True}
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": options,
        "ATOMIC_REQUESTS": False,
    }


DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["SITE_DATABASE"],
        "ATOMIC_REQUESTS": True,  # a request is one transaction of the site; the box has its own
        "OPTIONS": {"transaction_mode": "IMMEDIATE"},
    },
    "register": of_the_box("register.db"),
    "box": of_the_box("box.db"),
}
if "REGISTER_HOST" in os.environ:  # PostgreSQL: a role that may read `voters`, and cannot connect to the box
    DATABASES["register"] = {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ["REGISTER_HOST"],
        "PORT": os.environ.get("REGISTER_PORT", "5432"),
        "NAME": "evote_register",
        "USER": "site",  # its password stands in ~/.pgpass
        "ATOMIC_REQUESTS": False,
        "OPTIONS": {"sslmode": os.environ.get("REGISTER_SSL", "verify-full")},
    }
    del DATABASES["box"]
DATABASE_ROUTERS = ["django_site.routers.BoxRouter"]

SESSION_COOKIE_AGE = 600
SESSION_SAVE_EVERY_REQUEST = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = "WITHOUT_TLS" not in os.environ
DATA_UPLOAD_MAX_MEMORY_SIZE = 1 << 20
EMAIL_HOST = "127.0.0.1"
EMAIL_PORT = int(os.environ.get("MAIL_PORT", "25"))
DEFAULT_FROM_EMAIL = f"vote@{VOTE_HOST}"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

LOGGING = {  # no traceback, no mail to administrators: both may hold what a voter sent
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"bare": {"()": "django_site.logs.BareFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "bare"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"django": {"handlers": ["console"], "level": "ERROR", "propagate": False}},
}
