# SPDX-License-Identifier: GPL-3.0-or-later
"""What `evote bench` and the benchmarks of the project have in common.

Every figure is compared with the naive way, measured in turns with it in the same run. The naive way of verifying
takes, for each option, one power with an |n|-bit and one with a 256-bit exponent modulo n^2; the naive way of
encrypting and proving takes an encryption by `phe` and the same two powers for each option.

Spec: SEL (cost)
"""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from evote.ballot import Choice, encrypt_ballot
from evote.crypto.fixed_base import FixedBase, PowerOfBase, base_table
from evote.crypto.group import PublicKey, delta, verification_base
from evote.crypto.integers import is_prime, mpz, power, random_below, random_bits
from evote.crypto.paillier import encrypt_integer
from evote.crypto.signing import SigningKey
from evote.errors import StateError
from evote.manifest import Contest, Manifest, RollCommitment, Software, verify_manifest
from evote.manifest.template import demonstration
from evote.params import ParameterSet, parameter_set
from evote.proofs.decryption import (
    DecryptionItem,
    DecryptionStatement,
    compute_decryption_share,
    prove_decryption,
    tally_context,
)
from evote.proofs.selection import SelectionItem, find_invalid_selections, verify_selection, verify_selections
from evote.record.acts import Seal
from evote.record.ballot import Ballot
from evote.record.election import PublicElection
from evote.record.keys import CertificateRecord, KeyGroup, KeyRecord, Trustee
from evote.record.slot import Slot
from evote.verify.ballots import UnitTally

_OPENS = 1_718_089_200
_LARGEST_GROUP = 4  # the bureau's: it sets Delta

Task = Callable[[], object]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Figure:
    """What something takes, and what the naive way took in the same run; in seconds for one.

    Attributes:
        seconds: For one ballot or share.
        naive: For the same by the naive way.
    """

    seconds: float
    naive: float

    @property
    def times(self) -> float:
        """How many times the naive way takes as long."""
        return self.naive / self.seconds


def in_turns(tasks: Mapping[str, Task], rounds: int, progress: Progress | None = None) -> dict[str, float]:
    """Return the least seconds of every task over some rounds, in each of which all of them run once."""
    least = dict.fromkeys(tasks, float("inf"))
    for turn in range(rounds):
        for place, (name, task) in enumerate(tasks.items()):
            start = time.perf_counter()
            task()
            least[name] = min(least[name], time.perf_counter() - start)
            if progress is not None:
                progress(name, turn * len(tasks) + place + 1, rounds * len(tasks))
    return least


class NaiveWay:
    """The naive way on full-length random numbers.

    Args:
        key: The public key.
        options: Options of the contest.
    """

    def __init__(self, key: PublicKey, options: int) -> None:
        sizes = key.parameters
        self._key, self._options = key, options
        self._base = random_below(key.square)
        self._long = _full(sizes.modulus_bits)
        self._short = _full(sizes.challenge_bits)
        self._plaintext, self._nonce = random_bits(sizes.capacity_bits), random_below(key.n - 1) + 1

    def verify(self) -> None:
        """Take the powers of one ballot's verification."""
        for _ in range(self._options):
            power(self._base, self._long, self._key.square)
            power(self._base, self._short, self._key.square)

    def prove(self) -> None:
        """Encrypt by `phe` and take the powers of one ballot's proof."""
        encrypt_integer(self._key, self._plaintext, self._nonce)
        self.verify()


def _full(bits: int) -> mpz:
    """Return a random exponent of exactly this length."""
    return random_bits(bits - 1) | mpz(1) << (bits - 1)


