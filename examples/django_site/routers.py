# SPDX-License-Identifier: GPL-3.0-or-later
"""Which database a model belongs to: the box's two are read at most, never written, never joined, never migrated."""

from __future__ import annotations

from typing import Any

from django.db.models import Model

OF_THE_BOX = ("register", "box")


class BoxRouter:
    """Sends models that name a database of the box there, for reading."""

    def db_for_read(self, model: type[Model], **_: Any) -> str:
        """Return where a model is read."""
        return str(getattr(model, "database", "default"))

    def db_for_write(self, model: type[Model], **_: Any) -> str:
        """Return where a model is written; what is the box's is written by the box."""
        if hasattr(model, "database"):
            raise PermissionError(f"{model.__name__} is read-only: only the box writes its databases.")
        return "default"

    def allow_relation(self, first: Model, second: Model, **_: Any) -> bool:
        """Tell whether two rows may be related; never across databases."""
        return self.db_for_read(type(first)) == self.db_for_read(type(second))

    def allow_migrate(self, db: str, *_: Any, **__: Any) -> bool:
        """Tell whether tables are made; never in a database of the box."""
        return db not in OF_THE_BOX
