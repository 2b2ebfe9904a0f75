# SPDX-License-Identifier: BSD-2-Clause
"""What docs/performance.md shows, from the JSON of one run: charts, which gnuplot draws, and tables."""
