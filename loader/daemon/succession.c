/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "succession.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/config_file.h"
#include "inherit.h"
#include "lib/child_process.h"
#include "lib/log.h"

#define LEFT_LOCK "lock"
/* How long the program that is installed may take to say its version. */
#define TRY_MS 5000

void succession_init(struct succession *s)
{
	const ssize_t n = readlink("/proc/self/exe", s->program, sizeof(s->program) - 1);

	s->program[n > 0 ? n : 0] = '\0';
}

/* ---- whether it can be ---- */

static void say_version(const char *program)
{
	const int nowhere = open("/dev/null", O_RDWR);

	dup2(nowhere, STDIN_FILENO);
	dup2(nowhere, STDOUT_FILENO);
	dup2(nowhere, STDERR_FILENO);
	execl(program, program, "--version", NULL);
	_exit(127);
}

static bool runs(const char *program)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	const pid_t pid = child_fork();
	int status = -1;

	if (pid == 0)
		say_version(program);
	for (int ms = 0; pid > 0 && ms < TRY_MS; ms += 5) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status == 0;
		nanosleep(&pause, NULL);
	}
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return false;
}

int succession_check(const struct succession *s, const char *config_path, struct fault *f)
{
	struct config config;
	int err;

	if (!runs(s->program))
		return fault(f, ENOEXEC, "%s: does not run: install it again; going on as before", s->program);
	err = config_read(&config, config_path, f);
	config_free(&config);
	return err;
}

/* ---- what is left ---- */

static bool make_room(struct succession *s)
{
	struct service_fd *more;

	if (s->count < s->room)
		return true;
	more = realloc(s->fds, 2 * (s->room + 8) * sizeof(*more));
	if (!more)
		return false;
	s->fds = more;
	s->room = 2 * (s->room + 8);
	return true;
}

/* One that is missing is no more than a NIC that begins anew. */
static void add(void *succession, const char *name, int fd)
{
	struct succession *s = succession;
	const int copy = fd < 0 || !make_room(s) ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0)
		return;
	s->fds[s->count].fd = copy;
	snprintf(s->fds[s->count++].name, sizeof(s->fds->name), "%s", name);
}

void succession_leave(struct succession *s, const struct instance *in, const struct vault *vault,
		      const struct nics *nics, struct worker *worker)
{
	add(s, LEFT_LOCK, in->lock_fd);
	add(s, INHERIT_VAULT, vault->fd);
	for (unsigned i = 0; i < PORTS_MAX; i++)
		if (nics->nic[i].used && nics->nic[i].present)
			left_tap(nics->nic[i].config.name, &nics->nic[i].tap, nics->nic[i].tap_link, add, s);
	worker_leave(worker, add, s);
}

int succession_take_lock(void)
{
	return service_take_fd(LEFT_LOCK);
}

/* ---- the change ---- */

/* The words that this process was started with, NUL behind each; argv points into them. */
static char **read_words(char *words, size_t size)
{
	const int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd < 0 ? -1 : read(fd, words, size - 1);
	const size_t length = n > 0 ? (size_t)n : 0;
	char **argv = calloc(length + 2, sizeof(*argv));
	size_t count = 0;

	if (fd >= 0)
		close(fd);
	if (!argv)
		return NULL;
	words[length] = '\0';
	for (char *word = words; word < words + length; word += strlen(word) + 1)
		argv[count++] = word;
	return argv;
}

int succession_exec(struct succession *s, struct fault *f)
{
	static char words[16384];
	char **argv = read_words(words, sizeof(words));
	int err = argv && argv[0] ? service_exec(s->program, argv, s->fds, s->count) : -ENOMEM;

	free(argv);
	return fault(f, -err, "%s: %s", s->program, strerror(-err));
}
