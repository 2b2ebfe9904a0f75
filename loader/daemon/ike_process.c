/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "ike_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/ike_files.h"
#include "ike_json.h"
#include "lib/channel.h"
#include "lib/child_process.h"
#include "lib/log.h"

#define IKED "xdp-ipsec-iked"
/* To open, to check, to sandbox itself; more is a hang. */
#define START_MS 5000
/* An answer of a process that lives: milliseconds; a thousand connections with certificates: a second or two. */
#define ANSWER_MS 10000
#define STATUS_MS 2000
/* For one that is busy to read what waits for it; it must not hold up everything else for long. */
#define SEND_MS		 1000
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS	 5000
#define HEALTHY_NS	 10000000000ULL

/*
 * The maps by which it makes SAs, and no other: what is in clear, which NIC is guarded, who gets multicast are none of
 * its business. ike_sockets it writes once, before it hears anybody, and closes.
 */
static const char *const maps_given[] = {"sad", "sad_out", "sad_sent", "sa_state", "replay", "turns", "ike_sockets"};
#define MAPS_GIVEN (sizeof(maps_given) / sizeof(maps_given[0]))

/* ---- in the child ---- */

struct ends {
	int control[2];
	int keys[2];
	int ready[2];
	int keylog; /* -1: none */
};

#define OPTIONS_MAX (7 + MAPS_GIVEN)

struct command_line {
	const char *argv[1 + 2 * OPTIONS_MAX + 2]; /* the program, options with a value, --judge, NULL */
	unsigned count;
	char values[OPTIONS_MAX][32];
	unsigned value_count;
};

/* Its value is the number of a descriptor, perhaps behind a name, or any other. */
static void add_option(struct command_line *c, const char *option, const char *name, int number)
{
	char *value = c->values[c->value_count++];

	snprintf(value, sizeof(c->values[0]), "%s%s%d", name, name[0] ? ":" : "", number);
	c->argv[c->count++] = option;
	c->argv[c->count++] = value;
}

static void add_fd(struct command_line *c, const char *option, const char *name, int fd)
{
	if (fd < 0)
		return;
	if (!child_inherits(fd))
		_exit(EXIT_FAILURE);
	add_option(c, option, name, fd);
}

static void exec_iked(const struct ike_process *ike, const struct ends *ends)
{
	struct command_line c = {.argv = {IKED, "--instance", ike->instance}, .count = 3};
	char path[512];

	add_fd(&c, "--control", "", ends->control[1]);
	add_fd(&c, "--keys", "", ends->keys[1]);
	add_fd(&c, "--ready", "", ends->ready[1]);
	add_fd(&c, "--vault", "", ike->vault_fd);
	add_fd(&c, "--keylog", "", ends->keylog);
	if (ike->maps)
		add_option(&c, "--layout", "", LAYOUT_VERSION);
	for (size_t i = 0; ike->maps && i < MAPS_GIVEN; i++)
		add_fd(&c, "--map", maps_given[i], maps_fd(ike->maps, maps_given[i]));
	if (ike->judging)
		c.argv[c.count] = "--judge";
	program_find(IKED, path, sizeof(path));
	execv(path, (char *const *)c.argv);
	log_line("%s: %s: reinstall xdp-ipsec", path, strerror(errno));
	_exit(EXIT_FAILURE);
}

/* ---- start and stop ---- */

static void forget(struct ike_process *ike)
{
	if (ike->readable)
		event_free(ike->readable);
	if (ike->control >= 0)
		close(ike->control);
	ike_keys_lost(&ike->keys);
	ike->readable = NULL;
	ike->control = -1;
	ike->pid = ike->keyholder = 0;
	if (ike->on_lost)
		ike->on_lost(ike->arg);
}

static void stop(struct ike_process *ike)
{
	if (ike->again)
		evtimer_del(ike->again);
	if (ike->pid)
		child_end("IKE", ike->pid);
	forget(ike);
}

/* One line, "ready PID", which has the key holder's. 0: it has ended without, or hangs. */
static pid_t wait_until_ready(int fd)
{
	char line[32];
	ssize_t n;
	int pid;

	if (channel_wait(fd, CHANNEL_READABLE, START_MS))
		return 0;
	n = read(fd, line, sizeof(line) - 1);
	line[n > 0 ? n : 0] = '\0';
	return sscanf(line, "ready %d", &pid) == 1 && pid > 0 ? pid : 0;
}

