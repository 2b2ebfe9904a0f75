/* SPDX-License-Identifier: BSD-2-Clause */
/* A file for each test, under a name of its own. */
#ifndef TESTS_UNIT_TEMP_FILE_H
#define TESTS_UNIT_TEMP_FILE_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/xdp-ipsec-test-XXXXXX";

static int make_file(void **unused)
{
	(void)unused;
	strcpy(path + strlen(path) - 6, "XXXXXX");
	close(mkstemp(path));
	return 0;
}

static int remove_file(void **unused)
{
	(void)unused;
	return unlink(path);
}

#endif
