# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of the site; the register's are the box's business."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Make the table of notices."""

    initial = True
    operations = (
        migrations.CreateModel(
            name="Voter",
            fields=[
                ("voter", models.TextField(primary_key=True, serialize=False)),
                ("name", models.TextField()),
            ],
            options={"db_table": "voters", "managed": False},
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("voter", models.CharField(max_length=100)),
                ("contest", models.CharField(max_length=64)),
            ],
        ),
    )
