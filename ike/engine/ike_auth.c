/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IKE_AUTH, RFC 7296 section 1.2, with RFC 8784 (PPK):
 *
 *   SK{IDi, [CERT,] N(INITIAL_CONTACT), [CERTREQ,] [IDr,] AUTH, N(USE_TRANSPORT_MODE), SAi2, TSi, TSr
 *      [, N(PPK_IDENTITY), N(NO_PPK_AUTH)]}                                                          ─►
 *                              ◄─  SK{IDr, [CERT,] AUTH, [N(PPK_IDENTITY),] N(USE_TRANSPORT_MODE), SAr2, TSi, TSr}
 *
 * Both sides do the same in turn: say who they are and prove it; check who the
 * other is and that it is proven. An IKE SA is up only with every proof it needs.
 */
#include "ike_auth.h"

#include <errno.h>
#include <stdlib.h>

#include "carry.h"
#include "child_payloads.h"
#include "choice.h"
#include "claim.h"
#include "ike_sa_end.h"
#include "ike_sa_up.h"
#include "reauth.h"
#include "renew.h"
#include "wish.h"

static const struct connection_config *config_of(const struct ike_sa *sa)
{
	return sa->peer->connection->config;
}

/* ---- keys ---- */

/* Shared secret and keys, once. The responder does it when IKE_AUTH comes, so that half-open IKE SAs cost it no more
 * than one half of the exchange. */
bool auth_derive_keys(struct ike_sa *sa)
{
	const struct engine_ops *ops = &sa->engine->ops;
	struct handshake *hs = sa->handshake;
	uint8_t secret[DH_SECRET_SIZE];
	const struct chunk ours = CHUNK(hs->nonce), theirs = {hs->peer_nonce, hs->peer_nonce_size};
	const struct keymat_input in = {
		.secret = secret,
		.ni = sa->initiator ? ours : theirs,
		.nr = sa->initiator ? theirs : ours,
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
	};
	int err;

	if (sa->keys_ready)
		return true;
	err = dh_derive(&hs->dh, hs->peer_public, secret);
	if (!err)
		err = keymat_ike(&sa->keys, hs->prf, &in);
	explicit_bzero(secret, sizeof(secret));
	dh_free(&hs->dh);
	if (err && !sa->initiator)
		ike_sa_die(sa, NULL);
	if (err)
		return false;
	sa->keys_ready = true;
	if (ops->keylog)
		ops->keylog(ops->arg, sa->spi_i, sa->spi_r, &sa->keys);
	return true;
}

static uint8_t *sk_p_of(struct ike_sa *sa, bool of_initiator)
{
	return of_initiator ? sa->keys.sk_pi : sa->keys.sk_pr;
}

/* RFC 8784 section 3: SK_d, SK_pi and SK_pr go through the PPK. The plain ones are kept, for a peer that has none. 0 or
 * -errno. */
static int mix_ppk(struct ike_sa *sa)
{
	const struct keyholder_ops *keys = &sa->engine->ops.keys;
	struct handshake *hs = sa->handshake;
	struct ike_keys *k = &sa->keys;
	uint8_t *parts[3] = {k->sk_d, k->sk_pi, k->sk_pr};
	uint8_t *plain[3] = {hs->plain_sk_d, hs->plain_sk_pi, hs->plain_sk_pr};
	int err = 0;

	for (int i = 0; i < 3 && !err; i++) {
		memcpy(plain[i], parts[i], k->size);
		err = keys->ppk(keys->arg, config_of(sa)->ppk_key, k->prf, plain[i], k->size, parts[i]);
	}
	hs->ppk_used = !err;
	return err;
}

static void unmix_ppk(struct ike_sa *sa)
{
	struct handshake *hs = sa->handshake;
	struct ike_keys *k = &sa->keys;

	memcpy(k->sk_d, hs->plain_sk_d, k->size);
	memcpy(k->sk_pi, hs->plain_sk_pi, k->size);
	memcpy(k->sk_pr, hs->plain_sk_pr, k->size);
	hs->ppk_used = false;
}

