# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request can be refused with, and the one form in which a refusal is answered.

Spec: WEB-6
"""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from evote.errors import (
    AlreadyVoted,
    EncodingError,
    EvoteError,
    InvalidBallot,
    NotEligible,
    NotOpen,
    ParameterError,
)


class RequestRefused(EvoteError):
    """The request is refused by the web API itself.

    Args:
        message: One sentence that may be shown to anybody; by default that of the class.
        check: The rule; by default that of the class.
    """

    status: ClassVar[int] = HTTPStatus.BAD_REQUEST
    rule: ClassVar[str] = "WEB-1"
    sentence: ClassVar[str] = "The request is not understood."
    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, message: str = "", *, check: str = "") -> None:
        super().__init__(message or self.sentence, check=check or self.rule)


class NotFound(RequestRefused):
    """There is no such path, file or ballot."""

    status = HTTPStatus.NOT_FOUND
    sentence = "There is nothing at this address."


class MethodNotAllowed(RequestRefused):
    """The path is there, but not for this method."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    sentence = "This address does not take this method."


class WrongMediaType(RequestRefused):
    """The body is not declared as JSON: it may come from a form on another site."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    sentence = "Send the body as application/json."


class BodyTooLarge(RequestRefused):
    """The body is longer than this path takes."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    rule = "WEB-2"
    sentence = "The body of the request is too long."
    headers: ClassVar[dict[str, str]] = {"Connection": "close"}


class BodyTooSlow(RequestRefused):
    """The body did not arrive in time."""

    status = HTTPStatus.REQUEST_TIMEOUT
    rule = "WEB-3"
    sentence = "The body of the request did not arrive in time; send it again."
    headers: ClassVar[dict[str, str]] = {"Connection": "close"}


class NotSignedIn(RequestRefused):
    """Nobody is signed in; raised by the integrator's hook."""

    status = HTTPStatus.UNAUTHORIZED
    rule = "WEB-4"
    sentence = "Sign in first."


class BureauOnly(RequestRefused):
    """Only the bureau may have it; raised by the integrator's second hook."""

    status = HTTPStatus.FORBIDDEN
    rule = "WEB-5"
    sentence = "This is for the bureau alone until the vote is closed."


class Unavailable(RequestRefused):
    """The box cannot answer now: a database or a file cannot be used, or it is being written."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    rule = "WEB-6"
    sentence = "The service cannot answer now; send the same request again in a moment."
    headers: ClassVar[dict[str, str]] = {"Retry-After": "2"}


class ServiceFailed(RequestRefused):
    """Something that was not foreseen; what it was is in no answer."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    rule = "WEB-6"
    sentence = "The service failed; send the same request again."


VOTING_ERRORS: Final = (NotEligible, NotOpen, AlreadyVoted, InvalidBallot)
_STATUSES: Final[tuple[tuple[type[EvoteError], int], ...]] = (
    (NotEligible, HTTPStatus.FORBIDDEN),
    (NotOpen, HTTPStatus.FORBIDDEN),
    (AlreadyVoted, HTTPStatus.CONFLICT),
    (InvalidBallot, HTTPStatus.UNPROCESSABLE_ENTITY),
    (EncodingError, HTTPStatus.BAD_REQUEST),  # of the request: what the box raises is sorted out before
    (ParameterError, HTTPStatus.BAD_REQUEST),
)
_OF_STATUS: Final = {
    kind.status: kind for kind in (NotFound, MethodNotAllowed, NotSignedIn, BureauOnly, BodyTooLarge)
}


def answer(error: EvoteError) -> JSONResponse:
    """Answer an error in the one form; one that nobody foresaw is `ServiceFailed`.

    Spec: WEB-6
    """
    if isinstance(error, RequestRefused):
        return _response(error, error.status, error.headers)
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return _response(error, status, {})
    return answer(ServiceFailed())


def _response(error: EvoteError, status: int, headers: dict[str, str]) -> JSONResponse:
    content = {"error": type(error).__name__, "check": error.check, "message": str(error)}
    return JSONResponse(content, status, headers)


async def answer_error(_: Request, error: Exception) -> JSONResponse:
    """Answer an error of this library."""
    return answer(error if isinstance(error, EvoteError) else ServiceFailed())


async def answer_http(_: Request, error: Exception) -> JSONResponse:
    """Answer an error of the framework or of a hook: its status and headers, never its text."""
    if not isinstance(error, HTTPException):
        return answer(ServiceFailed())
    status = HTTPStatus(error.status_code)
    kind = _OF_STATUS.get(status)
    refused: EvoteError = kind() if kind else RequestRefused(f"{status.phrase}.")
    found = answer(refused)
    found.status_code = status
    found.headers.update(error.headers or {})
    return found


async def answer_invalid(_: Request, __: Exception) -> JSONResponse:
    """Answer a path that the framework could not read."""
    return answer(RequestRefused())
