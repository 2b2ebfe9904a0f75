/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which datagrams count: Message IDs, directions, exchanges and addresses that are not the ones that are due have no
 * effect, even by who has the keys; what is repeated is answered once more, if it is authentic.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inside.h"
#include "through.h"

static void up(struct world *w)
{
	world_configure_both(w, START_INITIATE);
	world_run(w, 200);
	assert_true(world_is_up(w));
	w->sent = 0;
}

static void give(struct world *w, const struct world_packet *p)
{
	engine_receive(w->hosts[p->to].engine, &p->path, p->data, p->size);
}

/* ---- what comes before the true one, sealed by its keys ---- */

struct fake {
	int32_t id;	  /* added to the Message ID */
	uint8_t exchange; /* put in its place, unless 0 */
	uint8_t flags;	  /* turned over */
	bool response;	  /* of answers, else of requests */
	bool reseal;
	unsigned done;
};

static enum fate fake_first(struct world *w, struct world_packet *p, void *arg)
{
	struct world_packet copy = *p;
	struct fake *f = arg;
	static struct sealed s;

	if (!sealed_open(w, p, &s) || s.header.exchange == EXCHANGE_IKE_AUTH ||
	    !!(s.header.flags & FLAG_RESPONSE) != f->response)
		return PASS;
	copy.data = malloc(1);
	s.header.id += (uint32_t)f->id;
	s.header.flags ^= f->flags;
	if (f->exchange)
		s.header.exchange = f->exchange;
	/* An answer with nothing in it: who takes it thinks that it is refused. */
	if (f->response) {
		s.first = PAYLOAD_NONE;
		s.size = 0;
	}
	sealed_put(w, &copy, &s);
	f->done++;
	give(w, &copy);
	free(copy.data);
	return PASS;
}

/* The same four datagrams as ever: rekey, its answer, DELETE, its answer; and nothing got lost or made twice. */
static void assert_rekeyed(struct world *w, struct fake *f)
{
	const unsigned before = w->sent;

	w->filter = fake_first;
	w->filter_arg = f;
	world_rekey(w, 0, false);
	assert_true(world_run_under_traffic(w, 5000));
	assert_true(f->done > 0);
	assert_true(world_is_up(w));
	assert_int_equal(w->sent - before, 4);
	assert_int_equal(world_sa_count(w, 1, true), 1);
}

static void ids_that_are_not_due(void **state)
{
	static const int32_t off[] = {1, 2, -1, 1000, INT32_MIN};
	struct world *w = *state;

	for (size_t i = 0; i < 2 * sizeof(off) / sizeof(off[0]); i++) {
		struct fake f = {.id = off[i / 2], .response = i & 1};

		world_again(w, i);
		up(w);
		/* A request that is the last one again, by its number, is answered again. */
		if (f.id == -1 && !f.response)
			continue;
		assert_rekeyed(w, &f);
	}
}

static void answer_of_another_exchange(void **state)
{
	struct fake f = {.exchange = EXCHANGE_IKE_AUTH, .response = true};
	struct world *w = *state;

	up(w);
	assert_rekeyed(w, &f);
}

/* From who would be the other end of the IKE SA. */
static void the_wrong_direction(void **state)
{
	for (int response = 0; response < 2; response++) {
		struct fake f = {.flags = FLAG_INITIATOR, .response = response};
		struct world *w = *state;

		world_again(w, 0);
		up(w);
		assert_rekeyed(w, &f);
	}
}

static enum fate reflect(struct world *w, struct world_packet *p, void *arg)
{
	struct world_packet back = *p;

	back.to = !p->to;
	/* Its own address as it knows it; the other one is who it talks to. */
	memcpy(back.path.local, p->path.remote, 4);
	memcpy(back.path.remote, p->path.local, 4);
	(*(unsigned *)arg)++;
	give(w, &back);
	return PASS;
}

