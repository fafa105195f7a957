# SPDX-License-Identifier: GPL-3.0-or-later
"""Zero-knowledge proofs, one module per statement, each with prover and verifier."""
