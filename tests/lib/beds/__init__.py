# SPDX-License-Identifier: BSD-2-Clause
"""Hosts under test, and the cables between them."""