/* What one says comes back to it. */
static void what_is_reflected(void **state)
{
	struct world *w = *state;
	unsigned reflected = 0;

	w->filter = reflect;
	w->filter_arg = &reflected;
	world_configure_both(w, START_INITIATE);
	world_run(w, 300);
	assert_true(world_is_up(w));
	world_rekey(w, 1, true);
	assert_true(world_run_under_traffic(w, 3000));
	assert_true(world_is_up(w));
	assert_true(reflected >= 8);
}

/* ---- from elsewhere ---- */

static enum fate from_elsewhere(struct world *w, struct world_packet *p, void *arg)
{
	struct world_packet copy = *p;

	if (*(bool *)arg)
		abort();
	copy.path.remote[3] = 99;
	*(bool *)arg = true;
	give(w, &copy);
	*(bool *)arg = false;
	return PASS;
}

/* The same bytes from another address: not even an answer. */
static void another_address_gets_nothing(void **state)
{
	struct world *w = *state;
	bool giving = false;

	up(w);
	w->filter = from_elsewhere;
	w->filter_arg = &giving;
	for (int i = 0; i < 4; i++) {
		world_rekey(w, i & 1, i & 2);
		assert_true(world_run_under_traffic(w, 5000));
	}
	assert_true(world_is_up(w));
}

/* ---- from another port ---- */

#define OTHER_PORT 40000

struct ports {
	unsigned copies;
	unsigned answers; /* to the other port */
	unsigned asked;	  /* there, by who is to be asked at the true one */
};

/* Each request comes from another port first: nobody is there who would read what is sent to it. */
static enum fate other_port_first(struct world *w, struct world_packet *p, void *arg)
{
	struct world_packet copy = *p;
	struct ports *ports = arg;
	struct ike_header h;

	if (!header_parse(p->data, p->size, &h))
		return PASS;
	if (p->path.local_port == OTHER_PORT) {
		ports->answers += !!(h.flags & FLAG_RESPONSE);
		ports->asked += !(h.flags & FLAG_RESPONSE);
		return DROP;
	}
	if (h.flags & FLAG_RESPONSE)
		return PASS;
	copy.path.remote_port = OTHER_PORT;
	ports->copies++;
	give(w, &copy);
	return PASS;
}

/* Who copies a request and is faster gets its answer, but neither the next one nor what is asked: RFC 7296
 * section 2.11. */
static void a_copy_from_another_port_diverts_nothing(void **state)
{
	struct ports ports = {0};
	struct world *w = connect_through(state, other_port_first, &ports, 60000);

	assert_true(world_is_up(w));
	for (int i = 0; i < 4; i++) {
		world_rekey(w, i & 1, i & 2);
		assert_true(world_run_under_traffic(w, 5000));
	}
	world_run(w, 60000);
	assert_true(world_is_up(w));
	assert_true(ports.copies > 10);
	assert_true(ports.answers > 10);
	assert_int_equal(ports.asked, 0);
	for (int host = 0; host < 2; host++)
		assert_false(world_logged(w, host, "no answer"));
}

struct move {
	uint16_t local, remote; /* of IKE_AUTH's request as it comes */
	uint16_t asked;		/* from where the other one's requests come */
};

static enum fate move_auth(struct world *w, struct world_packet *p, void *arg)
{
	struct move *move = arg;
	struct ike_header h;

	(void)w;
	if (!header_parse(p->data, p->size, &h))
		return PASS;
	if (p->to == 1 && h.exchange == EXCHANGE_IKE_AUTH) {
		p->path.local_port = move->local;
		p->path.remote_port = move->remote;
	}
	if (p->to == 0 && !(h.flags & FLAG_RESPONSE)) {
		assert_int_equal(p->path.local_port, p->path.remote_port);
		move->asked = p->path.remote_port;
	}
	return PASS;
}

