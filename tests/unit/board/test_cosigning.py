# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking witnesses: real ones by the protocol, hostile ones, slow ones; and what enters the record."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from evote.board import Kind, LogWriter
from evote.board.asking import ask_witnesses
from evote.board.cosigned import count_cosignatures, import_cosignatures, verify_cosigned
from evote.board.cosigning import CosignResult, cosign_published, cosign_record, verify_newest
from evote.board.files import write_durably
from evote.board.record_folder import RecordFolder
from evote.board.witness import Witness
from evote.board.witness_protocol import SIZE_TYPE, Submission
from evote.crypto.cosignatures import WitnessSigner, read_cosignatures
from evote.crypto.notes import split_note
from evote.errors import BoardInconsistency, EvoteError, InvalidSignature, StateError, VerificationError
from evote.manifest import Manifest
from evote.record import layout
from evote.verify import audit_record
from simulator import World, contest, draft, sealed_manifest
from witnesses import answering, name_witnesses, reply

CHECKPOINT = "checkpoint"
NAMES = tuple(f"witness.example/w{n}" for n in range(3))


def respond(witness: Witness, seen: list[Submission] | None = None) -> Callable:
    """Return a handler that serves a witness."""

    def answer(handler) -> None:
        if seen is not None:
            seen.append(Submission.from_bytes(handler.body))
        found = witness.add_checkpoint(handler.body)
        reply(handler, found.status, found.body.encode(), found.content_type)

    return answer


def make_world(folder: Path, urls: list[str], quorum: int) -> World:
    """Return an open election that names witnesses w0, w1, …, whose folders are beside it."""
    plan = draft((contest("one"),), witnesses=name_witnesses(folder, urls), witness_quorum=quorum)
    rolls = {unit.id: (9, 9) for unit in plan.counting.units}
    world = World(folder / "election", sealed_manifest(plan, rolls))
    world.open()
    return world


class Scene:
    """An election and its witnesses, each of which can be told what to answer."""

    def __init__(self, folder: Path, stack: ExitStack, count: int = 3, quorum: int = 2) -> None:
        self.folder = folder
        self.answers: list[Callable | None] = [None] * count
        self.seen: list[list[Submission]] = [[] for _ in range(count)]
        urls = [
            stack.enter_context(answering(lambda handler, n=n: self.answers[n](handler)))
            for n in range(count)
        ]
        self.world = make_world(folder, urls, quorum)
        self.answers = [respond(self.witness(n), self.seen[n]) for n in range(count)]

    def witness(self, number: int) -> Witness:
        return Witness(self.folder / f"w{number}", [self.world.log_signer.note_key])

    @property
    def record(self) -> RecordFolder:
        return self.world.record

    @property
    def manifest(self) -> Manifest:
        return self.world.election.manifest

    def ask(self, **options) -> CosignResult:
        return cosign_published(self.record, self.world.election, self.world.private, **options)

    def present(self, path: str = CHECKPOINT) -> tuple[str, ...]:
        return count_cosignatures(self.record, self.manifest, path).present

    def publish(self, count: int = 1) -> None:
        self.world.publish([self.world.encrypt("one-all", "a") for _ in range(count)])


@pytest.fixture
def scene(tmp_path) -> Iterator[Scene]:
    with ExitStack() as stack:
        yield Scene(tmp_path, stack)


def test_witnesses_follow_the_log(scene) -> None:
    for count in (0, 2, 1):
        scene.publish(count)
        result = scene.ask()
        assert (result.cosigned.present, result.failures, result.cosigned.complete) == (NAMES, (), True)
        assert scene.present() == NAMES
        assert set(
            read_cosignatures((scene.record.path / CHECKPOINT).read_bytes(), scene.manifest.witness_keys)
        )
        scene.world.reader().verify_log()
    assert [one.old for one in scene.seen[0]] == [0, 0, 2, 0, 4]  # the sizes come from the conflicts
    assert all(len(split_note(one.note)[1]) == 1 for one in scene.seen[0])  # the log's own signature alone
    before = [len(one) for one in scene.seen]
    scene.ask()  # nobody is asked who has cosigned
    assert [len(one) for one in scene.seen] == before
    scene.world.close()
    assert scene.ask().cosigned.path == layout.CLOSING_CHECKPOINT
    assert scene.present() == scene.present(layout.CLOSING_CHECKPOINT) == NAMES
    assert audit_record(scene.record.path, until="closed").verified


