# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of a witness: new, serve, cosign."""

from __future__ import annotations

import socket
from pathlib import Path

import click

from evote.board.cosigning import cosign_record
from evote.board.files import printable, write_durably
from evote.board.record_folder import RecordFolder, log_key
from evote.board.witness import KEY_FILE, Witness
from evote.cli.console import Commands, Refusal, say, spoken
from evote.crypto.notes import NoteKey
from evote.errors import EncodingError, ParameterError, StorageError

_MOST_REQUESTS = 64
folder_of_witness = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))


@click.group(cls=Commands)
def witness() -> None:
    """A witness: cosigns the log of an election, so that nobody can be shown another one."""


@witness.command()
@folder_of_witness
@click.option("--name", required=True, help="Name of the witness, as observer.example/evote; without spaces.")
def new(folder: Path, name: str) -> None:
    """Make a witness's folder with its key, and print the key for the manifest.

    The folder is never to be restored from a backup: a witness that has forgotten could cosign two histories.

    Example: evote witness new witness --name observer.example/evote
    """
    key = Witness.create(folder, name)
    say("Give this text to the bureau, for «witnesses» of the manifest:")
    say(key.to_text())
    say(f"Next, when the election is sealed: evote witness serve {folder} --log KEY_OR_RECORD")


@witness.command()
@folder_of_witness
@click.option("--log", "logs", multiple=True, required=True, metavar="KEY_OR_RECORD",
              help="A log to witness: its key as text, or a record. Can be given again.")  # fmt: skip
@click.option("--listen", default="127.0.0.1:8765", show_default=True, metavar="HOST:PORT")
def serve(folder: Path, logs: tuple[str, ...], listen: str) -> None:
    """Cosign checkpoints that are sent, each only if it continues the last one.

    Put a web server that speaks https in front of it. It can be stopped at any time, in any way.

    Example: evote witness serve witness --log record --listen 127.0.0.1:8765
    """
    try:
        import uvicorn
    except ImportError:
        raise Refusal("A witness on the web needs the extra: pip install 'evote[web]'.") from None
    from evote.board.witness_app import WitnessApp

    _verify_made(folder)
    served = Witness(folder, [_log_key(text) for text in logs])
    door = _open_door(listen)
    host, port = door.getsockname()[:2]
    say(f"{served.key.name} listens on http://{f'[{host}]' if ':' in host else host}:{port}")
    config = uvicorn.Config(
        WitnessApp(served), log_level="warning", access_log=False, server_header=False,
        limit_concurrency=_MOST_REQUESTS,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[door])


def _verify_made(folder: Path) -> None:
    if not (folder / KEY_FILE).is_file():
        raise StorageError(
            f"{printable(folder)} holds no witness; make one with: evote witness new {printable(folder)} --name NAME",
            check="BRD-5",
        )


def _log_key(text: str) -> NoteKey:
    """Return a log's key: as text, or as a record's seal names it."""
    if not Path(text).is_dir():
        try:
            return NoteKey.from_text(text)
        except EncodingError as error:
            raise EncodingError(
                f"{printable(text)}: there is no such record, and it is not the text of a key.",
                check=error.check,
            ) from None
    election = RecordFolder(text).election()
    _say_election(election.id, log_key(election))
    return log_key(election)


def _say_election(election: bytes, key: NoteKey) -> None:
    say(f"Log {key.name}. Election id, for comparison aloud with the bureau:")
    say(f"  {spoken(election)}")


def _open_door(listen: str) -> socket.socket:
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or int(port) >= 1 << 16:
        raise ParameterError("Write where to listen as HOST:PORT, as in 127.0.0.1:8765.")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, int(port)), family=family)
    except OSError as error:
        raise Refusal(f"{printable(listen)}: {error.strerror}.") from None


@witness.command()
@folder_of_witness
@click.argument("record", type=click.Path(file_okay=False, path_type=Path))
@click.option("--out", default="cosignature.txt", show_default=True,
              type=click.Path(dir_okay=False, path_type=Path), help="Where to write the cosignature.")  # fmt: skip
def cosign(folder: Path, record: Path, out: Path) -> None:
    """Cosign the checkpoint of a record at hand, without a network.

    Example: evote witness cosign witness record
    """
    _verify_made(folder)
    files = RecordFolder(record)
    election = files.election()
    key = log_key(election)
    _say_election(election.id, key)
    note = cosign_record(Witness(folder, [key]), files, election)
    write_durably(out, note)
    say(note.decode().rstrip("\n"))
    say(f"Written to {out}. Next, at the bureau: evote board cosign DIR {out}")