/* ---- our proof ---- */

static int own_octets(struct ike_sa *sa, const uint8_t *sk_p, struct auth_octets *out)
{
	const struct handshake *hs = sa->handshake;
	const struct chunk init = sa->initiator ? (struct chunk){hs->init_request, hs->init_request_size}
						: (struct chunk){hs->init_response, hs->init_response_size};
	uint8_t id[IDENTITY_BODY_MAX];
	struct writer w = {.data = id, .room = sizeof(id)};

	identity_write(&w, &config_of(sa)->local_id);
	return auth_octets(out, sa->keys.prf, (struct chunk){sk_p, sa->keys.size}, init,
			   (struct chunk){hs->peer_nonce, hs->peer_nonce_size}, (struct chunk){id, w.size});
}

static int write_auth_with(struct ike_sa *sa, const uint8_t *sk_p, struct body *b)
{
	const struct connection_config *config = config_of(sa);
	const struct keyholder_ops *keys = &sa->engine->ops.keys;
	struct auth_octets octets;
	int err = own_octets(sa, sk_p, &octets), bits = 0, type;

	if (err)
		return err;
	if (config->cert) {
		type = credentials_key_type(&config->credentials, &bits);
		err = auth_write_signature(b, keys, config->private_key, type, bits, sa->handshake->peer_hashes,
					   &octets);
	} else {
		err = auth_write_psk(b, keys, config->psk_key, sa->keys.prf, &octets);
	}
	auth_octets_free(&octets);
	return err;
}

/* It may be the clock that is wrong, so it is tried. */
static void warn_of_expired(const struct ike_sa *sa)
{
	const struct engine_ops *ops = &sa->engine->ops;

	if (config_of(sa)->cert && credentials_expired(&config_of(sa)->credentials, ops->wall_s(ops->arg)))
		ike_log(sa, "our own certificate has expired, and the peer will refuse it: get a new one, and reload");
}

/* AUTH, in the end: everything before it has been checked by then. 0 or -errno, logged. */
static int write_auth(struct ike_sa *sa, struct body *b)
{
	int err = write_auth_with(sa, sk_p_of(sa, sa->initiator), b);

	warn_of_expired(sa);
	if (err == -EPROTONOSUPPORT)
		ike_log(sa, "the peer takes no signature that our key can make (RFC 7427 with SHA2 is needed)");
	else if (err)
		ike_log(sa, "the key holder could not sign: %s", strerror(-err));
	return err;
}

static void write_id(struct body *b, uint8_t type, const struct identity *id)
{
	payload_begin(b, type);
	identity_write(&b->w, id);
	payload_end(b);
}

/* ---- the other's proof ---- */

static bool identity_allowed(const struct connection_config *config, const uint8_t remote[4], const struct identity *id)
{
	if (config->remote_id[0])
		return identity_matches(id, config->remote_id);
	return id->type == ID_IPV4_ADDR && id->size == 4 && memcmp(id->data, remote, 4) == 0;
}

static void keep_peer_id(struct ike_sa *sa)
{
	char text[IDENTITY_TEXT];

	identity_text(&sa->handshake->peer_id, text, sizeof(text));
	free(sa->peer_id);
	sa->peer_id = strdup(text);
}

static bool check_identity(struct ike_sa *sa, const struct payload *id)
{
	struct handshake *hs = sa->handshake;

	if (!identity_parse(id, &hs->peer_id)) {
		ike_log(sa, "the peer's identity is of a kind that is not known here");
		return false;
	}
	keep_peer_id(sa);
	if (!identity_allowed(config_of(sa), sa->path.remote, &hs->peer_id)) {
		ike_log(sa, "the peer says it is '%s', and remote-id is '%s': refused", sa->peer_id ? sa->peer_id : "?",
			config_of(sa)->remote_id[0] ? config_of(sa)->remote_id : "its address");
		return false;
	}
	sa->proofs |= PROOF_IDENTITY;
	return true;
}

