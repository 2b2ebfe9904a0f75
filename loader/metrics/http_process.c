/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "http_process.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/call_filter.h"
#include "lib/channel.h"
#include "lib/child_process.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/landlock.h"
#include "lib/log.h"
#include "lib/privileges.h"

/* Prometheus waits ten seconds, of which this may be two: that for one that was late, and its own. */
#define ANSWER_MS 3000
#define KEPT_NS	  1000000000ULL
#define BACKLOG	  64

/* ---- the socket ---- */

/* "[HOST]:PORT" or "HOST:PORT" in its two parts. False: it is neither. */
static bool split(const char *address, char host[64], char port[16])
{
	const char *colon = strrchr(address, ':');
	const size_t n = colon ? (size_t)(colon - address) : 0;
	const bool brackets = n > 2 && address[0] == '[' && address[n - 1] == ']';

	if (!n || n >= 64 || !colon[1] || strlen(colon + 1) >= 16 || (!brackets && memchr(address, ':', n)))
		return false;
	snprintf(host, 64, "%.*s", (int)(brackets ? n - 2 : n), address + brackets);
	snprintf(port, 16, "%s", colon + 1);
	return true;
}

static int listen_at(const struct addrinfo *at, const char *address, struct fault *f)
{
	const int one = 1, fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err;

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
	    bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	err = errno;
	if (fd >= 0)
		close(fd);
	return fault(f, err, "%s: %s%s", address, strerror(err),
		     err == EADDRINUSE	    ? ": another program listens there"
		     : err == EADDRNOTAVAIL ? ": 'ip address' lists this host's"
					    : "");
}

