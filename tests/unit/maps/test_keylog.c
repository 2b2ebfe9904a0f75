/* SPDX-License-Identifier: BSD-2-Clause */
/* maps/keylog.c: the line that Wireshark reads; tests/e2e/test_keylog.py shows that it does. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "maps/keylog.h"

static const uint8_t src[4] = {192, 0, 2, 1}, dst[4] = {198, 51, 100, 255};
static const uint8_t keymat[ESP_KEYMAT_SIZE] = {0x00, 0x01, 0xfe, [ESP_KEY_SIZE] = 0xab, 0xcd, 0xef, 0x09};

#define LINE \
	"\"IPv4\",\"192.0.2.1\",\"198.51.100.255\",\"0x00c0ffee\",\"AES-GCM with 16 octet ICV [RFC4106]\"," \
	"\"0x0001fe0000000000000000000000000000000000000000000000000000000000abcdef09\"," \
	"\"NULL\",\"\""

/* Behind what is there already, and each as long. */
static void a_line_for_each_sa(void **unused)
{
	char text[2 * KEYLOG_LINE + 1] = "", both[sizeof(text)];
	int fd = memfd_create("keylog", MFD_CLOEXEC);

	(void)unused;
	assert_int_equal(keylog_esp(fd, 0xc0ffee, src, dst, keymat), 0);
	assert_int_equal(keylog_esp(fd, 0xc0ffee, src, dst, keymat), 0);
	assert_int_equal(pread(fd, text, sizeof(text), 0), 2 * KEYLOG_LINE);
	snprintf(both, sizeof(both), "%-255s\n%-255s\n", LINE, LINE);
	assert_string_equal(text, both);
	close(fd);
}

static void nothing_where_no_keys_are_logged(void **unused)
{
	(void)unused;
	assert_int_equal(keylog_esp(-1, 0xc0ffee, src, dst, keymat), 0);
}

static void a_full_disk_is_told(void **unused)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)unused;
	assert_int_equal(keylog_esp(fd, 0xc0ffee, src, dst, keymat), -ENOSPC);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_for_each_sa),
		cmocka_unit_test(nothing_where_no_keys_are_logged),
		cmocka_unit_test(a_full_disk_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
