/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "ruleset.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/child_process.h"
#include "net/netlink.h"

/* Who has more rules is a cluster's node; reading them takes a second. */
#define RULESET_MAX (64 << 20)
#define PATIENCE_MS 10000

/* Not by way of PATH: this is root. */
static const char *find_nft(void)
{
	static const char *const places[] = {"/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft", "/usr/local/sbin/nft"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

static void run_nft(const char *path, int out)
{
	char *const argv[] = {"nft", "-j", "list", "ruleset", NULL}, *const environment[] = {"LC_ALL=C", NULL};
	const int null = open("/dev/null", O_RDWR);

	if (dup2(null, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0)
		execve(path, argv, environment);
	_exit(EXIT_FAILURE);
}

/* All that comes, NUL-terminated, the caller's to free. NULL: too much, or too slow. */
static char *read_all(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	size_t used = 0, size = 1 << 16;
	char *text = malloc(size), *larger;
	ssize_t n = 1;

	while (text && n > 0 && used < RULESET_MAX && poll(&poll_fd, 1, PATIENCE_MS) > 0) {
		n = read(fd, text + used, size - used - 1);
		used += n > 0 ? (size_t)n : 0;
		if (size - used > 1)
			continue;
		size *= 2;
		larger = realloc(text, size);
		if (!larger)
			free(text);
		text = larger;
	}
	if (text && n == 0) {
		text[used] = '\0';
		return text;
	}
	free(text);
	return NULL;
}

static char *ask_nft(const char *path)
{
	int ends[2], status = 0;
	char *text;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return NULL;
	child = child_fork();
	if (child == 0)
		run_nft(path, ends[1]);
	close(ends[1]);
	text = child < 0 ? NULL : read_all(ends[0]);
	close(ends[0]);
	if (child < 0)
		return NULL;
	if (!text)
		kill(child, SIGKILL);
	waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return text;
	free(text);
	return NULL;
}

int ruleset_read(cJSON **out, struct fault *f)
{
	const char *path = find_nft();
	char *text = path ? ask_nft(path) : NULL;

	if (!path)
		return fault(f, ENOENT, "there is no nft");
	*out = text ? cJSON_Parse(text) : NULL;
	free(text);
	return *out ? 0 : fault(f, EIO, "'%s -j list ruleset' fails", path);
}

static int on_table(const struct nlmsghdr *message, void *arg)
{
	bool *any = arg;

	*any |= message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE);
	return MNL_CB_OK;
}

bool ruleset_is_there(void)
{
	char buf[256];
	struct nlmsghdr *m = mnl_nlmsg_put_header(buf);
	bool any = false;

	mnl_nlmsg_put_extra_header(m, sizeof(struct nfgenmsg));
	m->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE;
	m->nlmsg_flags = NLM_F_DUMP;
	netlink_ask(NETLINK_NETFILTER, m, on_table, &any);
	return any;
}

/* Tables of the old iptables are there once anybody has asked for them. */
bool ruleset_old_is_there(void)
{
	FILE *file = fopen("/proc/thread-self/net/ip_tables_names", "re");
	char line[64];
	bool any = file && fgets(line, sizeof(line), file);

	if (file)
		fclose(file);
	return any;
}
