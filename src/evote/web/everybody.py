# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths of everybody: the election, a receipt asked for again, references, codes, turnout.

Spec: WEB-1, WEB-5
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request

from evote.encoding import encode_base64url
from evote.record.reference import parse_code
from evote.web.answers import (
    CodeAnswer,
    ContestTurnout,
    ElectionAnswer,
    FoundAnswer,
    HourAnswer,
    ReceiptAnswer,
    ReferenceAnswer,
    ReferenceQuestion,
    TurnoutAnswer,
    ballot_body,
    question,
    refusals,
)
from evote.web.service import Body, Here
from evote.web.voters import receipt_answer

router = APIRouter(tags=["everybody"])
CodeText = Annotated[str, Path(max_length=40, examples=["DJJK-XMZX-XEQE"])]


@router.get("/election", responses=refusals())
async def election(service: Here) -> ElectionAnswer:
    """Return what the election has come to, and its hours."""
    public = await service.election()
    manifest, hours = public.manifest, public.manifest.timetable
    return ElectionAnswer.make(
        id=encode_base64url(public.id),
        event=manifest.event,
        title=manifest.title,
        mode=manifest.mode,
        phase=await service.phase(),
        audience=manifest.publication.audience,
        opens=hours.opens,
        closes=hours.closes,
        grace_ends=hours.grace_ends,
    )


@router.post("/receipt", responses=refusals(404, 415), openapi_extra=ballot_body())
async def receipt(service: Here, body: Body) -> ReceiptAnswer:
    """Return the receipt of a ballot in the box to whoever holds its bytes, signed in or not, until closing."""
    found = await service.ask(service.box.receipt, body, absent="BOX-6")
    return receipt_answer(found, service.host)


@router.post("/reference", responses=refusals(400, 415), openapi_extra=question(ReferenceQuestion))
async def check_reference(service: Here, body: Body) -> ReferenceAnswer:
    """Check a reference: two verdicts, apart. It stands in the body, so that it gets into no log of addresses."""
    text = ReferenceQuestion.from_edited_text(body).reference
    verdict = await service.look_up(service.box.check_reference, text)
    if not await service.is_public(record=True):
        verdict = replace(verdict, index=-1)
    return ReferenceAnswer.make(
        **asdict(verdict),
        signature_sentence=verdict.signature_sentence,
        presence_sentence=verdict.presence_sentence,
    )


@router.get("/code/{code}", responses=refusals(400))
async def find_code(service: Here, code: CodeText) -> CodeAnswer:
    """Return every published ballot with a short code; a code is a label, never evidence."""
    wanted = parse_code(code)
    ballots = await service.look_up(service.box.find, wanted)
    if not await service.is_public(record=True):
        ballots = tuple(replace(one, index=-1) for one in ballots)
    return CodeAnswer.make(code=wanted, ballots=tuple(FoundAnswer.make(**asdict(one)) for one in ballots))


@router.get("/turnout", responses=refusals(401, 403))
async def turnout(service: Here, request: Request) -> TurnoutAnswer:
    """Return the turnout: to the bureau, and to everybody once the vote is closed."""
    if not await service.is_public(record=False):
        await service.verify_bureau(request)
    manifest = (await service.election()).manifest
    voted = await service.ask(service.box.turnout)
    hours = await service.ask(service.box.turnout_by_hour)
    return TurnoutAnswer.make(
        contests=tuple(
            ContestTurnout.make(
                contest=contest.id,
                registered=manifest.voters_of(contest.id),
                voted=voted[contest.id],
                hours=tuple(
                    HourAnswer.make(start=start, voted=count)
                    for start, count in sorted(hours.get(contest.id, {}).items())
                ),
            )
            for contest in manifest.contests
        )
    )
