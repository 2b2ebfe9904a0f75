/* SPDX-License-Identifier: BSD-2-Clause */
#include "proof.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike_init_payloads.h"
#include "reauth.h"

/* ---- ours ---- */

static uint8_t *sk_p_of(struct ike_sa *sa, bool of_initiator)
{
	return of_initiator ? sa->keys.sk_pi : sa->keys.sk_pr;
}

static int own_octets(struct ike_sa *sa, const uint8_t *sk_p, struct auth_octets *out)
{
	const struct handshake *hs = sa->handshake;
	const struct chunk init = sa->initiator ? (struct chunk){hs->init_request, hs->init_request_size}
						: (struct chunk){hs->init_response, hs->init_response_size};
	uint8_t id[IDENTITY_BODY_MAX];
	struct writer w = {.data = id, .room = sizeof(id)};

	identity_write(&w, &ike_sa_config(sa)->local_id);
	return auth_octets(out, sa->keys.prf, (struct chunk){sk_p, sa->keys.size}, init,
			   (struct chunk){hs->peer_nonce, hs->peer_nonce_size}, (struct chunk){id, w.size});
}

static struct foreseen_signer signer_of(struct ike_sa *sa)
{
	return (struct foreseen_signer){sa->engine, &sa->foresight, ike_sa_rank(sa)};
}

static int write_by(const struct keyholder_ops *keys, struct ike_sa *sa, const uint8_t *sk_p, struct body *b)
{
	const struct connection_config *config = ike_sa_config(sa);
	struct auth_octets octets;
	int err = own_octets(sa, sk_p, &octets), bits = 0, type;

	if (err)
		return err;
	if (config->cert) {
		type = credentials_key_type(config->credentials, &bits);
		err = auth_write_signature(b, keys, config->private_key, type, bits, sa->handshake->peer_hashes,
					   &octets);
	} else {
		err = auth_write_psk(b, keys, config->psk_key, sa->keys.prf, &octets);
	}
	auth_octets_free(&octets);
	return err;
}

int proof_write_with(struct ike_sa *sa, const uint8_t *sk_p, struct body *b)
{
	struct foreseen_signer signer = signer_of(sa);
	const struct keyholder_ops keys = foreseen_signature(&signer);

	return write_by(&keys, sa, sk_p, b);
}

/* What would be written is thrown away: so what is foreseen is what will be asked for, to the letter. */
bool proof_foresee_with(struct ike_sa *sa, const uint8_t *sk_p)
{
	struct foreseen_signer signer = signer_of(sa);
	const struct keyholder_ops keys = foresee_signature(&signer);
	struct body *scratch;
	int err;

	if (!sa->engine->ops.hands.give || !ike_sa_config(sa)->cert)
		return false;
	scratch = malloc(sizeof(*scratch));
	if (!scratch)
		return false;
	body_init(scratch);
	err = write_by(&keys, sa, sk_p, scratch);
	free(scratch);
	return err == -EINPROGRESS;
}

bool proof_foresee(struct ike_sa *sa)
{
	return proof_foresee_with(sa, sk_p_of(sa, sa->initiator));
}

/* It may be the clock that is wrong, so it is tried. */
static void warn_of_expired(const struct ike_sa *sa)
{
	const struct engine_ops *ops = &sa->engine->ops;

	if (ike_sa_config(sa)->cert && credentials_expired(ike_sa_config(sa)->credentials, ops->wall_s(ops->arg)))
		ike_log(sa, "our own certificate has expired, and the peer will refuse it: get a new one, and reload");
}

/* AUTH, in the end: everything before it has been checked by then. */
int proof_write(struct ike_sa *sa, struct body *b)
{
	int err = proof_write_with(sa, sk_p_of(sa, sa->initiator), b);

	warn_of_expired(sa);
	if (err == -EPROTONOSUPPORT)
		ike_unproven(sa, "the peer takes no signature that our key can make (RFC 7427 with SHA2 is needed)");
	else if (err)
		ike_unproven(sa, "the key holder could not sign: %s", strerror(-err));
	return err ? -EPROTONOSUPPORT : 0;
}

void proof_write_id(struct body *b, uint8_t type, const struct identity *id)
{
	payload_begin(b, type);
	identity_write(&b->w, id);
	payload_end(b);
}

/* A PSK by which the peer has proven itself is the same at both ends. */
void proof_why_refused(const struct ike_sa *sa, char why[FAILURE_TEXT])
{
	const struct connection_config *config = ike_sa_config(sa);
	char id[IDENTITY_TEXT], secrets[40] = "";

	identity_text(&config->local_id, id, sizeof(id));
	if (!config->cert && !(sa->proofs & PROOF_AUTH))
		snprintf(secrets, sizeof(secrets), "the PSKs%s differ, or ", config->ppk_key ? " or PPKs" : "");
	snprintf(why, FAILURE_TEXT,
		 "the peer does not accept who we are: %sits remote-id is not for '%.100s'%s; its log says more",
		 secrets, id, config->cert ? ", or its CA, CRL or clock not for our certificate" : "");
}

/* ---- the other's ---- */

bool proof_allows(const struct connection_config *config, const uint8_t remote[4], const struct identity *id)
{
	if (config->remote_id[0])
		return identity_matches(id, config->remote_id);
	return id->type == ID_IPV4_ADDR && id->size == 4 && memcmp(id->data, remote, 4) == 0;
}

