# SPDX-License-Identifier: GPL-3.0-or-later
"""The QR code of a ballot reference; the extra `evote[qr]` draws it.

Spec: REF-8
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from evote.errors import ParameterError, StateError
from evote.record.reference import Reference

if TYPE_CHECKING:
    from segno import QRCode

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*(?::[1-9][0-9]{{0,4}})?", re.ASCII)
_LONGEST_HOST: Final = 253
_QUIET_ZONE: Final = 4


def verify_host(host: str) -> None:
    """Check that a text is a host name, with or without a port, and nothing more.

    Args:
        host: Small letters, digits, hyphens and dots; names in other scripts in their ASCII form.

    Raises:
        ParameterError: It is not (REF-8).

    Spec: REF-8
    """
    if len(host) > _LONGEST_HOST or not _HOST.fullmatch(host):
        raise ParameterError(
            "This is no host name: write it as vote.example.org, in small letters, without https:// and path.",
            check="REF-8",
        )


def reference_url(reference: Reference, host: str) -> str:
    """Return the address that a QR code holds: `https://<host>/r#<compact form>`.

    What follows the # reaches no server.

    Args:
        reference: Of a receipt that was checked.
        host: Of the page that checks references.

    Raises:
        ParameterError: `host` is no host name (REF-8).

    Spec: REF-8
    """
    verify_host(host)
    return f"https://{host}/r#{reference}"


def qr_svg(reference: Reference, host: str) -> bytes:
    """Return the QR code as an SVG document that takes the size it is given.

    Args:
        reference: Of a receipt that was checked.
        host: Of the page that checks references.

    Raises:
        ParameterError: `host` is no host name (REF-8).
        StateError: The extra `evote[qr]` is not installed (REF-8).

    Spec: REF-8
    """
    out = io.BytesIO()
    _code(reference, host).save(out, kind="svg", border=_QUIET_ZONE, omitsize=True)
    return out.getvalue()


def qr_png(reference: Reference, host: str, *, scale: int = 8) -> bytes:
    """Return the QR code as a PNG image in black and white.

    Args:
        reference: Of a receipt that was checked.
        host: Of the page that checks references.
        scale: Pixels of a module's side, 1 to 40.

    Raises:
        ParameterError: `host` is no host name, or `scale` is out of its range (REF-8).
        StateError: The extra `evote[qr]` is not installed (REF-8).

    Spec: REF-8
    """
    if not 1 <= scale <= 40:
        raise ParameterError("A module of a QR code has 1 to 40 pixels.", check="REF-8")
    out = io.BytesIO()
    _code(reference, host).save(out, kind="png", border=_QUIET_ZONE, scale=scale)
    return out.getvalue()


def verify_drawable(name: str, host: str) -> None:
    """Check, before a ballot is cast, that its QR code can be drawn into a file of this name.

    Raises:
        ParameterError: The name ends in neither .svg nor .png, or `host` is no host name (REF-8).
        StateError: The extra `evote[qr]` is not installed (REF-8).

    Spec: REF-8
    """
    if not name.lower().endswith((".svg", ".png")):
        raise ParameterError("A QR code is drawn into a file .svg or .png; name one.", check="REF-8")
    verify_host(host)
    _maker()


def draw_qr(name: str, reference: Reference, host: str) -> bytes:
    """Return the QR code in the format that the name of its file says; see `verify_drawable`.

    Spec: REF-8
    """
    draw = qr_svg if name.lower().endswith(".svg") else qr_png
    return draw(reference, host)


def _code(reference: Reference, host: str) -> QRCode:
    """Make the smallest code of level M or better."""
    return _maker()(reference_url(reference, host), error="m", mode="byte")


def _maker() -> Callable[..., QRCode]:
    try:
        from segno import make_qr
    except ModuleNotFoundError:
        raise StateError("A QR code needs the extra: pip install 'evote[qr]'.", check="REF-8") from None
    return make_qr
