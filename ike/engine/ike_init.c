/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IKE_SA_INIT, RFC 7296 section 1.2 and 2.6:
 *
 *   HDR, SAi1, KEi, Ni, N(NAT_DETECTION_*), N(...)      ─►
 *                            ◄─   HDR, N(COOKIE)  or  N(INVALID_KE_PAYLOAD)      nothing is kept
 *   HDR, N(COOKIE), SAi1, KEi, Ni, ...                  ─►
 *                            ◄─   HDR, SAr1, KEr, Nr, N(NAT_DETECTION_*), N(...)
 */
#include "ike_init.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "crypto/ke.h"
#include "ike_keys.h"
#include "ike_sa_end.h"
#include "nat.h"
#include "peer.h"

/* Cookies and groups can be asked for in turns; a peer that goes on doing so has no wish to come to terms. */
#define INIT_RETRIES_MAX 4
/* What one true address may have half-open, or ended not long ago: a peer that starts anew, and as many connections as
 * hosts have between them. */
#define HALF_OPEN_PER_PEER 8

/* From so many on, its next must show that they are its own: else who forges its address keeps it out. */
#define COOKIE_PER_ADDRESS 4

/* Who is meant is known when IDi has come: until then, what any connection has between the two (RFC 8784). */
static bool may_have_ppk(const struct ike_sa *sa)
{
	struct connection *c = NULL;

	if (sa->initiator)
		return sa->peer->connection->config->ppk_key;
	while ((c = connection_for(sa->engine, sa->path.local, sa->path.remote, c)))
		if (c->config->ppk_key)
			return true;
	return false;
}

/* What both sides say beside the essentials. */
static void write_abilities(struct body *b, const struct ike_sa *sa, uint64_t spi_r, const struct path *path, bool nat)
{
	if (nat)
		nat_write(b, sa->spi_i, spi_r, path);
	notify_write(b, IKEV2_FRAGMENTATION_SUPPORTED, NULL, 0);
	hash_algorithms_write(b);
	if (may_have_ppk(sa))
		notify_write(b, USE_PPK, NULL, 0);
}

static void read_abilities(struct ike_sa *sa, const struct message *m)
{
	struct notify n;

	sa->fragmentation = message_notify(m, IKEV2_FRAGMENTATION_SUPPORTED, NULL);
	sa->handshake->peer_ppk = message_notify(m, USE_PPK, NULL);
	if (message_notify(m, SIGNATURE_HASH_ALGORITHMS, &n))
		sa->handshake->peer_hashes = hash_algorithms_parse(&n);
}

/* KE and nonce of the peer. False if either is not as it has to be. */
static bool take_ke_and_nonce(struct handshake *hs, const struct message *m)
{
	const uint8_t *public = ke_public(m);
	struct chunk nonce;

	if (!public || !nonce_read(m, &nonce))
		return false;
	memcpy(hs->peer_public, public, DH_PUBLIC_SIZE);
	memcpy(hs->peer_nonce, nonce.data, nonce.size);
	hs->peer_nonce_size = (uint16_t)nonce.size;
	return true;
}

static int keep(uint8_t **to, size_t *to_size, const void *data, size_t size)
{
	free(*to);
	*to = malloc(size);
	if (!*to)
		return -ENOMEM;
	memcpy(*to, data, size);
	*to_size = size;
	return 0;
}

static void set_low_nonce(struct ike_sa *sa)
{
	const struct handshake *hs = sa->handshake;

	nonce_lower(sa->low_nonce, CHUNK(hs->nonce), (struct chunk){hs->peer_nonce, hs->peer_nonce_size});
}

static void die_of_nat(struct ike_sa *sa)
{
	ike_log(sa, "there is a NAT between this host and the peer (an address or port was changed on the way): "
		    "transport mode "
		    "does not go through NAT: remove it, or use the addresses behind it");
	ike_sa_die(sa, "there is a NAT in the way");
}

/* ---- initiator ---- */