static void close_end(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void close_ends(struct ends *ends, int side)
{
	close_end(ends->control[side]);
	close_end(ends->keys[side]);
	close_end(ends->ready[side]);
}

static int make_ends(struct ends *ends)
{
	const int type = SOCK_SEQPACKET | SOCK_CLOEXEC;
	int err;

	*ends = (struct ends){{-1, -1}, {-1, -1}, {-1, -1}, -1};
	if (socketpair(AF_UNIX, type, 0, ends->control) == 0 && socketpair(AF_UNIX, type, 0, ends->keys) == 0 &&
	    pipe2(ends->ready, O_CLOEXEC) == 0)
		return 0;
	err = -errno;
	close_ends(ends, 0);
	close_ends(ends, 1);
	return err;
}

/* Keys in a file of root's alone, and a line that says so: whoever has it reads everything. */
static int open_keylog(const struct ike_process *ike, const struct config *config)
{
	char path[300];
	int fd;

	if (!config->keylog || ike->judging)
		return -1;
	snprintf(path, sizeof(path), "%s/ike.keylog", ike->run_dir);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		log_line("%s: %s: no keys are logged", path, strerror(errno));
	else
		log_line("keylog = yes: the keys of IKE are written to %s", path);
	return fd;
}

static int spawn(struct ike_process *ike, const struct config *config, struct fault *f)
{
	struct ends ends;
	pid_t child;
	int err = make_ends(&ends);

	if (err)
		return fault(f, -err, "starting IKE: %s", strerror(-err));
	ends.keylog = open_keylog(ike, config);
	ike->started_ns = maps_now();
	child = child_fork();
	if (child == 0)
		exec_iked(ike, &ends);
	err = child < 0 ? -errno : 0;
	close_ends(&ends, 1);
	close_end(ends.keylog);
	if (err) {
		close_ends(&ends, 0);
		return fault(f, -err, "starting IKE: %s", strerror(-err));
	}
	ike->pid = child;
	ike->control = ends.control[0];
	ike->keys.socket = ends.keys[0];
	ike->keyholder = wait_until_ready(ends.ready[0]);
	if (!ike->keyholder)
		err = fault(f, EIO, "IKE did not start: the line before this one says why");
	close(ends.ready[0]);
	return err;
}

/* ---- messages ---- */

/* Whatever it is that it sends, it is a process that reads the network. */
static uint64_t ticket_of(const cJSON *message)
{
	const double number = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(message, "ticket"));

	return number >= 1 && number < 1ULL << 53 ? (uint64_t)number : 0;
}

static void on_message(struct ike_process *ike, const cJSON *message)
{
	const char *reply = json_text(message, "reply");

	if (reply && strcmp(reply, "done") == 0)
		ike->on_done(ike->arg, ticket_of(message), json_text(message, "error"));
	else if (reply && strcmp(reply, "gre") == 0)
		ike->on_gre(ike->arg);
}

/* What it says from here on is not listened to, or would be taken for another answer. SIGCHLD starts it again. */
static void kill_it(const struct ike_process *ike, const char *why)
{
	if (ike->pid <= 0)
		return;
	log_line("IKE %d %s: killed", ike->pid, why);
	kill(ike->pid, SIGKILL);
}

/* The next message; those that are not the reply that is waited for are dealt with, as long as there is time. */
static int wait_for_reply(struct ike_process *ike, const char *wanted, int milliseconds, cJSON **message, int *fd)
{
	const uint64_t end_ns = maps_now() + (uint64_t)milliseconds * 1000000;

	for (;;) {
		const uint64_t now = maps_now();
		int err = channel_wait(ike->control, CHANNEL_READABLE,
				       now < end_ns ? (int)((end_ns - now) / 1000000) : 0);
		const char *reply;

		if (!err && now >= end_ns)
			err = -ETIMEDOUT;
		if (!err)
			err = channel_receive(ike->control, message, fd);
		if (err)
			return err;
		reply = json_text(*message, "reply");
		if (reply && strcmp(reply, wanted) == 0)
			return 0;
		on_message(ike, *message);
		cJSON_Delete(*message);
		if (*fd >= 0)
			close(*fd);
	}
}

