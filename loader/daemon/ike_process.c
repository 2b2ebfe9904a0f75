/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "ike_process.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/ike_files.h"
#include "child_told.h"
#include "ike_told.h"
#include "lib/channel.h"
#include "lib/clock.h"
#include "lib/landlock.h"
#include "lib/log.h"
#include "lib/privileges.h"

#define IKED "xdp-ipsec-iked"
/* To open, to check, to sandbox itself; more is a hang. */
#define START_MS  10000
#define STATUS_MS 2000
/* For one that is busy to read what waits for it; it must not hold up everything else for long. */
#define SEND_MS 1000
/* For a process that is killed to be gone. */
#define KEYHOLDER_END_MS 500
/* Of secrets that can be guessed so many are told of, one by one. */
#define NOTES_MAX 32
/* What it can say of the changes of so many connections: an entry has a name and a word. */
#define CHANGES_TEXT(connections) (((size_t)(connections) + 1) * (CONNECTION_NAME_MAX + 80))
/* So often, and so long each time, it is waited for the end of one that has closed its socket: a second. */
#define DYING_TRIES 100
#define DYING_US    10000

/*
 * The maps by which it makes SAs, and no other: what is in clear, which NIC is guarded, who gets multicast are none of
 * its business. ike_sockets and ike_alive it writes once, before it hears anybody, and closes.
 */
static const char *const maps_given[] = {"sad",		"sad_out", "sad_sent",	 "sa_state",	"replay",
					 "replay_wide", "turns",   "free_slots", "ike_sockets", "ike_alive"};
#define MAPS_GIVEN (sizeof(maps_given) / sizeof(maps_given[0]))

/* ---- start and stop ---- */

/* Whether the key holder has ended, too: nobody is at the other end of its socket. The kernel kills it when the
 * protocol process dies, which takes a moment on another CPU; and others may end meanwhile, as the event script that is
 * told of this end. */
static bool keyholder_has_ended(const struct ike_process *ike)
{
	const uint64_t end_ns = clock_in_ms(KEYHOLDER_END_MS);
	struct pollfd p = {.fd = ike->stock.keys.socket};
	int n;

	if (p.fd < 0)
		return true;
	do
		n = poll(&p, 1, clock_ms_until(end_ns));
	while (n < 0 && errno == EINTR);
	return n == 1 && (p.revents & POLLHUP);
}

static void forget(struct ike_process *ike)
{
	const bool entirely = keyholder_has_ended(ike);

	if (ike->readable)
		event_free(ike->readable);
	if (ike->control >= 0)
		close(ike->control);
	ike_stock_lost(&ike->stock);
	ike->readable = NULL;
	ike->control = -1;
	ike->keyholder = 0;
	if (ike->on_lost)
		ike->on_lost(ike->arg, entirely);
}

static void stop(struct ike_process *ike)
{
	child_stop(&ike->child);
	forget(ike);
}

/* One line, "ready PID", which has the key holder's. */
static int wait_until_ready(struct ike_process *ike, struct fault *f)
{
	char line[CHILD_LINE_MAX];
	int pid;

	if (!child_wait_line(&ike->child, line, START_MS))
		return fault(f, ETIMEDOUT,
			     "IKE did not start within %d s: this machine has no time for it, or it hangs",
			     START_MS / 1000);
	if (sscanf(line, "ready %d", &pid) != 1 || pid <= 0)
		return fault(f, EIO, "IKE did not start: the line before this one says why");
	ike->keyholder = pid;
	return 0;
}

static void close_end(int fd)
{
	if (fd >= 0)
		close(fd);
}

struct ends {
	int control[2];
	int keys[2];
};

static void close_ends(struct ends *ends, int side)
{
	close_end(ends->control[side]);
	close_end(ends->keys[side]);
}

static int make_ends(struct ends *ends)
{
	const int type = SOCK_SEQPACKET | SOCK_CLOEXEC;
	int err;

	*ends = (struct ends){{-1, -1}, {-1, -1}};
	if (socketpair(AF_UNIX, type, 0, ends->control) == 0 && socketpair(AF_UNIX, type, 0, ends->keys) == 0)
		return 0;
	err = -errno;
	close_ends(ends, 0);
	close_ends(ends, 1);
	return err;
}

