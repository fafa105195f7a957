# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers, transcript, primes, tables, multi-powers, sharing, and the door to phe (A26, A31, A34)."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from phe.paillier import EncryptedNumber, PaillierPublicKey

import evote
from evote.crypto import fixed_base
from evote.crypto.fixed_base import FixedBase, SquareChain, base_table, chain_power, plain_power
from evote.crypto.group import delta, verification_base
from evote.crypto.integers import (
    decode_number,
    encode_number,
    inverse,
    is_prime,
    is_unit,
    jacobi,
    mpz,
    power,
    product,
    product_tree,
    random_below,
    random_bits,
    secret_power,
)
from evote.crypto.multi_power import multi_power, plan_product
from evote.crypto.paillier import decrypt_integer, encrypt_integer
from evote.crypto.primes import safe_prime, safe_prime_pair, small_primes
from evote.crypto.residues import PlainResidues, SquareResidues
from evote.crypto.shamir import evaluate, lagrange_at_zero, random_polynomial
from evote.crypto.transcript import challenge, framed_digest, hash_to_unit
from evote.errors import EncodingError, ParameterError
from evote.params import parameter_set
from toys import TOY, factored_key

naturals = st.integers(0, 2**600).map(mpz)


@given(st.integers(0, 256**8 - 1))
def test_a26_a_number_has_one_width(value: int) -> None:
    data = encode_number(mpz(value), 8)
    assert decode_number(data, 8) == value
    for wrong in (data[1:], b"\x00" + data):
        with pytest.raises(EncodingError) as caught:
            decode_number(wrong, 8)
        assert caught.value.check == "PAR-3"


@pytest.mark.parametrize("value", [mpz(-1), mpz(256**8)])
def test_a26_what_does_not_fit_is_refused(value: mpz) -> None:
    with pytest.raises(ParameterError) as caught:
        encode_number(value, 8)
    assert caught.value.check == "PAR-3"


def test_parameter_sets_have_the_widths_of_the_specification() -> None:
    widths = {name: parameter_set(name) for name in ("evote-2048", "evote-3072", "evote-4096")}
    assert [one.number_bytes for one in widths.values()] == [256, 384, 512]
    assert [one.ciphertext_bytes for one in widths.values()] == [512, 768, 1024]
    assert [one.response_bytes for one in widths.values()] == [176, 240, 304]
    assert widths["evote-3072"].share_response_bytes(3072) == 433
    with pytest.raises(ParameterError) as caught:
        parameter_set("evote-1024")
    assert caught.value.check == "PAR-1"


def test_a31_the_frame_is_the_one_of_the_specification() -> None:
    frame = lambda data: len(data).to_bytes(4, "big") + data  # noqa: E731
    written = frame(b"domain") + (2).to_bytes(4, "big") + frame(b"ab") + frame(b"")
    assert framed_digest("domain", [b"ab", b""]) == hashlib.sha256(written).digest()
    assert challenge("domain", [b"ab", b""]) == int.from_bytes(hashlib.sha256(written).digest(), "big")


parts = st.lists(st.binary(max_size=4), max_size=4)


@given(parts, parts, st.text(max_size=3), st.text(max_size=3))
def test_a31_different_lists_have_different_digests(one, other, domain, second) -> None:
    same = (domain, one) == (second, other)
    assert (framed_digest(domain, one) == framed_digest(second, other)) == same


@given(st.binary(max_size=6), st.integers(0, 6))
def test_a31_one_concatenation_split_differently_differs(data: bytes, cut: int) -> None:
    split = [data[:cut], data[cut:]]
    assert framed_digest("d", split) != framed_digest("d", [data])
    assert framed_digest("d", [*split, b""]) != framed_digest("d", split)


def test_derived_units_are_units_and_differ() -> None:
    key = factored_key()[0]
    values = [hash_to_unit(key.n, 64, label, index) for label in (b"a", b"b") for index in range(20)]
    assert len(set(values)) == 40
    assert all(is_unit(value, key.n) for value in values)


def test_bases_are_derived_from_the_modulus() -> None:
    key, p, q = factored_key()
    x = hash_to_unit(key.n, 64, b"h", 0)
    assert key.root_base == -x * x % key.n
    assert jacobi(key.root_base, key.n) == 1
    assert key.base == power(key.root_base, key.n, key.square)
    v = verification_base(key, delta(4))
    assert power(v, (p >> 1) * (q >> 1), key.n) == 1


@pytest.mark.parametrize("bits", [64, 100, 256])
def test_safe_primes_are_safe_and_of_exact_length(bits: int) -> None:
    p = safe_prime(bits)
    assert p.bit_length() == bits
    assert p >> (bits - 2) == 3
    assert is_prime(p, 40)
    assert is_prime(p >> 1, 40)


