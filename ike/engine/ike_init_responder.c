/* SPDX-License-Identifier: BSD-2-Clause */
#include "ike_init_responder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "crypto/ke.h"
#include "ike_init_payloads.h"
#include "ike_sa_end.h"
#include "nat.h"

/* What one true address may have half-open, or ended not long ago: a peer that starts anew, and as many connections as
 * hosts have between them. */
#define HALF_OPEN_PER_PEER 8

/* From so many on, its next must show that they are its own: else who forges its address keeps it out. */
#define COOKIE_PER_ADDRESS 4

/* ---- without state ---- */

static struct cookie_input cookie_input(const struct path *path, const struct message *m)
{
	const struct payload *nonce = message_find(m, PAYLOAD_NONCE);
	struct cookie_input in = {
		.nonce = nonce->data, .nonce_size = nonce->size, .port = path->remote_port, .spi_i = m->header.spi_i};

	memcpy(in.addr, path->remote, 4);
	return in;
}

static unsigned half_open_between(const struct engine *e, const struct path *path)
{
	const struct peer *p = peer_first(e, peer_key(path->local, path->remote));
	unsigned n = 0;

	for (; p; p = peer_next(p)) {
		const struct ike_sa *sa;

		TAILQ_FOREACH(sa, &p->sas, of_peer)
			n += sa->state == IKE_HALF_OPEN;
	}
	return n;
}

static bool needs_cookie(const struct engine *e, const struct path *path)
{
	return e->cookie_threshold != UINT32_MAX &&
	       (e->half_open >= e->cookie_threshold || half_open_between(e, path) >= COOKIE_PER_ADDRESS);
}

static enum cookie_kind cookie_kind(const struct question *q)
{
	const struct cookie_input in = cookie_input(q->path, q->m);
	struct engine *e = q->engine;
	struct notify n;

	if (!message_notify(q->m, COOKIE, &n))
		return COOKIE_NONE;
	return cookie_check(&e->cookies, engine_now(e), &in, n.data, n.size) ? COOKIE_OURS : COOKIE_FOREIGN;
}

/* Whether it shows that it receives what we send to its address. If it must and does not, it is told how. */
static bool has_cookie(struct question *q)
{
	const struct cookie_input in = cookie_input(q->path, q->m);
	struct engine *e = q->engine;
	uint8_t cookie[COOKIE_SIZE];

	if (!needs_cookie(e, q->path) || cookie_kind(q) == COOKIE_OURS)
		return true;
	cookie_make(&e->cookies, engine_now(e), &in, cookie);
	notify_write(q->answer, COOKIE, cookie, sizeof(cookie));
	return false;
}

/* Whose failure that is: the peer's, if there is one; its mesh's, or nobody's that is known here. Anybody may have
 * forged the address. */
static struct failure *failure_of(const struct question *q)
{
	struct engine *e = q->engine;
	struct connection *c = connection_for(e, q->path->local, q->path->remote, NULL);
	struct peer *p = peer_first(e, peer_key(q->path->local, q->path->remote));

	return p ? &p->last_failures[REFUSED] : c ? &c->failures[REFUSED] : &e->stranger;
}

static void tell_refused(const struct question *q, const char *addr, uint16_t notify, const char *why)
{
	const struct connection *c = connection_for(q->engine, q->path->local, q->path->remote, NULL);
	cJSON *values = cJSON_CreateObject();

	cJSON_AddStringToObject(values, "peer", addr);
	if (notify)
		cJSON_AddStringToObject(values, "notify", notify_name(notify));
	cJSON_AddStringToObject(values, "what", why);
	engine_tell(q->engine, true, "connection_refused", c ? c->config->name : NULL, values);
}

static void refused(const struct question *q, uint16_t notify, const char *why)
{
	char addr[INET_ADDRSTRLEN];

	failure_note(failure_of(q), q->path->remote, engine_now(q->engine), notify, why);
	inet_ntop(AF_INET, q->path->remote, addr, sizeof(addr));
	engine_log(q->engine, LINE_OF_REMOTE | LINE_OF_FAILURE, "IKE_SA_INIT from %s refused: %s", addr, why);
	tell_refused(q, addr, notify, why);
}

/* The proposal and the group. False: the peer has been told what is wrong. */
static bool choose(struct question *q, struct ike_choice *choice)
{
	const int err = proposal_choose_ike(message_find(q->m, PAYLOAD_SA), false, choice);
	char offer[200], why[400];

	if (err) {
		proposal_text(message_find(q->m, PAYLOAD_SA), offer, sizeof(offer));
		snprintf(why, sizeof(why), "it offers %s, and %s", offer,
			 err == -EPROTONOSUPPORT ? PROPOSAL_INSISTS
						 : "not AES_GCM_16-256 with a SHA2 PRF and group 20");
		refused(q, NO_PROPOSAL_CHOSEN, why);
		notify_write(q->answer, NO_PROPOSAL_CHOSEN, NULL, 0);
		return false;
	}
	if (ke_group(q->m) != DH_ECP_384) {
		ke_refuse(q->answer, INVALID_KE_PAYLOAD);
		return false;
	}
	return true;
}