/* The peer may go on at port 4500 without a NAT; any other pair of ports is nobody's who is to be asked there. */
static void who_goes_on_at_4500_is_asked_there(void **state)
{
	static const uint16_t moves[][3] = {{IKE_PORT_NAT, IKE_PORT_NAT, IKE_PORT_NAT},
					    {IKE_PORT_NAT, IKE_PORT, IKE_PORT},
					    {IKE_PORT, IKE_PORT_NAT, IKE_PORT},
					    {IKE_PORT_NAT, OTHER_PORT, IKE_PORT}};

	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		struct move move = {.local = moves[i][0], .remote = moves[i][1]};
		struct world *w = connect_through(state, move_auth, &move, 500);

		world_rekey(w, 1, false);
		world_run(w, 5000);
		assert_int_equal(move.asked, moves[i][2]);
		assert_true(world_is_up(w));
	}
}

/* ---- repetitions ---- */

struct repeat {
	bool forged;
	uint64_t apart_ms;
	uint16_t port; /* 0: its own */
	unsigned number;
	unsigned answers;
};

static enum fate repeat_later(struct world *w, struct world_packet *p, void *arg)
{
	struct repeat *r = arg;
	struct ike_header h;

	/* The DELETE of what was rekeyed: nothing is asked for some time after it. */
	if (!header_parse(p->data, p->size, &h) || h.exchange != EXCHANGE_INFORMATIONAL)
		return PASS;
	if (h.flags & FLAG_RESPONSE) {
		r->answers++;
		return PASS;
	}
	if (r->number++)
		return PASS;
	for (uint64_t i = 0; i < 5; i++) {
		struct world_packet copy = *p;

		if (r->port)
			copy.path.remote_port = r->port;
		if (r->forged)
			p->data[p->size - 1] ^= 1;
		world_inject(w, &copy, 150 + i * r->apart_ms);
		if (r->forged)
			p->data[p->size - 1] ^= 1;
	}
	return PASS;
}

static unsigned answers_to(void **state, struct repeat r)
{
	struct world *w = *state;

	world_again(w, 0);
	up(w);
	w->filter = repeat_later;
	w->filter_arg = &r;
	world_rekey(w, 0, false);
	world_run(w, 2000);
	assert_true(r.number == 1);
	return r.answers;
}

/* Once for each, the same bytes; but who has not the keys cannot have us send. */
static void repetition_must_be_authentic(void **state)
{
	assert_int_equal(answers_to(state, (struct repeat){.apart_ms = 150}), 6);
	assert_int_equal(answers_to(state, (struct repeat){.apart_ms = 150, .forged = true}), 1);
}

/* Who has one of them could else have us send as much as it likes. From wherever: but not so that the peer, who asks at
 * its own port, waits for what goes to another one. */
static void repetitions_are_answered_now_and_then(void **state)
{
	static const uint16_t ports[] = {0, OTHER_PORT};

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(answers_to(state, (struct repeat){.port = ports[i]}), 2);
		assert_int_equal(answers_to(state, (struct repeat){.port = ports[i], .apart_ms = 40}), 3);
	}
}

/* ---- garbage inside ---- */

/* A message in two pieces, the second one in its place, and the first one there before. */
static void split(struct world *w, struct world_packet *p, const struct sealed *s)
{
	struct world_packet first = *p;
	const size_t half = s->size / 2;

	first.data = malloc(1);
	sealed_put_fragment(w, &first, s, 0, half, 1, 2);
	give(w, &first);
	free(first.data);
	sealed_put_fragment(w, p, s, half, s->size - half, 2, 2);
}

struct spoil {
	bool response;
	bool split;
};

static enum fate garbage(struct world *w, struct world_packet *p, void *arg)
{
	const struct spoil *how = arg;
	static struct sealed s;

	if (!sealed_open(w, p, &s) || s.header.exchange != EXCHANGE_CREATE_CHILD_SA ||
	    !!(s.header.flags & FLAG_RESPONSE) != how->response)
		return PASS;
	s.data[3]--;
	if (how->split)
		split(w, p, &s);
	else
		sealed_put(w, p, &s);
	return PASS;
}