static int start_child(struct ike_process *ike, const struct ends *ends)
{
	struct child_options options = {0};

	child_option_text(&options, "--instance", ike->instance);
	child_option_fd(&options, "--control", ends->control[1]);
	child_option_fd(&options, "--keys", ends->keys[1]);
	child_option_fd(&options, "--vault", ike->vault_fd);
	if (!ike->judging) {
		child_option_fd(&options, "--keylog", ike->keylog.ike);
		child_option_fd(&options, "--esp-keylog", ike->keylog.esp);
	}
	if (ike->maps)
		child_option_number(&options, "--layout", LAYOUT_VERSION);
	for (size_t i = 0; ike->maps && i < MAPS_GIVEN; i++)
		child_option_labelled_fd(&options, "--map", maps_given[i], maps_fd(ike->maps, maps_given[i]));
	if (ike->judging)
		child_option_text(&options, "--judge", NULL);
	return child_start(&ike->child, &options);
}

static int spawn(struct ike_process *ike, struct fault *f)
{
	struct ends ends;
	int err = make_ends(&ends);

	if (!err) {
		err = start_child(ike, &ends);
		close_ends(&ends, 1);
		if (err)
			close_ends(&ends, 0);
	}
	if (err)
		return fault(f, -err, "starting IKE: %s: %s", strerror(-err),
			     privileges_remedy(-err, "this machine has no more"));
	ike->control = ends.control[0];
	ike->stock.keys.socket = ends.keys[0];
	return wait_until_ready(ike, f);
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
	else if (reply && strcmp(reply, "event") == 0)
		ike_told(message, ike->config);
	else if (reply && strcmp(reply, "pong") == 0)
		ike->child.pulse.answered = ike->child.pulse.asked;
}