/* ---- with state ---- */

static unsigned half_open_of(const struct peer *p)
{
	const struct ike_sa *sa;
	unsigned n = 0;

	TAILQ_FOREACH(sa, &p->sas, of_peer)
		n += sa->state == IKE_HALF_OPEN || ike_sa_lingers(sa);
	return n;
}

/* Whether one of the payloads from there on begins with that content: has these CAs, and perhaps more. */
static bool is_written(const struct body *b, size_t begun, struct reader content)
{
	struct reader r = reader_of(b->data + begun, b->w.size - begun);

	while (reader_left(&r)) {
		const uint8_t *at;
		uint16_t size;

		read_u16(&r);
		size = read_u16(&r) - PAYLOAD_HEADER_SIZE;
		at = read_bytes(&r, size);
		if (at && size >= reader_left(&content) && memcmp(at, content.at, reader_left(&content)) == 0)
			return true;
	}
	return false;
}

/* One for each CA that any connection between the two has, as long as the message stays in one packet. */
static void write_certreqs(struct ike_sa *sa, struct body *b)
{
	const size_t begun = b->w.size;
	struct body *one = &sa->engine->answer;
	struct connection *c = NULL;

	while ((c = connection_for(sa->engine, sa->path.local, sa->path.remote, c))) {
		struct reader content;

		if (!c->config->cert)
			continue;
		body_init(one);
		certreq_write(one, c->config->trust);
		content = reader_of(one->data, one->w.size);
		read_bytes(&content, PAYLOAD_HEADER_SIZE);
		if (b->w.size + one->w.size + IKE_HEADER_SIZE <= DATAGRAM_MAX && !is_written(b, begun, content))
			payload_write(b, PAYLOAD_CERTREQ, content.at, reader_left(&content));
	}
}

static void write_answer(struct ike_sa *sa, const struct message *m, const struct ike_choice *choice, struct body *b)
{
	body_init(b);
	proposal_answer_ike(b, choice, 0);
	ke_write(b, &sa->handshake->dh);
	payload_write(b, PAYLOAD_NONCE, sa->handshake->nonce, sizeof(sa->handshake->nonce));
	init_write_abilities(b, sa, sa->spi_r, &sa->path, message_notify(m, NAT_DETECTION_SOURCE_IP, NULL));
	notify_write(b, CHILDLESS_IKEV2_SUPPORTED, NULL, 0);
	write_certreqs(sa, b);
}

/* What is in the request. */
static int begin(struct ike_sa *sa, const struct message *m, const struct ike_choice *choice)
{
	if (!init_take_ke_and_nonce(sa, m))
		return -EBADMSG;
	sa->handshake->prf = choice->prf;
	init_read_abilities(sa, m);
	return init_keep_request(sa, (struct chunk){m->data, m->size});
}

static int answer(struct ike_sa *sa, const struct message *m, const struct ike_choice *choice)
{
	struct body *b = &sa->engine->body;
	const struct ike_header h = {
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
		.version = IKE_VERSION,
		.exchange = EXCHANGE_IKE_SA_INIT,
		.flags = FLAG_RESPONSE,
	};
	int err = ike_pair(sa, &sa->handshake->dh);

	if (err)
		return err;
	write_answer(sa, m, choice, b);
	err = flight_clear(&sa->answered, &h, b);
	return err ? err : init_keep_response(sa, (struct chunk){sa->answered.data, sa->answered.sizes[0]});
}

/* The same is chosen of the same request. */
void init_answer_when_possible(struct ike_sa *sa)
{
	const struct handshake *hs = sa->handshake;
	struct ike_choice choice;
	struct message m;

	if (ike_foresee_pair(sa))
		return;
	if (!message_parse(&m, hs->init_request, hs->init_request_size) ||
	    proposal_choose_ike(message_find(&m, PAYLOAD_SA), false, &choice) || answer(sa, &m, &choice))
		ike_sa_die(sa, NULL);
	else
		flight_send(sa, &sa->answered);
}

/* Who comes back again and again is not to wait until the last answers of those that ended need not be repeated any
 * more: the oldest of them makes room. False: all are half-open. */
static bool forget_last_answer(struct peer *p)
{
	struct ike_sa *sa, *oldest = NULL;

	TAILQ_FOREACH(sa, &p->sas, of_peer)
		if (ike_sa_lingers(sa) && (!oldest || sa->kick.due_ms < oldest->kick.due_ms))
			oldest = sa;
	if (oldest)
		ike_sa_forget_answer(oldest);
	return oldest;
}

