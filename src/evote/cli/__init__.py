# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: one module a role; parse, call one function, print.

A command's module is loaded when the command is run, so that each loads only what it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from evote.cli.console import Commands

_HOMES: Final = {
    "new": "office",
    "stores": "office",
    "roll": "office",
    "ceremony": "ceremony",
    "seal": "office",
    "open": "office:open_",
    "status": "office",
    "integrity": "office",
    "vote": "voter",
    "publish": "office",
    "check": "voter",
    "amend": "amend",
    "close": "office",
    "attendance": "attendance",
    "tally": "tally",
    "verify": "verifier",
    "events": "events",
    "board": "board",
    "witness": "witness",
    "demo": "demo",
    "bench": "bench",
}
"""Command -> module below `evote.cli`, and its name there where that is another one."""


class LateCommands(Commands):
    """Commands whose modules are loaded when they are asked for, in the order of an election."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click passes it
        """Return the names of all commands."""
        return list(_HOMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Load a command."""
        home = _HOMES.get(cmd_name)
        if home is None:
            return None
        module, _, name = home.partition(":")
        command = getattr(import_module(f"evote.cli.{module}"), name or cmd_name)
        return command if isinstance(command, click.Command) else None


@click.group(
    cls=LateCommands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="evote", message="evote %(version)s")
def main() -> None:
    """Verifiable elections by list ballot.

    Commissioners: new, stores, roll, ceremony, seal, open, status, integrity, publish, amend, close, attendance,
    tally. Voters: vote, check, attendance check. Anybody: verify, events, board monitor, witness, bench. To see a
    whole election first: evote demo.
    """
