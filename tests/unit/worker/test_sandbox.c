/* SPDX-License-Identifier: BSD-2-Clause */
/* worker/sandbox.h: what can be done from inside, and what ends the process. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox.h"

/* Past the sanitizers, whose mmap() and _exit() make other calls, too. */
static int map(int protection)
{
	return syscall(SYS_mmap, NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == -1;
}

static int maps_data(void)
{
	return map(PROT_READ | PROT_WRITE);
}

static int maps_code(void)
{
	return map(PROT_READ | PROT_EXEC);
}

static int makes_data_code(void)
{
	static uint8_t page[4096] __attribute__((aligned(4096)));

	return mprotect(page, sizeof(page), PROT_READ | PROT_EXEC);
}

static int opens_a_file(void)
{
	return open("/", O_RDONLY);
}

static int makes_a_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int sets_another_option(void)
{
	const int on = 1;

	return setsockopt(0, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

/* The wait status of a process that has done it from inside. */
static int from_inside(int (*act)(void))
{
	const pid_t pid = fork();
	int status = 0;

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		struct fault f;

		syscall(SYS_exit_group, sandbox_restrict_calls(&f) ? 77 : act());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void what_it_may(void **unused)
{
	(void)unused;
	assert_int_equal(from_inside(maps_data), 0);
}

static void what_ends_it(void **unused)
{
	static int (*const acts[])(void) = {maps_code, makes_data_code, opens_a_file, makes_a_socket,
					    sets_another_option};

	(void)unused;
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		const int status = from_inside(acts[i]);

		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_may),
		cmocka_unit_test(what_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
