# SPDX-License-Identifier: GPL-3.0-or-later
"""Cryptography without election vocabulary: numbers, hashing, sharing, signing, sealing, Merkle trees."""
