# SPDX-License-Identifier: BSD-2-Clause
"""Peers that are not ours: Linux XFRM in a guest, by itself or below strongSwan or libreswan."""
