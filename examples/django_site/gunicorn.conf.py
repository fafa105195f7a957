# SPDX-License-Identifier: GPL-3.0-or-later
"""gunicorn for the Django site: gunicorn -c django_site/gunicorn.conf.py django_site.wsgi:application"""

from __future__ import annotations

import os

bind = f"127.0.0.1:{os.environ.get('PORT', '8000')}"
workers = 2
worker_class = "gthread"
threads = 8
preload_app = False  # each process opens the box itself
accesslog = None  # who was there when somebody voted
loglevel = "error"  # warnings have time and address
timeout = 60
graceful_timeout = 60  # a cast that has begun is finished
