# SPDX-License-Identifier: GPL-3.0-or-later
"""A Django site with a ballot box."""
