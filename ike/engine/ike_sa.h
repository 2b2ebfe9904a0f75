/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An IKE SA: its keys, its two windows of one message (RFC 7296 section 2.3),
 * the tasks that wait for the window, its children.
 *
 *   initiator   INIT_SENT ─► AUTH_SENT ─► UP ─► REPLACED ─► DEAD
 *   responder   HALF_OPEN ──────────────► UP ─► DELETING ─► DEAD
 */
#ifndef IKE_IKE_SA_H
#define IKE_IKE_SA_H

#include <sys/queue.h>

#include "crypto/sk.h"
#include "engine_state.h"
#include "identity/auth.h"
#include "peer.h"

/*
 * What one peer may have at a time, dead ones whose last answer is kept among them: one for each selector, as with a
 * peer that refuses PFS (renew.h), and those that are being replaced. An honest peer has one, or two while it is
 * rekeyed; who starts anew and says nothing of it leaves more, and what has been silent longest is what it has
 * forgotten.
 */
#define IKE_SAS_MAX (SELECTORS_MAX + 8)

enum ike_state {
	IKE_INIT_SENT,
	IKE_HALF_OPEN,
	IKE_AUTH_SENT,
	IKE_UP,
	IKE_REPLACED, /* rekeyed: only its DELETE is left to come or to go */
	IKE_DELETING,
	IKE_DEAD, /* freed at the next tick, or when its last answer has been there long enough */
};

/* What must be proven before an IKE SA is up, each bit set where it was proven. */
enum proof {
	PROOF_ADDRESS = 1 << 0,	    /* no NAT between the two */
	PROOF_IDENTITY = 1 << 1,    /* remote-id allows it */
	PROOF_CERTIFICATE = 1 << 2, /* chain, time, revocation, and it names the identity */
	PROOF_AUTH = 1 << 3,	    /* AUTH is right */
	PROOF_PPK = 1 << 4,	    /* the keys have a PPK in them */
};

struct task;

TAILQ_HEAD(task_list, task);

/* What only the handshake needs. */
struct handshake {
	uint8_t nonce[NONCE_SIZE]; /* ours */
	uint8_t peer_nonce[NONCE_MAX];
	uint16_t peer_nonce_size;
	uint8_t cookie[COOKIE_MAX];
	uint8_t cookie_size;
	uint8_t retries; /* of IKE_SA_INIT, by cookie or INVALID_KE_PAYLOAD */
	struct dh dh;
	uint8_t peer_public[DH_PUBLIC_SIZE]; /* responder: the secret is computed when IKE_AUTH comes */
	uint16_t prf;
	uint8_t *init_request; /* RealMessage1 and RealMessage2 of RFC 7296 section 2.15; malloc'd */
	size_t init_request_size;
	uint8_t *init_response;
	size_t init_response_size;
	hash_set peer_hashes;
	bool peer_ppk; /* it sent USE_PPK */
	bool ppk_used;
	bool initial_contact; /* the peer says so */
	bool claims_first;    /* we do, and it has no answer yet */
	uint8_t plain_sk_d[PRF_SIZE_MAX], plain_sk_pi[PRF_SIZE_MAX], plain_sk_pr[PRF_SIZE_MAX]; /* without PPK */
	struct identity peer_id;
	uint16_t error; /* an unauthenticated error came; it counts if nothing better does */
	uint16_t error_group;
	bool error_nat; /* and what came with it shows a NAT */
};

struct ike_sa {
	struct mortal mortal;
	TAILQ_ENTRY(ike_sa) of_peer;
	struct table_node by_spi;  /* ours */
	struct table_node by_init; /* half-open responder: init_key() */
	struct engine *engine;
	struct peer *peer; /* responder: the likeliest until IDi has come */
	enum ike_state state;
	unsigned era;	 /* the peer's when the first of its line began */
	uint64_t serial; /* of all that the engine has made */
	bool initiator;	 /* of this IKE SA: whose SPI is spi_i */
	bool fragmentation;
	bool keys_ready;
	bool renews;	/* made in place of a rekey that the peer refuses (renew.h) */
	bool in_doubt;	/* made as another one of the peer's does not answer (doubt.h) */
	bool sends;	/* something left on its children between the last two looks */
	bool rekey_due; /* its time to be rekeyed has come: the next is its end */
	unsigned proofs;
	uint64_t spi_i;
	uint64_t spi_r;
	struct path path;
	struct ike_keys keys;
	struct handshake *handshake; /* NULL once it is up */
	char *peer_id;		     /* text, for people; malloc'd */
	uint8_t low_nonce[NONCE_SIZE];
	/* Of the handshake that it, or what it is an heir of, came from: both ends know a line of rekeys by that. */
	struct {
		uint8_t low_nonce[NONCE_SIZE];
		uint64_t up_ms;
		bool ours; /* we began it */
	} line;
	uint64_t started_ms; /* IKE_SA_INIT went or came */
	uint64_t up_ms;
	uint64_t heard_ms;  /* last authentic message */
	uint64_t probed_ms; /* a liveness exchange was begun */
	uint64_t carried;   /* packets that had left on its children at the last look */

