# SPDX-License-Identifier: GPL-3.0-or-later
"""Sums and decryption shares."""

from __future__ import annotations

from functools import partial

import pytest
from benchmarks.conftest import Compare
from benchmarks.measures import Subject, measure_worker

from evote.crypto.integers import product
from evote.proofs.decryption import find_invalid_decryptions, verify_decryption


@pytest.mark.benchmark(group="sum")
def test_sum(subject: Subject, compare: Compare) -> None:
    ciphertexts = [subject.read(ballot)[0].ciphertext for ballot in subject.ballots]
    naive = partial(product, ciphertexts, subject.key.square)
    assert compare(partial(subject.add_up, ciphertexts), naive).product == naive()


@pytest.mark.benchmark(group="decryption share")
def test_share_with_proof(subject: Subject, compare: Compare) -> None:
    ciphertext = subject.read(subject.ballots[0])[0].ciphertext
    item = compare(partial(subject.decrypt, ciphertext), partial(subject.decrypt_naively, ciphertext))
    verify_decryption(*item)


@pytest.mark.benchmark(group="verification of decryption shares")
def test_shares_in_a_batch(subject: Subject, compare: Compare) -> None:
    made = [subject.decrypt(subject.read(ballot)[0].ciphertext) for ballot in subject.ballots[:10]]
    assert not compare(
        partial(find_invalid_decryptions, made), partial(verify_decryption, *made[0]), len(made)
    )


def test_a_worker_tells_its_memory(subject: Subject) -> None:
    memory = measure_worker(subject)
    assert 0 < memory.idle <= memory.peak
