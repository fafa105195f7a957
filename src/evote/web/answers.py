# SPDX-License-Identifier: GPL-3.0-or-later
"""What the web API takes and answers, typed; the OpenAPI document is made from it.

Spec: WEB-1, WEB-6
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from evote.board.lookup import Presence
from evote.box import Phase
from evote.box.service import VoterStatus
from evote.encoding import Count, Field, Identifier, Part, Text, Time
from evote.record.ballot import Ballot

Code = Annotated[str, Field(pattern=r"^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$")]
Place = Annotated[int, Field(ge=-1, description="Place in the log; -1 while the log is not public.")]
_DIGEST: Final = r"^[A-Za-z0-9_-]{43}$"
_REFERENCE: Final = "AQVf3mQ9…"
_CODE: Final = "DJJK-XMZX-XEQE"
_ELECTION: Final = "pob9LzovrrVbGPTRxLd0wFAJpwmS5sXFMOk0D4Pw8sY"


def _shown(**example: object) -> Any:
    """Return the configuration of a model with an example for the OpenAPI document."""
    return {"json_schema_extra": {"examples": [example]}}


class Refused(Part):
    """Any refusal. `error` and `check` are for programs, `message` is one sentence for people."""

    error: Annotated[str, Field(description="Name of the class.")]
    check: Annotated[str, Field(description="Rule of the specification, or empty.")]
    message: str


class ElectionAnswer(Part):
    """What everybody may know without reading the manifest. Times are POSIX seconds."""

    model_config = _shown(
        id=_ELECTION,
        event="Élections de juin",
        title="CSPM",
        mode="REAL",
        phase="open",
        audience="bureau",
        opens=1718089200,
        closes=1718722800,
        grace_ends=1718724000,
    )

    id: Annotated[str, Field(pattern=_DIGEST, description="SHA-256 of seal.json, base64url.")]
    event: Text
    title: Text
    mode: Literal["REAL", "TEST"]
    phase: Phase
    audience: Literal["bureau", "public"]
    opens: Time
    closes: Time
    grace_ends: Time


class VoterAnswer(Part):
    """The state of a voter in each of their contests."""

    model_config = _shown(contests={"cspm-2": "voted", "csn-ph-medecine": "not voted"})

    contests: dict[str, VoterStatus]


class SlotQuestion(Part):
    """For which contest."""

    model_config = _shown(contest="cspm-2")

    contest: Identifier


class SlotAnswer(Part):
    """Where the voter's ballot is counted: what the device encrypts for."""

    model_config = _shown(contest="cspm-2", section="france", unit="cspm-2", weight=1)

    contest: Identifier
    section: Identifier
    unit: Identifier
    weight: Annotated[Count, Field(ge=1)]


class ReceiptAnswer(Part):
    """A receipt: to be checked by the device before anything of it is shown."""

    model_config = _shown(
        reference=_REFERENCE,
        code=_CODE,
        publish_by=1718180400,
        url=f"https://vote.example.org/r#{_REFERENCE}",
    )

    reference: Annotated[str, Field(description="Compact form, 159 characters of base64url.")]
    code: Code
    publish_by: Time
    url: Annotated[str, Field(description="What the QR code holds; its fragment reaches no server.")]


class ReferenceQuestion(Part):
    """A reference as pasted or scanned."""

    model_config = _shown(reference=_REFERENCE)

    reference: Annotated[str, Field(min_length=1, max_length=1000)]


class ReferenceAnswer(Part):
    """Two verdicts, apart: the signature's and the ballot's presence. What is not known is empty or -1."""

    model_config = _shown(
        signature=True,
        signature_sentence="The signature is valid: this election accepted the ballot, unaltered.",
        presence="found",
        presence_sentence="The ballot was found in the published log.",
        event="Élections de juin",
        college="Praticiens hospitaliers",
        contest="CSPM, collège 2",
        section="France",
        code=_CODE,
        publish_by=1718180400,
        index=-1,
        withdrawn=False,
    )

    signature: bool
    signature_sentence: str
    presence: Presence
    presence_sentence: str
    event: str
    college: str
    contest: str
    section: str
    code: str
    publish_by: Annotated[int, Field(ge=-1)]
    index: Place
    withdrawn: bool


class FoundAnswer(Part):
    """A published ballot with the code that was asked for."""

    contest: str
    unit: str
    college: str
    section: str
    index: Place