static void on_control(evutil_socket_t socket, short what, void *arg)
{
	struct ike_process *ike = arg;
	cJSON *message;
	int fd, err = channel_receive(socket, &message, &fd);

	(void)what;
	if (err == -EINTR || err == -EAGAIN)
		return;
	if (err) {
		event_del(ike->readable);
		/* At its end SIGCHLD tells the rest. */
		if (err != -ECONNRESET)
			kill_it(ike, "talks nonsense");
		return;
	}
	on_message(ike, message);
	cJSON_Delete(message);
	if (fd >= 0)
		close(fd);
}

static int send_within(struct ike_process *ike, cJSON *message, int milliseconds)
{
	int err = channel_wait(ike->control, CHANNEL_WRITABLE, milliseconds);

	if (!err)
		err = channel_send_now(ike->control, message);
	cJSON_Delete(message);
	return err;
}

int ike_send(struct ike_process *ike, cJSON *message)
{
	return send_within(ike, message, SEND_MS);
}

int ike_send_now(struct ike_process *ike, cJSON *message)
{
	return send_within(ike, message, 0);
}

int ike_status(struct ike_process *ike)
{
	cJSON *message = cJSON_CreateObject();
	int fd, err;

	cJSON_AddStringToObject(message, "command", "status");
	cJSON_AddNumberToObject(message, "ticket", 1);
	err = ike_send(ike, message);
	if (!err)
		err = wait_for_reply(ike, "status", STATUS_MS, &message, &fd);
	if (err)
		return err;
	cJSON_Delete(message);
	return fd < 0 ? -EPROTO : fd;
}

/* ---- configuration ---- */

/* 0; 1 with a note in f, the connection being added; -errno. */
static int add_connection(struct ike_process *ike, cJSON *list, const struct connection_config *c, struct fault *f)
{
	struct ike_key_numbers numbers;
	cJSON *json = NULL;
	int err = ike_keys_use(&ike->keys, ike->config_path, c, "psk", c->psk_file, &numbers.psk, f), note = err > 0;

	if (err >= 0)
		err = ike_keys_use(&ike->keys, ike->config_path, c, "private", c->key_file, &numbers.private_key, f);
	if (!err)
		err = ike_keys_use(&ike->keys, ike->config_path, c, "ppk", c->ppk_file, &numbers.ppk, f);
	if (!err)
		err = ike_json(c, &numbers, ike->config_path, &json, f);
	if (!err && c->cert)
		err = ike_keys_match(&ike->keys, ike->config_path, c, numbers.private_key, json, f);
	if (err)
		cJSON_Delete(json);
	else
		cJSON_AddItemToArray(list, json);
	return err ? err : note;
}

/* 1: taken, with a note in f. */
static int send_configuration(struct ike_process *ike, const struct config *config, const cJSON *document,
			      struct fault *f)
{
	cJSON *message = cJSON_CreateObject();
	int fd = channel_pack(document), unused, err = fd < 0 ? fd : 0;

	cJSON_AddStringToObject(message, "command", "configure");
	if (!err)
		err = channel_wait(ike->control, CHANNEL_WRITABLE, ANSWER_MS);
	if (!err)
		err = channel_send(ike->control, message, fd);
	cJSON_Delete(message);
	close_end(fd);
	if (!err)
		err = wait_for_reply(ike, "configure", ANSWER_MS, &message, &unused);
	if (err == -ETIMEDOUT)
		kill_it(ike, "does not answer");
	if (err)
		return fault(f, -err, "IKE does not take its configuration: %s", strerror(-err));
	close_end(unused);
	if (json_text(message, "error"))
		err = ike_blame(ike->config_path, config, json_text(message, "error"), f);
	else if (json_text(message, "note"))
		err = ike_blame(ike->config_path, config, json_text(message, "note"), f) ? 1 : 0;
	cJSON_Delete(message);
	return err;
}

static int configure(struct ike_process *ike, const struct config *config, struct fault *f)
{
	cJSON *document = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(document, "connections");
	int err = 0;

	cJSON_AddNumberToObject(document, "cookie_threshold", config->cookie_threshold);
	cJSON_AddNumberToObject(document, "dscp", config->ike_dscp);
	ike_keys_begin(&ike->keys);
	for (unsigned i = 0; i < config->connection_count && err >= 0; i++) {
		err = add_connection(ike, list, &config->connections[i], f);
		if (err > 0)
			log_line("%s", f->text);
	}
	if (err >= 0)
		err = send_configuration(ike, config, document, f);
	if (!err)
		ike_keys_end(&ike->keys);
	if (ike->keys.hung)
		kill_it(ike, "has a key holder that does not answer");
	cJSON_Delete(document);
	return err;
}