int init_ask(struct ike_sa *sa, struct task *task, struct body *b)
{
	struct handshake *hs = sa->handshake;
	int err = hs->dh.key ? 0 : dh_generate(&hs->dh);

	(void)task;
	if (err)
		return err;
	if (hs->cookie_size)
		notify_write(b, COOKIE, hs->cookie, hs->cookie_size);
	proposal_offer_ike(b, 0);
	ke_write(b, &hs->dh);
	payload_write(b, PAYLOAD_NONCE, hs->nonce, sizeof(hs->nonce));
	write_abilities(b, sa, 0, &sa->path, true);
	return b->w.bad ? -EMSGSIZE : 0;
}

/* IKE_SA_INIT is written once more, with what the peer asked for. */
static void ask_again(struct ike_sa *sa)
{
	if (sa->handshake->retries++ >= INIT_RETRIES_MAX)
		return;
	timer_cancel(&sa->engine->timers, &sa->retransmit);
	task_put_back(sa, 0);
}

/*
 * Nothing of this is authentic (RFC 7296 section 2.21.1). A cookie costs
 * nothing to follow. An error is remembered, and counts if no real answer comes
 * before we would send again.
 */
bool init_on_notify(struct ike_sa *sa, const struct message *m)
{
	struct handshake *hs = sa->handshake;
	struct notify n;

	if (message_notify(m, COOKIE, &n) && !message_find(m, PAYLOAD_SA)) {
		if (!n.size || n.size > COOKIE_MAX)
			return true;
		memcpy(hs->cookie, n.data, n.size);
		hs->cookie_size = (uint8_t)n.size;
		ask_again(sa);
		return true;
	}
	if (!message_error(m))
		return false;
	hs->error = message_error(m);
	if (message_notify(m, INVALID_KE_PAYLOAD, &n)) {
		struct reader r = reader_of(n.data, n.size);

		hs->error_group = read_u16(&r);
	}
	hs->error_nat = !nat_check(m, &sa->path);
	return true;
}

void init_on_error(struct ike_sa *sa, struct task *task, const struct message *m, uint16_t error)
{
	char why[200];

	(void)task;
	(void)m;
	if (sa->handshake->error_nat) {
		die_of_nat(sa);
		return;
	}
	if (error == INVALID_KE_PAYLOAD)
		snprintf(why, sizeof(why), "the peer insists on DH group %u: allow group 20 (ecp384, dh20) there",
			 sa->handshake->error_group);
	else if (error == NO_PROPOSAL_CHOSEN)
		snprintf(why, sizeof(why),
			 "the peer takes none of what is offered: allow AES-256-GCM with a 16-byte ICV, HMAC-SHA2-384 "
			 "(or "
			 "256, 512) as PRF and group 20 (ecp384) there, and check its addresses");
	else
		snprintf(why, sizeof(why), "the peer refuses IKE_SA_INIT: %s", notify_name(error));
	ike_sa_die(sa, why);
}

static int keep_init_messages(struct ike_sa *sa, const struct message *m)
{
	struct handshake *hs = sa->handshake;
	int err = keep(&hs->init_request, &hs->init_request_size, sa->sent.data, sa->sent.sizes[0]);

	return err ? err : keep(&hs->init_response, &hs->init_response_size, m->data, m->size);
}

static void go_on_with_auth(struct ike_sa *sa, const struct task *init)
{
	struct task *task;

	set_low_nonce(sa);
	sa->state = IKE_AUTH_SENT;
	task = task_queue(sa, TASK_AUTH);
	if (!task) {
		ike_sa_die(sa, "no memory");
		return;
	}
	task->selector = init->selector;
	task->children = init->children;
}

