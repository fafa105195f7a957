# SPDX-License-Identifier: GPL-3.0-or-later
"""What all commands share: refusals as one sentence, hidden codes, progress on terminals, spoken fingerprints."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from getpass import GetPassWarning, getuser
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from evote.board.files import printable, read_bounded
from evote.errors import EncodingError, EvoteError, ParameterError
from evote.record import layout
from evote.record.keys import KeyShareFile

console = Console(highlight=False, soft_wrap=True, emoji=False)
folder_argument = click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
share_option = click.option(
    "--share",
    "share_file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Share file.",
)
code_file_option = click.option(
    "--code-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Read the activation code from a file instead of asking.",
)
_MAX_CODE_FILE = 64 << 10


def _user() -> str:
    """Return the name under which whoever runs this is signed in on this machine."""
    try:
        return printable(getuser()) or "unknown"
    except (OSError, KeyError):
        return "unknown"


actor_option = click.option(
    "--actor",
    default=_user,
    metavar="NAME",
    help="Who does this, for the log of operations, which is published; by default this machine's user.",
)


class Refusal(click.ClickException):
    """A refusal: one sentence on standard error, exit status 1."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        """Print the sentence."""
        click.echo(f"evote: {printable(self.message)}", file=file or sys.stderr)


class Commands(click.Group):
    """A group of commands, listed in the order of an election, whose errors are one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click passes it
        """Return the commands in the order in which they were added."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except EvoteError as error:
            raise Refusal(sentence_of(error)) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            raise Refusal(f"{printable(str(error.filename or 'output'))}: {error.strerror}.") from error
        except KeyboardInterrupt:
            raise Refusal("Interrupted; run the command again, it goes on from where it was.") from None


def sentence_of(error: EvoteError) -> str:
    """Write an error as one line, with its subject and check."""
    where = f"{error.subject}: " if error.subject and error.subject not in str(error) else ""
    return f"{where}{error}" + (f" [{error.check}]" if error.check else "")


def say(text: str = "") -> None:
    """Print a line."""
    console.print(text, markup=False)


def number_of(number: int, noun: str, nouns: str = "") -> str:
    """Write a number with its noun: «1 ballot», «2 ballots»."""
    return f"{number} {noun if number == 1 else nouns or noun + 's'}"


def spoken(digest: bytes) -> str:
    """Write a digest in groups of four for reading aloud."""
    text = digest.hex()
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def moment(seconds: int) -> str:
    """Write POSIX seconds in this machine's time zone."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%d %B %Y %H:%M %Z").lstrip("0")


def verify_is_no_record(directory: Path) -> None:
    """Check that this is not the record itself where an election folder is asked for.

    Raises:
        ParameterError: It is.
    """
    if (directory / layout.SEAL).is_file():
        raise ParameterError(f"{printable(directory)} is a record; give the folder that contains it.")


def ask_code(name: str, code_file: Path | None) -> str:
    """Return an activation code: the only line of a file, or typed without echo."""
    if code_file is not None:
        return _text(code_file).strip("\r\n")
    return _ask(f"Activation code of {name}", "--code-file", twice=False)


def ask_new_code(name: str) -> str:
    """Ask a holder for a new activation code, twice, without echo."""
    return _ask(f"New activation code of {name}", "--codes", twice=True)


def _ask(question: str, option: str, *, twice: bool) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", GetPassWarning)
            return str(click.prompt(question, hide_input=True, confirmation_prompt=twice, err=True))
    except GetPassWarning:
        raise Refusal(f"There is no terminal to type a code on without echo; use {option}.") from None


def read_share_file(path: Path) -> KeyShareFile:
    """Read a trustee's share file.

    Raises:
        ParameterError: It is none, or damaged (KEY-9).
    """
    try:
        return KeyShareFile.from_bytes(read_bounded(path, KeyShareFile.max_bytes))
    except EncodingError:
        raise ParameterError(
            f"{path} is not a share file, or it is damaged; use the file that the ceremony wrote.",
            check="KEY-9",
        ) from None


def read_codes(path: Path) -> dict[str, str]:
    """Read `name<TAB>code` lines.

    Raises:
        ParameterError: A line has another shape (KEY-9).
    """
    codes = {}
    for number, line in enumerate(_text(path).splitlines(), 1):
        name, tab, code = line.partition("\t")
        if line.strip():
            if not tab:
                raise ParameterError(f"{path}, line {number}: write trustee, TAB, code.", check="KEY-9")
            codes[name.strip()] = code
    return codes


def _text(path: Path) -> str:
    try:
        return read_bounded(path, _MAX_CODE_FILE).decode()
    except UnicodeDecodeError:
        raise ParameterError(f"{path} is not UTF-8 text.", check="KEY-9") from None


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[str, int, int], None]]:
    """Show progress with the time left on a terminal; yield what to call with (what, done, total)."""
    terminal = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as progress:
        task = progress.add_task(title, total=None)
        yield lambda _what, done, total: progress.update(task, completed=done, total=total)


@contextmanager
def waiting(title: str) -> Iterator[Callable[[], None]]:
    """Show on a terminal that something of unknown length goes on; yield what to call now and then."""
    terminal = Console(stderr=True)
    if not terminal.is_terminal:
        yield lambda: None
        return
    with terminal.status(title):
        yield lambda: None