class Bench:
    """An election with a stand-in key, and what is measured of it.

    The key is a product of two plain primes, made here and forgotten: right for arithmetic, for nothing else.

    Args:
        parameters: Name of the parameter set.
        lists: Lists in the contest, besides blank.
        voters: Weight of the roll.

    Raises:
        ParameterError: The counters do not fit the parameter set (MAN-6).
    """

    def __init__(self, parameters: str, lists: int, voters: int) -> None:
        manifest = _manifest(parameters, lists, voters)
        sizes = parameter_set(parameters)
        self._share = random_bits(sizes.modulus_bits - 2)
        self.election = _election(manifest, sizes, self._share)
        self.key = self.election.key
        self.contest = manifest.contests[0]
        self.naive = NaiveWay(self.key, self.contest.options)
        self.slot = Slot(self.contest.id, "france", self.contest.id, 1)

    def encrypt(self, number: int, powers: PowerOfBase | None = None) -> bytes:
        """Encrypt and prove the choice of voter `number`, as a voter's device does.

        Args:
            number: Gives the choice, each option in turn.
            powers: As for `encrypt_ballot`; by default what is right for a single ballot.
        """
        choices = ["blank", *(one.id for one in self.contest.lists)]
        choice = Choice(choices[number % len(choices)])
        return encrypt_ballot(self.election, self.slot, choice, powers=powers).to_bytes()

    def read(self, data: bytes) -> SelectionItem:
        """Read a ballot from its bytes, as every verifier does."""
        return self.election.selection_item(Ballot.from_bytes(data))

    def verify_at_cast(self, data: bytes) -> None:
        """Verify one ballot as a box does that has its table."""
        verify_selections([self.read(data)], powers=base_table(self.key))

    def verify_alone(self, data: bytes) -> None:
        """Verify one ballot by its own equations: the reference."""
        verify_selection(*self.read(data))

    def verify_batch(self, ballots: Sequence[bytes]) -> None:
        """Verify ballots in one batch, as an auditor does.

        Raises:
            StateError: A ballot is wrong, so that nothing was measured.
        """
        if find_invalid_selections([self.read(data) for data in ballots]):
            raise StateError("A ballot of the benchmark does not verify.")

    def add_up(self, ciphertexts: Sequence[mpz]) -> UnitTally:
        """Add up ballots as an auditor does."""
        tally, modulus = UnitTally(), self.key.square
        for ciphertext in ciphertexts:
            tally.add(UnitTally(1, 1, ciphertext), modulus)
        return tally

    def decrypt(self, ciphertext: mpz) -> DecryptionItem:
        """Make a trustee's decryption share of a sum with its proof, as at the tally."""
        keys, value = self.election.keys, ciphertext % self.key.n
        share = compute_decryption_share(self.key, keys.clearing, value, self._share)
        context = tally_context(self.key, self.election.id, 1, bytes(32), self.slot.unit, ciphertext)
        position = keys.positions[1, 1]
        statement = DecryptionStatement(self.key, keys.clearing, keys.share_bits, position, context, share)
        return statement, prove_decryption(statement, self._share, random_bits)

    def decrypt_naively(self, ciphertext: mpz) -> None:
        """Take the three powers of a share with its proof in time that depends on the secrets."""
        key, clearing = self.key, self.election.keys.clearing
        mask = random_bits(key.parameters.mask_bits(self.election.keys.share_bits))
        power(ciphertext, 2 * clearing * self._share, key.n)
        power(ciphertext, mask, key.n)
        power(verification_base(key, clearing), mask, key.n)


def _manifest(parameters: str, lists: int, voters: int) -> Manifest:
    """Return a manifest with one contest."""
    draft = demonstration(_OPENS, parameters, 3)
    contest = _with_lists(draft.contests[0], lists)
    changes = {
        "contests": (contest,),
        "counting": draft.counting.replace(units=draft.counting.units[:1]),
        "roll": (RollCommitment.make(unit=contest.id, voters=voters, weight=voters, root=bytes(32)),),
        "software": Software.make(name="evote", release=version("evote"), digest=bytes(32)),
    }
    fields = {name: getattr(draft, name) for name in type(draft).model_fields if name != "type"}
    manifest = Manifest.make(**{**fields, **changes})
    verify_manifest(manifest)
    return manifest


def _with_lists(contest: Contest, count: int) -> Contest:
    """Return the contest with this many lists of one candidate."""
    model = contest.lists[0]
    lists = [
        model.replace(
            id=f"list-{place}",
            name=f"List {place}",
            candidates=(model.candidates[0].replace(age_rank=place),),
        )
        for place in range(1, count + 1)
    ]
    return contest.replace(lists=tuple(lists))


def _election(manifest: Manifest, sizes: ParameterSet, share: mpz) -> PublicElection:
    """Return an election whose key nobody certified."""
    key = _stand_in_key(sizes)
    v = verification_base(key, delta(_LARGEST_GROUP))
    commitment = key.number_bytes(power(v, share, key.n))
    signing_key = SigningKey.generate().public
    trustee = Trustee.make(index=1, id="nobody", name="Nobody", role="trustee", key=signing_key)
    group = KeyGroup.make(
        id="nobody", threshold=1, size=_LARGEST_GROUP, commitments=(commitment,), trustees=(trustee,)
    )
    keys = KeyRecord.make(
        parameters=sizes.name,
        ceremony="dealer",
        modulus=key.n_bytes,
        share_bits=sizes.modulus_bits,
        groups=(group,),
        certificate=CertificateRecord.make(roots=(), square_roots=()),
    )
    note_keys = dict.fromkeys(("log_key", "reference_key", "register_key"), "none")
    seal = Seal.make(
        manifest=manifest.digest(),
        keys=keys.digest(),
        drill=bytes(32),
        supersedes=(),
        reason="",
        signatures=(),
        **note_keys,
    )
    return PublicElection(seal, manifest, keys)


@lru_cache(maxsize=4)
def _stand_in_key(sizes: ParameterSet) -> PublicKey:
    return PublicKey(sizes, _prime(sizes.modulus_bits // 2) * _prime(sizes.modulus_bits // 2))


def _prime(bits: int) -> mpz:
    """Return a random prime whose top two bits are set."""
    while True:
        candidate = random_bits(bits - 2) | mpz(3) << (bits - 2) | 1
        if is_prime(candidate):
            return candidate


def table_memory(key: PublicKey) -> int:
    """Return the bytes of memory that the table of powers of H takes: pairs of numbers modulo n."""
    table = base_table(key)
    entries = table.entries if isinstance(table, FixedBase) else 0
    return entries * (2 * sys.getsizeof(key.n) + sys.getsizeof((key.n, key.n)))


def machine() -> dict[str, str]:
    """Return what the figures depend on: processor, Python and gmpy2."""
    return {"processor": _processor(), "python": platform.python_version(), "gmpy2": version("gmpy2")}


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:  # not Linux
        pass
    return platform.processor() or platform.machine()
