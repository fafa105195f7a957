# SPDX-License-Identifier: GPL-3.0-or-later
"""Frozen types of every published file, and of the reference: the list of formats. No input or output.

Spec: REC
"""