bool init_on_answer(struct ike_sa *sa, struct task *task, const struct message *m)
{
	struct handshake *hs = sa->handshake;
	struct ike_choice choice;

	if (proposal_accept_ike(message_find(m, PAYLOAD_SA), false, &choice) || !take_ke_and_nonce(hs, m)) {
		ike_sa_die(sa, "the peer answers IKE_SA_INIT with what was not offered");
		return false;
	}
	sa->spi_r = m->header.spi_r;
	hs->prf = choice.prf;
	read_abilities(sa, m);
	if (!nat_check(m, &sa->path)) {
		die_of_nat(sa);
		return false;
	}
	sa->proofs |= PROOF_ADDRESS;
	if (keep_init_messages(sa, m) || !ike_keys_derive(sa))
		ike_sa_die(sa, "its key exchange is not valid");
	else
		go_on_with_auth(sa, task);
	return false;
}

/* ---- responder, without state ---- */

static void answer_in_clear(struct engine *e, const struct path *path, const struct message *m, const struct body *b)
{
	const struct ike_header h = {
		.spi_i = m->header.spi_i,
		.version = IKE_VERSION,
		.exchange = EXCHANGE_IKE_SA_INIT,
		.flags = FLAG_RESPONSE,
	};
	uint8_t out[256];
	const size_t size = message_write(&h, b, out, sizeof(out));

	if (size)
		e->ops.send(e->ops.arg, path, out, size);
}

static void answer_notify(struct engine *e, const struct path *path, const struct message *m, uint16_t type,
			  const void *data, size_t size)
{
	body_init(&e->body);
	notify_write(&e->body, type, data, size);
	answer_in_clear(e, path, m, &e->body);
}

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

/* Whether it shows that it receives what we send to its address. If it must and does not, it is told how. */
static bool has_cookie(struct engine *e, const struct path *path, const struct message *m)
{
	const struct cookie_input in = cookie_input(path, m);
	uint8_t cookie[COOKIE_SIZE];
	struct notify n;

	if (!needs_cookie(e, path))
		return true;
	if (message_notify(m, COOKIE, &n) && cookie_check(&e->cookies, engine_now(e), &in, n.data, n.size))
		return true;
	cookie_make(&e->cookies, engine_now(e), &in, cookie);
	answer_notify(e, path, m, COOKIE, cookie, sizeof(cookie));
	return false;
}

static void log_refused(struct engine *e, const struct path *path, const char *why)
{
	char addr[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, path->remote, addr, sizeof(addr));
	engine_log(e, true, "IKE_SA_INIT from %s refused: %s", addr, why);
}

/* The proposal and the group. False: the peer has been told what is wrong. */
static bool choose(struct engine *e, const struct path *path, const struct message *m, struct ike_choice *choice)
{
	const int err = proposal_choose_ike(message_find(m, PAYLOAD_SA), false, choice);
	char offer[200], why[400];

	if (err) {
		proposal_text(message_find(m, PAYLOAD_SA), offer, sizeof(offer));
		snprintf(why, sizeof(why), "it offers %s, and %s", offer,
			 err == -EPROTONOSUPPORT ? PROPOSAL_INSISTS
						 : "not AES_GCM_16-256 with a SHA2 PRF and group 20");
		log_refused(e, path, why);
		answer_notify(e, path, m, NO_PROPOSAL_CHOSEN, NULL, 0);
		return false;
	}
	if (ke_group(m) != DH_ECP_384) {
		body_init(&e->body);
		ke_refuse(&e->body, INVALID_KE_PAYLOAD);
		answer_in_clear(e, path, m, &e->body);
		return false;
	}
	return true;
}

/* ---- responder, with state ---- */

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
		certreq_write(one, &c->config->trust);
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
	write_abilities(b, sa, sa->spi_r, &sa->path, message_notify(m, NAT_DETECTION_SOURCE_IP, NULL));
	notify_write(b, CHILDLESS_IKEV2_SUPPORTED, NULL, 0);
	write_certreqs(sa, b);
}

