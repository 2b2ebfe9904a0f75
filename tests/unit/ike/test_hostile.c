/* SPDX-License-Identifier: BSD-2-Clause */
/* What an attacker on the way or far from it gets: nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <malloc.h>

#include "inside.h"
#include "sealed.h"

static unsigned half_open(struct world *w, int host)
{
	cJSON *status = engine_status(w->hosts[host].engine);
	const unsigned n = (unsigned)cJSON_GetNumberValue(cJSON_GetObjectItem(status, "half_open"));

	cJSON_Delete(status);
	return n;
}

static bool is_init_request(const struct world_packet *p)
{
	struct ike_header h;

	return header_parse(p->data, p->size, &h) && h.exchange == EXCHANGE_IKE_SA_INIT && !(h.flags & FLAG_RESPONSE);
}

/* ---- bits ---- */

struct change {
	uint8_t type;
	uint16_t from;
	uint16_t to;
	unsigned done;
};

/* In the clear SA payload: each transform of that type and ID becomes another. */
static enum fate change_transform(struct world *w, struct world_packet *p, void *arg)
{
	struct change *c = arg;

	(void)w;
	for (size_t i = 28; is_init_request(p) && i + 8 <= p->size && i < 140; i++) {
		uint8_t *t = p->data + i;
		const bool transform = (t[0] == 0 || t[0] == 3) && t[1] == 0 && t[2] == 0 && (t[3] == 8 || t[3] == 12);

		if (!transform || t[4] != c->type || t[5] != 0 || (t[6] << 8 | t[7]) != c->from)
			continue;
		t[6] = (uint8_t)(c->to >> 8);
		t[7] = (uint8_t)c->to;
		c->done++;
	}
	return PASS;
}

/* Who changes the offer so that a weaker one of those we take is chosen is found out by AUTH: the first message is
 * signed. */
static void downgrade_is_found_out(void **state)
{
	struct change c = {TRANSFORM_PRF, PRF_HMAC_SHA2_384, PRF_HMAC_SHA2_256, 0};
	struct world *w = *state;

	w->filter = change_transform;
	w->filter_arg = &c;
	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	world_run(w, 60000);
	assert_true(c.done > 0);
	assert_true(world_is_down(w));
}

static enum fate flip_each(struct world *w, struct world_packet *p, void *arg)
{
	(void)arg;
	/* The changed copies arrive first. */
	for (size_t i = 0; i < p->size; i += 3) {
		p->data[i] ^= (uint8_t)(1 << i % 8);
		engine_receive(w->hosts[p->to].engine, &p->path, p->data, p->size);
		p->data[i] ^= (uint8_t)(1 << i % 8);
	}
	return PASS;
}

/* Behind IKE_SA_INIT, which anyone can forge, nothing that was changed has any effect. */
static enum fate flip_protected(struct world *w, struct world_packet *p, void *arg)
{
	struct ike_header h;

	if (!header_parse(p->data, p->size, &h) || h.exchange == EXCHANGE_IKE_SA_INIT)
		return PASS;
	return flip_each(w, p, arg);
}

static void changed_messages_have_no_effect(void **state)
{
	struct world *w = *state;

	w->filter = flip_protected;
	world_configure_both(w, START_INITIATE);
	world_run(w, 500);
	assert_true(world_talks(w));
	world_rekey(w, 1, false);
	world_run(w, 4000);
	world_rekey(w, 0, true);
	world_run(w, 4000);
	assert_true(world_talks(w));
	assert_int_equal(world_ike_count(w, 0), 1);
	assert_int_equal(world_child_count(w, 1), 1);
}

/* ---- floods ---- */

