/* SPDX-License-Identifier: BSD-2-Clause */
/* loader/capture/: what is found in a captured frame, and which connection it is of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "capture/capture_names.h"

/* Ethernet with a tag, IPv4 from 192.0.2.1 to 192.0.2.2, ESP with SPI 0x1001. */
static uint8_t frame[] = {
	2,    0, 0,    0,    0, 1, 2, 0, 0,  0,	 0, 2, 0x81, 0, 0, 5, 8,   0,	    /* Ethernet */
	0x45, 0, 0,    60,   0, 1, 0, 0, 64, 50, 0, 0, 192,  0, 2, 1, 192, 0, 2, 2, /* IPv4 */
	0,    0, 0x10, 0x01, 0, 0, 0, 1,					    /* ESP */
};

static struct captured_headers h;

static bool look(uint32_t caplen)
{
	const struct captured c = {.record = {.len = 78, .caplen = caplen}, .frame = frame};

	memset(&h, 0, sizeof(h));
	return captured_headers_of(&c, &h);
}

static void headers_as_far_as_they_are_there(void **unused)
{
	(void)unused;
	assert_true(look(sizeof(frame)));
	assert_int_equal(h.spi, 0x1001);
	assert_int_equal(h.proto, 50);
	assert_int_equal(h.dst[3], 2);
	for (uint32_t len = 0; len < 38; len++)
		assert_false(look(len));
	for (uint32_t len = 38; len < 42; len++) {
		assert_true(look(len));
		assert_int_equal(h.spi, 0);
	}
}

static void a_later_fragment_has_no_spi(void **unused)
{
	(void)unused;
	frame[18 + 7] = 10;
	assert_true(look(sizeof(frame)));
	assert_int_equal(h.spi, 0);
	frame[18 + 7] = 0;
}

static void other_protocols_have_no_headers(void **unused)
{
	(void)unused;
	frame[17] = 6;
	assert_false(look(sizeof(frame)));
	frame[17] = 0;
}

static const char document[] =
	"{\"connections\": ["
	"{\"name\": \"nonsense\", \"local\": \"x\", \"remote\": 5, \"children\": [{\"spi_in\": 4097}]},"
	"{\"name\": \"other\", \"local\": \"192.0.2.1\", \"remote\": \"198.51.100.1\", \"children\": "
	"[{\"spi_in\": 1, \"spi_out\": 4097}]},"
	"{\"name\": \"mesh\", \"local\": \"192.0.2.1\", \"remote\": \"192.0.2.0/24\", \"children\": []},"
	"{\"name\": \"core\", \"local\": \"192.0.2.1\", \"peer\": \"192.0.2.2\", \"remote\": \"192.0.2.0/24\", "
	"\"children\": [{\"spi_in\": -1, \"spi_out\": 4097}, {\"spi_in\": 4098, \"spi_out\": 1e300}]}]}";

/* An SPI is a peer's own: another's may be the same. */
static void names_by_spi_and_by_addresses(void **unused)
{
	cJSON *json = cJSON_Parse(document);
	struct capture_names names = {0};

	(void)unused;
	assert_non_null(json);
	capture_names_take(&names, json);
	look(sizeof(frame));
	assert_string_equal(capture_name_by_spi(&names, 4097, &h), "core");
	assert_string_equal(capture_name_by_spi(&names, 4098, &h), "core");
	assert_null(capture_name_by_spi(&names, 1, &h));
	assert_null(capture_name_by_spi(&names, 0, &h));
	assert_string_equal(capture_name_by_addresses(&names, &h), "mesh");
	h.dst[0] = 10;
	assert_null(capture_name_by_spi(&names, 4097, &h));
	assert_null(capture_name_by_addresses(&names, &h));
	capture_names_take(&names, NULL);
	assert_int_equal(names.count, 0);
	capture_names_free(&names);
	cJSON_Delete(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_as_far_as_they_are_there),
		cmocka_unit_test(a_later_fragment_has_no_spi),
		cmocka_unit_test(other_protocols_have_no_headers),
		cmocka_unit_test(names_by_spi_and_by_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
