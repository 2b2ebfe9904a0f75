/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SANITIZED_REPORT_H
#define TESTS_SANITIZED_REPORT_H

/* Has the runtime read which address is which line of the sources, while there are files: a report then has lines, not
 * numbers. */
void report_learn_lines(void);

#endif
