# SPDX-License-Identifier: GPL-3.0-or-later
"""The site under a WSGI server, with the web API beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from a2wsgi import ASGIMiddleware
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_site.settings")
site = get_wsgi_application()

from django_site.voting import make_api  # noqa: E402 - after Django is set up

api = ASGIMiddleware(make_api())
PREFIX = "/vote"


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Send what is below the prefix to the web API, all else to Django."""
    path = environ.get("PATH_INFO", "")
    if not path.startswith(f"{PREFIX}/"):
        return site(environ, start_response)
    mounted = {"SCRIPT_NAME": environ.get("SCRIPT_NAME", "") + PREFIX, "PATH_INFO": path.removeprefix(PREFIX)}
    return api({**environ, **mounted}, start_response)
