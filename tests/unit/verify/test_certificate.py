# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing is verified twice: certificates, interrupted runs, and what does not count as one (A8, A9)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evote.board import Kind
from evote.encoding import canonical_json
from evote.errors import VerificationError
from evote.verify import Certificates, Engine, Means, audit_record, audit_since, verify_closing
from evote.verify.certificate import Certificate, Journal, state_folder
from simulator import World, contest, draft, sealed_manifest

SOFTWARE = b"s" * 32
MANY = 600


@pytest.fixture(scope="module")
def voting(tmp_path_factory) -> World:
    """An open election with a few ballots."""
    plan = draft((contest("one"),))
    world = World(tmp_path_factory.mktemp("c") / "w", sealed_manifest(plan, {"one-all": (MANY, MANY)}))
    world.open()
    world.publish([world.encrypt("one-all", choice) for choice in "aabbc"])
    return world


@pytest.fixture(scope="module")
def closed(voting, tmp_path_factory) -> World:
    world = voting.copy(tmp_path_factory.mktemp("c") / "closed")
    world.close()
    return world


@pytest.fixture
def own(tmp_path) -> Certificates:
    return Certificates(tmp_path / "own", SOFTWARE)


def spoil_ballots(world: World) -> None:
    """Overwrite the ballots: only who does not read them can still verify."""
    for path in (world.record.path / "ballots").rglob("*"):
        if path.is_file():
            path.write_bytes(b"gone")


def spoilt(world: World, folder: Path) -> World:
    other = world.copy(folder)
    spoil_ballots(other)
    return other


def test_what_was_verified_is_not_verified_again(closed, own, tmp_path) -> None:
    first = verify_closing(closed.record.path, means=Means(certificates=own, trusting=True))
    again = verify_closing(
        spoilt(closed, tmp_path / "w").record.path, means=Means(certificates=own, trusting=True)
    )
    assert (again.sums, again.point, again.closing) == (first.sums, first.point, first.closing)


def test_a_verification_that_does_not_trust_reads_everything(closed, own, tmp_path) -> None:
    verify_closing(closed.record.path, means=Means(certificates=own))
    with pytest.raises(VerificationError) as caught:
        verify_closing(spoilt(closed, tmp_path / "w").record.path, means=Means(certificates=own))
    assert caught.value.check == "BRD-12"


def test_a_report_says_what_was_verified_before(closed, own) -> None:
    means = Means(certificates=own, trusting=True)
    assert not any(
        "before" in note for note in audit_record(closed.record.path, until="closed", means=means).notes
    )
    assert any(
        "verified before" in note
        for note in audit_record(closed.record.path, until="closed", means=means).notes
    )


def home(own: Certificates, world: World) -> Path:
    return own.home(world.election.id)


def certificate_file(own: Certificates, world: World) -> Path:
    (path,) = home(own, world).glob("*.json")
    return path


def ignored(own: Certificates, world: World, tmp_path: Path) -> bool:
    """Tell whether nothing counts as verified: the overwritten ballots are read, and refused."""
    report = audit_record(
        spoilt(world, tmp_path / "spoilt").record.path,
        until="closed",
        means=Means(certificates=own, trusting=True),
    )
    return "BRD-12" in {one.check for one in report.failures}


@pytest.fixture
def certified(closed, own) -> Certificates:
    assert audit_record(closed.record.path, until="closed", means=Means(certificates=own)).verified
    assert own.latest(closed.election.id, closed.reader()) is not None
    return own


def test_a_certificate_of_another_user_is_ignored(closed, certified, tmp_path) -> None:
    other = Certificates(tmp_path / "other", SOFTWARE)
    shutil.copytree(home(certified, closed), home(other, closed))
    assert ignored(other, closed, tmp_path)


def test_a_certificate_of_other_software_is_ignored(closed, certified, tmp_path) -> None:
    assert ignored(Certificates(tmp_path / "own", b"t" * 32), closed, tmp_path)


def test_an_altered_certificate_is_ignored(closed, certified, tmp_path) -> None:
    path = certificate_file(certified, closed)
    data = path.read_bytes()
    assert data.count(b'"ballots":5') == 1
    path.write_bytes(data.replace(b'"ballots":5', b'"ballots":4'))
    assert ignored(certified, closed, tmp_path)


def test_a_certificate_of_another_history_is_ignored(voting, certified, tmp_path) -> None:
    """A fork of the same election: the same first entries, then another ballot."""
    fork = voting.copy(tmp_path / "fork")
    fork.publish([fork.encrypt("one-all", "a")])
    fork.close()
    assert ignored(certified, fork, tmp_path)