/* The next message; those that are not the reply that is waited for are dealt with, as long as there is time. */
static int wait_for_reply(struct ike_process *ike, const char *wanted, int milliseconds, cJSON **message, int *fd)
{
	const uint64_t end_ns = clock_in_ms((uint64_t)milliseconds);

	for (;;) {
		const int left = clock_ms_until(end_ns);
		int err = channel_wait(ike->control, CHANNEL_READABLE, left);
		const char *reply;

		if (!err && !left)
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

/* The loop may have seen a message that wait_for_reply(), in an event of the same round, has taken since: to receive
 * would be to wait for the next one. */
static void on_control(evutil_socket_t socket, short what, void *arg)
{
	struct ike_process *ike = arg;
	cJSON *message;
	int fd, err = channel_wait(socket, CHANNEL_READABLE, 0);

	(void)what;
	if (!err)
		err = channel_receive(socket, &message, &fd);
	if (err == -ETIMEDOUT)
		return;
	if (err == -EINTR || err == -EAGAIN)
		return;
	if (err) {
		event_del(ike->readable);
		/* At its end SIGCHLD tells the rest. */
		if (err != -ECONNRESET)
			child_kill(&ike->child, "talks nonsense");
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

void ike_ask(struct ike_process *ike)
{
	if (!ike->readable)
		return;
	ike->child.pulse.asked++;
	ike_send_now(ike, json_command("ping"));
}

void ike_log_level(struct ike_process *ike)
{
	cJSON *message = json_command("log_level");

	cJSON_AddNumberToObject(message, "level", log_get_level());
	ike_send(ike, message);
}

int ike_status(struct ike_process *ike)
{
	cJSON *message = json_command("status");
	int fd, err;

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

/* Its text is made into cJSON's nodes, which take some thirty times the memory. */
static void take_changes(struct ike_process *ike, const struct config *config, int fd)
{
	char *text;

	errno = 0;
	text = channel_unpack_within(fd, CHANGES_TEXT(config->connection_count));
	if (!text && errno == EFBIG)
		child_kill(&ike->child, "tells of more changes than there are connections");
	cJSON_Delete(ike->changes);
	ike->changes = text ? cJSON_Parse(text) : NULL;
	free(text);
	close_end(fd);
}

/* 1: taken, with a note in f. */
static int send_configuration(struct ike_process *ike, const struct config *config, const cJSON *document,
			      struct fault *f)
{
	cJSON *message = json_command("configure");
	int fd = channel_pack(document), changes, err = fd < 0 ? fd : 0;

	if (!err)
		err = channel_wait(ike->control, CHANNEL_WRITABLE, IKE_ANSWER_MS);
	if (!err)
		err = channel_send(ike->control, message, fd);
	cJSON_Delete(message);
	close_end(fd);
	if (!err)
		err = wait_for_reply(ike, "configure", IKE_ANSWER_MS, &message, &changes);
	/* What it says from here on would be taken for another answer. */
	if (err == -ETIMEDOUT)
		child_kill(&ike->child, "does not answer");
	if (err)
		return fault(f, -err, "IKE does not take its configuration: %s", strerror(-err));
	take_changes(ike, config, changes);
	if (json_text(message, "error"))
		err = ike_blame(ike->config_path, config, json_text(message, "error"), f);
	else if (json_text(message, "note"))
		err = ike_blame(ike->config_path, config, json_text(message, "note"), f) ? 1 : 0;
	cJSON_Delete(message);
	return err;
}

static int add_connections(struct ike_process *ike, struct ike_delivery *d, const struct config *config,
			   struct fault *f)
{
	unsigned notes = 0;
	int err = 0;

	for (unsigned i = 0; i < config->connection_count && err >= 0; i++) {
		err = ike_delivery_add(d, &ike->stock, &config->connections[i], f);
		if (err > 0 && notes++ < NOTES_MAX)
			log_warning("%s", f->text);
	}
	if (notes > NOTES_MAX)
		log_warning("%s: so it is with %u more connections: 'xdp-ipsec check' has them all", ike->config_path,
			    notes - NOTES_MAX);
	return err < 0 ? err : 0;
}

static int configure(struct ike_process *ike, const struct config *config, struct fault *f)
{
	struct ike_delivery d = ike_delivery_new(config);
	int err;

	ike_stock_begin(&ike->stock);
	err = add_connections(ike, &d, config, f);
	if (!err)
		err = ike_delivery_close(&d, &ike->stock, f);
	if (!err)
		err = send_configuration(ike, config, d.document, f);
	if (!err)
		ike_delivery_taken(&d, &ike->stock);
	if (ike->stock.keys.hung)
		child_kill(&ike->child, "has a key holder that does not answer");
	ike_delivery_end(&d);
	return err;
}

int ike_judge_start(struct ike_process *ike, struct fault *f)
{
	int err;

	ike_init(ike);
	ike->vault_fd = -1;
	ike->judging = true;
	err = spawn(ike, f);
	if (err)
		stop(ike);
	return err;
}

int ike_judge(struct ike_process *ike, const struct config *config, const struct connection_config *c, struct fault *f)
{
	struct ike_delivery d = ike_delivery_new(config);
	int err = ike_delivery_add(&d, &ike->stock, c, f), judged = 0;
	struct fault why;

	if (err >= 0)
		judged = ike_delivery_close(&d, &ike->stock, &why);
	if (err >= 0 && !judged)
		judged = send_configuration(ike, config, d.document, &why);
	if (judged) {
		err = judged;
		*f = why;
	}
	ike_delivery_end(&d);
	return err;
}

void ike_judge_end(struct ike_process *ike)
{
	stop(ike);
	cJSON_Delete(ike->changes);
	ike_stock_free(&ike->stock);
}

static int listen_to(struct ike_process *ike, struct fault *f)
{
	ike->readable = event_new(ike->base, ike->control, EV_READ | EV_PERSIST, on_control, ike);
	if (!ike->readable || event_add(ike->readable, NULL) < 0)
		return fault(f, ENOMEM, "IKE: %s", strerror(ENOMEM));
	return 0;
}

static void tell_ready(const struct ike_process *ike, const struct config *config)
{
	log_line("IKE %d is ready: %u connection%s", ike->child.pid, config->connection_count,
		 config->connection_count == 1 ? "" : "s");
	child_tell_started(&ike->child, KIND_IKE_STARTED);
}

static int start(struct ike_process *ike, const struct config *config, struct fault *f)
{
	int err = spawn(ike, f);

	if (!err) {
		ike_log_level(ike);
		err = configure(ike, config, f);
	}
	if (!err)
		err = listen_to(ike, f);
	if (err)
		stop(ike);
	else
		tell_ready(ike, config);
	return err;
}

/* ---- its life ---- */

static void on_again(void *arg)
{
	struct ike_process *ike = arg;
	struct fault f;

	if (!start(ike, ike->config, &f))
		return;
	log_warning("%s", f.text);
	child_start_later(&ike->child);
}

int ike_init(struct ike_process *ike)
{
	if (!landlock_abi())
		log_debug("this kernel has no Landlock: worker and IKE have seccomp, a user of their own and no "
			  "capability around them");
	ike->control = ike->stock.keys.socket = -1;
	ike->stock.config_path = ike->config_path;
	ike->child = (struct child){
		.name = "IKE",
		.program = IKED,
		.base = ike->base,
		.on_again = on_again,
		.arg = ike,
	};
	return child_init(&ike->child);
}

static bool ended_without_keyholder(const struct child *child)
{
	return WIFEXITED(child->status) && WEXITSTATUS(child->status) == EXIT_WITHOUT_KEYHOLDER;
}

void ike_reap(struct ike_process *ike)
{
	if (!child_reap(&ike->child))
		return;
	child_tell_death(&ike->child, ended_without_keyholder(&ike->child) ? KIND_KEY_HOLDER_DIED : KIND_IKE_DIED);
	forget(ike);
	child_start_later(&ike->child);
}

/* It had ended, or it or its key holder has not answered, and was killed. */
static bool is_gone(int err)
{
	return err == -ECONNRESET || err == -EPIPE || err == -ETIMEDOUT;
}

/* Of one that was asked as it ended: the next one is told the same, and nobody that it failed. */
static int start_next(struct ike_process *ike, const struct config *config, struct fault *f)
{
	for (int i = 0; i < DYING_TRIES && ike->child.pid; i++) {
		ike_reap(ike);
		if (ike->child.pid)
			usleep(DYING_US);
	}
	if (ike->child.pid)
		stop(ike);
	return start(ike, config, f);
}

/* Only one that hears of its end, and has no orphans, has taken away its SAs. */
static void run_none(struct ike_process *ike)
{
	stop(ike);
	if (ike->on_none)
		ike->on_none(ike->arg);
}

int ike_run(struct ike_process *ike, const struct config *config, struct fault *f)
{
	int err = 0;

	cJSON_Delete(ike->changes);
	ike->changes = NULL;
	if (!config->connection_count)
		run_none(ike);
	else
		err = ike->child.pid ? configure(ike, config, f) : start(ike, config, f);
	if (ike->child.pid && is_gone(err))
		err = start_next(ike, config, f);
	if (!err)
		ike->config = config;
	else if (!ike->child.pid && ike->config && ike->config->connection_count)
		child_start_later(&ike->child);
	return err;
}

void ike_fini(struct ike_process *ike)
{
	if (!ike->child.again)
		return;
	stop(ike);
	child_fini(&ike->child);
	cJSON_Delete(ike->changes);
	ike->changes = NULL;
	ike_stock_free(&ike->stock);
}

bool ike_covers(const struct ike_process *ike, const uint8_t local[4], const uint8_t remote[4])
{
	for (unsigned i = 0; ike->child.pid && ike->config && i < ike->config->connection_count; i++) {
		const struct connection_config *c = &ike->config->connections[i];

		if (memcmp(c->local, local, 4) == 0 && prefix_covers(&c->remote, remote))
			return true;
	}
	return false;
}
