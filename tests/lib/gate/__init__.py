# SPDX-License-Identifier: BSD-2-Clause
"""The matrix of events under which a gate stays closed, its bed, and its traffic."""
