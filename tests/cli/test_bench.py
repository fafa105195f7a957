# SPDX-License-Identifier: GPL-3.0-or-later
"""`evote bench` measures whatever it is asked for and says so as a table or as JSON."""

from __future__ import annotations

import json

import pytest

from evote.cli.measures import Bench, Figure, in_turns, table_memory
from evote.errors import ParameterError, StateError

from .conftest import run, succeed

SMALL = ("bench", "--parameters", "toy-512", "--lists", 3, "--rounds", 1)
SINGLE = {"encrypt_table", "encrypt_cold", "verify_cast", "verify_alone", "sum", "share"}


def test_json_has_every_figure_with_its_ratio() -> None:
    found = json.loads(succeed(*SMALL, "--ballots", 4, "--ballots", 2, "--json"))
    assert set(found) == {
        "parameters", "lists", "rounds", "ballot_bytes", "machine", "naive", "figures", "table",
    }  # fmt: skip
    assert (found["parameters"], found["lists"], found["rounds"]) == ("toy-512", 3, 1)
    assert found["ballot_bytes"] > 1000
    assert set(found["machine"]) == {"processor", "python", "gmpy2"}
    assert set(found["figures"]) == SINGLE | {"verify_batch_2", "verify_batch_4"}
    for figure in found["figures"].values():
        assert set(figure) == {"ms", "times"}
        assert min(figure.values()) > 0
    assert set(found["naive"]) == {"prove_ms", "verify_ms"}
    assert min(found["naive"].values()) > 0
    assert set(found["table"]) == {"bytes", "build_ms", "naive_ballots"}
    assert min(found["table"].values()) > 0


def test_batches_of_100_and_1000_are_measured_by_default() -> None:
    figures = json.loads(succeed(*SMALL, "--json"))["figures"]
    assert set(figures) == SINGLE | {"verify_batch_100", "verify_batch_1000"}


def test_the_table_names_every_figure() -> None:
    printed = succeed(*SMALL, "--ballots", 3)
    for words in (
        "by the table",
        "as at cast",
        "one by one",
        "batch of 3",
        "Sum",
        "share",
        "naive",
        "Table: ",
    ):
        assert words in printed


@pytest.mark.parametrize(
    "wrong", [("--parameters", "toy-1"), ("--lists", 0), ("--ballots", 1), ("--rounds", 0), ("more",)]
)
def test_wrong_usage_exits_with_2(wrong: tuple[object, ...]) -> None:
    assert run("bench", *wrong).exit_code == 2


def test_counters_that_do_not_fit_are_refused_in_one_sentence() -> None:
    result = run("bench", "--parameters", "toy-512", "--lists", 255)
    assert result.exit_code == 1
    assert "MAN-6" in result.stderr
    with pytest.raises(ParameterError):
        Bench("toy-512", 255, 1000)


def test_a_wrong_ballot_measures_nothing() -> None:
    bench = Bench("toy-512", 2, 10)
    good, other = bench.encrypt(0), bench.encrypt(1)
    statement, _ = bench.read(good)
    _, proof = bench.read(other)
    bench.read = lambda data: (statement, proof) if data == other else Bench.read(bench, data)  # type: ignore[method-assign]
    with pytest.raises(StateError):
        bench.verify_batch([good, other])


def test_the_sum_is_the_sum_and_the_share_is_proved() -> None:
    from evote.proofs.decryption import verify_decryption

    bench = Bench("toy-512", 2, 10)
    ciphertexts = [bench.read(bench.encrypt(number))[0].ciphertext for number in range(3)]
    tally = bench.add_up(ciphertexts)
    a, b, c = ciphertexts
    assert (tally.ballots, tally.product) == (3, a * b * c % bench.key.square)
    verify_decryption(*bench.decrypt(tally.product))


def test_ratios_and_the_least_of_several_rounds() -> None:
    assert Figure(seconds=2.0, naive=5.0).times == 2.5
    done: list[str] = []
    seen: list[tuple[int, int]] = []
    least = in_turns(
        {"a": lambda: done.append("a"), "b": lambda: done.append("b")},
        2,
        lambda _, now, total: seen.append((now, total)),
    )
    assert done == ["a", "b", "a", "b"]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert set(least) == {"a", "b"}


def test_the_table_takes_what_its_numbers_take() -> None:
    key = Bench("toy-512", 2, 10).key
    rows = -(-(key.parameters.response_bits + 152) // 8)
    assert table_memory(key) > rows * 256 * 2 * key.parameters.number_bytes