def test_a_certificate_of_another_election_is_ignored(closed, certified) -> None:
    """Even if the other election has the same log: its keys and drill were not verified."""
    other = b"o" * 32
    shutil.copytree(home(certified, closed), certified.home(other))
    assert certified.latest(other, closed.reader()) is None
    assert certified.latest(closed.election.id, closed.reader()) is not None


def test_the_key_is_private(closed, certified, tmp_path) -> None:
    key = tmp_path / "own" / "certificate.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(key.read_bytes()) == 32


def test_a_wrong_record_gets_no_certificate(closed, own, tmp_path) -> None:
    wrong = spoilt(closed, tmp_path / "w")
    assert not audit_record(wrong.record.path, until="closed", means=Means(certificates=own)).verified
    assert not list(home(own, closed).glob("*.json"))
    assert not list((home(own, closed) / "running").iterdir())


def test_a_state_folder_that_cannot_be_written_stops_nobody(closed, tmp_path) -> None:
    (tmp_path / "file").write_bytes(b"")
    own = Certificates(tmp_path / "file" / "verified", SOFTWARE)
    assert audit_record(
        closed.record.path, until="closed", means=Means(certificates=own, trusting=True)
    ).verified


# What came since


def test_only_what_is_new_is_verified(voting, own, tmp_path) -> None:
    means = Means(certificates=own)
    assert audit_record(voting.record.path, until="open", means=means).verified
    newer = voting.copy(tmp_path / "newer")
    spoil_ballots(newer)
    newer.publish([])
    (newer.record.path / "ballots").joinpath("000.p", "7").write_bytes(
        (voting.record.path / "ballots" / "000.p" / "7").read_bytes()
    )
    newer.publish([newer.encrypt("one-all", "b")])
    report = audit_since(newer.record.path, voting.record.path, means=means, until="open")
    assert report.verified
    counts = {step.checks: step.count for step in report.steps}
    assert (counts["BAL SEL"], counts["BRD-15"]) == (1, 8)


def test_a_copy_of_an_earlier_ballot_is_found(voting, own, tmp_path) -> None:
    means = Means(certificates=own)
    assert audit_record(voting.record.path, until="open", means=means).verified
    newer = voting.copy(tmp_path / "newer")
    newer.publish([newer.ballots[0]])
    report = audit_since(newer.record.path, voting.record.path, means=means, until="open")
    assert [one.check for one in report.failures] == ["BAL-4"]


def test_without_the_earlier_squares_everything_is_verified_again(voting, own, tmp_path) -> None:
    means = Means(certificates=own)
    assert audit_record(voting.record.path, until="open", means=means).verified
    shutil.rmtree(home(own, voting) / "parts")
    newer = voting.copy(tmp_path / "newer")
    newer.publish([newer.ballots[0]])
    report = audit_since(newer.record.path, voting.record.path, means=means, until="open")
    assert [one.check for one in report.failures] == ["BAL-4"]
    assert next(step.count for step in report.steps if step.checks == "BAL SEL") == 6


def test_an_older_copy_that_was_not_verified_is_verified_now(voting, own, tmp_path) -> None:
    newer = voting.copy(tmp_path / "newer")
    newer.publish([newer.encrypt("one-all", "b")])
    report = audit_since(newer.record.path, voting.record.path, means=Means(certificates=own), until="open")
    assert report.verified
    assert next(step.count for step in report.steps if step.checks == "BAL SEL") == 6


def test_a_log_that_did_not_grow_from_the_older_one_is_refused(voting, own, tmp_path) -> None:
    older = voting.copy(tmp_path / "older")
    older.publish([older.encrypt("one-all", "b")])
    newer = voting.copy(tmp_path / "newer")
    newer.publish([newer.encrypt("one-all", "c")])
    for first, second in ((older, newer), (older, voting)):
        report = audit_since(
            second.record.path, first.record.path, means=Means(certificates=own), until="open"
        )
        assert [one.check for one in report.failures] == ["BRD-15"]


def test_an_older_copy_that_is_none_is_refused(voting, own, tmp_path) -> None:
    report = audit_since(
        voting.record.path, tmp_path / "nothing", means=Means(certificates=own), until="open"
    )
    assert [one.check for one in report.failures] == ["BRD-15"]


# Interrupted runs


@pytest.fixture(scope="module")
def long(tmp_path_factory) -> World:
    plan = draft((contest("one"),))
    world = World(tmp_path_factory.mktemp("l") / "w", sealed_manifest(plan, {"one-all": (MANY, MANY)}))
    world.open()
    world.publish([world.encrypt("one-all", "a") for _ in range(MANY)])
    return world


