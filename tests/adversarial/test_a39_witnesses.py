# SPDX-License-Identifier: GPL-3.0-or-later
"""A39, with witnesses: the holder of the log's key makes two boxes and wants both opened.

Each box verifies by itself. The trustees' tools open only the one whose closing a quorum of witnesses has cosigned, and
honest witnesses cosign one history. As many liars as two quorums share break it: that is shown, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from evote.board import Kind
from evote.board.checkpoint import Checkpoint
from evote.board.cosigned import merge_cosignatures
from evote.board.cosigning import cosign_record
from evote.board.witness import Witness
from evote.crypto.cosignatures import WitnessSigner, add_cosignatures
from evote.crypto.notes import split_note
from evote.errors import BoardInconsistency, InvalidSignature, StateError, VerificationError
from evote.record import layout
from evote.tally.memory import ServedElections
from evote.tally.session import finish_tally, post_decryption_shares, start_tally
from evote.verify import audit_record, verify_closing
from simulator import CLOSES, World, small_world
from witnesses import name_witnesses

VOTES = {"one-all": ["a", "b", "a"], "two-x": ["c"]}


def make_views(folder: Path, quorum: int) -> tuple[World, World]:
    """Return the box, and the box less one ballot and its mark, in an election with three witnesses."""
    witnesses = name_witnesses(folder, ["", "", ""])
    whole = small_world(folder / "whole", votes=VOTES, witnesses=witnesses, witness_quorum=quorum)
    less = whole.copy(folder / "less")
    record = whole.record
    less.ballots = less.ballots[1:]
    less.carry_upwards(
        [
            (Kind.SEAL, record.bytes_of(layout.SEAL)),
            (Kind.OPEN, record.bytes_of(layout.OPEN)),
            *((Kind.BALLOT, one) for one in less.ballots),
        ]
    )
    whole.close()
    less.close()
    return whole, less


@pytest.fixture
def views(tmp_path) -> tuple[World, World]:
    return make_views(tmp_path, 2)


def honest(world: World, number: int) -> None:
    """Let a witness that keeps its word cosign a view, if it does."""
    folder = world.folder.parent / f"w{number}"
    note = cosign_record(Witness(folder, [world.log_signer.note_key]), world.record, world.election)
    merge_cosignatures(world.record, world.election.manifest, world.private, note.decode().split("\n"))


def lie(world: World, signers: Sequence[WitnessSigner]) -> None:
    """Add lines, whatever they are worth, to the closing checkpoint and to the head of the log."""
    for name in (layout.CLOSING_CHECKPOINT, "checkpoint"):
        path = world.record.path / name
        text = split_note(path.read_bytes())[0]
        path.write_bytes(path.read_bytes() + "".join(f"{one.cosign(text, 5)}\n" for one in signers).encode())


def refused(world: World) -> set[str]:
    """Return the checks by which verifier and trustees' tools refuse; nothing is computed with a share."""
    with pytest.raises(VerificationError) as caught:
        verify_closing(world.record.path)
    for step in (start_tally, lambda folder, progress: finish_tally(folder, {}, progress)):
        with pytest.raises(VerificationError) as again:
            step(world.folder, lambda *_: None)
        assert again.value.check == caught.value.check
    assert not (world.record.path / "sums").exists()
    found = {one.check for one in audit_record(world.record.path, until="closed").failures}
    assert caught.value.check in found
    return found


def test_honest_witnesses_cosign_one_of_two_boxes(views) -> None:
    whole, less = views
    for number in (0, 1):
        honest(whole, number)
        with pytest.raises(BoardInconsistency):
            honest(less, number)
    honest(less, 2)  # the third was shown the other one only
    assert refused(less) == {"ACT-6"}
    assert verify_closing(whole.record.path).point.size == 7
    post_decryption_shares(
        whole.folder,
        verify_closing(whole.record.path),
        whole.shares["moreau"],
        ServedElections([whole.folder / "served"]),
        CLOSES + 1,
    )