int ike_judge_start(struct ike_process *ike, struct fault *f)
{
	static const struct config none;
	int err;

	ike->control = ike->keys.socket = ike->vault_fd = -1;
	ike->judging = true;
	err = spawn(ike, &none, f);
	if (err)
		stop(ike);
	return err;
}

int ike_judge(struct ike_process *ike, const struct config *config, const struct connection_config *c, struct fault *f)
{
	cJSON *document = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(document, "connections");
	int err = add_connection(ike, list, c, f), judged;
	struct fault why;

	judged = err < 0 ? 0 : send_configuration(ike, config, document, &why);
	if (judged) {
		err = judged;
		*f = why;
	}
	cJSON_Delete(document);
	return err;
}

void ike_judge_end(struct ike_process *ike)
{
	stop(ike);
	ike_keys_free(&ike->keys);
}

static int listen_to(struct ike_process *ike, struct fault *f)
{
	ike->readable = event_new(ike->base, ike->control, EV_READ | EV_PERSIST, on_control, ike);
	if (!ike->readable || event_add(ike->readable, NULL) < 0)
		return fault(f, ENOMEM, "IKE: %s", strerror(ENOMEM));
	return 0;
}

static int start(struct ike_process *ike, const struct config *config, struct fault *f)
{
	int err;

	/* It may have been about to be started again by itself. */
	evtimer_del(ike->again);
	err = spawn(ike, config, f);
	if (!err)
		err = configure(ike, config, f);
	if (!err)
		err = listen_to(ike, f);
	if (err)
		stop(ike);
	else
		log_line("IKE %d is ready: %u connections", ike->pid, config->connection_count);
	return err;
}

/* ---- its life ---- */

static void start_later(struct ike_process *ike)
{
	const struct timeval delay = {ike->backoff_ms / 1000, (ike->backoff_ms % 1000) * 1000};

	evtimer_add(ike->again, &delay);
	ike->backoff_ms = ike->backoff_ms ? ike->backoff_ms * 2 : BACKOFF_FIRST_MS;
	if (ike->backoff_ms > BACKOFF_MAX_MS)
		ike->backoff_ms = BACKOFF_MAX_MS;
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct ike_process *ike = arg;
	struct fault f;

	(void)fd;
	(void)what;
	if (!start(ike, ike->config, &f))
		return;
	log_line("%s", f.text);
	start_later(ike);
}

int ike_init(struct ike_process *ike)
{
	ike->control = ike->keys.socket = -1;
	ike->again = evtimer_new(ike->base, on_again, ike);
	return ike->again ? 0 : -ENOMEM;
}

int ike_run(struct ike_process *ike, const struct config *config, struct fault *f)
{
	int err = 0;

	if (!config->connection_count)
		stop(ike);
	else
		err = ike->pid ? configure(ike, config, f) : start(ike, config, f);
	if (!err)
		ike->config = config;
	else if (!ike->pid && ike->config && ike->config->connection_count)
		start_later(ike);
	return err;
}

void ike_reap(struct ike_process *ike)
{
	int status;

	if (!ike->pid || waitpid(ike->pid, &status, WNOHANG) != ike->pid)
		return;
	child_log_death("IKE", ike->pid, status);
	forget(ike);
	ike->restarts++;
	if (maps_now() - ike->started_ns >= HEALTHY_NS)
		ike->backoff_ms = 0;
	start_later(ike);
}

void ike_fini(struct ike_process *ike)
{
	if (!ike->again)
		return;
	stop(ike);
	event_free(ike->again);
	ike_keys_free(&ike->keys);
	ike->again = NULL;
}

bool ike_covers(const struct ike_process *ike, const uint8_t local[4], const uint8_t remote[4])
{
	for (unsigned i = 0; ike->pid && ike->config && i < ike->config->connection_count; i++) {
		const struct connection_config *c = &ike->config->connections[i];

		if (memcmp(c->local, local, 4) == 0 && prefix_covers(&c->remote, remote))
			return true;
	}
	return false;
}
