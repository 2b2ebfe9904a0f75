# SPDX-License-Identifier: BSD-2-Clause
"""Hosts under test, and the cables between them; lib/__init__.py has a table of their names."""
