/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of CPUs as Linux writes them: "2,4-7". */
#ifndef LIB_CPU_LIST_H
#define LIB_CPU_LIST_H

#include <sched.h>

#include "fault.h"

/* The CPUs of the list. -EINVAL, with a line for people, if it is none, or names what no cpu_set_t has. */
int cpu_list_parse(const char *text, cpu_set_t *cpus, struct fault *f);

/* How many there are in the set; of an empty one, how many this process may use. */
unsigned cpu_list_count(const cpu_set_t *cpus);

/* The n-th CPU of the set, counted round and round; the set is not empty. */
int cpu_list_nth(const cpu_set_t *cpus, unsigned n);

#endif
