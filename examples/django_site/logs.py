# SPDX-License-Identifier: GPL-3.0-or-later
"""What gets into a log of a site that votes: the class of an error, never its text."""

from __future__ import annotations

import logging


class BareFormatter(logging.Formatter):
    """Writes logger, level and the class of the exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        error = record.exc_info[0] if record.exc_info else None
        said = error.__name__ if error else record.getMessage()
        return f"{record.levelname} {record.name}: {said}"
