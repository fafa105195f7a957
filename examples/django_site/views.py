# SPDX-License-Identifier: GPL-3.0-or-later
"""Views of the site. `cast` shows what a view of one's own around the box must know."""

from __future__ import annotations

from django.contrib.auth import authenticate, login
from django.core.mail import send_mail
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_POST

from django_site.models import Notice, Voter
from django_site.voting import open_box
from evote.errors import AlreadyVoted, InvalidBallot, NotEligible, NotOpen

STATUSES = {NotEligible: 403, NotOpen: 403, AlreadyVoted: 409, InvalidBallot: 422}


@require_GET
@ensure_csrf_cookie
def home(_: HttpRequest) -> HttpResponse:
    """Show the page that signs in."""
    return HttpResponse("<h1>Vote</h1>")


@require_POST
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in with Django's own users; a user's name is the voter's id. Who is not on the roll is refused."""
    user = authenticate(request, username=request.POST.get("voter"), password=request.POST.get("code"))
    if user is None:
        return HttpResponse(status=401)
    voter = Voter.objects.filter(pk=user.get_username()).first()
    if voter is None:
        return HttpResponse(status=403)
    login(request, user)
    return HttpResponse(voter.name)


@require_POST
def cast(request: HttpRequest, contest: str) -> HttpResponse:
    """Cast, and mail a notice. If the mail fails, the notice is rolled back, and the ballot is not: it is final.

    Do what may fail before the cast, or later, from a queue. The voter's device sends the same ballot again, and gets
    the same receipt.
    """
    if not request.user.is_authenticated:
        return HttpResponse(status=401)
    voter = request.user.get_username()
    try:
        receipt = open_box().cast(voter, request.body)
    except tuple(STATUSES) as error:
        return JsonResponse(
            {"error": type(error).__name__, "check": error.check}, status=STATUSES[type(error)]
        )
    Notice.objects.create(voter=voter, contest=contest)
    send_mail("Your vote", f"You have voted: {contest}.", None, [request.user.email])
    return JsonResponse({"reference": str(receipt.reference), "code": receipt.code})
