/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ike_cores psk|ecdsa CPUS [alone]: handshakes a second of a responder as the daemon has it, on so many CPUs: its
 * engine, its hands, its key holder, processes as they are, with the vault. alone: the engine does all by itself. JSON
 * on stdout.
 *
 * Many initiators are engines in this process, whose work does not count:
 *
 *   all IKE_SA_INIT are made; timed: the responder answers them; all IKE_AUTH are made; timed: it answers these
 *
 * And behind the IKE_AUTH of a hundred that come at once a peer that is up says good-bye: how long it waits for the
 * answer.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "hands/crew.h"
#include "lib/channel.h"
#include "lib/child.h"
#include "maps/vault.h"
#include "pki.h"
#include "sandbox/threads.h"

#define PEERS	  700
#define AT_ONCE	  100
#define START_MS  20000
#define PACKETS	  8192
#define BATCH	  32 /* as the daemon takes them (socket.c) */
#define WALL	  1800000000
#define PSK_TEXT  "a secret of seven hundred"
#define RESPONDER -1

/* ---- the network ---- */

struct packet {
	int to; /* a peer, or RESPONDER */
	struct path path;
	size_t size;
	uint8_t *data;
};

struct peer_host {
	int number;
	uint8_t addr[4];
	struct engine *engine;
	struct keyring *ring;
	unsigned answered; /* messages that the responder has sent to it */
};

static struct {
	struct packet packets[PACKETS];
	unsigned count;
	struct peer_host peers[PEERS];
	struct engine *responder;
	struct keyholder_client *keys;
	struct vault_ops vault;
	struct crew *hands, *signers;
	uint32_t slots;
	uint64_t longest_ns; /* of a call into the responder */
} bed;

static const uint8_t responder_addr[4] = {10, 0, 0, 1};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void enqueue(int to, const struct path *path, const void *data, size_t size)
{
	struct packet *p = &bed.packets[bed.count];

	if (bed.count++ == PACKETS)
		abort();
	*p = (struct packet){.to = to, .size = size, .data = malloc(size)};
	memcpy(p->data, data, size);
	memcpy(p->path.local, path->remote, 4);
	memcpy(p->path.remote, path->local, 4);
	p->path.local_port = path->remote_port;
	p->path.remote_port = path->local_port;
}

/* ---- ops ---- */

static uint64_t op_now(void *arg)
{
	(void)arg;
	return now_ns() / 1000000;
}

static int64_t op_wall(void *arg)
{
	(void)arg;
	return WALL;
}

static void op_random(void *arg, void *out, size_t size)
{
	(void)arg;
	if (getentropy(out, size))
		abort();
}

static int op_send(void *arg, const struct path *path, const void *data, size_t size)
{
	const int to = path->remote[2] << 8 | path->remote[3];

	if (!arg)
		bed.peers[to].answered++;
	enqueue(arg ? RESPONDER : to, path, data, size);
	return 0;
}

static uint32_t op_spi(void *arg, const uint8_t dst[4])
{
	uint32_t spi;

	(void)dst;
	op_random(arg, &spi, sizeof(spi));
	return spi | 0x1000;
}

static int op_reserve(void *arg, uint32_t spi, const uint8_t src[4], const uint8_t dst[4], struct sa_handle *out)
{
	(void)arg;
	(void)spi;
	(void)src;
	(void)dst;
	*out = (struct sa_handle){1, 1};
	return 0;
}

/* The responder's keys go into the vault. */
static int op_add(void *arg, const struct sa_spec *spec, struct sa_handle *out)
{
	*out = (struct sa_handle){bed.slots % SLOTS_DEFAULT, 1};
	if (arg)
		return 0;
	bed.slots++;
	return bed.vault.store(bed.vault.arg, out->slot, out->generation, spec->keymat);
}

static int op_bind(void *arg, struct sa_handle sa, unsigned lane, bool lanes)
{
	(void)arg;
	(void)sa;
	(void)lane;
	(void)lanes;
	return 0;
}

static void op_remove(void *arg, struct sa_handle sa)
{
	(void)arg;
	(void)sa;
}

static bool op_usage(void *arg, struct sa_handle sa, struct sa_usage *out)
{
	(void)arg;
	(void)sa;
	*out = (struct sa_usage){.packets = 0};
	return true;
}

