/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "ike_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "child_process.h"
#include "ike_files.h"
#include "ike_json.h"
#include "log.h"
#include "maps.h"

#define IKED "xdp-ipsec-iked"
/* To open, to check, to sandbox itself; more is a hang. */
#define START_MS 5000
/* An answer of a process that lives: milliseconds; a thousand connections with certificates: a second or two. */
#define ANSWER_MS	 10000
#define STATUS_MS	 2000
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS	 5000
#define HEALTHY_NS	 10000000000ULL

/* A secret's file as it was when it got its number: the same file keeps it, so that a reload touches nothing else. */
struct ike_key {
	uint32_t id;
	char kind[8];
	dev_t dev;
	ino_t ino;
	struct timespec changed;
	bool given; /* to the key holder that runs now */
	bool used;  /* by the configuration that is being made */
};

/* ---- in the child ---- */

struct ends {
	int control[2];
	int keys[2];
	int ready[2];
	int keylog; /* -1: none */
};

static void exec_iked(const struct ike_process *ike, const struct ends *ends, pid_t parent)
{
	const int fds[] = {ends->control[1], ends->keys[1], ends->ready[1], ike->vault_fd, ends->keylog};
	static const char *const names[] = {"--control", "--keys", "--ready", "--vault", "--keylog"};
	const char *argv[16] = {IKED, "--instance", ike->instance};
	char numbers[5][12], path[512];
	sigset_t none;
	int n = 3;

	for (int i = 0; i < 5; i++) {
		if (fds[i] < 0)
			continue;
		snprintf(numbers[i], sizeof(numbers[i]), "%d", fds[i]);
		argv[n++] = names[i];
		argv[n++] = numbers[i];
		if (fcntl(fds[i], F_SETFD, 0) < 0)
			_exit(EXIT_FAILURE);
	}
	if (ike->judging)
		argv[n] = "--judge";
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	program_find(IKED, path, sizeof(path));
	execv(path, (char *const *)argv);
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
	if (ike->keys >= 0)
		close(ike->keys);
	ike->readable = NULL;
	ike->control = ike->keys = -1;
	ike->pid = 0;
	for (unsigned i = 0; i < ike->known_count; i++)
		ike->known[i].given = false;
}

static void stop(struct ike_process *ike)
{
	if (ike->again)
		evtimer_del(ike->again);
	if (ike->pid)
		child_end("IKE", ike->pid);
	forget(ike);
}

static bool wait_for(int fd, int milliseconds)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n;

	do
		n = poll(&p, 1, milliseconds);
	while (n < 0 && errno == EINTR);
	return n == 1;
}

static bool is_ready(int fd)
{
	char line[16];

	return wait_for(fd, START_MS) && read(fd, line, sizeof(line)) == 6;
}

static void close_ends(struct ends *ends, int side)
{
	close(ends->control[side]);
	close(ends->keys[side]);
	close(ends->ready[side]);
}

static int make_ends(struct ends *ends)
{
	const int type = SOCK_SEQPACKET | SOCK_CLOEXEC;

	return socketpair(AF_UNIX, type, 0, ends->control) < 0 || socketpair(AF_UNIX, type, 0, ends->keys) < 0 ||
			       pipe2(ends->ready, O_CLOEXEC) < 0
		       ? -errno
		       : 0;
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
	const pid_t self = getpid();
	struct ends ends;
	bool ready;

	if (make_ends(&ends))
		return fault(f, errno, "starting IKE: %s", strerror(errno));
	ends.keylog = open_keylog(ike, config);
	ike->started_ns = maps_now();
	ike->pid = fork();
	if (ike->pid == 0)
		exec_iked(ike, &ends, self);
	close_ends(&ends, 1);
	if (ends.keylog >= 0)
		close(ends.keylog);
	ready = ike->pid > 0 && is_ready(ends.ready[0]);
	close(ends.ready[0]);
	ike->control = ends.control[0];
	ike->keys = ends.keys[0];
	if (ready)
		return 0;
	stop(ike);
	return fault(f, EIO, "IKE did not start: the line before this one says why");
}

/* ---- messages ---- */

