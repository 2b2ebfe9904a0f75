/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "cpu_list.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

static const char *read_number(const char *text, unsigned long *number)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return NULL;
	*number = strtoul(text, &end, 10);
	return *number < CPU_SETSIZE ? end : NULL;
}

/* "4" or "4-7". Behind it, or NULL. */
static const char *read_range(const char *text, cpu_set_t *cpus)
{
	unsigned long first, last;

	text = read_number(text, &first);
	if (!text)
		return NULL;
	last = first;
	if (*text == '-')
		text = read_number(text + 1, &last);
	if (!text || last < first)
		return NULL;
	for (; first <= last; first++)
		CPU_SET(first, cpus);
	return text;
}

int cpu_list_parse(const char *text, cpu_set_t *cpus, struct fault *f)
{
	const char *at = text;

	CPU_ZERO(cpus);
	do
		at = read_range(at, cpus);
	while (at && *at == ',' && *++at);
	if (!at || *at || at[-1] == ',')
		return fault(f, EINVAL, "'%s' is no list of CPUs: write them as in '2,4-7'", text);
	return 0;
}

unsigned cpu_list_count(const cpu_set_t *cpus)
{
	cpu_set_t all;
	int n = CPU_COUNT(cpus);

	if (n == 0 && sched_getaffinity(0, sizeof(all), &all) == 0)
		n = CPU_COUNT(&all);
	return n < 1 ? 1 : (unsigned)n;
}

int cpu_list_nth(const cpu_set_t *cpus, unsigned n)
{
	unsigned left = n % (unsigned)CPU_COUNT(cpus);
	int cpu = 0;

	while (!CPU_ISSET(cpu, cpus) || left--)
		cpu++;
	return cpu;
}
