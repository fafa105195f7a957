# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m evote.cli`."""

from __future__ import annotations

from evote.cli import main

main(prog_name="evote")