/* Without it nobody knows whose INITIAL_CONTACT ends what (ike_sa_beside). */
static bool keep_peer_id(struct ike_sa *sa)
{
	char text[IDENTITY_TEXT];

	identity_text(&sa->handshake->peer_id, text, sizeof(text));
	free(sa->peer_id);
	make_one_line(text);
	sa->peer_id = strdup(text);
	if (!sa->peer_id)
		ike_unproven(sa, "no memory for the peer's identity");
	return sa->peer_id;
}

bool proof_check_identity(struct ike_sa *sa, const struct payload *id)
{
	struct handshake *hs = sa->handshake;

	if (!identity_parse(id, &hs->peer_id)) {
		ike_unproven(sa, "the peer's identity is of a kind that is not known here");
		return false;
	}
	if (!keep_peer_id(sa))
		return false;
	if (!proof_allows(ike_sa_config(sa), sa->path.remote, &hs->peer_id)) {
		ike_unproven(sa, "the peer says it is '%s', and remote-id is '%s': refused", sa->peer_id,
			     ike_sa_config(sa)->remote_id[0] ? ike_sa_config(sa)->remote_id : "its address");
		return false;
	}
	sa->proofs |= PROOF_IDENTITY;
	return true;
}

static struct chunk peer_init(const struct ike_sa *sa)
{
	const struct handshake *hs = sa->handshake;

	return sa->initiator ? (struct chunk){hs->init_response, hs->init_response_size}
			     : (struct chunk){hs->init_request, hs->init_request_size};
}

static int peer_octets(struct ike_sa *sa, struct chunk init, const struct payload *id, struct auth_octets *out)
{
	return auth_octets(out, sa->keys.prf, (struct chunk){sk_p_of(sa, !sa->initiator), sa->keys.size}, init,
			   CHUNK(sa->handshake->nonce), (struct chunk){id->data, id->size});
}

static struct cert_check check_of(const struct ike_sa *sa, const struct message *m, const struct auth *auth,
				  const struct auth_octets *octets)
{
	const struct engine_ops *ops = &sa->engine->ops;
	struct cert_check check = {
		.trust = ike_sa_config(sa)->trust,
		.id = sa->handshake->peer_id,
		.auth = *auth,
		.octets = {octets->data, octets->size},
		.now = ops->wall_s(ops->arg),
	};

	cert_check_take(&check, m);
	return check;
}

static int check_certificate(struct ike_sa *sa, const struct message *m, const struct auth *auth,
			     const struct auth_octets *octets, struct fault *f)
{
	const struct cert_check check = check_of(sa, m, auth, octets);
	struct cert_verdict v;

	foreseen_check(&sa->foresight, &check, &v);
	if (v.certified)
		sa->proofs |= PROOF_CERTIFICATE;
	if (!v.err && !reauth_proven(sa, &v.certs))
		v.err = fault(&v.why, ENOMEM, "%s", strerror(ENOMEM));
	*f = v.why;
	cert_verdict_free(&v);
	return v.err;
}

static int check_over(struct ike_sa *sa, struct chunk init, const struct message *m, const struct payload *id,
		      const struct auth *auth, struct fault *f)
{
	const struct connection_config *config = ike_sa_config(sa);
	struct auth_octets octets;
	int err = peer_octets(sa, init, id, &octets);

	if (err)
		return err;
	err = config->cert ? check_certificate(sa, m, auth, &octets, f)
			   : auth_check_psk(auth, &sa->engine->ops.keys, config->psk_key, sa->keys.prf, &octets, f);
	auth_octets_free(&octets);
	return err;
}

static int check_over_other(struct ike_sa *sa, const struct message *m, const struct payload *id,
			    const struct auth *auth)
{
	struct fault ignored;
	size_t size;
	uint8_t *other = init_other_request(sa, &size);
	const int err = other ? check_over(sa, (struct chunk){other, size}, m, id, auth, &ignored) : -ENOENT;

	free(other);
	return err;
}

bool proof_check_auth(struct ike_sa *sa, const struct message *m, const struct payload *id, const struct auth *auth)
{
	struct fault f = {.text = "no memory"};

	if (check_over(sa, peer_init(sa), m, id, auth, &f) && check_over_other(sa, m, id, auth)) {
		ike_unproven(sa, "'%s' is not proven: %s", sa->peer_id ? sa->peer_id : "?", f.text);
		return false;
	}
	sa->proofs |= PROOF_AUTH;
	return true;
}

static bool foresee_over(struct ike_sa *sa, struct chunk init, const struct message *m, const struct payload *id,
			 const struct auth *auth, bool *good)
{
	struct auth_octets octets;
	struct cert_check check;
	bool wait;

	if (peer_octets(sa, init, id, &octets))
		return false;
	check = check_of(sa, m, auth, &octets);
	wait = foresee_check(sa->engine, &sa->foresight, ike_sa_rank(sa), &check, good);
	auth_octets_free(&octets);
	return wait;
}

bool proof_foresee_check(struct ike_sa *sa, const struct message *m, const struct payload *id, const struct auth *auth,
			 bool *good)
{
	uint8_t *other;
	size_t size;
	bool wait;

	*good = false;
	if (!ike_sa_config(sa)->cert)
		return false;
	if (foresee_over(sa, peer_init(sa), m, id, auth, good))
		return true;
	other = *good ? NULL : init_other_request(sa, &size);
	wait = other && foresee_over(sa, (struct chunk){other, size}, m, id, auth, good);
	free(other);
	return wait;
}