	/* our requests */
	uint32_t next_id;
	struct task_list tasks;
	struct task *running; /* in the window; not in tasks */
	struct flight sent;
	unsigned tries;
	struct timer retransmit;
	struct timer kick; /* there is a task, or it is dead: something is to be done */

	/* the peer's */
	uint32_t expected_id;
	struct flight answered;		 /* to expected_id - 1 */
	struct reassembly reassembly[2]; /* of the peer's questions and of its answers */

	struct child_list children;
	struct ike_sa *rival; /* made by the peer while we were rekeying this one; or its heir, */
	bool rival_won;	      /* then, as the peer has gone on with it */
	struct timer life;    /* half-open: time is up; up: rekey; then the end */
	struct timer liveness;
	uint32_t asked_beside; /* selectors of its children that another one was asked for, so that it may go */

	/* reauth.c */
	struct proven *proven; /* NULL until it is up */
	struct timer reauth;
	bool moves;		  /* it is to take over what others between the two carry, */
	uint32_t asked;		  /* and has asked for children for these selectors, by their index, */
	uint32_t asked_elsewhere; /* for these on other IKE SAs, */
	bool others_asked;	  /* and for those of other connections */
};

/* Sent so often without an answer, it is doubtful whether the peer still knows the IKE SA. */
#define DOUBT_TRIES 2

/* What may go to a peer without asking: its own words are cut to be printable before. */
void ike_log(const struct ike_sa *sa, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes one, entered by our SPI (chosen unless given, 0), with a handshake. NULL: no memory. */
struct ike_sa *ike_sa_new(struct engine *e, struct peer *peer, const struct path *path, bool initiator,
			  uint64_t our_spi);

/* One that no other IKE SA has. */
uint64_t ike_spi_fresh(struct engine *e);

/* Our SPI. */
static inline uint64_t ike_spi_ours(const struct ike_sa *sa)
{
	return sa->initiator ? sa->spi_i : sa->spi_r;
}

static inline struct sk_key *ike_key_out(struct ike_sa *sa)
{
	return sa->initiator ? &sa->keys.ei : &sa->keys.er;
}

static inline const struct sk_key *ike_key_in(const struct ike_sa *sa)
{
	return sa->initiator ? &sa->keys.er : &sa->keys.ei;
}

/* There is something to do at the next tick, or then. */
void ike_sa_kick(struct ike_sa *sa, uint64_t at_ms);

/* Of the next request of ours. */
struct ike_header ike_request_header(const struct ike_sa *sa, uint8_t exchange);

/* Sends as is what was sent before. */
void flight_send(struct ike_sa *sa, const struct flight *f);

/* Its request was sent, and sent again, without an answer. */
static inline bool ike_sa_is_doubtful(const struct ike_sa *sa)
{
	return sa->running && sa->tries > DOUBT_TRIES;
}

/* The IKE SA is that peer's from now on. */
void ike_sa_give(struct ike_sa *sa, struct peer *p);

/* Dead, and for the sake of that answer alone still there. */
static inline bool ike_sa_lingers(const struct ike_sa *sa)
{
	return sa->state == IKE_DEAD && timer_is_set(&sa->kick);
}

/* Another IKE SA between the same two addresses and identities, of whichever connection: the next one after `after`. */
struct ike_sa *ike_sa_beside(const struct ike_sa *sa, const struct ike_sa *after);

/* False: it was taken down, and ends as soon as it can, or as its heir. */
static inline bool ike_sa_is_wanted(const struct ike_sa *sa)
{
	return sa->era == sa->peer->era && sa->state != IKE_DEAD;
}

/* Frees now: it has no child and no task any more. Only for the tick and for the end of the engine, and for who has
 * just made it. */
void ike_sa_free(struct ike_sa *sa);

/* Who has it as a rival has the heir as one from now on; NULL: none. */
void ike_sa_pass_links(struct ike_sa *sa, struct ike_sa *heir);

void handshake_free(struct ike_sa *sa);

/* ---- half-open ones ---- */

uint64_t ike_init_key(uint64_t spi_i, const uint8_t remote[4]);
struct ike_sa *ike_sa_find(const struct engine *e, uint64_t our_spi);
struct ike_sa *ike_sa_find_half_open(const struct engine *e, uint64_t spi_i, const struct path *path);

/* The lower of two nonces as NONCE_SIZE bytes: cut, or padded with zeros (RFC 7296 section 2.8: compared
 * octet by octet). */
void nonce_lower(uint8_t out[NONCE_SIZE], struct chunk a, struct chunk b);

#endif
