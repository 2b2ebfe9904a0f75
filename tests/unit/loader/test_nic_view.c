/* SPDX-License-Identifier: BSD-2-Clause */
/* NICs and lanes as `status` shows them, when a worker that was taken over has written what it likes into ports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "command/lane_view.h"
#include "command/nic_view.h"

static struct counts counts[LANES_MAX];
static struct maps maps = {.worker_counts = counts};
static size_t page;

/* No string ends in the map's pages, and behind them is nothing. */
static int setup(void **unused)
{
	char *area;

	(void)unused;
	page = (size_t)sysconf(_SC_PAGESIZE);
	area = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED || mprotect(area + page, page, PROT_NONE))
		return -1;
	memset(area, 'x', page);
	maps.port = (struct port *)area;
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	return munmap(maps.port, 2 * page);
}

static void assert_name(const cJSON *object, const char *key)
{
	assert_string_equal(cJSON_GetObjectItem(object, key)->valuestring, "xxxxxxxxxxxxxxx");
}

static void test_nics(void **unused)
{
	cJSON *json = nics_json(&maps, true);

	(void)unused;
	assert_int_equal(cJSON_GetArraySize(json), PORTS_MAX);
	assert_name(cJSON_GetArrayItem(json, 0), "name");
	cJSON_Delete(json);
}

static void test_lanes(void **unused)
{
	cJSON *daemon = cJSON_Parse("{\"lanes\": {\"cpus\": [0, null], \"pinned\": false}}");
	cJSON *json = lanes_json(&maps, daemon);
	const cJSON *queues = cJSON_GetObjectItem(cJSON_GetArrayItem(json, 1), "queues");

	(void)unused;
	assert_int_equal(cJSON_GetArraySize(json), 2);
	assert_int_equal(cJSON_GetArraySize(queues), PORTS_MAX * QUEUES_MAX / 2);
	assert_name(cJSON_GetArrayItem(queues, 0), "interface");
	cJSON_Delete(json);
	cJSON_Delete(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nics, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lanes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