static int peer_octets(struct ike_sa *sa, const uint8_t *sk_p, const struct payload *id, struct auth_octets *out)
{
	const struct handshake *hs = sa->handshake;
	const struct chunk init = sa->initiator ? (struct chunk){hs->init_response, hs->init_response_size}
						: (struct chunk){hs->init_request, hs->init_request_size};

	return auth_octets(out, sa->keys.prf, (struct chunk){sk_p, sa->keys.size}, init, CHUNK(hs->nonce),
			   (struct chunk){id->data, id->size});
}

static int check_certificate(struct ike_sa *sa, const struct message *m, const struct auth *auth,
			     const struct auth_octets *octets, struct fault *f)
{
	const struct engine_ops *ops = &sa->engine->ops;
	struct peer_certs certs;
	EVP_PKEY *key = NULL;
	int err =
		certs_verify(m, &config_of(sa)->trust, &sa->handshake->peer_id, ops->wall_s(ops->arg), &key, &certs, f);

	if (err)
		return err;
	sa->proofs |= PROOF_CERTIFICATE;
	err = auth_check_signature(auth, key, octets, f);
	EVP_PKEY_free(key);
	if (!err && !reauth_proven(sa, &certs))
		err = fault(f, ENOMEM, "%s", strerror(ENOMEM));
	peer_certs_free(&certs);
	return err;
}

/* auth is the AUTH payload's content, or what NO_PPK_AUTH has in its place. */
static bool check_auth(struct ike_sa *sa, const struct message *m, const struct payload *id, const struct auth *auth)
{
	const struct connection_config *config = config_of(sa);
	struct fault f = {.text = "no memory"};
	struct auth_octets octets;
	int err = peer_octets(sa, sk_p_of(sa, !sa->initiator), id, &octets);

	if (!err) {
		err = config->cert
			      ? check_certificate(sa, m, auth, &octets, &f)
			      : auth_check_psk(auth, &sa->engine->ops.keys, config->psk_key, sa->keys.prf, &octets, &f);
		auth_octets_free(&octets);
	}
	if (err) {
		ike_log(sa, "'%s' is not proven: %s", sa->peer_id ? sa->peer_id : "?", f.text);
		return false;
	}
	sa->proofs |= PROOF_AUTH;
	return true;
}

/* Every bit that this connection asks for. */
static bool is_proven(const struct ike_sa *sa)
{
	const struct connection_config *config = config_of(sa);
	unsigned needed = PROOF_ADDRESS | PROOF_IDENTITY | PROOF_AUTH;

	if (config->cert)
		needed |= PROOF_CERTIFICATE;
	if (config->ppk_required)
		needed |= PROOF_PPK;
	return (sa->proofs & needed) == needed;
}

/* ---- initiator asks ---- */

/* The identity we expect, so that a peer with several knows which to be; a pattern is none. */
static void write_expected_id(struct ike_sa *sa, struct body *b)
{
	const struct connection_config *config = config_of(sa);
	struct identity id;

	if (config->remote_id[0] && !strchr(config->remote_id, '*') &&
	    !identity_from_text(&id, config->remote_id, NULL))
		write_id(b, PAYLOAD_IDR, &id);
}

/* The data of an AUTH payload made with the keys as they were before the PPK, for a peer that does not have it. */
static int write_no_ppk_auth(struct ike_sa *sa, struct body *b)
{
	struct body *scratch = malloc(sizeof(*scratch));
	struct reader r;
	int err;

	if (!scratch)
		return -ENOMEM;
	body_init(scratch);
	err = write_auth_with(sa, sa->handshake->plain_sk_pi, scratch);
	r = reader_of(scratch->data, scratch->w.size);
	read_bytes(&r, PAYLOAD_HEADER_SIZE + AUTH_HEADER_SIZE);
	if (!err)
		notify_write(b, NO_PPK_AUTH, r.at, reader_left(&r));
	free(scratch);
	return err;
}