static void op_each_orphan(void *arg, orphan_fn fn, void *fn_arg)
{
	(void)arg;
	(void)fn;
	(void)fn_arg;
}

static void op_remove_orphans(void *arg, const uint8_t local[4], const uint8_t remote[4], const struct selector *within,
			      unsigned count)
{
	(void)arg;
	(void)local;
	(void)remote;
	(void)within;
	(void)count;
}

static void op_log(void *arg, unsigned flags, const char *line)
{
	(void)flags;
	if (getenv("IKE_TEST_LOG"))
		fprintf(stderr, "%s: %s\n", arg ? "peer" : "responder", line);
}

static void op_done(void *arg, uint64_t ticket, const char *error)
{
	(void)arg;
	(void)ticket;
	(void)error;
}

static int op_give(void *arg, const struct job *job)
{
	(void)arg;
	return crew_give(job->kind == JOB_SIGN ? bed.signers : bed.hands, job);
}

/* arg: NULL is the responder. */
static struct engine *engine_with(struct peer_host *arg, struct keyholder_ops keys, bool hands)
{
	const struct engine_ops ops = {
		.arg = arg,
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
		.keys = keys,
		.hands = {hands ? op_give : NULL, NULL},
		.log = op_log,
		.done = op_done,
	};

	return engine_new(&ops);
}

/* ---- the processes ---- */

struct ends {
	int jobs[2], questions[2], signatures[2], control[2];
	int vault;
	uint8_t *keymat;
	unsigned threads;
};

static int be_hands(void *arg, int ready)
{
	const struct ends *e = arg;

	close(e->jobs[0]);
	return hands_run(e->jobs[1], ready, e->threads);
}

static int be_keyholder(void *arg, int ready)
{
	const struct ends *e = arg;
	const struct keyholder_ends ends = {.control = e->control[1],
					    .questions = e->questions[1],
					    .ready = ready,
					    .vault = e->vault,
					    .keymat = e->keymat,
					    .signatures = e->signatures[1],
					    .signers = e->threads};

	close(e->jobs[0]);
	close(e->control[0]);
	close(e->questions[0]);
	close(e->signatures[0]);
	return keyholder_run(&ends);
}

static void start(const char *name, int (*be)(void *arg, int ready), struct ends *e)
{
	struct child child = {.name = name};
	char line[CHILD_LINE_MAX];

	if (child_init(&child) || child_start_copy(&child, be, e))
		abort();
	child_wait_line(&child, line, START_MS);
	if (strcmp(line, KEYHOLDER_READY) != 0)
		abort();
}

static void on_done(void *arg, uint32_t number, const struct job_answer *answer)
{
	(void)arg;
	engine_job_done(bed.responder, number, answer);
}

static void start_processes(struct ends *e)
{
	struct vault vault;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, e->jobs) || vault_create(&vault, SLOTS_DEFAULT, NULL))
		abort();
	e->threads = threads_useful();
	e->vault = vault.fd;
	start("hands", be_hands, e);
	e->keymat = vault_page(NULL);
	if (!e->keymat || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, e->questions) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, e->signatures) || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, e->control))
		abort();
	start("key holder", be_keyholder, e);
	bed.hands = crew_new(e->jobs[0], e->threads, on_done, NULL);
	bed.signers = crew_new(e->signatures[0], e->threads, on_done, NULL);
	if (keyholder_client_new(&bed.keys, e->questions[0], e->keymat, NULL))
		abort();
	bed.vault = keyholder_client_vault(bed.keys);
}

static void give_key(const struct ends *e, uint32_t id, const char *kind, const char *text)
{
	cJSON *message = cJSON_CreateObject(), *reply;
	const int file = memfd_create("key", MFD_CLOEXEC);
	int none;

	cJSON_AddStringToObject(message, "command", "key");
	cJSON_AddNumberToObject(message, "id", id);
	cJSON_AddStringToObject(message, "kind", kind);
	if (write(file, text, strlen(text)) != (ssize_t)strlen(text) || channel_send(e->control[0], message, file) ||
	    channel_receive(e->control[0], &reply, &none) || !cJSON_GetObjectItem(reply, "ok"))
		abort();
	cJSON_Delete(message);
	cJSON_Delete(reply);
	close(file);
}