static void open_half(const struct question *q, struct peer *p, const struct ike_choice *choice)
{
	struct engine *e = q->engine;
	struct ike_sa *sa;

	if (half_open_of(p) >= HALF_OPEN_PER_PEER && !forget_last_answer(p))
		return;
	sa = ike_sa_new(e, p, q->path, false, 0);
	if (!sa)
		return;
	sa->spi_i = q->m->header.spi_i;
	sa->proofs |= PROOF_ADDRESS;
	sa->expected_id = 1;
	table_add(&e->half_open_table, &sa->by_init, ike_init_key(sa->spi_i, q->path->remote));
	sa->handshake->init_cookie = cookie_kind(q);
	if (begin(sa, q->m, choice))
		ike_sa_die(sa, NULL);
	else
		init_answer_when_possible(sa);
}

static bool is_same(struct chunk a, struct chunk b)
{
	return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* A large one is no cookie (RFC 7296 section 2.6). */
static void remember_cookie(struct handshake *hs, struct chunk request)
{
	const size_t size = request.size - IKE_HEADER_SIZE - init_but_cookie(request).size;

	if (size > sizeof(hs->other_cookie))
		return;
	memcpy(hs->other_cookie, (const uint8_t *)request.data + IKE_HEADER_SIZE, size);
	hs->other_cookie_size = size;
}

/*
 * One that was sent again by the time a cookie was asked for, and came when none was needed any more, has its answer
 * already when the one with the cookie comes: the latter is the last that the peer has sent, so it is what the peer's
 * AUTH is over. Whose cookie is not ours anybody may have sent, and replays may come at any time: none of these takes
 * the place of a better one. False: no memory.
 */
static bool keep_better(struct ike_sa *sa, const struct question *q, struct chunk now, struct chunk before)
{
	const enum cookie_kind kind = cookie_kind(q);
	struct handshake *hs = sa->handshake;

	if (kind <= hs->init_cookie) {
		if (kind != COOKIE_NONE)
			remember_cookie(hs, now);
		return true;
	}
	if (hs->init_cookie != COOKIE_NONE)
		remember_cookie(hs, before);
	if (init_keep_request(sa, now))
		return false;
	hs->init_cookie = kind;
	return true;
}

/* RFC 7296 section 2.1: the same request again gets the same answer, once there is one. */
static bool is_repetition(const struct question *q)
{
	const struct chunk now = {q->m->data, q->m->size};
	struct ike_sa *sa = ike_sa_find_half_open(q->engine, q->m->header.spi_i, q->path);
	struct chunk before;

	if (!sa)
		return false;
	if (sa->state != IKE_HALF_OPEN || !sa->handshake->init_request)
		return true;
	before = (struct chunk){sa->handshake->init_request, sa->handshake->init_request_size};
	if (is_same(now, before) ||
	    (is_same(init_but_cookie(now), init_but_cookie(before)) && keep_better(sa, q, now, before)))
		flight_send_to(sa, q->path, &sa->answered);
	return true;
}

/*
 * The address it comes from is not one that we speak with. NAT_DETECTION goes along, though RFC 7296 does not ask for
 * it with an error: a peer behind a NAT learns what the matter is, for its proposal is not.
 */
static enum verdict refuse_address(struct question *q, const char *why)
{
	refused(q, NO_PROPOSAL_CHOSEN, why);
	notify_write(q->answer, NO_PROPOSAL_CHOSEN, NULL, 0);
	if (message_notify(q->m, NAT_DETECTION_SOURCE_IP, NULL))
		nat_write(q->answer, q->m->header.spi_i, 0, q->path);
	return VERDICT_ANSWER;
}

/* Who has got an IKE SA has got its answer, too, which that keeps. */
enum verdict init_on_request(struct question *q)
{
	struct engine *e = q->engine;
	struct connection *c = connection_for(e, q->path->local, q->path->remote, NULL);
	struct ike_choice choice;
	struct chunk nonce;
	char why[FAILURE_TEXT];
	struct peer *p;
	unsigned ends;

	if (!q->m->header.spi_i || !nonce_read(q->m, &nonce))
		return VERDICT_SILENCE;
	if (q->m->size > INIT_MAX) {
		refused(q, 0, "it is larger than any that makes sense");
		return VERDICT_SILENCE;
	}
	if (is_repetition(q))
		return VERDICT_SILENCE;
	if (!c)
		return refuse_address(q, "no connection is for that address");
	if (!has_cookie(q) || !choose(q, &choice))
		return VERDICT_ANSWER;
	ends = nat_ends(q->m, q->path);
	if (ends) {
		nat_why(ends, why, sizeof(why));
		return refuse_address(q, why);
	}
	p = e->half_open < HALF_OPEN_MAX ? peer_get(c, q->path->remote) : NULL;
	if (p)
		open_half(q, p, &choice);
	return VERDICT_SILENCE;
}