def test_without_a_quorum_nothing_is_opened(views) -> None:
    whole, _ = views
    assert refused(whole) == {"ACT-6"}
    honest(whole, 1)
    assert refused(whole) == {"ACT-6"}
    honest(whole, 2)
    assert audit_record(whole.record.path, until="closed").verified


def test_cosignatures_are_of_one_checkpoint(views) -> None:
    """Lines are carried from one box to the other: a known witness's wrong line rejects the note."""
    whole, less = views
    honest(whole, 0)
    honest(whole, 1)
    lines = split_note((whole.record.path / layout.CLOSING_CHECKPOINT).read_bytes())[1][1:]
    path = less.record.path / layout.CLOSING_CHECKPOINT
    path.write_bytes(path.read_bytes() + "".join(f"{line}\n" for line in lines).encode())
    assert refused(less) == {"WIT-3"}


def test_strangers_and_one_witness_twice_are_no_quorum(views) -> None:
    _, less = views
    honest(less, 2)
    names = [key.name for key in less.election.manifest.witness_keys]
    lie(less, [WitnessSigner.generate(name) for name in (*names, "fourth.example")])
    assert refused(less) == {"ACT-6"}
    lie(less, [WitnessSigner.load(less.folder.parent / "w2" / "witness.key")])
    assert refused(less) == {"WIT-3"}


def test_a_manifest_with_other_witnesses_is_another_election(views) -> None:
    _, less = views
    manifest = less.election.manifest.replace(witnesses=(), witness_quorum=0)
    less.record.write(layout.MANIFEST, manifest)
    assert "ACT-1" in {one.check for one in audit_record(less.record.path, until="closed").failures}


def test_a_quorum_on_the_head_of_the_log_does_not_replace_one_on_the_closing(views) -> None:
    whole, _ = views
    honest(whole, 0)
    honest(whole, 1)
    path = whole.record.path / layout.CLOSING_CHECKPOINT
    text, lines = split_note(path.read_bytes())
    path.write_bytes(f"{text}\n{lines[0]}\n{lines[1]}\n".encode())
    assert refused(whole) == {"ACT-6"}


def test_as_many_liars_as_two_quorums_share(tmp_path) -> None:
    """What the limitations say: 2 of 3 stand no liar, 3 of 3 stand two."""
    whole, less = make_views(tmp_path, 2)
    liar = WitnessSigner.load(tmp_path / "w2" / "witness.key")
    honest(whole, 0)
    honest(less, 1)
    for view in (whole, less):
        lie(view, [liar])
        verify_closing(view.record.path)
    (tmp_path / "all").mkdir()
    whole, less = make_views(tmp_path / "all", 3)
    liars = [WitnessSigner.load(tmp_path / "all" / f"w{n}" / "witness.key") for n in (1, 2)]
    honest(whole, 0)
    with pytest.raises(BoardInconsistency):
        honest(less, 0)
    for view in (whole, less):
        lie(view, liars)
    verify_closing(whole.record.path)
    assert refused(less) == {"ACT-6"}


def test_a_log_that_was_sealed_again_under_the_same_name(tmp_path) -> None:
    """A cosignature does not name the log's key: the witness cosigns one log of a name, whoever signs it."""
    Witness.create(tmp_path / "w0", "w")
    first = small_world(tmp_path / "first", votes={})
    second = small_world(tmp_path / "second", votes={})
    assert first.election.manifest.origin == second.election.manifest.origin
    honest(first, 0)
    with pytest.raises(StateError) as caught:
        honest(second, 0)
    assert caught.value.check == "WIT-6"
    note = (first.record.path / "checkpoint").read_bytes()
    with pytest.raises(InvalidSignature):
        Checkpoint.from_note(note, second.log_signer.note_key)
    assert add_cosignatures(note, [], ()) == note