/* The peer is broken: told so, if it was a question, and the IKE SA is over (RFC 7296 section 2.21.3). */
static void garbage_ends_it(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct spoil how = {.response = i & 1, .split = i & 2};
		struct world *w = *state;

		world_again(w, 0);
		up(w);
		w->filter = garbage;
		w->filter_arg = &how;
		world_rekey(w, 0, false);
		world_run(w, 20);
		assert_true(world_logged(w, !how.response, "malformed inside: IKE SA ended"));
		assert_null(inside_ike(w, !how.response));
		assert_int_equal(w->sent, 2);
	}
}

/* What is well-formed as a chain, and not inside: of a rekey a short nonce, of a DELETE its number of SPIs. */
static enum fate short_nonce_or_count(struct world *w, struct world_packet *p, void *arg)
{
	const struct spoil *how = arg;
	static struct sealed s;
	int at;

	if (!sealed_open(w, p, &s) || s.header.flags & FLAG_RESPONSE || p->to != 1)
		return PASS;
	at = sealed_find(&s, how->split ? PAYLOAD_DELETE : PAYLOAD_NONCE, 0);
	if (at < 0)
		return PASS;
	if (how->split) {
		put_u16(s.data + at + 6, 2);
	} else {
		put_u16(s.data + at + 2, 4 + 15);
		memmove(s.data + at + 4 + 15, s.data + at + 4 + NONCE_SIZE, s.size - (size_t)at - 4 - NONCE_SIZE);
		s.size -= NONCE_SIZE - 15;
	}
	sealed_put(w, p, &s);
	return PASS;
}

/* INVALID_SYNTAX is the end for who says it and for who is told (RFC 7296 section 2.21.3); and the beginning of the
 * next, where it is to be up. */
static void invalid_syntax_ends_it(void **state)
{
	for (int i = 0; i < 3; i++) {
		struct spoil how = {.split = i == 2};
		struct world *w = *state;

		world_again(w, 0);
		up(w);
		w->filter = short_nonce_or_count;
		w->filter_arg = &how;
		if (i == 2)
			child_queue(inside_child(w, 0), TASK_DELETE_CHILD);
		else
			world_rekey(w, 0, i);
		world_run(w, 20);
		for (int host = 0; host < 2; host++) {
			assert_null(inside_ike(w, host));
			assert_null(world_bound(w, host));
		}
		assert_int_equal(w->sent, 2);
		assert_true(world_logged(w, 0, "INVALID_SYNTAX"));
		w->filter = NULL;
		world_run(w, 5000);
		assert_true(world_is_up(w));
	}
}

/* ---- at the same time ---- */

/* What goes to host 0 comes in two pieces: the question's first, the answer's second, the question's second ... */
static enum fate interleave(struct world *w, struct world_packet *p, void *arg)
{
	static const uint64_t late[2][2] = {{5, 20}, {25, 10}};
	static struct sealed s;

	(void)arg;
	if (p->to != 0 || !sealed_open(w, p, &s) || s.header.exchange != EXCHANGE_CREATE_CHILD_SA)
		return PASS;
	for (unsigned i = 0; i < 2; i++) {
		const size_t half = s.size / 2;
		struct world_packet piece = *p;

		piece.data = malloc(1);
		sealed_put_fragment(w, &piece, &s, i ? half : 0, i ? s.size - half : half, (uint16_t)(i + 1), 2);
		world_inject(w, &piece, late[!!(s.header.flags & FLAG_RESPONSE)][i]);
		free(piece.data);
	}
	return DROP;
}