def test_a_pair_of_safe_primes_makes_a_modulus_of_exact_length() -> None:
    calls: list[int] = []
    p, q = safe_prime_pair(256, lambda: calls.append(1))
    assert p != q
    assert (p * q).bit_length() == 512
    assert calls
    with pytest.raises(ParameterError):
        safe_prime(32)


def test_small_primes_are_all_odd_primes_below_two_to_the_twenty() -> None:
    primes = small_primes()
    assert len(primes) == 82024
    assert primes[:4] == (3, 5, 7, 11)
    assert primes[-1] == 1048573


@pytest.fixture(scope="module", params=[FixedBase, SquareChain])
def powers_of_base(request):
    key = factored_key()[0]
    return request.param(key.base, key.n, 200)


@given(exponent=st.integers(0, 2**300))
@example(exponent=0)
@example(exponent=1)
@example(exponent=2**200 - 1)
@example(exponent=2**200)
def test_table_and_chain_give_the_powers_of_their_base(powers_of_base, exponent: int) -> None:
    key = factored_key()[0]
    assert powers_of_base(mpz(exponent)) == power(key.base, mpz(exponent), key.square)


def test_the_chain_of_a_key_serves_its_responses() -> None:
    key = factored_key()[0]
    for exponent in (mpz(0), (mpz(1) << key.parameters.response_bits) - 1):
        assert chain_power(key)(exponent) == plain_power(key)(exponent)


def test_tables_are_kept_for_a_key() -> None:
    key = factored_key()[0]
    assert base_table(key) is base_table(key)
    assert base_table(key)(mpz(12345)) == plain_power(key)(mpz(12345))


def _expected(bases, exponents, modulus) -> mpz:
    return product((power(b, e, modulus) for b, e in zip(bases, exponents, strict=True)), modulus)


@given(st.lists(st.tuples(st.integers(1, 2**200), st.integers(0, 2**300)), max_size=30))
def test_many_powers_at_once(pairs) -> None:
    key = factored_key()[0]
    exponents = [mpz(e) for _, e in pairs]
    for modulus, residues in ((key.n, PlainResidues(key.n)), (key.square, SquareResidues(key.n))):
        bases = [power(mpz(b), mpz(b), modulus) for b, _ in pairs]
        assert multi_power(bases, exponents, residues) == _expected(bases, exponents, modulus)


@pytest.mark.parametrize(
    ("short", "long", "windows", "longest"),
    [
        (0, 0, False, 0),
        (1, 0, False, 0),
        (0, 1, False, 0),
        (11, 1, False, 0),
        (300, 30, True, 128),
        (2000, 600, True, 388),
    ],
)
def test_every_way_of_multiplying_powers(short: int, long: int, windows: bool, longest: int) -> None:
    """Few by interleaved windows, many by buckets, in between the long ones apart."""
    key = factored_key()[0]
    exponents = [random_bits(127) | 1 << 127 for _ in range(short)] + [
        random_bits(387) | 1 << 387 for _ in range(long)
    ]
    plan = plan_product([exponent.bit_length() for exponent in exponents])
    assert (bool(plan.windows), plan.longest) == (windows, longest)
    for modulus, residues in ((key.n, PlainResidues(key.n)), (key.square, SquareResidues(key.n))):
        bases = [power(random_bits(500) + 2, mpz(3), modulus) for _ in exponents]
        assert multi_power(bases, exponents, residues) == _expected(bases, exponents, modulus)


def test_the_plan_counts_the_multiplications() -> None:
    """What the cost model counts is what is done; the bases' first arrival in a bucket is free."""

    class Counting(PlainResidues):
        count = 0

        def multiply(self, left, right):
            Counting.count += 1
            return super().multiply(left, right)

        def square(self, element):
            Counting.count += 1
            return super().square(element)

        def gather(self, lifted, digits, size):
            Counting.count += len(lifted)
            return super().gather(lifted, digits, size)

        def weigh(self, buckets):
            Counting.count += 2 * len(buckets)
            return super().weigh(buckets)

    n = factored_key()[0].n
    for count in (1, 12, 300, 3000):
        exponents = [random_bits(388 if i % 12 == 0 else 128) for i in range(count)]
        bases = [random_bits(500) + 2 for _ in exponents]
        Counting.count = 0
        multi_power(bases, exponents, Counting(n))
        planned = plan_product([exponent.bit_length() for exponent in exponents]).multiplications
        assert 0.9 * planned <= Counting.count <= 1.05 * planned + 20


def test_a_base_that_is_no_unit_is_refused() -> None:
    key, p, _ = factored_key()
    good = key.base
    assert multi_power([good, good], [mpz(3), mpz(0)], SquareResidues(key.n)) == power(
        good, mpz(3), key.square
    )
    for bad in (p, key.n, 5 * key.n, p * 7):
        for exponent in (mpz(0), mpz(3)):
            with pytest.raises(ParameterError):
                multi_power([good, mpz(bad)], [mpz(3), exponent], SquareResidues(key.n))


