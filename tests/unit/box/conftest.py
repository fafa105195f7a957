# SPDX-License-Identifier: GPL-3.0-or-later
"""A small sealed election with keys that protect nothing, and a clock that tests turn."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from evote.ballot import Choice, EncryptedBallot, encrypt_ballot
from evote.board import write_durably
from evote.box import BallotBox, setup
from evote.box.premises import Premises
from evote.box.service_keys import create_service_keys
from evote.crypto.integers import decode_number
from evote.crypto.signing import SigningKey
from evote.keys.dealer import Deal, deal_keys
from evote.keys.drill import contribute_to_drill, finish_drill, make_drill_shares
from evote.manifest import CountingPlan, Draft, Publication, Section, Timetable, Unit
from evote.manifest.template import demonstration
from evote.params import parameter_set
from evote.record import layout
from evote.record.key_share import KeyShare
from evote.record.keys import Drill

OPENS = 1_800_000_000 // 3600 * 3600
CLOSES = OPENS + 8 * 3600
GRACE_ENDS = CLOSES + 1200
FIRST, SECOND = OPENS + 2 * 3600, OPENS + 4 * 3600

ROLL = """voter_id,name,contests
ada-lovelace,Ada,council:north;board
bea,Bea,council:north:3;board
cyd,Cyd,council:south:2
dan,Dan,council:south
eve,Eve,council:north
"""


class Clock:
    """Shows the time that it was set to."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def make_draft() -> Draft:
    base = demonstration(OPENS, "toy-512", 3)
    council, board = base.contests[0], base.contests[1]
    north, south = Section.make(id="north", name="Nord"), Section.make(id="south", name="Sud")
    return base.replace(
        origin="vote.example/box",
        timetable=Timetable.make(opens=OPENS, closes=CLOSES, grace_ends=GRACE_ENDS),
        publication=Publication.make(times=(FIRST, SECOND), audience="bureau", delay=600),
        contests=(council.replace(id="council", sections=(north, south)), board.replace(id="board")),
        counting=CountingPlan.make(
            minimum=1,
            units=(
                Unit.make(id="council-north", contest="council", sections=("north",), merge_into=""),
                Unit.make(
                    id="council-south", contest="council", sections=("south",), merge_into="council-north"
                ),
                Unit.make(id="board", contest="board", sections=("france",), merge_into=""),
            ),
        ),
    )


class World:
    """An election folder, a clock, and what voters do."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self.clock = Clock(OPENS + 60)
        self._stack = stack

    @property
    def record(self) -> Path:
        return self.directory / "record"

    def enter(self) -> BallotBox:
        return self._stack.enter_context(BallotBox.open(self.directory, clock=self.clock))

    def premises(self) -> Premises:
        found = Premises.enter(self.directory, None, self.clock)
        self._stack.callback(found.close)
        return found

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.record).as_posix(): path.read_bytes()
            for path in self.record.rglob("*")
            if path.is_file()
        }


def encrypt(box: BallotBox, voter: str, contest: str, choice: str = "blank") -> EncryptedBallot:
    return encrypt_ballot(box.public, box.slot(voter=voter, contest=contest), Choice(choice))


@pytest.fixture(scope="session")
def dealt() -> tuple[Deal, Drill]:
    deal = deal_keys(parameter_set("toy-512"), make_draft().policy)
    shares = []
    for trustee in deal.record.trustees:
        position, member = deal.record.trustee(trustee.id)
        secret = deal.secrets[trustee.id]
        number = decode_number(secret.key_share, deal.record.public_key.parameters.number_bytes)
        shares.append(KeyShare(position, member, number, SigningKey.from_seed(secret.signing_seed)))
    contributions = [contribute_to_drill(deal.record, share) for share in shares]
    posted = [make_drill_shares(deal.record, share, contributions) for share in shares]
    return deal, finish_drill(deal.record, contributions, posted)


@pytest.fixture(scope="session")
def drafted(tmp_path_factory: pytest.TempPathFactory, dealt: tuple[Deal, Drill]) -> Path:
    directory = tmp_path_factory.mktemp("drafted") / "election"
    setup.create_election_folder(directory, make_draft())
    setup.import_roll(directory, ROLL.encode())
    write_durably(setup.ceremony_folder(directory) / "keys.json", dealt[0].record.to_bytes())
    write_durably(setup.ceremony_folder(directory) / "drill.json", dealt[1].to_bytes())
    return directory


@pytest.fixture(scope="session")
def sealed(tmp_path_factory: pytest.TempPathFactory, drafted: Path) -> Path:
    directory = tmp_path_factory.mktemp("sealed") / "election"
    shutil.copytree(drafted, directory)
    setup.seal_election(directory)
    return directory


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory, sealed: Path) -> Path:
    directory = tmp_path_factory.mktemp("opened") / "election"
    shutil.copytree(sealed, directory)
    with BallotBox.open(directory, clock=Clock(OPENS + 60)) as box:
        box.open_vote()
    return directory


@pytest.fixture(scope="session")
def sealed_for_real(
    tmp_path_factory: pytest.TempPathFactory, drafted: Path, dealt: tuple[Deal, Drill]
) -> Path:
    """Seal in mode REAL with toy keys, which `seal_election` refuses: for the hours alone."""
    directory = tmp_path_factory.mktemp("real") / "election"
    shutil.copytree(drafted, directory)
    premises = Premises.enter(directory, None, Clock(OPENS - 60))
    try:
        manifest = setup._build_manifest(premises).replace(mode="REAL")
        signers = create_service_keys(premises.private, manifest.origin)
        for name, document in zip(layout.SET_UP_FILES, (manifest, dealt[0].record, dealt[1]), strict=True):
            premises.record.write(name, document)
        seal = setup._make_seal(signers, manifest, dealt[0].record, dealt[1], None)
        setup._start_log(premises, signers, premises.record.write(layout.SEAL, seal))
    finally:
        premises.close()
    (directory / "manifest.json").unlink()  # the draft is in mode TEST
    return directory


@pytest.fixture
def world_of(tmp_path: Path) -> Iterator[Callable[[Path], World]]:
    with ExitStack() as stack:
        count = iter(range(100))

        def copy(source: Path) -> World:
            directory = tmp_path / f"world-{next(count)}"
            shutil.copytree(source, directory)
            return World(directory, stack)

        yield copy


@pytest.fixture
def world(world_of: Callable[[Path], World], opened: Path) -> World:
    """A copy of the open election."""
    return world_of(opened)
