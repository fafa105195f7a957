# SPDX-License-Identifier: GPL-3.0-or-later
"""Named, frozen parameter sets: the only place where sizes are numbers.

Spec: PAR
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from evote.errors import ParameterError


@dataclass(frozen=True, slots=True)
class ParameterSet:
    """Sizes of one parameter set; every size in bits unless its name says bytes.

    Attributes:
        name: What manifests and key records write.
        modulus_bits: Exact length of the Paillier modulus n.
        toy: True for a set that protects nothing and serves tests only.

    Spec: PAR-1
    """

    name: str
    modulus_bits: int
    toy: bool = False
    challenge_bits: int = 256
    slack_bits: int = 128
    batch_bits: int = 128

    @property
    def number_bytes(self) -> int:
        """Width of a number modulo n."""
        return self.modulus_bits // 8

    @property
    def ciphertext_bytes(self) -> int:
        """Width of a number modulo n squared."""
        return self.modulus_bits // 4

    @property
    def challenge_bytes(self) -> int:
        """Width of a challenge."""
        return self.challenge_bits // 8

    @property
    def nonce_bits(self) -> int:
        """Length A of an encryption exponent."""
        return self.modulus_bits // 2

    @property
    def response_bits(self) -> int:
        """Length Z of a response of the selection proof."""
        return self.nonce_bits + self.challenge_bits + self.slack_bits

    @property
    def response_bytes(self) -> int:
        """Width of a response of the selection proof."""
        return self.response_bits // 8

    @property
    def capacity_bits(self) -> int:
        """How many bits all counters of one contest may take together (PAR-4)."""
        return self.modulus_bits // 2 - 2

    def mask_bits(self, share_bits: int) -> int:
        """Length of the mask that hides a key share of `share_bits` bits in a decryption proof."""
        return share_bits + self.challenge_bits + self.slack_bits

    def share_response_bits(self, share_bits: int) -> int:
        """Length of a response of the decryption proof."""
        return self.mask_bits(share_bits) + 1

    def share_response_bytes(self, share_bits: int) -> int:
        """Width of a response of the decryption proof."""
        return (self.share_response_bits(share_bits) + 7) // 8


_SETS: Final = {
    parameters.name: parameters
    for parameters in (
        ParameterSet("evote-3072", 3072),
        ParameterSet("evote-4096", 4096),
        ParameterSet("evote-2048", 2048),
        ParameterSet("toy-512", 512, toy=True),
    )
}
PARAMETER_NAMES: Final = tuple(_SETS)
DEFAULT_PARAMETERS: Final = "evote-3072"
LEGACY_PARAMETERS: Final = frozenset({"evote-2048"})  # allowed until 2030, with a warning in every report

MOD_ROOTS: Final = 8  # n-th roots in a modulus certificate
MOD_SQUARES: Final = 128  # square roots in a modulus certificate
MOD_TRIAL_BOUND: Final = 1 << 20  # no prime factor of a modulus lies below
DRILL_VALUES: Final = 48  # uniform units that the bureau opens before sealing
MAX_GROUP_SIZE: Final = 20  # trustees in one group of the key policy
MAX_OPTIONS: Final = 256  # lists and blank in one contest


def parameter_set(name: str) -> ParameterSet:
    """Return the parameter set called `name`.

    Raises:
        ParameterError: No set has this name (check PAR-1).
    """
    found = _SETS.get(name)
    if found is None:
        raise ParameterError(
            f"There is no parameter set {name!r}; use one of {', '.join(_SETS)}.", check="PAR-1"
        )
    return found