static void configure_many(struct world *w, int host, unsigned count)
{
	struct ike_config config = {.connections = calloc(count, sizeof(void *)), .count = count};

	for (unsigned i = 0; i < count; i++) {
		struct connection_config *c = config.connections[i] = world_connection(w, host);

		snprintf(c->name, sizeof(c->name), "c%u", i);
		memcpy(c->digest, &i, sizeof(i));
		c->remote[0] = (uint8_t)(10 + i % 3);
		c->remote[1] = (uint8_t)(i >> 8);
		c->remote[2] = (uint8_t)i;
		c->remote_bits = i % 3 ? 32 : 24;
	}
	engine_configure(w->hosts[host].engine, &config);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The least of several: what a host does beside it takes the longer. */
static uint64_t look_up_ns(struct world *w)
{
	struct engine *e = w->hosts[1].engine;
	uint64_t least = UINT64_MAX;

	for (unsigned n = 0; n < 20; n++) {
		const uint64_t begin = now_ns();

		for (uint8_t i = 0; i < 100; i++)
			assert_null(connection_for(e, w->hosts[1].addr, (uint8_t[]){203, 0, 113, i}, NULL));
		if (now_ns() - begin < least)
			least = now_ns() - begin;
	}
	return least;
}

/* Which connection a datagram is for is asked before its sender has shown anything. */
static void many_connections_cost_no_more(void **state)
{
	struct world *w = *state;
	uint64_t few;

	configure_many(w, 1, 8);
	few = look_up_ns(w);
	configure_many(w, 1, 3000);
	assert_true(look_up_ns(w) < 10 * few);
}

/* Its NAT_DETECTION payloads become unknown ones: they would tell that SPI and address are others. */
static void hide_nat_detection(uint8_t *data, size_t size)
{
	for (size_t i = 28; i + 8 < size; i++)
		if (data[i + 2] == 0 && data[i + 3] == 28 && data[i + 4] == 0 && data[i + 5] == 0 &&
		    data[i + 6] == 0x40 && (data[i + 7] == 4 || data[i + 7] == 5))
			data[i + 6] = 0x7f;
}

static enum fate keep_first(struct world *w, struct world_packet *p, void *arg)
{
	struct world_packet *kept = arg;

	(void)w;
	if (!kept->data && is_init_request(p)) {
		*kept = *p;
		kept->data = malloc(p->size);
		memcpy(kept->data, p->data, p->size);
		hide_nat_detection(kept->data, kept->size);
	}
	return PASS;
}

static enum fate count_answers(struct world *w, struct world_packet *p, void *arg)
{
	(void)w;
	if (p->to == 0)
		(*(unsigned *)arg)++;
	/* Nobody is there to whom it goes. */
	return p->path.local[3] == 1 ? PASS : DROP;
}

/* A mesh, so that every spoofed address is one that a connection is for. */
static void flood_leaves_room_for_the_honest(void **state)
{
	struct connection_config *mesh = world_connection(*state, 1);
	struct world_packet first = {.data = NULL};
	struct world *w = *state;
	unsigned answers = 0;
	size_t bytes = 0;

	memset(mesh->remote, 0, 4);
	mesh->remote[0] = 192;
	mesh->remote_bits = 8;
	world_configure(w, 1, mesh);
	world_configure(w, 0, world_connection(w, 0));
	w->filter = keep_first;
	w->filter_arg = &first;
	world_initiate(w, 0);
	world_run(w, 500);
	assert_true(world_talks(w));
	assert_non_null(first.data);
	w->filter = count_answers;
	w->filter_arg = &answers;
	for (unsigned i = 0; i < 10000; i++) {
		struct path path = first.path;

		path.remote[1] = (uint8_t)(1 + i / 65536);
		path.remote[2] = (uint8_t)(i >> 8);
		path.remote[3] = (uint8_t)(2 + i % 250);
		first.data[0] = (uint8_t)i;
		first.data[1] = (uint8_t)(i >> 8);
		engine_receive(w->hosts[1].engine, &path, first.data, first.size);
		if (i % 100 == 0)
			engine_tick(w->hosts[1].engine);
		if (i == 1000)
			bytes = mallinfo2().uordblks;
	}
	/* The last 9,000 have taken nothing (the sanitizers' malloc does not tell). */
	assert_true(mallinfo2().uordblks <= bytes + 4096);
	assert_int_equal(half_open(w, 1), 64);
	assert_true(answers > 9000);
	/* The honest one starts anew, and is asked for a cookie like everybody. */
	world_terminate(w, 0);
	world_run(w, 1000);
	world_initiate(w, 0);
	world_run(w, 1000);
	assert_true(world_talks(w));
	world_run(w, 40000);
	assert_int_equal(half_open(w, 1), 0);
	free(first.data);
}

static unsigned peers(struct world *w, int host)
{
	const struct connection *c = TAILQ_FIRST(&w->hosts[host].engine->connections);
	const struct peer *p;
	unsigned n = 0;

	TAILQ_FOREACH(p, &c->peers, of_connection)
		n++;
	return n;
}

static enum fate drop_all(struct world *w, struct world_packet *p, void *arg)
{
	keep_first(w, p, arg);
	return DROP;
}

/* The datagram with a payload of no meaning behind the others, so that it has that size. */
static void pad(struct world_packet *p, size_t size)
{
	uint8_t *data = calloc(1, size);
	size_t at = IKE_HEADER_SIZE, length;

	memcpy(data, p->data, p->size);
	for (; data[at]; at += length)
		length = get_u16(data + at + 2);
	data[at] = 43;
	put_u16(data + p->size + 2, (unsigned)(size - p->size));
	put_u16(data + 26, (unsigned)size);
	free(p->data);
	p->data = data;
	p->size = size;
}

/* What one takes that is half-open: docs/security.md has the figure for all of them. More than 4,096 bytes of
 * IKE_SA_INIT are kept for nobody. */
static void half_open_takes_little(void **state)
{
	for (int over = 0; over < 2; over++) {
		struct world_packet first = {.data = NULL};
		struct world *w = *state;
		struct connection_config *mesh;
		size_t before;

		world_again(w, 0);
		mesh = world_connection(w, 1);
		mesh->remote_bits = 0;
		w->cookie_threshold = UINT32_MAX;
		w->filter = drop_all;
		w->filter_arg = &first;
		world_configure(w, 1, mesh);
		world_configure(w, 0, world_connection(w, 0));
		world_initiate(w, 0);
		world_run(w, 10);
		pad(&first, 4096U + (unsigned)over);
		before = mallinfo2().uordblks;
		for (unsigned i = 0; i < 500; i++) {
			struct path path = first.path;

			path.remote[1] = (uint8_t)(i >> 8);
			path.remote[2] = (uint8_t)i;
			engine_receive(w->hosts[1].engine, &path, first.data, first.size);
		}
		assert_int_equal(half_open(w, 1), over ? 0 : 500);
		assert_true(mallinfo2().uordblks - before < 500 * 12288);
		free(first.data);
	}
}

/* Pieces of its IKE_AUTH that are authentic, for who has made them knows the keys of what is half-open: but not the
 * last of them. */
static enum fate never_whole(struct world *w, struct world_packet *p, void *arg)
{
	struct world_packet copy = *p;
	static struct sealed s;

	(void)arg;
	if (p->to != 1 || !sealed_open(w, p, &s) || s.header.exchange != EXCHANGE_IKE_AUTH)
		return PASS;
	s.size = 1100;
	for (uint16_t n = 1; n < FRAGMENTS_MAX; n++) {
		copy.data = malloc(1);
		sealed_put_fragment(w, &copy, &s, 0, s.size, n, FRAGMENTS_MAX);
		engine_receive(w->hosts[1].engine, &copy.path, copy.data, copy.size);
		free(copy.data);
	}
	return DROP;
}

static void pieces_of_the_unproven_are_few(void **state)
{
	const struct ike_sa *sa;
	struct world *w = *state;

	w->filter = never_whole;
	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	world_run(w, 10);
	sa = TAILQ_FIRST(&inside_peer(w, 1)->sas);
	assert_int_equal(sa->state, IKE_HALF_OPEN);
	assert_in_range(sa->reassembly[0].size, 10000, 16384);
}

/* Without cookies, so that only the limits count: one address has eight at most, all together 2,048. */
static void half_open_is_limited(void **state)
{
	struct world *w = *state;

	for (int many = 0; many < 2; many++) {
		struct world_packet first = {.data = NULL};
		struct connection_config *mesh;

		world_again(w, 0);
		mesh = world_connection(w, 1);
		mesh->remote_bits = 0;
		w->cookie_threshold = UINT32_MAX;
		w->filter = drop_all;
		w->filter_arg = &first;
		world_configure(w, 1, mesh);
		world_configure(w, 0, world_connection(w, 0));
		world_initiate(w, 0);
		world_run(w, 10);
		for (unsigned i = 0; i < (many ? 2200 : 20); i++) {
			struct path path = first.path;

			if (many) {
				path.remote[1] = (uint8_t)(i >> 8);
				path.remote[2] = (uint8_t)i;
			}
			first.data[0] = (uint8_t)i;
			engine_receive(w->hosts[1].engine, &path, first.data, first.size);
		}
		assert_int_equal(half_open(w, 1), many ? 2048 : 8);
		assert_int_equal(peers(w, 1), many ? 2048 : 1);
		free(first.data);
	}
}

/* Who forges a peer's address takes half of that peer's room at most; the rest is for who answers from there. */
static void forged_address_keeps_nobody_out(void **state)
{
	struct world_packet first = {.data = NULL};
	struct world *w = *state;

	w->filter = drop_all;
	w->filter_arg = &first;
	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	world_run(w, 10);
	w->filter = NULL;
	for (unsigned i = 0; i < 20; i++) {
		first.data[1] = (uint8_t)i;
		engine_receive(w->hosts[1].engine, &first.path, first.data, first.size);
	}
	assert_int_equal(half_open(w, 1), 4);
	world_run(w, 1000);
	assert_true(world_talks(w));
	free(first.data);
}

/* ESP from forged addresses of a mesh: nobody is there, and nothing of it stays. */
static void strangers_of_a_mesh_are_forgotten(void **state)
{
	struct world *w = *state;
	struct connection_config *mesh = world_connection(w, 1);

	mesh->remote_bits = 24;
	mesh->start = START_INITIATE;
	w->filter = world_drop_all;
	world_configure(w, 1, mesh);
	for (uint8_t i = 10; i < 20; i++)
		engine_unknown_spi(w->hosts[1].engine, mesh->local, (uint8_t[]){192, 0, 2, i}, 0x12345678);
	assert_int_equal(peers(w, 1), 10);
	world_run(w, 60000);
	assert_int_equal(peers(w, 1), 0);
}

/* What anybody can cause is not written as often as he likes. */
static void lines_of_the_unproven_are_few(void **state)
{
	struct world *w = *state;

	keyring_add(w->hosts[0].ring, 1, KEY_PSK, "another", 7, NULL);
	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	world_run(w, 1000);
	assert_true(world_logged(w, 1, "is not proven"));
	assert_int_equal(w->hosts[1].remote_lines, 1);
	assert_int_equal(w->hosts[0].remote_lines, 0);
}

/* A DELETE of one child becomes one of all. */
static enum fate delete_all(struct world *w, struct world_packet *p, void *arg)
{
	uint8_t data[4 + 4 * WORLD_SAS] = {PROTOCOL_ESP, 4};
	static struct sealed s;
	unsigned n = 0;

	(void)arg;
	if (p->to != 1 || !sealed_open(w, p, &s) || s.header.exchange != EXCHANGE_INFORMATIONAL)
		return PASS;
	for (unsigned i = 0; i < WORLD_SAS; i++) {
		const struct world_sa *sa = &w->hosts[0].sas[i];
		const uint32_t spi = htonl(sa->spec.spi);

		if (sa->used && sa->spec.inbound && !sa->reserved)
			memcpy(data + 4 + 4 * n++, &spi, 4);
	}
	put_u16(data + 2, n);
	s.first = PAYLOAD_NONE;
	s.size = 0;
	sealed_add(&s, PAYLOAD_DELETE, data, 4 + 4 * n);
	sealed_put(w, p, &s);
	return PASS;
}

/* Children without end: one peer must not take all the room of the datapath. */
static void children_are_limited(void **state)
{
	struct world *w = *state;

	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	for (unsigned i = 0; i < 120; i++)
		task_queue(inside_ike(w, 0), TASK_CHILD);
	world_run(w, 2000);
	assert_int_equal(world_child_count(w, 1), 3 * SELECTORS_MAX);
	assert_true(world_logged(w, 0, "the peer refuses the child: NO_ADDITIONAL_SAS"));
	/* And they all go by one message. */
	w->filter = delete_all;
	child_queue(inside_child(w, 0), TASK_DELETE_CHILD);
	world_run(w, 100);
	assert_int_equal(world_child_count(w, 1), 0);
}

/* A peer that says nothing of what it has forgotten, or of what it has rekeyed. */
struct silence {
	bool deletes; /* its DELETEs don't come */
};

static enum fate unsaid(struct world *w, struct world_packet *p, void *arg)
{
	const struct silence *how = arg;
	static struct sealed s;
	int at;

	if (p->to != 1 || !sealed_open(w, p, &s))
		return PASS;
	if (s.header.exchange == EXCHANGE_INFORMATIONAL && how->deletes)
		return DROP;
	at = sealed_notify(&s, INITIAL_CONTACT);
	if (at < 0)
		return PASS;
	sealed_cut(&s, at);
	sealed_put(w, p, &s);
	return PASS;
}

static void forget_all(struct world *w, int host)
{
	struct world_host *h = &w->hosts[host];
	const struct engine_ops ops = ((const struct engine *)h->engine)->ops;

	engine_free(h->engine, false);
	memset(h->sas, 0, sizeof(h->sas));
	h->engine = engine_new(&ops);
}

/* All that the engine holds of that host's peer, dead or alive. */
static unsigned held(struct world *w, int host)
{
	const struct ike_sa *sa;
	unsigned n = 0;

	TAILQ_FOREACH(sa, &inside_peer(w, host)->sas, of_peer)
		n++;
	return n;
}

/* Of what it opens one after the other the last ones are kept: those before have nobody any more. */
static void ike_sas_are_limited(void **state)
{
	struct silence how = {0};
	struct world *w = *state;

	w->filter = unsaid;
	w->filter_arg = &how;
	world_configure(w, 1, world_connection(w, 1));
	for (unsigned i = 0; i < 2 * IKE_SAS_MAX; i++) {
		forget_all(w, 0);
		world_configure(w, 0, world_connection(w, 0));
		world_initiate(w, 0);
		world_run(w, 100);
		assert_int_equal(world_ike_count(w, 0), 1);
		assert_true(world_talks(w));
		assert_int_equal(world_ike_count(w, 1), i < IKE_SAS_MAX ? i + 1 : IKE_SAS_MAX);
	}
}

/* The same by rekeys, whose old ones stay for a while. */
static void rekeyed_ike_sas_are_limited(void **state)
{
	for (int deletes = 0; deletes < 2; deletes++) {
		struct silence how = {.deletes = deletes};
		struct world *w = *state;

		world_again(w, 0);
		world_configure_both(w, START_INITIATE);
		world_run(w, 200);
		w->filter = unsaid;
		w->filter_arg = &how;
		for (unsigned i = 0; i < 2 * IKE_SAS_MAX; i++) {
			world_rekey(w, 0, true);
			assert_true(world_run_under_traffic(w, 20));
			assert_true(held(w, 1) <= IKE_SAS_MAX);
			assert_true(held(w, 0) <= IKE_SAS_MAX);
		}
		w->filter = NULL;
		assert_true(world_run_under_traffic(w, 60000));
		assert_true(world_is_up(w));
	}
}

/* What an IKE SA and its child take, of both ends' the mean, once the handshake is over. */
static void an_sa_takes_little(void **state)
{
	struct world *w = *state;
	size_t before;

	world_configure_both(w, START_TRAP);
	world_initiate(w, 0);
	world_run(w, 500);
	world_terminate(w, 0);
	world_run(w, 60000);
	assert_true(world_is_down(w));
	before = mallinfo2().uordblks;
	world_initiate(w, 0);
	world_run(w, 500);
	assert_true(world_is_up(w));
	assert_true((mallinfo2().uordblks - before) / 2 < 16384);
}

static void cookies_are_followed(void **state)
{
	struct world_packet first = {.data = NULL};
	struct world *w = *state;

	/* A first one that nobody goes on with takes what there is without a cookie. */
	w->cookie_threshold = 1;

	world_configure_both(w, START_TRAP);
	w->filter = keep_first;
	w->filter_arg = &first;
	world_initiate(w, 0);
	world_run(w, 200);
	assert_true(world_talks(w));
	world_terminate(w, 0);
	world_run(w, 30000);
	first.data[0] ^= 0x55;
	engine_receive(w->hosts[1].engine, &first.path, first.data, first.size);
	assert_int_equal(half_open(w, 1), 1);
	w->filter = NULL;
	w->sent = 0;
	world_initiate(w, 0);
	world_run(w, 200);
	assert_true(world_talks(w));
	assert_int_equal(w->sent, 6);
	free(first.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(downgrade_is_found_out, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(changed_messages_have_no_effect, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(many_connections_cost_no_more, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(flood_leaves_room_for_the_honest, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(half_open_takes_little, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(pieces_of_the_unproven_are_few, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(half_open_is_limited, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(forged_address_keeps_nobody_out, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(strangers_of_a_mesh_are_forgotten, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(lines_of_the_unproven_are_few, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(children_are_limited, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(ike_sas_are_limited, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(rekeyed_ike_sas_are_limited, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(an_sa_takes_little, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(cookies_are_followed, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("IKE, hostile", tests, NULL, NULL);
}