static void address_text(int fd, char text[64])
{
	struct sockaddr_storage own;
	socklen_t size = sizeof(own);
	char host[48] = "?", port[16] = "?";

	if (getsockname(fd, (struct sockaddr *)&own, &size) == 0)
		getnameinfo((const struct sockaddr *)&own, size, host, sizeof(host), port, sizeof(port),
			    NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(text, 64, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

int http_listen(const char *address, char text[64], struct fault *f)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	char host[64], port[16];
	struct addrinfo *at;
	int fd;

	if (!split(address, host, port) || getaddrinfo(host, port, &hints, &at) != 0)
		return fault(f, EINVAL, "'%.80s' is no ADDR:PORT, as 127.0.0.1:9100 or [::1]:9100", address);
	fd = listen_at(at, address, f);
	freeaddrinfo(at);
	if (fd >= 0)
		address_text(fd, text);
	return fd;
}

/* ---- the child: it asks ---- */

struct asker {
	int socket;
	bool waits; /* for an answer that did not come in time */
};

/* Whatever is wrong with it, the other end is the one that knows. */
static char *receive(struct asker *a)
{
	cJSON *message;
	char *text;
	int fd;

	if (channel_wait(a->socket, CHANNEL_READABLE, ANSWER_MS))
		return NULL;
	if (channel_receive(a->socket, &message, &fd))
		_exit(EXIT_FAILURE);
	a->waits = false;
	cJSON_Delete(message);
	text = fd >= 0 ? channel_unpack(fd) : NULL;
	if (fd >= 0)
		close(fd);
	return text;
}

static char *ask(void *arg, size_t *size)
{
	struct asker *a = arg;
	cJSON *question;
	char *text;

	/* One that is late is old. */
	if (a->waits)
		free(receive(a));
	if (a->waits)
		return NULL;
	question = json_command("scrape");
	a->waits = channel_send_now(a->socket, question) == 0;
	cJSON_Delete(question);
	text = a->waits ? receive(a) : NULL;
	*size = text ? strlen(text) : 0;
	return text;
}

static const int allowed[] = {
	SCMP_SYS(accept4), /* clients, and what they say */
	SCMP_SYS(accept),	 SCMP_SYS(recvfrom),	   SCMP_SYS(sendto),	 SCMP_SYS(sendmsg),
	SCMP_SYS(recvmsg),	 SCMP_SYS(read),	   SCMP_SYS(write),	 SCMP_SYS(writev),
	SCMP_SYS(shutdown),	 SCMP_SYS(setsockopt),	   SCMP_SYS(getsockopt), SCMP_SYS(fcntl),
	SCMP_SYS(close),	 SCMP_SYS(epoll_wait), /* waiting */
	SCMP_SYS(epoll_pwait),	 SCMP_SYS(epoll_ctl),	   SCMP_SYS(poll),	 SCMP_SYS(ppoll),
	SCMP_SYS(pread64), /* what was answered, in a memfd */
	SCMP_SYS(fstat),	 SCMP_SYS(newfstatat),	   SCMP_SYS(lseek),	 SCMP_SYS(brk), /* memory */
	SCMP_SYS(munmap),	 SCMP_SYS(mremap),	   SCMP_SYS(madvise),	 SCMP_SYS(futex),
	SCMP_SYS(clock_gettime), /* the time, for headers and limits */
	SCMP_SYS(gettimeofday),	 SCMP_SYS(time),	   SCMP_SYS(getpid),	 SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigreturn),	 SCMP_SYS(rt_sigprocmask), SCMP_SYS(exit),	 SCMP_SYS(exit_group),
};

/* What is left: this socket, that to who knows, and those of clients. */
static int leave(struct fault *f)
{
	struct call_filter filter;
	struct service_user user;
	int err = service_user_find(&user, NULL, f);

	if (!err)
		err = privileges_drop(&user, 0, f);
	if (!err)
		err = landlock_leave_others(f);
	if (!err)
		err = landlock_leave_files(f);
	if (err)
		return err;
	filter = call_filter_new();
	call_filter_allow(&filter, allowed, sizeof(allowed) / sizeof(allowed[0]));
	call_filter_allow_memory(&filter, SCMP_SYS(mmap));
	call_filter_allow_memory(&filter, SCMP_SYS(mprotect));
	/* What libraries may ask for and do well without, as the time zone. */
	if (!filter.err)
		filter.err = seccomp_rule_add(filter.rules, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(openat), 0);
	return call_filter_load(&filter, f);
}

static void be_child(int listener, int socket)
{
	struct asker a = {.socket = socket};
	struct fault f;
	struct http_server *server;

	signal(SIGPIPE, SIG_IGN);
	server = http_server_new(listener, ask, &a, &f);
	if (server && leave(&f) == 0)
		http_server_run(server);
	else
		log_line("metrics: %s", f.text);
	_exit(EXIT_FAILURE);
}

/* ---- this process: it knows ---- */

struct answerer {
	http_text *text;
	void *arg;
	int kept; /* the memfd that was told last, and when; -1: none */
	uint64_t kept_ns;
};

/* Without a descriptor where it cannot be had. */
static int look(struct answerer *a)
{
	size_t size;
	char *text;

	if (a->kept >= 0 && clock_now() - a->kept_ns < KEPT_NS)
		return a->kept;
	if (a->kept >= 0)
		close(a->kept);
	text = a->text(a->arg, &size);
	a->kept = text ? channel_pack_text(text) : -1;
	a->kept_ns = clock_now();
	free(text);
	return a->kept;
}

static int answer_one(struct answerer *a, int socket)
{
	cJSON *message, *reply;
	int fd, err = channel_receive(socket, &message, &fd);

	if (err)
		return err;
	cJSON_Delete(message);
	if (fd >= 0)
		close(fd);
	fd = look(a);
	reply = json_command("scraped");
	err = channel_send(socket, reply, fd < 0 ? -1 : fd);
	cJSON_Delete(reply);
	return err;
}

int http_serve(int listener, http_text *text, void *arg, struct fault *f)
{
	struct answerer a = {.text = text, .arg = arg, .kept = -1};
	int pair[2], err = 0;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return fault(f, errno, "socketpair: %s", strerror(errno));
	child = child_fork();
	if (child == 0) {
		close(pair[0]);
		be_child(listener, pair[1]);
	}
	close(pair[1]);
	close(listener);
	if (child < 0)
		return fault(f, errno, "fork: %s", strerror(errno));
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	while (!err)
		err = answer_one(&a, pair[0]);
	child_end("what serves HTTP", child);
	return fault(f, -err, "what serves HTTP has ended");
}
