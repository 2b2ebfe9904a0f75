# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of e2e and interop, and the figures of bench, are made of."""
