# SPDX-License-Identifier: GPL-3.0-or-later
"""Suites that an adapter to another database must pass, to be run by pytest.

    from evote.testing import BoxStoreSuite, RegisterStoreSuite

    class TestMyRegister(RegisterStoreSuite):
        @pytest.fixture
        def register(self): ...             # an empty register of yours; closed by you

    class TestMyBox(BoxStoreSuite):
        @pytest.fixture
        def box(self): ...                  # an empty box of yours

Spec: BOX-2, BOX-3, BOX-4
"""

from __future__ import annotations

from evote.testing.box_store import BoxStoreSuite
from evote.testing.register_store import RegisterStoreSuite

__all__ = ["BoxStoreSuite", "RegisterStoreSuite"]
