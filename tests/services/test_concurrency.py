# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hundred voters cast at once from eight processes, each two different ballots: one each is taken."""

from __future__ import annotations

from contextlib import ExitStack

from polling import (
    CONTEST,
    Caster,
    accepted,
    close,
    encrypted,
    entered,
    logged_ballots,
    name,
    polling_place,
    verify_kept,
    verify_record,
)

PROCESSES, VOTERS = 8, 200


def cast_twice_at_once(folder) -> dict[tuple[str, bytes], str]:
    """Let processes in pairs cast the first and the second ballot of the same voters, in the same order."""
    ballots = encrypted(folder, 2 * VOTERS)
    pairs = PROCESSES // 2
    with ExitStack() as stack:
        casters = [stack.enter_context(Caster(folder)) for _ in range(PROCESSES)]
        for caster in casters:
            caster.wait_until_ready()
        for number, caster in enumerate(casters):
            voters = range(number % pairs, VOTERS, pairs)
            caster.cast([(name(voter), ballots[2 * voter + number // pairs]) for voter in voters])
        return {task: answer for caster in casters for task, answer in caster.finish().items()}


def test_of_two_ballots_at_once_one_is_taken(tmp_path, stores) -> None:
    folder = polling_place(tmp_path / "e", VOTERS, stores)
    answers = cast_twice_at_once(folder)
    references = accepted(answers)
    assert len(answers) == 2 * VOTERS
    assert sorted(references) == [name(voter) for voter in range(VOTERS)]
    assert {answer for answer in answers.values() if answer not in references.values()} == {"AlreadyVoted"}
    with entered(folder) as box:
        assert box.turnout() == {CONTEST: VOTERS}
    verify_kept(folder, references.values())
    close(folder)
    verify_record(folder, "closed")
    assert len(logged_ballots(folder)) == VOTERS