static int answer(struct ike_sa *sa, const struct message *m, const struct ike_choice *choice)
{
	struct handshake *hs = sa->handshake;
	struct body *b = &sa->engine->body;
	const struct ike_header h = {
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
		.version = IKE_VERSION,
		.exchange = EXCHANGE_IKE_SA_INIT,
		.flags = FLAG_RESPONSE,
	};
	int err;

	if (!take_ke_and_nonce(hs, m))
		return -EBADMSG;
	hs->prf = choice->prf;
	read_abilities(sa, m);
	err = dh_generate(&hs->dh);
	if (err)
		return err;
	write_answer(sa, m, choice, b);
	err = flight_clear(&sa->answered, &h, b);
	if (!err)
		err = keep(&hs->init_request, &hs->init_request_size, m->data, m->size);
	return err ? err : keep(&hs->init_response, &hs->init_response_size, sa->answered.data, sa->answered.sizes[0]);
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

static void open_half(struct engine *e, struct peer *p, const struct path *path, const struct message *m,
		      const struct ike_choice *choice)
{
	struct ike_sa *sa;

	if (half_open_of(p) >= HALF_OPEN_PER_PEER && !forget_last_answer(p))
		return;
	sa = ike_sa_new(e, p, path, false, 0);
	if (!sa)
		return;
	sa->spi_i = m->header.spi_i;
	sa->proofs |= PROOF_ADDRESS;
	if (answer(sa, m, choice)) {
		ike_sa_die(sa, NULL);
		return;
	}
	set_low_nonce(sa);
	sa->expected_id = 1;
	table_add(&e->half_open_table, &sa->by_init, ike_init_key(sa->spi_i, path->remote));
	flight_send(sa, &sa->answered);
}

static bool is_complete(const struct message *m)
{
	const struct payload *nonce = message_find(m, PAYLOAD_NONCE);

	return message_find(m, PAYLOAD_SA) && message_find(m, PAYLOAD_KE) && nonce && nonce->size >= NONCE_MIN &&
	       nonce->size <= NONCE_MAX && m->header.spi_i;
}

/* RFC 7296 section 2.1: the same request again gets the same answer. */
static bool is_repetition(struct engine *e, const struct path *path, const struct message *m)
{
	struct ike_sa *sa = ike_sa_find_half_open(e, m->header.spi_i, path);

	if (!sa)
		return false;
	if (sa->state == IKE_HALF_OPEN && m->size == sa->handshake->init_request_size &&
	    memcmp(m->data, sa->handshake->init_request, m->size) == 0)
		flight_send(sa, &sa->answered);
	return true;
}

/*
 * The address it comes from is not one that we speak with. NAT_DETECTION goes along, though RFC 7296 does not ask for
 * it with an error: a peer behind a NAT learns what the matter is, for its proposal is not.
 */
static void refuse_address(struct engine *e, const struct path *path, const struct message *m, const char *why)
{
	log_refused(e, path, why);
	body_init(&e->body);
	notify_write(&e->body, NO_PROPOSAL_CHOSEN, NULL, 0);
	if (message_notify(m, NAT_DETECTION_SOURCE_IP, NULL))
		nat_write(&e->body, m->header.spi_i, 0, path);
	answer_in_clear(e, path, m, &e->body);
}

void init_on_request(struct engine *e, const struct path *path, const struct message *m)
{
	struct connection *c = connection_for(e, path->local, path->remote, NULL);
	struct ike_choice choice;
	struct peer *p;

	if (!is_complete(m) || is_repetition(e, path, m))
		return;
	if (m->size > INIT_MAX) {
		log_refused(e, path, "it is larger than any that makes sense");
		return;
	}
	if (!c) {
		refuse_address(e, path, m, "no connection is for that address");
		return;
	}
	if (m->unknown_critical) {
		answer_notify(e, path, m, UNSUPPORTED_CRITICAL_PAYLOAD, &m->unknown_critical, 1);
		return;
	}
	if (!has_cookie(e, path, m) || !choose(e, path, m, &choice))
		return;
	if (!nat_check(m, path)) {
		refuse_address(
			e, path, m,
			"there is a NAT between the two hosts, and transport mode does not go through NAT (a peer "
			"that forces UDP encapsulation looks the same)");
		return;
	}
	p = e->half_open < HALF_OPEN_MAX ? peer_get(c, path->remote) : NULL;
	if (p)
		open_half(e, p, path, m, &choice);
}
