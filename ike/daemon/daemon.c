/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "daemon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "lib/child.h"
#include "maps/keylog.h"

/* Lines that a peer can cause at will: so many a second. */
#define REMOTE_LINES 10
/* As long as who asks the key holder waits for its answer. */
#define WATCH_S 10

/* By one write: stdio would ask for more system calls than are left. */
static void write_line(const char *line)
{
	char text[800];
	const int n = snprintf(text, sizeof(text), "xdp-ipsec-iked: %s\n", line);

	if (write(STDERR_FILENO, text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1) < 0)
		return;
}

/* ---- what the engine asks of the world ---- */

static uint64_t op_now(void *arg)
{
	(void)arg;
	return maps_now() / 1000000;
}

static int64_t op_wall(void *arg)
{
	(void)arg;
	return (int64_t)time(NULL);
}

/* Without random numbers there is no key worth having. */
static void op_random(void *arg, void *out, size_t size)
{
	(void)arg;
	for (size_t done = 0; done < size;) {
		const ssize_t n = getrandom((uint8_t *)out + done, size - done, 0);

		if (n < 0 && errno != EINTR)
			abort();
		done += n > 0 ? (size_t)n : 0;
	}
}

/* Of what is in a datagram its header (RFC 7296 section 3.1), which is never encrypted; with log-level = debug alone,
 * so their rate is whatever it is. */
static void log_datagram(const struct ike_daemon *d, const char *way, const struct path *path, const uint8_t *data,
			 size_t size)
{
	char remote[INET_ADDRSTRLEN], line[160];
	uint32_t id;

	if (d->log_level < LOG_LEVEL_DEBUG || size < IKE_HEADER_SIZE)
		return;
	inet_ntop(AF_INET, path->remote, remote, sizeof(remote));
	memcpy(&id, data + 20, sizeof(id));
	snprintf(line, sizeof(line), "%s %s:%u: exchange %u, %s %u, %zu bytes", way, remote, path->remote_port,
		 data[18], data[19] & FLAG_RESPONSE ? "response" : "request", ntohl(id), size);
	write_line(line);
}

static int op_send(void *arg, const struct path *path, const void *data, size_t size)
{
	log_datagram(arg, "to", path, data, size);
	return sockets_send(&((struct ike_daemon *)arg)->sockets, path, data, size);
}

static struct sad_store *sad_of(void *arg)
{
	return &((struct ike_daemon *)arg)->sad;
}

static uint32_t op_spi(void *arg, const uint8_t dst[4])
{
	return sad_spi(sad_of(arg), dst);
}

static int op_reserve(void *arg, uint32_t spi, const uint8_t src[4], const uint8_t dst[4], struct sa_handle *out)
{
	return sad_reserve(sad_of(arg), spi, src, dst, out);
}

/* Once for as long as it is so: each rekey would say it. */
static void tell_keylog(struct ike_daemon *d, int err)
{
	char line[120];

	if (err && !d->keylog_fails) {
		snprintf(line, sizeof(line), "the key log cannot be written: %s: keys are missing in it until it can",
			 strerror(-err));
		write_line(line);
	}
	d->keylog_fails = err;
}

static int op_add(void *arg, const struct sa_spec *spec, struct sa_handle *out)
{
	struct ike_daemon *d = arg;
	const int err = sad_add(sad_of(arg), spec, out);

	if (!err)
		tell_keylog(d, keylog_esp(d->esp_keylog, spec->spi, spec->src, spec->dst, spec->keymat));
	return err;
}

static int op_bind(void *arg, struct sa_handle sa, unsigned lane, bool lanes)
{
	const int err = sad_bind(sad_of(arg), sa, lane, lanes);

	if (!err && sad_has_gre(sad_of(arg), sa))
		control_gre_changed(arg);
	return err;
}

static void op_remove(void *arg, struct sa_handle sa)
{
	const bool gre = sad_has_gre(sad_of(arg), sa);

	sad_remove(sad_of(arg), sa);
	if (gre)
		control_gre_changed(arg);
}

static bool op_usage(void *arg, struct sa_handle sa, struct sa_usage *out)
{
	return sad_usage(sad_of(arg), sa, out);
}

static void op_each_orphan(void *arg, orphan_fn fn, void *fn_arg)
{
	sad_each_orphan(sad_of(arg), fn, fn_arg);
}

static void op_remove_orphans(void *arg, const uint8_t local[4], const uint8_t remote[4], const struct selector *within,
			      unsigned count)
{
	sad_remove_orphans(sad_of(arg), local, remote, within, count);
}

static bool may_log(struct ike_daemon *d)
{
	const uint64_t second = maps_now() / 1000000000;
	char text[80];

	if (second != d->log_second) {
		if (d->log_lines > REMOTE_LINES) {
			snprintf(text, sizeof(text), "%u more lines like these were not written",
				 d->log_lines - REMOTE_LINES);
			write_line(text);
		}
		d->log_second = second;
		d->log_lines = 0;
	}
	return d->log_lines++ < REMOTE_LINES;
}