def test_without_witnesses_nothing_is_done(tmp_path) -> None:
    world = make_world(tmp_path, [], 0)
    before = (world.record.path / CHECKPOINT).read_bytes()
    result = cosign_published(world.record, world.election, world.private)
    assert (result.cosigned.complete, result.failures) == (True, ())
    verify_newest(world.record, world.election, world.private)
    assert (world.record.path / CHECKPOINT).read_bytes() == before
    world.close()
    verify_cosigned(world.record, world.election.manifest)


def hang(handler) -> None:
    time.sleep(30)


def drip(handler) -> None:
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
    for _ in range(300):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.1)


def signed_by_another(scene: Scene) -> Callable:
    def answer(handler) -> None:
        text = split_note(Submission.from_bytes(handler.body).note)[0]
        line = WitnessSigner.generate(NAMES[2]).cosign(text, 5)
        reply(handler, 200, f"{line}\n".encode())

    return answer


def of_another_text(scene: Scene) -> Callable:
    signer = WitnessSigner.load(scene.folder / "w2" / "witness.key")
    line = signer.cosign("other\n1\nAAAA\n", 5)
    return lambda handler: reply(handler, 200, f"{line}\n".encode())


HOSTILE = {
    "redirected": lambda scene: lambda handler: reply(handler, 307, Location=scene.manifest.witnesses[0].url),
    "to a file": lambda scene: lambda handler: reply(handler, 302, Location="file:///etc/passwd"),
    "too long": lambda scene: lambda handler: reply(handler, 200, b"\xe2\x80\x94 " * 10_000),
    "nothing": lambda scene: lambda handler: reply(handler, 200),
    "binary": lambda scene: lambda handler: reply(handler, 200, bytes(range(256))),
    "no http": lambda scene: lambda handler: handler.wfile.write(b"\0\r\n"),
    "another key": signed_by_another,
    "another text": of_another_text,
    "no size": lambda scene: lambda handler: reply(handler, 409, b"x\n", SIZE_TYPE),
    "size again": lambda scene: lambda handler: reply(handler, 409, b"0\n", SIZE_TYPE),
    "huge size": lambda scene: lambda handler: reply(handler, 409, b"9" * 40, SIZE_TYPE),
    "plain conflict": lambda scene: lambda handler: reply(handler, 409, b"1\n"),
    "error": lambda scene: lambda handler: reply(handler, 500),
    "unknown": lambda scene: lambda handler: reply(handler, 404),
    "hangs": lambda scene: hang,
    "drips": lambda scene: drip,
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_one_hostile_witness_of_three_changes_nothing(scene, hostile) -> None:
    good = scene.answers[2]
    scene.answers[2] = HOSTILE[hostile](scene)
    scene.world.close()
    result = scene.ask(seconds=1.5)
    assert result.cosigned.present == scene.present() == NAMES[:2]
    assert result.cosigned.complete
    assert len(result.failures) == 1
    assert result.failures[0].startswith(NAMES[2])
    assert audit_record(scene.record.path, until="closed").verified
    scene.answers[2] = good
    assert scene.ask().cosigned.present == NAMES


def test_sizes_that_change_all_the_time(scene) -> None:
    scene.publish(5)
    sizes = iter((1, 2, 3, 4, 5, 6))
    scene.answers[0] = lambda handler: reply(handler, 409, b"%d\n" % next(sizes), SIZE_TYPE)
    assert scene.ask().cosigned.present == NAMES[1:]
    assert next(sizes) == 4  # three requests at most


def test_nobody_listens(tmp_path) -> None:
    with answering(hang) as url:
        pass
    world = make_world(tmp_path, [url, "http://[::1]:9/", ""], 2)
    result = cosign_published(world.record, world.election, world.private, seconds=1)
    assert result.cosigned.present == ()
    assert len(result.failures) == 2  # the third is asked by file
    verify_newest(
        world.record, world.election, world.private, seconds=1
    )  # those who do not answer stop nothing


def test_a_wrong_cosignature_in_the_record_is_told(scene) -> None:
    scene.ask()
    path = scene.record.path / CHECKPOINT
    good = path.read_bytes()
    path.write_bytes(good + good.splitlines(keepends=True)[-1])
    result = scene.ask()
    assert (result.cosigned.complete, len(result.failures)) == (False, 1)
    report = audit_record(scene.record.path, until="open")
    assert {one.check for one in report.failures} == {"WIT-3"}
    path.write_bytes(good)
    assert audit_record(scene.record.path, until="open").verified


def test_the_writer_and_the_cosigners_do_not_undo_each_other(scene) -> None:
    """Cosignatures of an older checkpoint never bring it back; a writer that starts again keeps what is there."""
    old = (scene.record.path / CHECKPOINT).read_bytes()
    replies = ask_witnesses(scene.record, scene.world.election, CHECKPOINT, scene.manifest.witnesses, 5)
    scene.publish()
    new = (scene.record.path / CHECKPOINT).read_bytes()
    lines = "".join(f"{one.line}\n" for one in replies).encode()
    with pytest.raises(InvalidSignature) as caught:
        import_cosignatures(scene.record, scene.manifest, scene.world.private, lines)
    assert caught.value.check == "WIT-8"
    assert (scene.record.path / CHECKPOINT).read_bytes() == new != old
    scene.ask()
    cosigned = (scene.record.path / CHECKPOINT).read_bytes()
    assert scene.present() == NAMES
    with LogWriter(scene.record.path, scene.world.private, scene.world.log_signer):
        assert (scene.record.path / CHECKPOINT).read_bytes() == cosigned


def test_a_restored_log_is_known_to_its_witnesses(scene, tmp_path) -> None:
    """Record and state are from a backup, with all cosignatures of its time."""
    scene.ask()
    backup = scene.world.copy(tmp_path / "backup")
    scene.publish(3)
    scene.ask()
    verify_newest(scene.record, scene.world.election, scene.world.private)
    before = (backup.record.path / CHECKPOINT).read_bytes()
    with pytest.raises(StateError) as caught:
        verify_newest(backup.record, backup.election, backup.private)
    assert caught.value.check == "BRD-18"
    assert (backup.record.path / CHECKPOINT).read_bytes() == before
    backup.publish([backup.encrypt("one-all", "b")])  # who goes on all the same is not cosigned
    result = cosign_published(backup.record, backup.election, backup.private)
    assert result.cosigned.present == ()
    assert result.others == tuple(NAMES)


def test_one_lying_witness_is_named_and_can_be_left_out(scene) -> None:
    scene.answers[1] = lambda handler: reply(handler, 409, b"1000000\n", SIZE_TYPE)
    with pytest.raises(StateError) as caught:
        verify_newest(scene.record, scene.world.election, scene.world.private)
    assert caught.value.check == "BRD-18"
    assert NAMES[1] in str(caught.value)
    distrusted = scene.world.private / "distrusted-witnesses"
    distrusted.write_text(f"somebody\n{NAMES[1]}\n")
    verify_newest(scene.record, scene.world.election, scene.world.private)
    distrusted.write_bytes(b"\xff")
    with pytest.raises(EvoteError) as caught:
        verify_newest(scene.record, scene.world.election, scene.world.private)
    assert caught.value.check == "BRD-18"


def test_a_second_history_is_not_cosigned(scene, tmp_path) -> None:
    fork = scene.world.copy(tmp_path / "fork")
    scene.publish(2)
    scene.ask()
    fork.publish([fork.encrypt("one-all", "b") for _ in range(2)])
    fork.close()
    scene.world.close()
    result = cosign_published(fork.record, fork.election, fork.private)
    assert result.cosigned.present == ()
    assert len(result.failures) == 3
    assert scene.ask().cosigned.present == NAMES
    report = audit_record(fork.record.path, until="closed")
    assert [one.check for one in report.failures] == ["ACT-6"]


# By file


def test_by_file(scene, tmp_path) -> None:
    record, election, private = scene.record, scene.world.election, scene.world.private
    scene.world.close()
    note = cosign_record(scene.witness(0), record, election)
    assert split_note(note)[0] == record.closing_checkpoint(election).to_text()
    with pytest.raises(VerificationError) as caught:
        verify_cosigned(record, scene.manifest)
    assert caught.value.check == "ACT-6"
    assert NAMES[1] in str(caught.value)
    assert import_cosignatures(record, scene.manifest, private, note) == (
        layout.CLOSING_CHECKPOINT,
        CHECKPOINT,
    )
    assert import_cosignatures(record, scene.manifest, private, note) == ()  # all of it was there
    again = cosign_record(scene.witness(0), record, election)  # later, the same witness
    assert import_cosignatures(record, scene.manifest, private, again) == ()
    bare = cosign_record(scene.witness(1), record, election).rpartition(b"\n\n")[2]
    assert import_cosignatures(record, scene.manifest, private, b"noise\n" + bare)
    verify_cosigned(record, scene.manifest)
    assert scene.present(layout.CLOSING_CHECKPOINT) == scene.present() == NAMES[:2]


def test_files_that_belong_to_nothing(scene, tmp_path) -> None:
    record, private = scene.record, scene.world.private
    stranger = Witness.create(tmp_path / "stranger", NAMES[0])
    assert stranger not in scene.manifest.witness_keys
    unknown = cosign_record(
        Witness(tmp_path / "stranger", [scene.world.log_signer.note_key]), record, scene.world.election
    )
    old = cosign_record(scene.witness(0), record, scene.world.election)
    scene.publish()
    before = (record.path / CHECKPOINT).read_bytes()
    for data in (unknown, old, b"", b"\xff", b"\xe2\x80\x94 \n", bytes(100)):
        with pytest.raises(EvoteError) as caught:
            import_cosignatures(record, scene.manifest, private, data)
        assert caught.value.check in ("WIT-8", "BRD-4")
    assert (record.path / CHECKPOINT).read_bytes() == before


def test_a_witness_at_hand_refuses_a_second_history_and_an_older_copy(scene, tmp_path) -> None:
    fork, old = scene.world.copy(tmp_path / "fork"), scene.world.copy(tmp_path / "old")
    scene.publish(2)
    fork.publish([fork.encrypt("one-all", "b") for _ in range(2)])
    cosign_record(scene.witness(0), scene.record, scene.world.election)
    for other in (fork, old):
        with pytest.raises(BoardInconsistency) as caught:
            cosign_record(scene.witness(0), other.record, other.election)
        assert caught.value.check == "BRD-15"
    cosign_record(scene.witness(0), scene.record, scene.world.election)


def test_lines_of_two_checkpoints_in_one_file(scene) -> None:
    """When the log has gone on after the closing, each line goes to the checkpoint that it is of."""
    scene.world.close()
    lines = [cosign_record(scene.witness(n), scene.record, scene.world.election) for n in (0, 1)]
    import_cosignatures(scene.record, scene.manifest, scene.world.private, b"".join(lines))
    scene.world.append(Kind.EVENT, b"{}")
    both = cosign_record(scene.witness(2), scene.record, scene.world.election)
    assert both.count(b"\n\n") == 2
    changed = import_cosignatures(scene.record, scene.manifest, scene.world.private, both)
    assert changed == (layout.CLOSING_CHECKPOINT, CHECKPOINT)
    assert scene.present(layout.CLOSING_CHECKPOINT) == NAMES
    assert scene.present() == NAMES[2:]


def test_what_the_end_commits_to_is_not_changed(scene) -> None:
    scene.world.close()
    for n in (0, 1):
        note = cosign_record(scene.witness(n), scene.record, scene.world.election)
        import_cosignatures(scene.record, scene.manifest, scene.world.private, note)
    late = cosign_record(scene.witness(2), scene.record, scene.world.election)
    closing = (scene.record.path / layout.CLOSING_CHECKPOINT).read_bytes()
    write_durably(scene.record.path / layout.END, b"{}")
    import_cosignatures(scene.record, scene.manifest, scene.world.private, late)
    assert (scene.record.path / layout.CLOSING_CHECKPOINT).read_bytes() == closing
    scene.ask()
    assert (scene.record.path / layout.CLOSING_CHECKPOINT).read_bytes() == closing