/* Both windows are at the same number: a question and an answer that come together are put together apart. */
static void pieces_of_two_with_one_number(void **state)
{
	struct world *w = *state;

	up(w);
	world_rekey(w, 1, false);
	world_run(w, 3000);
	assert_int_equal(inside_ike(w, 0)->next_id, inside_ike(w, 1)->next_id);
	w->filter = interleave;
	for (int host = 0; host < 2; host++) {
		w->hosts[host].done_count = 0;
		world_rekey(w, host, false);
	}
	world_run(w, 100);
	for (int host = 0; host < 2; host++) {
		assert_int_equal(w->hosts[host].done_count, 1);
		assert_string_equal(w->hosts[host].done_error, "");
	}
	world_run(w, 5000);
	assert_true(world_is_up(w));
}

static enum fate last_word_is_late(struct world *w, struct world_packet *p, void *arg)
{
	bool *held = arg;
	struct ike_header h;

	if (*held || p->to != 0 || !header_parse(p->data, p->size, &h) || h.exchange != EXCHANGE_IKE_AUTH)
		return PASS;
	*held = true;
	world_inject(w, p, 300);
	return DROP;
}

/* For the responder it is up as soon as it has answered, and what it asks then may overtake that answer. */
static void question_before_it_is_up(void **state)
{
	struct world *w = *state;
	bool held = false;

	w->filter = last_word_is_late;
	w->filter_arg = &held;
	world_configure_both(w, START_INITIATE);
	world_run(w, 20);
	assert_true(held);
	world_rekey(w, 1, false);
	world_run(w, 5000);
	assert_int_equal(w->hosts[1].done_count, 1);
	assert_string_equal(w->hosts[1].done_error, "");
	assert_true(world_is_up(w));
}

/* ---- the end of the numbers ---- */

/* As if they had exchanged that many messages by the first's asking. */
static void have_exchanged(struct world *w, uint32_t messages)
{
	inside_ike(w, 0)->next_id = messages;
	inside_ike(w, 1)->expected_id = messages;
}

static void many_messages_bring_new_keys(void **state)
{
	struct world *w = *state;

	up(w);
	have_exchanged(w, UINT32_MAX - 70000);
	world_rekey(w, 0, false);
	world_run(w, 2000);
	assert_int_equal(inside_ike(w, 0)->next_id, UINT32_MAX - 70000 + 2);
	have_exchanged(w, UINT32_MAX - 60000);
	world_rekey(w, 0, false);
	world_run(w, 2000);
	assert_true(inside_ike(w, 0)->next_id < 10 && inside_ike(w, 1)->next_id < 10);
	assert_true(world_talks(w));
	assert_false(world_logged(w, 0, "no Message ID left"));
}

/* Else who has kept what was said at first could say it again. */
static void no_number_comes_again(void **state)
{
	struct world *w = *state;
	uint64_t spi;

	up(w);
	spi = inside_ike(w, 0)->spi_i;
	have_exchanged(w, UINT32_MAX - 1);
	world_rekey(w, 0, false);
	world_run(w, 5000);
	assert_true(world_logged(w, 0, "no Message ID left"));
	assert_true(world_logged(w, 1, "no Message ID left"));
	assert_true(world_is_up(w));
	assert_true(inside_ike(w, 0)->spi_i != spi);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ids_that_are_not_due),
		TEST(answer_of_another_exchange),
		TEST(the_wrong_direction),
		TEST(what_is_reflected),
		TEST(another_address_gets_nothing),
		TEST(a_copy_from_another_port_diverts_nothing),
		TEST(who_goes_on_at_4500_is_asked_there),
		TEST(repetition_must_be_authentic),
		TEST(repetitions_are_answered_now_and_then),
		TEST(garbage_ends_it),
		TEST(invalid_syntax_ends_it),
		TEST(pieces_of_two_with_one_number),
		TEST(question_before_it_is_up),
		TEST(many_messages_bring_new_keys),
		TEST(no_number_comes_again),
	};

	return cmocka_run_group_tests_name("IKE windows", tests, NULL, NULL);
}