static void write_ppk_id(const struct connection_config *config, struct body *b)
{
	uint8_t data[1 + sizeof(config->ppk_id)];
	struct writer w = {.data = data, .room = sizeof(data)};

	write_u8(&w, PPK_ID_FIXED);
	write_bytes(&w, config->ppk_id, strlen(config->ppk_id));
	notify_write(b, PPK_IDENTITY, data, w.size);
}

static int write_ppk(struct ike_sa *sa, struct body *b)
{
	const struct connection_config *config = config_of(sa);

	if (!sa->handshake->ppk_used)
		return 0;
	write_ppk_id(config, b);
	return config->ppk_required ? 0 : write_no_ppk_auth(sa, b);
}

static int prepare_ppk(struct ike_sa *sa)
{
	const struct connection_config *config = config_of(sa);

	if (!config->ppk_key || (!sa->handshake->peer_ppk && !config->ppk_required))
		return 0;
	if (sa->handshake->peer_ppk)
		return mix_ppk(sa);
	ike_log(sa, "the peer knows nothing of PPKs, and ppk-required = yes");
	return -EPROTONOSUPPORT;
}

int auth_ask(struct ike_sa *sa, struct task *task, struct body *b)
{
	const struct connection_config *config = config_of(sa);
	int err = prepare_ppk(sa);

	if (err)
		return err;
	write_id(b, PAYLOAD_IDI, &config->local_id);
	if (config->cert) {
		certs_write(b, &config->credentials);
		certreq_write(b, &config->trust);
	}
	sa->handshake->claims_first = claim_may_be_made(sa);
	if (sa->handshake->claims_first)
		notify_write(b, INITIAL_CONTACT, NULL, 0);
	write_expected_id(sa, b);
	err = write_auth(sa, b);
	if (!err && task->children)
		err = child_write_request(sa, task, &config->selectors[task->selector], false, b);
	if (!err)
		err = write_ppk(sa, b);
	return b->w.bad ? -EMSGSIZE : err;
}

/* ---- initiator reads ---- */

/* The peer must say that it used the PPK, or it did not. */
static bool settle_ppk(struct ike_sa *sa, const struct message *m)
{
	if (!sa->handshake->ppk_used)
		return true;
	if (message_notify(m, PPK_IDENTITY, NULL)) {
		sa->proofs |= PROOF_PPK;
		return true;
	}
	if (config_of(sa)->ppk_required) {
		ike_log(sa, "the peer does not have the PPK '%s', and ppk-required = yes", config_of(sa)->ppk_id);
		return false;
	}
	ike_log(sa, "the peer does not have the PPK '%s': going on without", config_of(sa)->ppk_id);
	unmix_ppk(sa);
	return true;
}

/* It is up for the peer already: it is told why it is not for us (RFC 7296 section 2.21.2), and waited for no longer.
 */
static void refuse_peer(struct ike_sa *sa)
{
	struct task *task;

	sa->state = IKE_DELETING;
	peer_on_failure(sa->peer, "the peer is not who it should be: the log has the reason");
	task = task_queue(sa, TASK_DELETE_IKE);
	if (task)
		task->reason = AUTHENTICATION_FAILED;
	else
		ike_sa_die(sa, NULL);
}

static void take_child(struct ike_sa *sa, struct task *task, const struct message *m, struct child **child)
{
	const payload_set needed = HAS(PAYLOAD_SA) | HAS(PAYLOAD_TSI) | HAS(PAYLOAD_TSR);
	const uint16_t error = message_error(m);

	*child = NULL;
	if ((message_payloads(m) & needed) == needed)
		*child = child_read_answer(sa, task, m, false);
	else
		ike_log(sa, "the peer refuses the child: %s", error ? notify_name(error) : "it does not say why");
}