KILLED = """
import os, signal, sys
from pathlib import Path
from evote.verify import Certificates, Engine, Means, audit_record
from evote.verify.certificate import Journal

save, count = Journal.save, int(sys.argv[3])
def save_some(*arguments):
    global count
    save(*arguments)
    count -= 1
    if not count:
        os.kill(os.getpid(), signal.SIGKILL)
Journal.save = save_some
means = Means(Engine(workers=3), Certificates(Path(sys.argv[2]), b"s" * 32))
audit_record(sys.argv[1], until="open", means=means)
"""


@pytest.mark.parametrize("parts", [1, 2])
def test_a_killed_run_goes_on_from_where_it_was(long, own, tmp_path, parts: int) -> None:
    run = [sys.executable, "-c", KILLED, str(long.record.path), str(tmp_path / "own"), str(parts)]
    assert subprocess.run(run, check=False).returncode == -signal.SIGKILL
    report = audit_record(long.record.path, until="open", means=Means(certificates=own))
    assert report.verified
    assert any(
        note.startswith(f"{parts} parts were verified by a run that was interrupted") for note in report.notes
    )
    certificate = own.latest(long.election.id, long.reader())
    assert certificate is not None
    assert [one.ballots for one in certificate.sums] == [MANY]
    whole = Certificates(tmp_path / "whole", SOFTWARE)
    audit_record(long.record.path, until="open", means=Means(certificates=whole))
    assert whole.latest(long.election.id, long.reader()).sums == certificate.sums


def test_ballots_altered_since_the_interruption_are_found(long, own, tmp_path) -> None:
    run = [sys.executable, "-c", KILLED, str(long.record.path), str(tmp_path / "own"), "1"]
    assert subprocess.run(run, check=False).returncode == -signal.SIGKILL
    changed = long.copy(tmp_path / "w")
    path = changed.record.path / "ballots" / "000"
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(bytes(data))
    report = audit_record(changed.record.path, until="open", means=Means(certificates=own))
    assert [one.check for one in report.failures] == ["BRD-12"]


def test_a_part_of_another_history_is_verified_again(long, own, tmp_path) -> None:
    """The same place in a fork of the log, with a ballot that does not verify."""
    run = [sys.executable, "-c", KILLED, str(long.record.path), str(tmp_path / "own"), "2"]
    assert subprocess.run(run, check=False).returncode == -signal.SIGKILL
    fork = long.copy(tmp_path / "fork")
    items = [(item.entry.kind, item.ballot) for item in long.reader().items()]
    spoilt = items[2][1].replace(b'"weight":1', b'"weight":2')
    files = [(long.record.path / name).read_bytes() for name in ("seal.json", "open.json")]
    fork.carry_upwards([*zip((Kind.SEAL, Kind.OPEN), files, strict=True), (Kind.BALLOT, spoilt), *items[3:]])
    report = audit_record(fork.record.path, until="open", means=Means(certificates=own))
    assert [(one.check, one.subject) for one in report.failures] == [("SEL-3", "ballot 2")]
    assert not any("interrupted" in note for note in report.notes)


def test_a_ballot_is_a_copy_of_its_own_history_only(long, own, tmp_path) -> None:
    """Parts of two histories at one place are kept apart: the second one's copies are found."""
    means = Means(certificates=own)
    fork = long.copy(tmp_path / "fork")
    items = [(item.entry.kind, item.ballot) for item in long.reader().items()]
    files = [(long.record.path / name).read_bytes() for name in ("seal.json", "open.json")]
    other = [(Kind.BALLOT, fork.encrypt("one-all", "b")), *items[3:]]
    fork.carry_upwards([*zip((Kind.SEAL, Kind.OPEN), files, strict=True), *other])
    assert audit_record(long.record.path, until="open", means=means).verified
    parts = home(own, long) / "parts"
    names = {path.name for path in parts.iterdir()}
    assert audit_record(fork.record.path, until="open", means=means).verified
    assert names < {path.name for path in parts.iterdir()}  # side by side, by their roots
    newer = long.copy(tmp_path / "newer")
    newer.publish([long.ballots[0]])
    report = audit_since(newer.record.path, long.record.path, means=means, until="open")
    assert [one.check for one in report.failures] == ["BAL-4"]
    assert next(step.count for step in report.steps if step.checks == "BAL SEL") == 1


def test_a_part_under_another_name_is_none(voting, own, tmp_path) -> None:
    """A name is bound to what the part says of itself."""
    means = Means(certificates=own)
    assert audit_record(voting.record.path, until="open", means=means).verified
    (part,) = (home(own, voting) / "parts").iterdir()
    assert own.read_part(voting.election.id, part) is not None
    moved = part.with_name(part.name.replace("0-7", "0-8"))
    shutil.copy(part, moved)
    assert own.read_part(voting.election.id, moved) is None
    assert own.read_part(b"o" * 32, part) is None