static void on_message(struct ike_process *ike, const cJSON *message)
{
	const char *reply = json_text(message, "reply");

	if (reply && strcmp(reply, "done") == 0)
		ike->on_done(ike->arg,
			     (uint64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(message, "ticket")),
			     json_text(message, "error"));
	else if (reply && strcmp(reply, "gre") == 0)
		ike->on_gre(ike->arg);
}

/* The next message; those that are not the reply that is waited for are dealt with. */
static int wait_for_reply(struct ike_process *ike, const char *wanted, int milliseconds, cJSON **message, int *fd)
{
	for (;;) {
		int err =
			wait_for(ike->control, milliseconds) ? channel_receive(ike->control, message, fd) : -ETIMEDOUT;
		const char *reply;

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
	int fd;

	(void)what;
	if (channel_receive(socket, &message, &fd)) {
		/* It is gone; SIGCHLD tells the rest. */
		event_del(ike->readable);
		return;
	}
	on_message(ike, message);
	cJSON_Delete(message);
	if (fd >= 0)
		close(fd);
}

int ike_send(struct ike_process *ike, cJSON *message)
{
	int err = ike->control < 0 ? -ENOTCONN : channel_send(ike->control, message, -1);

	cJSON_Delete(message);
	return err;
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

/* ---- keys ---- */

static int ask_keyholder(struct ike_process *ike, cJSON *message, int fd, struct fault *f)
{
	int unused = -1, err = channel_send(ike->keys, message, fd);

	cJSON_Delete(message);
	message = NULL;
	if (!err)
		err = wait_for(ike->keys, ANSWER_MS) ? channel_receive(ike->keys, &message, &unused) : -ETIMEDOUT;
	if (err)
		return fault(f, -err, "the key holder does not answer: %s", strerror(-err));
	if (json_text(message, "error"))
		err = fault(f, EINVAL, "%s", json_text(message, "error"));
	cJSON_Delete(message);
	return err;
}

static cJSON *key_message(const char *command, uint32_t id)
{
	cJSON *message = cJSON_CreateObject();

	cJSON_AddStringToObject(message, "command", command);
	cJSON_AddNumberToObject(message, "id", id);
	return message;
}

static struct ike_key *find_key(struct ike_process *ike, const char *kind, const struct stat *st)
{
	for (unsigned i = 0; i < ike->known_count; i++) {
		struct ike_key *k = &ike->known[i];

		if (strcmp(k->kind, kind) == 0 && k->dev == st->st_dev && k->ino == st->st_ino &&
		    k->changed.tv_sec == st->st_ctim.tv_sec && k->changed.tv_nsec == st->st_ctim.tv_nsec)
			return k;
	}
	return NULL;
}

static struct ike_key *new_key(struct ike_process *ike, const char *kind, const struct stat *st)
{
	struct ike_key *all = reallocarray(ike->known, ike->known_count + 1, sizeof(*all)), *k;

	if (!all)
		return NULL;
	ike->known = all;
	k = &all[ike->known_count++];
	*k = (struct ike_key){.id = ++ike->last_key, .dev = st->st_dev, .ino = st->st_ino, .changed = st->st_ctim};
	snprintf(k->kind, sizeof(k->kind), "%s", kind);
	return k;
}

static int give_key(struct ike_process *ike, struct ike_key *k, int fd, struct fault *f)
{
	cJSON *message = key_message("key", k->id);
	int err;

	if (k->given) {
		cJSON_Delete(message);
		return 0;
	}
	cJSON_AddStringToObject(message, "kind", k->kind);
	err = ask_keyholder(ike, message, fd, f);
	k->given = !err;
	return err;
}

/* The secret's number in *id, given to the key holder; "" is nothing to do. */
static int use_key(struct ike_process *ike, const struct connection_config *c, const char *kind, const char *file,
		   uint32_t *id, struct fault *f)
{
	struct ike_key *k;
	struct fault why;
	struct stat st;
	int fd, err;

	*id = 0;
	if (!file[0])
		return 0;
	fd = ike_file_open(ike->config_path, c, file, f);
	if (fd < 0)
		return fd;
	k = fstat(fd, &st) < 0 ? NULL : find_key(ike, kind, &st);
	if (!k)
		k = new_key(ike, kind, &st);
	err = k ? give_key(ike, k, fd, &why) : fault(&why, ENOMEM, "%s", strerror(ENOMEM));
	close(fd);
	if (err)
		return fault(f, -err, "%s:%u: [connection %s]: %s: %.200s", ike->config_path, c->line, c->name, file,
			     why.text);
	k->used = true;
	*id = k->id;
	return 0;
}

static void forget_unused(struct ike_process *ike)
{
	for (unsigned i = 0; i < ike->known_count;) {
		struct ike_key *k = &ike->known[i];

		if (k->used) {
			i++;
			continue;
		}
		if (k->given)
			ask_keyholder(ike, key_message("forget", k->id), -1, NULL);
		*k = ike->known[--ike->known_count];
	}
}

static int match_key(struct ike_process *ike, const struct connection_config *c, uint32_t id, const cJSON *json,
		     struct fault *f)
{
	const char *pem = json_text(json, "cert");
	struct fault why;
	int fd, err;

	if (!pem)
		return 0;
	fd = memfd_create("certificate", MFD_CLOEXEC);
	if (fd < 0 || write(fd, pem, strlen(pem)) != (ssize_t)strlen(pem))
		err = fault(&why, errno, "%s", strerror(errno));
	else
		err = ask_keyholder(ike, key_message("matches", id), fd, &why);
	if (fd >= 0)
		close(fd);
	return err ? ike_blame_connection(ike->config_path, c, why.text, f) : 0;
}

/* ---- configuration ---- */

static int add_connection(struct ike_process *ike, cJSON *list, const struct connection_config *c, struct fault *f)
{
	struct ike_key_numbers numbers;
	cJSON *json = NULL;
	int err = use_key(ike, c, "psk", c->psk_file, &numbers.psk, f);

	if (!err)
		err = use_key(ike, c, "private", c->key_file, &numbers.private_key, f);
	if (!err)
		err = use_key(ike, c, "ppk", c->ppk_file, &numbers.ppk, f);
	if (!err)
		err = ike_json(c, &numbers, ike->config_path, &json, f);
	if (!err && c->cert)
		err = match_key(ike, c, numbers.private_key, json, f);
	if (err)
		cJSON_Delete(json);
	else
		cJSON_AddItemToArray(list, json);
	return err;
}

/* 1: taken, with a note in f. */
static int send_configuration(struct ike_process *ike, const struct config *config, const cJSON *document,
			      struct fault *f)
{
	cJSON *message = cJSON_CreateObject();
	int fd = channel_pack(document), unused, err;

	cJSON_AddStringToObject(message, "command", "configure");
	err = fd < 0 ? fd : channel_send(ike->control, message, fd);
	cJSON_Delete(message);
	if (fd >= 0)
		close(fd);
	if (!err)
		err = wait_for_reply(ike, "configure", ANSWER_MS, &message, &unused);
	if (err)
		return fault(f, -err, "IKE does not take its configuration: %s", strerror(-err));
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
	for (unsigned i = 0; i < ike->known_count; i++)
		ike->known[i].used = false;
	for (unsigned i = 0; i < config->connection_count && !err; i++)
		err = add_connection(ike, list, &config->connections[i], f);
	if (!err)
		err = send_configuration(ike, config, document, f);
	if (!err)
		forget_unused(ike);
	cJSON_Delete(document);
	return err;
}

int ike_judge_start(struct ike_process *ike, struct fault *f)
{
	static const struct config none;

	ike->control = ike->keys = ike->vault_fd = -1;
	ike->judging = true;
	return spawn(ike, &none, f);
}

int ike_judge(struct ike_process *ike, const struct config *config, const struct connection_config *c, struct fault *f)
{
	cJSON *document = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(document, "connections");
	int err = add_connection(ike, list, c, f);

	if (!err)
		err = send_configuration(ike, config, document, f);
	cJSON_Delete(document);
	return err;
}

void ike_judge_end(struct ike_process *ike)
{
	stop(ike);
	free(ike->known);
	ike->known = NULL;
	ike->known_count = 0;
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
	int err = spawn(ike, config, f);

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
	ike->control = ike->keys = -1;
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
	free(ike->known);
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
