# SPDX-License-Identifier: GPL-3.0-or-later
"""The ceremony: dealing the key to the bureau, shares at rest, the drill.

Spec: KEY, DRL
"""
