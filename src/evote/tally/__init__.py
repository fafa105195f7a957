# SPDX-License-Identifier: GPL-3.0-or-later
"""The tally: sums, decryption shares, openings, counts.

Spec: SUM, SHR, RES
"""