/* ---- who there is ---- */

static struct connection_config *connection(const uint8_t local[4], const uint8_t remote[4], uint8_t bits)
{
	struct connection_config *c = calloc(1, sizeof(*c));

	snprintf(c->name, sizeof(c->name), "c");
	memcpy(c->local, local, 4);
	memcpy(c->remote, remote, 4);
	c->remote_bits = bits;
	c->psk_key = 1;
	c->local_id = (struct identity){.type = ID_IPV4_ADDR, .size = 4};
	memcpy(c->local_id.data, local, 4);
	c->selectors[0] = SELECTOR_ALL;
	c->selector_count = 1;
	c->start = START_RESPOND;
	c->esn = ESN_OFFERED;
	c->replay_window = 1024;
	return c;
}

static void configure(struct engine *e, struct connection_config *c)
{
	struct ike_config config = {.connections = calloc(1, sizeof(c)), .count = 1, .cookie_threshold = UINT32_MAX};

	config.connections[0] = c;
	engine_configure(e, &config);
}

static void use_pki(struct pki *pki, struct world *rings, int host, struct connection_config *c)
{
	if (pki)
		pki_use(pki, rings, host, c, WALL - 3600, WALL + 30 * 86400);
}

static void make_responder(struct pki *pki, struct world *rings, const struct ends *e, bool alone)
{
	struct connection_config *c = connection(responder_addr, (uint8_t[]){10, 1, 0, 0}, 16);

	rings->hosts[1].ring = keyring_new();
	use_pki(pki, rings, 1, c);
	keyring_free(rings->hosts[1].ring);
	give_key(e, 1, "psk", PSK_TEXT);
	if (pki)
		give_key(e, 2, "private", pki->last_key);
	bed.responder = engine_with(NULL, keyholder_client_ops(bed.keys), !alone);
	configure(bed.responder, c);
}

/* Each has a certificate of its own. */
static void make_peer(struct pki *pki, struct world *rings, int i)
{
	struct peer_host *p = &bed.peers[i];
	struct connection_config *c;

	*p = (struct peer_host){.number = i, .addr = {10, 1, (uint8_t)(i >> 8), (uint8_t)i}, .ring = keyring_new()};
	keyring_add(p->ring, 1, KEY_PSK, PSK_TEXT, strlen(PSK_TEXT), NULL);
	c = connection(p->addr, responder_addr, 32);
	rings->hosts[0].ring = p->ring;
	use_pki(pki, rings, 0, c);
	p->engine = engine_with(p, keyring_ops(p->ring), false);
	configure(p->engine, c);
}

static void free_peers(void)
{
	for (int i = 0; i < PEERS; i++) {
		engine_free(bed.peers[i].engine, false);
		keyring_free(bed.peers[i].ring);
	}
	engine_free(bed.responder, false);
	crew_free(bed.hands);
	crew_free(bed.signers);
	keyholder_client_free(bed.keys);
}

/* ---- what goes on ---- */

static void note_call(uint64_t begun)
{
	const uint64_t took = now_ns() - begun;

	if (took > bed.longest_ns)
		bed.longest_ns = took;
}

/* What its hands have done is heard as the daemon hears it: between two batches of datagrams. */
static void hear(int wait_ms)
{
	struct pollfd fds[2] = {{crew_socket(bed.hands), POLLIN, 0}, {crew_socket(bed.signers), POLLIN, 0}};

	if (poll(fds, 2, wait_ms) <= 0)
		return;
	if ((fds[0].revents && !crew_hear(bed.hands)) || (fds[1].revents && !crew_hear(bed.signers)))
		abort();
	engine_tick(bed.responder);
}

/* All that has been sent to the responder arrives at once. */
static void deliver_to_responder(struct packet *packets, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const uint64_t begun = now_ns();

		engine_receive(bed.responder, &packets[i].path, packets[i].data, packets[i].size);
		engine_tick(bed.responder);
		note_call(begun);
		if (i % BATCH == BATCH - 1)
			hear(0);
		free(packets[i].data);
	}
}