@given(st.integers(1, 2**1000), st.integers(1, 2**1000))
def test_halves_multiply_like_numbers(a: int, b: int) -> None:
    key = factored_key()[0]
    residues = SquareResidues(key.n)
    x, y = (divmod(mpz(v) % key.square, key.n)[::-1] for v in (a, b))
    assert residues.join(residues.multiply(x, y)) == a * b % key.square
    assert residues.join(residues.square(x)) == a * a % key.square


@given(st.lists(naturals, max_size=9))
def test_products(values) -> None:
    expected = mpz(1)
    for value in values:
        expected *= value
    assert product_tree(values) == expected
    assert product(values, mpz(10**9 + 7)) == expected % (10**9 + 7)


@given(st.integers(1, 5), st.data())
def test_any_threshold_of_shares_gives_the_secret(threshold: int, data) -> None:
    modulus = mpz(2) ** 127 - 1
    count = data.draw(st.integers(threshold, 7))
    secret = random_below(modulus)
    polynomial = random_polynomial(secret, threshold - 1, modulus)
    points = data.draw(st.permutations(range(1, count + 1)))[:threshold]
    clearing = delta(count)
    coefficients = lagrange_at_zero(points, clearing)
    total = sum(coefficients[i] * evaluate(polynomial, i, modulus) for i in points)
    assert total % modulus == clearing * secret % modulus


def test_secret_powers_and_inverses() -> None:
    key = factored_key()[0]
    exponent = random_bits(300)
    assert secret_power(mpz(7), exponent, key.n) == power(mpz(7), exponent, key.n)
    assert secret_power(mpz(7), mpz(0), key.n) == 1
    assert inverse(mpz(7), key.n) * 7 % key.n == 1
    with pytest.raises(ParameterError) as caught:
        inverse(factored_key()[1], key.n)
    assert str(factored_key()[1]) not in str(caught.value)


@given(st.integers(0, 2**500))
def test_a34_the_door_to_phe_is_plain_paillier(value: int) -> None:
    key, p, q = factored_key()
    nonce = power(key.root_base, random_bits(TOY.nonce_bits), key.n)
    message = mpz(value) % key.n
    ciphertext = encrypt_integer(key, message, nonce)
    assert ciphertext == key.message_power(message) * power(nonce, key.n, key.square) % key.square
    assert encrypt_integer(key, message, nonce) == ciphertext
    assert decrypt_integer(key, p, q, ciphertext) == message


def test_a34_what_phe_accepts_and_should_not_is_refused() -> None:
    key, p, q = factored_key()
    for message, nonce in (
        (key.n, mpz(3)),
        (mpz(-1), mpz(3)),
        (mpz(1), mpz(0)),
        (mpz(1), p),
        (mpz(1), key.n),
    ):
        with pytest.raises(ParameterError) as caught:
            encrypt_integer(key, message, nonce)
        assert caught.value.check == "PAR-3"
    good = encrypt_integer(key, mpz(1), mpz(3))
    for wrong in (mpz(0), key.n, key.square, p * good % key.square):
        with pytest.raises(ParameterError):
            decrypt_integer(key, p, q, wrong)
    with pytest.raises(ParameterError):
        decrypt_integer(key, p, p, good)


def test_a34_the_trap_is_real_and_the_door_avoids_it() -> None:
    """phe re-randomises a ciphertext on its first read; ours is the same number every time."""
    key = factored_key()[0]
    ciphertext = encrypt_integer(key, mpz(5), mpz(3))
    theirs = EncryptedNumber(PaillierPublicKey(int(key.n)), int(ciphertext), 0)
    assert theirs.ciphertext() != ciphertext
    sources = Path(evote.__file__).parent.rglob("*.py")
    users = {path.name for path in sources if "phe" in imported(path)}
    assert users == {"paillier.py"}


def imported(path: Path) -> set[str]:
    """Return the top-level names of the packages that a source imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_a33_only_the_operating_systems_source_makes_secrets() -> None:
    sources = Path(evote.__file__).parent.rglob("*.py")
    assert {path.name for path in sources if imported(path) & {"random", "numpy"}} == {"demo.py"}


def test_a_service_builds_its_table_once_it_is_worth_it(monkeypatch) -> None:
    key, built = factored_key()[0], []
    monkeypatch.setattr(fixed_base, "base_table", lambda of: built.append(of) or plain_power(of))
    fixed_base.service_power.cache_clear()
    powers = fixed_base.service_power(key)
    expected = plain_power(key)(mpz(3))
    for _ in range(fixed_base._PLAIN_POWERS):
        assert powers(mpz(3)) == expected
    assert built == []
    assert powers(mpz(3)) == expected
    assert built == [key]
    assert 10 <= fixed_base._PLAIN_POWERS <= 100
    fixed_base.service_power.cache_clear()