static void op_log(void *arg, unsigned flags, const char *line)
{
	struct ike_daemon *d = arg;

	if (d->log_level < (flags & LINE_OF_FAILURE ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO))
		return;
	if (!(flags & LINE_OF_REMOTE) || may_log(d))
		write_line(line);
}

/* As few as lines are written: what is more is counted. */
static bool may_tell(struct ike_daemon *d)
{
	const uint64_t second = maps_now() / 1000000000;

	if (second != d->told_second)
		d->told = 0;
	d->told_second = second;
	return d->told++ < REMOTE_LINES;
}

static void op_tell(void *arg, bool remote, const char *event, const char *connection, cJSON *values)
{
	struct ike_daemon *d = arg;

	if (remote && !may_tell(d)) {
		cJSON_Delete(values);
		d->told_lost++;
	} else if (control_tell(d, event, connection, values, d->told_lost)) {
		d->told_lost = 0;
	} else {
		d->told_lost++;
	}
}

static void op_done(void *arg, uint64_t ticket, const char *error)
{
	control_done(arg, ticket, error);
}

static void op_changed(void *arg, const char *name, const char *how)
{
	control_changed(arg, name, how);
}

/* ---- keys for Wireshark, when the file says keylog = yes ---- */

static char *add_hex(char *at, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at += sprintf(at, "%02x", data[i]);
	return at;
}

/* Wireshark has the salt behind the key, as the RFC derives them. */
static char *add_sk(char *at, const struct sk_key *key)
{
	at = add_hex(at, key->key, SK_KEY_SIZE);
	return add_hex(at, key->salt, SK_SALT_SIZE);
}

/* A line of its ikev2_decryption_table. */
static void op_keylog(void *arg, uint64_t spi_i, uint64_t spi_r, const struct ike_keys *keys)
{
	struct ike_daemon *d = arg;
	char line[KEYLOG_LINE], *at = line;

	at += sprintf(at, "%016llx,%016llx,", (unsigned long long)spi_i, (unsigned long long)spi_r);
	at = add_sk(at, &keys->ei);
	*at++ = ',';
	at = add_sk(at, &keys->er);
	sprintf(at, ",\"AES-GCM-256 with 16 octet ICV [RFC5282]\",\"\",\"\",\"NONE [RFC4306]\"");
	tell_keylog(d, keylog_put(d->keylog, line));
}

/* ---- the loop ---- */

void daemon_settle(struct ike_daemon *d)
{
	const uint64_t next = engine_tick(d->engine), now = op_now(d);
	const uint64_t wait = next > now ? next - now : 0;
	const struct timeval delay = {(time_t)(wait / 1000), (suseconds_t)(wait % 1000) * 1000};

	if (next == UINT64_MAX)
		evtimer_del(d->tick);
	else
		evtimer_add(d->tick, &delay);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	daemon_settle(arg);
}

static void on_datagram(void *arg, const struct path *path, const uint8_t *data, size_t size)
{
	struct ike_daemon *d = arg;

	log_datagram(d, "from", path, data, size);
	engine_receive(d->engine, path, data, size);
	/* At once: who waits for our next message waits for the whole batch else. */
	engine_tick(d->engine);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct ike_daemon *d = arg;

	(void)what;
	sockets_receive(&d->sockets, fd, on_datagram, d);
	daemon_settle(d);
}

/* The supervisor has ended, and this process is about to be killed for that. Whether the SAs go on the next one says:
 * nobody is said good-bye to. */
static void end_without_supervisor(void)
{
	_exit(EXIT_FAILURE);
}

static void on_control(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	if (!control_handle(arg))
		end_without_supervisor();
	daemon_settle(arg);
}

/* ---- who does what takes long ---- */

static int op_give(void *arg, const struct job *job)
{
	struct ike_daemon *d = arg;

	return crew_give(job->kind == JOB_SIGN ? d->signers : d->hands, job);
}

static void on_done(void *arg, uint32_t number, const struct job_answer *answer)
{
	struct ike_daemon *d = arg;

	engine_job_done(d->engine, number, answer);
	engine_tick(d->engine);
}

/* Nobody would do what they had at hand, and who waits for it would wait for ever. As without the key holder, all are
 * started anew. */
static void end_without_hands(void)
{
	write_line("the hands, which do key exchanges, have ended, or do not answer: ending, too");
	_exit(EXIT_FAILURE);
}

/*
 * It has ended, or hangs: without it nothing can be authenticated any more, and no SA made. The supervisor starts both
 * anew; nobody is said good-bye to, for the SAs go on.
 */
static void end_without_keyholder(void)
{
	write_line("the key holder has ended, or does not answer: ending, too");
	_exit(EXIT_WITHOUT_KEYHOLDER);
}

static void on_keyholder_end(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	end_without_keyholder();
}

static void on_hands(evutil_socket_t fd, short what, void *arg)
{
	struct ike_daemon *d = arg;

	(void)fd;
	(void)what;
	if (!crew_hear(d->hands))
		end_without_hands();
	daemon_settle(d);
}

