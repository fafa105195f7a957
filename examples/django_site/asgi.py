# SPDX-License-Identifier: GPL-3.0-or-later
"""The site under an ASGI server, with the web API beside it, which publishes too."""

from __future__ import annotations

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_site.settings")
site = get_asgi_application()

from django_site.voting import make_api  # noqa: E402 - after Django is set up

api = make_api(sequencer=True)
PREFIX = "/vote"


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Send what is below the prefix to the web API, and the lifespan, which Django does not know."""
    if scope["type"] == "lifespan":
        await api(scope, receive, send)
    elif scope["path"].startswith(f"{PREFIX}/"):
        await api({**scope, "root_path": scope.get("root_path", "") + PREFIX}, receive, send)
    else:
        await site(scope, receive, send)