def test_two_histories_are_told_and_both_certificates_kept(voting, certified, tmp_path) -> None:
    fork = voting.copy(tmp_path / "fork")
    fork.publish([fork.encrypt("one-all", "a")])
    fork.close()
    means = Means(certificates=certified)
    report = audit_record(fork.record.path, until="closed", means=means)
    assert any("ANOTHER HISTORY" in note for note in report.notes)
    assert len(list(home(certified, fork).glob("*.json"))) == 2
    again = audit_record(voting.record.path, until="open", means=means)
    assert not any("ANOTHER HISTORY" in note for note in again.notes)


@pytest.mark.parametrize("key", [b"", b"k" * 31, b"k" * 33])
def test_a_key_that_is_none_counts_for_nothing(closed, certified, tmp_path, key) -> None:
    (tmp_path / "own" / "certificate.key").write_bytes(key)
    assert ignored(certified, closed, tmp_path)


def test_what_is_wrong_is_not_kept(long, own, tmp_path, monkeypatch) -> None:
    saved = []
    monkeypatch.setattr(Journal, "save", lambda _, part, *__: saved.append((part.first, part.end)))
    wrong = long.copy(tmp_path / "w")
    items = [(item.entry.kind, item.ballot) for item in long.reader().items()]
    files = [(long.record.path / name).read_bytes() for name in ("seal.json", "open.json")]
    spoilt = items[300][1].replace(b'"weight":1', b'"weight":2')
    lines = [
        *zip((Kind.SEAL, Kind.OPEN), files, strict=True),
        *items[2:300],
        (Kind.BALLOT, spoilt),
        *items[301:],
    ]
    wrong.carry_upwards(lines)
    means = Means(Engine(workers=3), own)
    report = audit_record(wrong.record.path, until="open", means=means)
    assert [one.subject for one in report.failures] == ["ballot 300"]
    assert saved == [(0, 256), (512, 602)]


def test_the_drill_is_the_sealed_one_under_a_certificate_too(closed, certified, tmp_path) -> None:
    other = closed.copy(tmp_path / "w")
    path = other.record.path / "drill.json"
    value = json.loads(path.read_bytes())
    value["roots"][0], value["roots"][1] = value["roots"][1], value["roots"][0]
    path.write_bytes(canonical_json(value))
    report = audit_record(
        other.record.path, until="closed", means=Means(certificates=certified, trusting=True)
    )
    assert "ACT-1" in {one.check for one in report.failures}


def test_weights_beyond_all_counting_are_a_finding_and_no_certificate(tmp_path, own) -> None:
    most = (1 << 53) - 1
    world = World(tmp_path / "w", sealed_manifest(draft((contest("one"),)), {"one-all": (9, most)}))
    world.open()
    world.publish([world.encrypt("one-all", "a", most), world.encrypt("one-all", "a", most)])
    means = Means(certificates=own)
    audit_record(world.record.path, until="open", means=means)
    assert own.latest(world.election.id, world.reader()) is None


def test_an_altered_part_is_verified_again(long, own, tmp_path) -> None:
    run = [sys.executable, "-c", KILLED, str(long.record.path), str(tmp_path / "own"), "1"]
    subprocess.run(run, check=False)
    (part,) = (home(own, long) / "running").iterdir()
    part.write_bytes(part.read_bytes()[:-1] + b" ")
    report = audit_record(long.record.path, until="open", means=Means(certificates=own))
    assert report.verified
    assert not any("interrupted" in note for note in report.notes)


def test_a_run_beside_another_one_keeps_nothing(long, own) -> None:
    with own.journal(long.election.id) as journal, own.journal(long.election.id) as second:
        assert journal is not None
        assert second is None


def test_a_certificate_covers_what_is_no_ballot_too(closed, certified) -> None:
    found = certified.latest(closed.election.id, closed.reader())
    assert isinstance(found, Certificate)
    assert [one.kind for one in found.entries] == [Kind.SEAL, Kind.OPEN, Kind.CLOSE]
    assert found.verdict == "verified"
    assert state_folder() == Path(os.environ["EVOTE_STATE_HOME"])


def test_the_time_of_a_trusting_verification_does_not_follow_the_ballots(long, closed, own) -> None:
    """It reads no ballot: the same calls, whatever the number of ballots."""
    whole = long.copy(long.folder.parent / f"closed-{time.monotonic_ns()}")
    whole.close()
    verify_closing(whole.record.path, means=Means(certificates=own))
    spoil_ballots(whole)
    sums = verify_closing(whole.record.path, means=Means(certificates=own, trusting=True)).sums
    assert sums["one-all"].ballots == MANY
