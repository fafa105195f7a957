# SPDX-License-Identifier: GPL-3.0-or-later
"""Products of many powers at once: buckets (Pippenger) for many bases, interleaved windows (Straus) for few.

The exponents may have different lengths: at each position only those that reach it take part, and the length
of the digits follows their number. So the low parts of long exponents share the buckets of the short ones.

Spec: SEL-5, DEC-5
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from evote.crypto.integers import mpz
from evote.crypto.residues import Element, Residues

_WIDEST: Final = 16
_WIDEST_SLIDING: Final = 6
_CLASS_GAP: Final = 64


@dataclass(frozen=True, slots=True)
class Plan:
    """How a product of powers is computed.

    Attributes:
        windows: (position, width) of each digit, lowest first, of the exponents that go into buckets.
        longest: Exponents of more bits than this go by interleaved windows.
        multiplications: How many it takes, squarings among them.
    """

    windows: tuple[tuple[int, int], ...]
    longest: int
    multiplications: int


def plan_product(lengths: Sequence[int]) -> Plan:
    """Return the cheapest way for exponents of these lengths in bits.

    Considered are buckets for all, interleaved windows for all, and buckets for the shorter exponents where
    the lengths fall into classes. This is the cost model: what the documentation calls the floor is this count
    times the time of one multiplication.
    """
    ordered = sorted(length for length in lengths if length)
    steps = [i for i in range(1, len(ordered)) if ordered[i] - ordered[i - 1] > _CLASS_GAP]
    return min(
        (_plan_split(ordered[:cut], ordered[cut:]) for cut in (0, *steps, len(ordered))),
        key=lambda plan: plan.multiplications,
    )


def _plan_split(short: Sequence[int], long: Sequence[int]) -> Plan:
    """Plan buckets for the short exponents, given in ascending order, and interleaved windows for the long ones."""
    longest = short[-1] if short else 0
    windows: list[tuple[int, int]] = []
    position, cost = 0, longest + (long[-1] if long else 0)
    while position < longest:
        active = len(short) - bisect_right(short, position)
        width = min(range(1, _WIDEST + 1), key=lambda w: (active + (2 << w)) / w)
        windows.append((position, width))
        position += width
        cost += active + (2 << width)
    cost += sum(_sliding_cost(length, _sliding_width(length)) for length in long)
    return Plan(tuple(windows), longest, cost)


def multi_power(bases: Sequence[mpz], exponents: Sequence[mpz], residues: Residues[Element]) -> mpz:
    """Return the product of bases[i]^exponents[i].

    Args:
        bases: Units in (0, modulus); as many as exponents.
        exponents: At least 0. Not for secrets.
        residues: The modulus, and how to multiply.

    Raises:
        ParameterError: A base is not a unit (modulo n squared; another modulus does not look).
    """
    plan = plan_product([exponent.bit_length() for exponent in exponents])
    short: list[tuple[mpz, int]] = []
    long: list[tuple[mpz, int]] = []
    halves = [residues.lift(base) for base in bases]
    for (lifted, _), exponent in zip(halves, exponents, strict=True):
        side = short if exponent.bit_length() <= plan.longest else long
        side.append((lifted, int(exponent)))
    rest = residues.rest(halves, exponents)  # first: it refuses what is no unit
    product = residues.multiply(
        _by_buckets(short, residues, plan.windows), _by_sliding_windows(long, residues)
    )
    return residues.join(residues.multiply(product, rest))


def _by_buckets(
    powers: list[tuple[mpz, int]], residues: Residues[Element], windows: Sequence[tuple[int, int]]
) -> Element:
    """Sort the bases by one digit at a time, the highest first."""
    powers.sort(key=lambda power: power[1].bit_length(), reverse=True)
    bases = [base for base, _ in powers]
    exponents = [exponent for _, exponent in powers]
    lengths = [exponent.bit_length() for exponent in reversed(exponents)]
    result, above = residues.one, 0
    for position, width in reversed(windows):
        for _ in range(above - position):
            result = residues.square(result)
        above = position
        active = len(bases) - bisect_right(lengths, position)
        mask = (1 << width) - 1
        digits = [exponent >> position & mask for exponent in exponents[:active]]
        buckets = residues.gather(bases[:active], digits, mask + 1)
        result = residues.multiply(result, residues.weigh(buckets))
    return result


def _by_sliding_windows(powers: Sequence[tuple[mpz, int]], residues: Residues[Element]) -> Element:
    """Go down the bits of all exponents together, so that all of them share the squarings."""
    due: defaultdict[int, list[Element]] = defaultdict(list)
    for base, exponent in powers:
        odd_powers = [residues.enter(base)]
        square = residues.square(odd_powers[0])
        for position, digit in _sliding_digits(exponent, _sliding_width(exponent.bit_length())):
            while len(odd_powers) <= digit >> 1:
                odd_powers.append(residues.multiply(odd_powers[-1], square))
            due[position].append(odd_powers[digit >> 1])
    result = residues.one
    for position in range(max(due, default=-1), -1, -1):
        result = residues.square(result)
        for element in due.get(position, ()):
            result = residues.multiply(result, element)
    return result


def _sliding_width(length: int) -> int:
    return min(range(1, _WIDEST_SLIDING + 1), key=lambda w: _sliding_cost(length, w))


def _sliding_cost(length: int, width: int) -> int:
    """Multiplications of one base: its odd powers, then one for about every width + 1 bits."""
    return (1 << (width - 1)) + length // (width + 1) + 1


def _sliding_digits(exponent: int, width: int) -> Iterator[tuple[int, int]]:
    """Yield (position, odd digit below 2^width) with exponent = sum of digit 2^position."""
    position, mask = 0, (1 << width) - 1
    while exponent:
        zeros = (exponent & -exponent).bit_length() - 1
        exponent >>= zeros
        position += zeros
        digit = exponent & mask
        yield position, digit
        exponent >>= width
        position += width