static void on_signers(evutil_socket_t fd, short what, void *arg)
{
	struct ike_daemon *d = arg;

	(void)fd;
	(void)what;
	if (!crew_hear(d->signers))
		end_without_keyholder();
	daemon_settle(d);
}

/* One that hangs would else be noticed by the next peer, who then waits with it. */
static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct ike_daemon *d = arg;

	(void)fd;
	(void)what;
	if (!keyholder_client_watch(d->keys) || !crew_hear(d->signers) || !crew_watch(d->signers))
		end_without_keyholder();
	if (!crew_hear(d->hands) || !crew_watch(d->hands))
		end_without_hands();
	daemon_settle(d);
}

static void on_term(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	event_base_loopbreak(((struct ike_daemon *)arg)->base);
}

static int make_engine(struct ike_daemon *d)
{
	const struct engine_ops ops = {
		.arg = d,
		.now_ms = op_now,
		.wall_s = op_wall,
		.random = op_random,
		.send = op_send,
		.sa_spi = op_spi,
		.sa_reserve = op_reserve,
		.sa_add = op_add,
		.sa_bind = op_bind,
		.sa_remove = op_remove,
		.sa_usage = op_usage,
		.sa_each_orphan = op_each_orphan,
		.sa_remove_orphans = op_remove_orphans,
		.keys = keyholder_client_ops(d->keys),
		.hands = {op_give, d},
		.log = op_log,
		.done = op_done,
		.tell = op_tell,
		.changed = op_changed,
		.keylog = d->keylog >= 0 ? op_keylog : NULL,
	};

	d->engine = engine_new(&ops);
	d->files = file_store_new();
	return d->engine && d->files ? 0 : -ENOMEM;
}

static bool readable(struct ike_daemon *d, struct event **e, int fd, event_callback_fn fn)
{
	*e = event_new(d->base, fd, EV_READ | EV_PERSIST, fn, d);
	return *e != NULL;
}

int daemon_listen(struct ike_daemon *d, struct fault *f)
{
	if (event_add(d->on_500, NULL) < 0 || event_add(d->on_4500, NULL) < 0)
		return fault(f, ENOMEM, "event loop: %s", strerror(ENOMEM));
	return 0;
}

/* What makes SAs, and what they are made by. */
static int make_parts(struct ike_daemon *d, const struct daemon_ends *ends, struct fault *f)
{
	int err = keyholder_client_new(&d->keys, ends->questions, ends->keymat, end_without_keyholder);

	if (err)
		return fault(f, -err, "key holder: %s", strerror(-err));
	d->hands = crew_new(ends->jobs, ends->threads, on_done, d);
	d->signers = crew_new(ends->signatures, ends->threads, on_done, d);
	if (!d->hands || !d->signers)
		return fault(f, ENOMEM, "%s", strerror(ENOMEM));
	d->sad.vault = keyholder_client_vault(d->keys);
	err = sad_init(&d->sad, f);
	return err ? err : make_engine(d) ? fault(f, ENOMEM, "%s", strerror(ENOMEM)) : 0;
}

static int watch_others(struct ike_daemon *d)
{
	const struct timeval interval = {WATCH_S, 0};

	d->on_keyholder = event_new(d->base, keyholder_client_socket(d->keys), EV_CLOSED, on_keyholder_end, d);
	d->watch = event_new(d->base, -1, EV_PERSIST, on_watch, d);
	if (!readable(d, &d->on_hands, crew_socket(d->hands), on_hands) || event_add(d->on_hands, NULL) < 0 ||
	    !readable(d, &d->on_signers, crew_socket(d->signers), on_signers) || event_add(d->on_signers, NULL) < 0)
		return -ENOMEM;
	if (!d->on_keyholder || !d->watch || event_add(d->on_keyholder, NULL) < 0 || event_add(d->watch, &interval) < 0)
		return -ENOMEM;
	return 0;
}

int daemon_init(struct ike_daemon *d, const struct daemon_ends *ends, struct fault *f)
{
	struct event *term;
	int err;

	d->log_level = LOG_LEVEL_INFO;
	err = make_parts(d, ends, f);

	if (err)
		return err;
	d->base = event_base_new();
	if (!d->base)
		return fault(f, ENOMEM, "%s", strerror(ENOMEM));
	d->tick = evtimer_new(d->base, on_tick, d);
	term = evsignal_new(d->base, SIGTERM, on_term, d);
	if (!d->tick || !term || watch_others(d) || !readable(d, &d->on_500, d->sockets.fd, on_socket) ||
	    !readable(d, &d->on_4500, d->sockets.nat_fd, on_socket) ||
	    !readable(d, &d->on_order, d->control, on_control) || event_add(term, NULL) < 0 ||
	    event_add(d->on_order, NULL) < 0)
		return fault(f, ENOMEM, "event loop: %s", strerror(ENOMEM));
	return 0;
}

void daemon_run(struct ike_daemon *d)
{
	event_base_dispatch(d->base);
	engine_free(d->engine, true);
	file_store_free(d->files);
	crew_free(d->hands);
	crew_free(d->signers);
	keyholder_client_free(d->keys);
	sad_free(&d->sad);
}
