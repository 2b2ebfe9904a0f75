/* SPDX-License-Identifier: BSD-2-Clause */
/* What an attacker on the way or far from it gets: nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <malloc.h>
#include <openssl/x509.h>

#include "inside.h"
#include "sealed.h"

/* ---- what is counted ---- */

/* Distinguished names that OpenSSL has taken apart. */
static unsigned names_read;

X509_NAME *__real_d2i_X509_NAME(X509_NAME **name, const unsigned char **in, long size);
X509_NAME *__wrap_d2i_X509_NAME(X509_NAME **name, const unsigned char **in, long size);

X509_NAME *__wrap_d2i_X509_NAME(X509_NAME **name, const unsigned char **in, long size)
{
	names_read++;
	return __real_d2i_X509_NAME(name, in, size);
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
	for (size_t i = 28; packet_is_init_request(p) && i + 8 <= p->size && i < 140; i++) {
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

/* ---- without a proof ---- */

/* What it has of the wire: the SPI by which host 0 sends. */
struct impostor {
	uint32_t spi;
	bool done;
};

/* Host 1's answer, with another proof, and behind it the DELETE of a child that is on another IKE SA. */
static enum fate answer_in_its_name(struct world *w, struct world_packet *p, void *arg)
{
	struct impostor *i = arg;
	struct world_packet deletes = *p;
	static struct sealed s;
	uint8_t payload[8] = {PROTOCOL_ESP, 4, 0, 1};

	if (p->to != 0 || i->done || !sealed_open(w, p, &s) || s.header.exchange != EXCHANGE_IKE_AUTH)
		return PASS;
	s.data[sealed_find(&s, PAYLOAD_AUTH, 0) + 8] ^= 1;
	sealed_put(w, p, &s);
	s.header.exchange = EXCHANGE_INFORMATIONAL;
	s.header.flags = 0;
	s.header.id = 0;
	s.first = PAYLOAD_NONE;
	s.size = 0;
	put_u16(payload + 4, i->spi >> 16);
	put_u16(payload + 6, i->spi & 0xffff);
	sealed_add(&s, PAYLOAD_DELETE, payload, sizeof(payload));
	deletes.data = malloc(1);
	sealed_put(w, &deletes, &s);
	world_inject(w, &deletes, 5);
	free(deletes.data);
	i->done = true;
	return PASS;
}

/* RFC 7296 section 2.21.2: there is no IKE SA without the proof, and nothing to be deleted on it. */
static void who_has_proven_nothing_deletes_nothing(void **state)
{
	struct connection_config *c = world_connection(*state, 0);
	struct impostor i = {0};
	struct world *w = *state;
	const struct child *child;

	c->start = START_INITIATE;
	c->reauth_ms = 120000;
	world_configure(w, 1, world_connection(w, 1));
	world_configure(w, 0, c);
	world_run(w, 1000);
	child = inside_child(w, 0);
	i.spi = child->out.spi;
	w->filter = answer_in_its_name;
	w->filter_arg = &i;
	for (unsigned s = 0; s < 180 && !i.done; s++)
		world_run(w, 1000);
	assert_true(i.done);
	world_run(w, 2000);
	assert_true(world_logged(w, 0, "not proven"));
	assert_ptr_equal(inside_child(w, 0), child);
	assert_int_equal(child->out.spi, i.spi);
	assert_true(world_talks(w));
}

/* An error of a number that nobody knows, beside all that makes a child. */
static enum fate add_error(struct world *w, struct world_packet *p, void *arg)
{
	static const uint8_t error[4] = {0, 0, 0x20, 0x01};
	static struct sealed s;

	if (p->to != 0 || !sealed_open(w, p, &s) || s.header.exchange != EXCHANGE_CREATE_CHILD_SA)
		return PASS;
	sealed_add(&s, PAYLOAD_NOTIFY, error, sizeof(error));
	sealed_put(w, p, &s);
	++*(unsigned *)arg;
	return PASS;
}

static void an_error_is_a_refusal_whatever_comes_beside(void **state)
{
	struct world *w = *state;
	unsigned changed = 0;
	uint32_t spi;

	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	spi = inside_child(w, 0)->in.spi;
	w->filter = add_error;
	w->filter_arg = &changed;
	world_rekey(w, 0, false);
	world_run(w, 2000);
	assert_int_equal(changed, 1);
	assert_int_equal(inside_child(w, 0)->in.spi, spi);
	assert_int_equal(world_child_count(w, 0), 1);
	assert_true(world_talks(w));
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
	assert_true(world_logged(w, 0, "NO_ADDITIONAL_SAS: the peer takes no further child in this IKE SA"));
	/* And they all go by one message. */
	w->filter = delete_all;
	child_queue(inside_child(w, 0), TASK_DELETE_CHILD);
	world_run(w, 100);
	assert_int_equal(world_child_count(w, 1), 0);
}

/* Nor by children that it makes only to delete them: they have their room for some seconds more. */
static void left_children_are_limited(void **state)
{
	struct world *w = *state;
	unsigned most = 0;

	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	for (unsigned i = 0; i < 400; i++) {
		const unsigned before = world_child_count(w, 0);

		task_queue(inside_ike(w, 0), TASK_CHILD);
		world_run(w, 4);
		if (world_child_count(w, 0) > before)
			child_queue(TAILQ_LAST(&inside_peer(w, 0)->children, child_list), TASK_DELETE_CHILD);
		world_run(w, 4);
		if (world_sa_count(w, 1, true) > most)
			most = world_sa_count(w, 1, true);
	}
	assert_int_equal(most, 2 * 3 * SELECTORS_MAX);
	/* And then there is room again. */
	world_run(w, 5000);
	task_queue(inside_ike(w, 0), TASK_CHILD);
	world_run(w, 100);
	assert_int_equal(world_child_count(w, 1), 2);
	assert_true(world_talks(w));
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

/* A DELETE of a child becomes one of many SPIs that nobody has, and behind them its own. */
#define UNKNOWN_SPIS 1900

static enum fate delete_unknown(struct world *w, struct world_packet *p, void *arg)
{
	static uint8_t data[4 + 4 * UNKNOWN_SPIS] = {PROTOCOL_ESP, 4};
	static struct sealed s;
	bool *done = arg;

	if (p->to != 1 || *done || !sealed_open(w, p, &s) || s.header.exchange != EXCHANGE_INFORMATIONAL)
		return PASS;
	put_u16(data + 2, UNKNOWN_SPIS);
	for (unsigned i = 0; i < UNKNOWN_SPIS; i++)
		put_u16(data + 4 + 4 * i, i + 1);
	memcpy(data + sizeof(data) - 4, s.data + 8, 4);
	s.first = PAYLOAD_NONE;
	s.size = 0;
	sealed_add(&s, PAYLOAD_DELETE, data, sizeof(data));
	sealed_put(w, p, &s);
	*done = true;
	return PASS;
}

static void configure_with_dn(struct world *w, int host)
{
	struct connection_config *c = world_connection(w, host);

	assert_int_equal(identity_from_text(&c->local_id, host ? "CN=one, O=Example" : "CN=zero, O=Example", NULL), 0);
	strcpy(c->remote_id, "*");
	world_configure(w, host, c);
}

/* Each may be a child of any IKE SA of the peer's, and what tells whose one is, is long to compare: who looks at all of
 * them for all of those is busy for a second, in the only thread that there is. */
static void deletes_of_what_is_not_there_cost_little(void **state)
{
	struct silence how = {0};
	struct world *w = *state;
	unsigned children;
	bool done = false;

	w->filter = unsaid;
	w->filter_arg = &how;
	configure_with_dn(w, 1);
	for (unsigned i = 0; i < IKE_SAS_MAX; i++) {
		forget_all(w, 0);
		configure_with_dn(w, 0);
		world_initiate(w, 0);
		world_run(w, 100);
	}
	assert_int_equal(world_ike_count(w, 1), IKE_SAS_MAX);
	w->filter = delete_unknown;
	w->filter_arg = &done;
	children = world_child_count(w, 1);
	child_queue(inside_child(w, 0), TASK_DELETE_CHILD);
	names_read = 0;
	world_run(w, 100);
	assert_true(done);
	assert_in_range(names_read, 0, 2 * IKE_SAS_MAX);
	assert_int_equal(world_ike_count(w, 1), IKE_SAS_MAX);
	/* And what is behind more than any peer has children is not looked for at all. */
	assert_int_equal(world_child_count(w, 1), children);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(downgrade_is_found_out, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(changed_messages_have_no_effect, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(who_has_proven_nothing_deletes_nothing, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(an_error_is_a_refusal_whatever_comes_beside, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(children_are_limited, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(left_children_are_limited, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(ike_sas_are_limited, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(rekeyed_ike_sas_are_limited, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(deletes_of_what_is_not_there_cost_little, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(an_sa_takes_little, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("IKE, hostile", tests, NULL, NULL);
}