bool auth_on_answer(struct ike_sa *sa, struct task *task, const struct message *m)
{
	const struct payload *id = message_find(m, PAYLOAD_IDR);
	const struct auth auth = auth_parse(message_find(m, PAYLOAD_AUTH));
	struct child *child = NULL;

	claim_settle(sa);
	if (!settle_ppk(sa, m) || !check_identity(sa, id) || !check_auth(sa, m, id, &auth) || !is_proven(sa)) {
		refuse_peer(sa);
		return false;
	}
	sa->handshake->initial_contact = message_notify(m, INITIAL_CONTACT, NULL);
	if (task->children)
		take_child(sa, task, m, &child);
	ike_sa_up(sa);
	if (child)
		child_bind(child);
	if (sa->renews && child)
		renew_done(sa->peer, child);
	else if (sa->renews)
		renew_failed(sa->peer, sa);
	if (!child && task->children)
		peer_on_failure(sa->peer, "the IKE SA is up, but the peer refuses the child: the log has the reason");
	return false;
}

void auth_on_error(struct ike_sa *sa, struct task *task, const struct message *m, uint16_t error)
{
	char why[200];

	(void)task;
	(void)m;
	if (error == AUTHENTICATION_FAILED)
		snprintf(why, sizeof(why),
			 "the peer refuses us (AUTHENTICATION_FAILED): compare %s there and here; its log says more",
			 config_of(sa)->cert ? "identities, CA and certificate" : "identities and PSK");
	else
		snprintf(why, sizeof(why), "the peer refuses IKE_AUTH: %s", notify_name(error));
	ike_sa_die(sa, why);
}

/* ---- responder ---- */

static bool same_kind(const struct connection_config *config, const struct auth *auth)
{
	return config->cert == (auth->method && auth->method != AUTH_PSK);
}

/* What a connection has in common with what the peer says: the more, the better; 0: it is not meant. */
static int fitness(const struct connection_config *config, const struct path *path, const struct identity *id,
		   const struct identity *wanted, const struct auth *auth)
{
	if (!identity_allowed(config, path->remote, id))
		return 0;
	return 1 + same_kind(config, auth) * 2 + (wanted->type && identity_equal(wanted, &config->local_id));
}

static void move_to(struct ike_sa *sa, struct connection *c)
{
	struct peer *p = peer_get(c, sa->path.remote);

	if (!p || p == sa->peer)
		return;
	ike_sa_give(sa, p);
}

/* False: no child is asked for, or not in a way that can be read. */
static bool read_selectors(const struct message *m, struct ts_list *local_ts, struct ts_list *remote_ts)
{
	const struct payload *tsi = message_find(m, PAYLOAD_TSI), *tsr = message_find(m, PAYLOAD_TSR);

	return tsi && tsr && ts_parse(tsi, remote_ts) && ts_parse(tsr, local_ts);
}

/*
 * Several connections may be for the same two hosts: now that the peer says who it is and what it wants a child for,
 * the right one is taken (choice.h). Nothing is proven by that: what is taken here is what the proof is for.
 */
static void choose_connection(struct ike_sa *sa, const struct message *m)
{
	const struct payload *idr = message_find(m, PAYLOAD_IDR);
	const struct auth auth = auth_parse(message_find(m, PAYLOAD_AUTH));
	struct identity id, wanted = {0};
	struct connection *c = NULL, *best = NULL;
	struct ts_list local_ts, remote_ts;
	struct choice choice = {&local_ts, &remote_ts, sa->path.local, sa->path.remote, NULL, SELECTOR_ALL, 0};
	const bool selects = read_selectors(m, &local_ts, &remote_ts);
	int best_fitness = 0;

	if (!identity_parse(message_find(m, PAYLOAD_IDI), &id))
		return;
	if (idr && !identity_parse(idr, &wanted))
		wanted.type = 0;
	while ((c = connection_for(sa->engine, sa->path.local, sa->path.remote, c))) {
		const int f = fitness(c->config, &sa->path, &id, &wanted, &auth);

		if (f > best_fitness) {
			best_fitness = f;
			best = c;
			choice.connection = NULL;
		}
		if (f && f == best_fitness && selects)
			choice_consider(&choice, c);
	}
	if (best)
		move_to(sa, choice.connection ? choice.connection : best);
}