static void each_peer(unsigned first, unsigned count, void (*what)(struct peer_host *p))
{
	for (unsigned i = first; i < first + count; i++)
		what(&bed.peers[i]);
}

static void begin(struct peer_host *p)
{
	engine_initiate(p->engine, "c", NULL, 1);
	engine_tick(p->engine);
}

static bool all_answered(unsigned first, unsigned count)
{
	for (unsigned i = first; i < first + count; i++)
		if (!bed.peers[i].answered)
			return false;
	return true;
}

static void forget_answers(void)
{
	for (unsigned i = 0; i < PEERS; i++)
		bed.peers[i].answered = 0;
}

/* Seconds that the responder takes for all that waits. */
static double respond(unsigned first, unsigned count)
{
	static struct packet packets[PACKETS];
	const unsigned waiting = bed.count;
	uint64_t begun;

	memcpy(packets, bed.packets, waiting * sizeof(packets[0]));
	bed.count = 0;
	forget_answers();
	begun = now_ns();
	deliver_to_responder(packets, waiting);
	while (!all_answered(first, count))
		hear(10000);
	return (double)(now_ns() - begun) / 1e9;
}

static void deliver_to_peers(void)
{
	static struct packet packets[PACKETS];
	const unsigned waiting = bed.count;

	memcpy(packets, bed.packets, waiting * sizeof(packets[0]));
	bed.count = 0;
	for (unsigned i = 0; i < waiting; i++) {
		struct engine *e = bed.peers[packets[i].to].engine;

		engine_receive(e, &packets[i].path, packets[i].data, packets[i].size);
		engine_tick(e);
		free(packets[i].data);
	}
}

static unsigned number_up(void)
{
	cJSON *status = engine_status(bed.responder);
	const cJSON *c;
	unsigned n = 0;

	cJSON_ArrayForEach(c, cJSON_GetObjectItem(status, "connections"))
		n += strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(c, "state")), "up") == 0;
	cJSON_Delete(status);
	return n;
}

/* Seconds of the responder. */
static double handshakes(unsigned first, unsigned count)
{
	double spent;

	each_peer(first, count, begin);
	spent = respond(first, count);
	deliver_to_peers();
	spent += respond(first, count);
	deliver_to_peers();
	return spent;
}

/* How long a peer that is up waits behind so many IKE_AUTH, in seconds. */
static double beside(unsigned first, unsigned count)
{
	struct peer_host *known = &bed.peers[0];

	each_peer(first, count, begin);
	respond(first, count);
	deliver_to_peers();
	engine_terminate(known->engine, "c", NULL, 2);
	engine_tick(known->engine);
	return respond(0, 1);
}

static void stay_on(unsigned cpus)
{
	cpu_set_t set, some;
	unsigned n = 0;

	CPU_ZERO(&some);
	sched_getaffinity(0, sizeof(set), &set);
	for (int i = 0; i < CPU_SETSIZE && n < cpus; i++)
		if (CPU_ISSET(i, &set)) {
			CPU_SET(i, &some);
			n++;
		}
	if (n < cpus || sched_setaffinity(0, sizeof(some), &some))
		abort();
}

int main(int argc, char **argv)
{
	static struct world rings;
	const bool ecdsa = argc > 2 && strcmp(argv[1], "ecdsa") == 0, alone = argc > 3;
	struct pki pki;
	struct ends ends;
	double spent, waited;

	if (argc < 3)
		return 2;
	stay_on((unsigned)atoi(argv[2]));
	start_processes(&ends);
	pki_init(&pki, WALL);
	make_responder(ecdsa ? &pki : NULL, &rings, &ends, alone);
	for (int i = 0; i < PEERS; i++)
		make_peer(ecdsa ? &pki : NULL, &rings, i);
	spent = handshakes(0, PEERS - AT_ONCE);
	if (number_up() != PEERS - AT_ONCE)
		return 1;
	bed.longest_ns = 0;
	waited = beside(PEERS - AT_ONCE, AT_ONCE);
	printf("{\"handshakes_per_s\": %.1f, \"longest_call_ms\": %.3f, \"beside_ms\": %.3f}\n",
	       (PEERS - AT_ONCE) / spent, (double)bed.longest_ns / 1e6, waited * 1e3);
	free_peers();
	pki_free(&pki);
	return 0;
}
