# SPDX-License-Identifier: GPL-3.0-or-later
"""A small web API over a ballot box: an ASGI application to be served or mounted; the extra `evote[web]`.

Spec: WEB
"""

from __future__ import annotations

from evote.web.app import SILENT, create_app
from evote.web.refusals import BureauOnly, NotSignedIn, RequestRefused
from evote.web.sequencer import publishing
from evote.web.service import Hook

__all__ = [
    "SILENT",
    "BureauOnly",
    "Hook",
    "NotSignedIn",
    "RequestRefused",
    "create_app",
    "publishing",
]
