# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of the site; /vote is the web API's (wsgi.py, asgi.py)."""

from __future__ import annotations

from django.urls import path

from django_site import views

urlpatterns = [
    path("", views.home),
    path("sign-in", views.sign_in),
    path("cast/<slug:contest>", views.cast),
]