class CodeAnswer(Part):
    """Every published ballot with a code: a label, never evidence."""

    model_config = _shown(
        code=_CODE,
        ballots=[
            {
                "contest": "cspm-2",
                "unit": "cspm-2",
                "college": "Praticiens hospitaliers",
                "section": "France",
                "index": -1,
            }
        ],
    )

    code: Code
    ballots: tuple[FoundAnswer, ...]


class HourAnswer(Part):
    """Votes in the hour that begins then."""

    start: Time
    voted: Count


class ContestTurnout(Part):
    """Turnout of a contest; hours with fewer votes than the sealed minimum are left out."""

    contest: Identifier
    registered: Count
    voted: Count
    hours: tuple[HourAnswer, ...]


class TurnoutAnswer(Part):
    """Turnout of every contest."""

    model_config = _shown(
        contests=[
            {
                "contest": "cspm-2",
                "registered": 41250,
                "voted": 4120,
                "hours": [{"start": 1718089200, "voted": 61}],
            }
        ]
    )

    contests: tuple[ContestTurnout, ...]


_REFUSALS: Final[Mapping[int, tuple[str, str, str, str]]] = {
    400: ("The request is not understood.", "EncodingError", "ENC-5", "SlotQuestion: contest: missing."),
    401: ("Nobody is signed in.", "NotSignedIn", "WEB-4", "Sign in first."),
    403: (
        "Not for this voter (NotEligible), not now (NotOpen), or for the bureau alone (BureauOnly).",
        "NotOpen",
        "BOX-8",
        "The vote is not open yet.",
    ),
    404: ("There is none.", "NotFound", "BOX-6", "This ballot is not in the box."),
    408: (
        "The body did not arrive in time.",
        "BodyTooSlow",
        "WEB-3",
        "The body of the request did not arrive in time; send it again.",
    ),
    409: (
        "Another ballot of this voter is in the box; it is final.",
        "AlreadyVoted",
        "BOX-7",
        "This voter's ballot for this contest is in the box; it is final.",
    ),
    413: ("The body is too long.", "BodyTooLarge", "WEB-2", "The body of the request is too long."),
    415: (
        "The body is not declared as JSON.",
        "WrongMediaType",
        "WEB-1",
        "Send the body as application/json.",
    ),
    422: (
        "The ballot is refused; nothing was recorded.",
        "InvalidBallot",
        "SEL-4",
        "The ballot is refused: the proof does not verify.",
    ),
    500: (
        "The service failed.",
        "ServiceFailed",
        "WEB-6",
        "The service failed; send the same request again.",
    ),
    503: (
        "The service cannot answer now.",
        "Unavailable",
        "WEB-6",
        "The service cannot answer now; send the same request again in a moment.",
    ),
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI entries of refusals; those of the border and of a failing service can come anywhere."""
    found: dict[int | str, dict[str, Any]] = {}
    for status in sorted({*statuses, 408, 413, 500, 503}):
        description, error, check, message = _REFUSALS[status]
        example = {"error": error, "check": check, "message": message}
        content = {"application/json": {"example": example}}
        found[status] = {"model": Refused, "description": description, "content": content}
    found["default"] = {"model": Refused, "description": "As a proxy or a hook of the integrator answers."}
    return found


def text_answer(media_type: str, description: str, example: str) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI entry of an answer that is no JSON object of ours."""
    content = {media_type: {"schema": {"type": "string"}, "example": example}}
    return {200: {"description": description, "content": content}}


def question(kind: type[Part]) -> dict[str, Any]:
    """Return the OpenAPI entry of a body that is read from its JSON."""
    return _body(kind.model_json_schema(mode="serialization"))


def ballot_body() -> dict[str, Any]:
    """Return the OpenAPI entry of a ballot: its canonical bytes, in the order of the canonical form."""
    schema = Ballot.model_json_schema(mode="serialization")
    schema["properties"]["proof"] = schema.pop("$defs")["BallotProof"]  # a reference would lead nowhere
    schema["properties"]["election"] = {"type": "string", "pattern": _DIGEST}
    schema["required"] = list(schema["properties"])
    schema["examples"] = [
        {
            "ciphertext": "c2l4IGh1bmRyZWQ…",
            "contest": "cspm-2",
            "election": _ELECTION,
            "proof": {"a": ["…", "…"], "e": ["…", "…"], "z": ["…", "…"]},
            "type": "evote/ballot",
            "unit": "cspm-2",
            "version": 1,
            "weight": 1,
        }
    ]
    return _body(schema)


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