static bool is_our_ppk(const struct connection_config *config, const struct notify *n)
{
	struct reader r = reader_of(n->data, n->size);
	const uint8_t type = read_u8(&r);
	const size_t size = strlen(config->ppk_id);

	return config->ppk_key && type == PPK_ID_FIXED && reader_left(&r) == size &&
	       memcmp(r.at, config->ppk_id, size) == 0;
}

/*
 * Which AUTH is to be checked, and with which keys: with a PPK that we have, AUTH with the keys mixed; with one
 * that we don't, what NO_PPK_AUTH has, which is made by AUTH's method. False: refused.
 */
static bool choose_auth(struct ike_sa *sa, const struct message *m, struct auth *auth)
{
	struct notify ppk, without;

	*auth = auth_parse(message_find(m, PAYLOAD_AUTH));
	if (!message_notify(m, PPK_IDENTITY, &ppk))
		return true;
	if (is_our_ppk(config_of(sa), &ppk)) {
		if (mix_ppk(sa))
			return false;
		sa->proofs |= PROOF_PPK;
		return true;
	}
	if (!message_notify(m, NO_PPK_AUTH, &without)) {
		ike_log(sa, "the peer insists on a PPK that is not configured here: refused");
		return false;
	}
	auth->data = (struct chunk){without.data, without.size};
	return true;
}

static bool check_peer(struct ike_sa *sa, const struct message *m)
{
	const struct payload *id = message_find(m, PAYLOAD_IDI);
	struct auth auth;

	if (!message_find(m, PAYLOAD_AUTH)) {
		ike_log(sa, "the peer wants EAP, which is not for hosts: refused");
		return false;
	}
	choose_connection(sa, m);
	if (!check_identity(sa, id) || !choose_auth(sa, m, &auth) || !check_auth(sa, m, id, &auth))
		return false;
	if (is_proven(sa))
		return true;
	ike_log(sa, "the peer does not use the PPK, and ppk-required = yes: refused");
	return false;
}

static enum verdict refuse(struct question *q)
{
	body_init(q->answer);
	notify_write(q->answer, AUTHENTICATION_FAILED, NULL, 0);
	return VERDICT_ANSWER_AND_DIE;
}

static bool asks_for_child(const struct message *m)
{
	const payload_set needed = HAS(PAYLOAD_SA) | HAS(PAYLOAD_TSI) | HAS(PAYLOAD_TSR);

	return (message_payloads(m) & needed) == needed;
}

/* Without SA and TS it is a childless IKE SA: RFC 6023. */
enum verdict auth_on_request(struct question *q)
{
	struct ike_sa *sa = q->sa;
	struct child_answer answer = {0};

	if (!check_peer(sa, q->m))
		return refuse(q);
	write_id(q->answer, PAYLOAD_IDR, &config_of(sa)->local_id);
	if (config_of(sa)->cert)
		certs_write(q->answer, &config_of(sa)->credentials);
	if (write_auth(sa, q->answer))
		return refuse(q);
	if (sa->handshake->ppk_used)
		notify_write(q->answer, PPK_IDENTITY, NULL, 0);
	if (asks_for_child(q->m))
		answer = child_answer_request(sa, q->m, false, NULL, q->answer);
	sa->handshake->initial_contact = message_notify(q->m, INITIAL_CONTACT, NULL);
	sa->path = *q->path;
	ike_sa_up(sa);
	if (answer.child)
		child_bind_soon(answer.child);
	else if (!asks_for_child(q->m))
		peer_on_childless(sa->peer);
	return verdict_of(answer.error);
}
