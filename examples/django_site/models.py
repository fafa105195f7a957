# SPDX-License-Identifier: GPL-3.0-or-later
"""What the site keeps, and what it reads of the register. Of ballots it knows nothing."""

from __future__ import annotations

from django.db import models


class Voter(models.Model):
    """A voter on the roll, as the register has them."""

    database = "register"
    voter = models.TextField(primary_key=True)
    name = models.TextField()

    class Meta:
        """Where it is."""

        managed = False
        db_table = "voters"

    def __str__(self) -> str:
        """Return the name."""
        return str(self.name)


class Notice(models.Model):
    """A mail that tells a voter that they have voted; no ballot, no reference, no code."""

    voter = models.CharField(max_length=100)
    contest = models.CharField(max_length=64)

    def __str__(self) -> str:
        """Return the contest; who it is for gets into no log."""
        return str(self.contest)
