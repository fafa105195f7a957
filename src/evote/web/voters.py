# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths of voters: status, slot, ballot, attendance proof. Every one asks the integrator's hook who it is.

Spec: WEB-1, WEB-4
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import PlainTextResponse, Response

from evote.ballot.qr import reference_url
from evote.record.reference import Receipt
from evote.web.answers import (
    ReceiptAnswer,
    SlotAnswer,
    SlotQuestion,
    VoterAnswer,
    ballot_body,
    question,
    refusals,
    text_answer,
)
from evote.web.service import Body, Here, Voter

router = APIRouter(tags=["voters"])
ContestId = Annotated[str, Path(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$", examples=["cspm-2"])]


@router.get("/voter", responses=refusals(401, 403))
async def status(service: Here, voter: Voter) -> VoterAnswer:
    """Return the voter's state in each of their contests: not voted, in progress, voted."""
    return VoterAnswer.make(contests=await service.ask(service.box.status, voter))


@router.post("/slot", responses=refusals(400, 401, 403, 415), openapi_extra=question(SlotQuestion))
async def slot(service: Here, voter: Voter, body: Body) -> SlotAnswer:
    """Return where the voter's ballot is counted; while the vote is open, they are «in progress» from now on."""
    contest = SlotQuestion.from_edited_text(body).contest
    found = await service.ask(service.box.slot, voter, contest)
    return SlotAnswer.make(contest=found.contest, section=found.section, unit=found.unit, weight=found.weight)


@router.post("/ballot", responses=refusals(401, 403, 409, 415, 422), openapi_extra=ballot_body())
async def cast(service: Here, voter: Voter, body: Body) -> ReceiptAnswer:
    """Take the voter's ballot: its canonical bytes. All or nothing, and final.

    The same bytes sent again give the same receipt.
    """
    return receipt_answer(await service.ask(service.box.cast, voter, body), service.host)


@router.get(
    "/voter/attendance/{contest}",
    responses={
        **refusals(400, 401, 403, 404),
        **text_answer(
            "text/plain",
            "A signed note.",
            "evote/attendance/v1\nvote.example.org\n…\ncspm-2\n1001\n1718180400\n\n— vote.example.org/register …\n",
        ),
    },
    response_class=Response,
)
async def attendance(service: Here, voter: Voter, contest: ContestId) -> Response:
    """Return a note, signed by the register's key, that the voter has voted; it says nothing of a ballot."""
    note = await service.ask(service.box.attendance_proof, voter, contest, absent="BOX-7")
    return PlainTextResponse(note)


def receipt_answer(receipt: Receipt, host: str) -> ReceiptAnswer:
    """Return a receipt as it is answered."""
    return ReceiptAnswer.make(
        reference=str(receipt.reference),
        code=receipt.code,
        publish_by=receipt.reference.publish_by,
        url=reference_url(receipt.reference, host),
    )
