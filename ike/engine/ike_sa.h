/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An IKE SA: its keys, its two windows of one message each (RFC 7296 section 2.3), the tasks that wait for our window,
 * its children. It is made, found and freed here; ike_sa_up.h, ike_sa_life.h and ike_sa_end.h have what becomes of it.
 *
 *   initiator   INIT_SENT ─► AUTH_SENT ─► UP ─► REPLACED ─► DEAD
 *   responder   HALF_OPEN ──────────────► UP ─► DELETING ─► DEAD
 */
#ifndef IKE_ENGINE_IKE_SA_H
#define IKE_ENGINE_IKE_SA_H

#include <sys/queue.h>

#include "backlog.h"
#include "crypto/sk.h"
#include "engine_state.h"
#include "foresight.h"
#include "identity/auth.h"
#include "peer.h"

/*
 * How many one peer may have at a time, those included that are dead and whose last answer is kept. With a peer that
 * refuses PFS each selector has an IKE SA of its own (renew.h), and some are being replaced. Any other honest peer has
 * one, or two during a rekey. A peer that starts anew and does not say so leaves more, and has forgotten those that
 * have been silent longest (room.h).
 */
#define IKE_SAS_MAX (SELECTORS_MAX + 8)

enum ike_state {
	IKE_INIT_SENT,
	IKE_HALF_OPEN,
	IKE_AUTH_SENT,
	IKE_UP,
	IKE_REPLACED, /* rekeyed, or forgotten by the peer: only its DELETE, or its end, is still to come */
	IKE_DELETING,
	IKE_DEAD, /* freed by the next tick; or later, if the peer may ask for the last answer again */
};

/* What must be proven before an IKE SA is up. Each bit is set where that is proven, and nowhere else; ike_sa_admit()
 * alone decides by them. */
enum proof {
	PROOF_ADDRESS = 1 << 0,	    /* no NAT between the two */
	PROOF_IDENTITY = 1 << 1,    /* remote-id allows it */
	PROOF_CERTIFICATE = 1 << 2, /* chain, time, revocation, and the certificate names the identity */
	PROOF_AUTH = 1 << 3,	    /* AUTH is right */
	PROOF_PPK = 1 << 4,	    /* the keys have a PPK in them */
};

struct task;

TAILQ_HEAD(task_list, task);

/* The cookie in front of an IKE_SA_INIT: the better it is, the surer it is that the peer has sent that one. */
enum cookie_kind {
	COOKIE_FOREIGN, /* not ours: the peer was asked for it by somebody else, or somebody else has put it there */
	COOKIE_NONE,
	COOKIE_OURS,
};

/* Of a payload that has a cookie in it. */
#define COOKIE_PAYLOAD_MAX (8 + COOKIE_MAX)

/* What only the handshake needs, and what goes with its end. */
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
	enum cookie_kind init_cookie;		  /* responder: that of init_request, */
	uint8_t other_cookie[COOKIE_PAYLOAD_MAX]; /* and the payload that was in front of the same request, too */
	size_t other_cookie_size;
	uint8_t *init_response;
	size_t init_response_size;
	hash_set peer_hashes;
	bool peer_ppk;	     /* the peer sent USE_PPK */
	bool peer_childless; /* the peer takes an IKE SA without a child */
	bool ppk_used;
	bool initial_contact; /* the peer has sent INITIAL_CONTACT */
	bool claims_first;    /* we have, and there is no answer yet (claim.h) */
	uint8_t plain_sk_d[PRF_SIZE_MAX], plain_sk_pi[PRF_SIZE_MAX], plain_sk_pr[PRF_SIZE_MAX]; /* without PPK */
	struct identity peer_id;
	bool unacceptable; /* whatever the peer proves; why is recorded */
	uint16_t error;	   /* the peer's, in the clear: anybody's, so it counts only if no answer comes */
	uint16_t error_group;
	unsigned error_nat; /* enum nat_end: what came with the error shows */
	const char *unfit;  /* NOT_AS_ASKED: what is wrong with the answer */
};

struct ike_sa {
	struct mortal mortal;
	TAILQ_ENTRY(ike_sa) of_peer;
	struct table_node by_spi;  /* our SPI */
	struct table_node by_init; /* ike_init_key(); half-open responder */
	struct engine *engine;
	struct peer *peer; /* responder, before IDi has come: of the likeliest connection */
	enum ike_state state;
	unsigned era;	 /* peer.era when the first IKE SA of this line began */
	uint64_t serial; /* of all that the engine has made */
	bool initiator;	 /* we are: spi_i is our SPI */
	bool fragmentation;
	bool keys_ready;
	bool refused;  /* its peer was, before it was up, and its last answer is kept */
	bool opening;  /* counts among those that this host opens (opening.h), */
	bool opened;   /* or did */
	bool renews;   /* made in place of a rekey that the peer refuses (renew.h) */
	bool in_doubt; /* made as another one of the peer's does not answer (doubt.h) */
	bool sends;    /* packets have left on the children between the last two looks (liveness.h) */
	bool leaves;   /* deleted by us: the DELETE is queued, or will be (ike_sa_delete.h) */
	bool leaves_if_redundant;
	uint16_t leave_reason; /* the error that goes with the DELETE; 0: none */
	bool rekey_due;	       /* the rekey is due: when sa->life is due next, that is the end */
	unsigned proofs;
	uint64_t spi_i;
	uint64_t spi_r;
	struct path path; /* where the peer is asked; its questions are answered where they come from */
	struct ike_keys keys;
	struct handshake *handshake; /* NULL once the IKE SA is up */
	char *peer_id;		     /* text; malloc'd; NULL: it has not said yet who it is */
	uint8_t low_nonce[NONCE_SIZE];
	/* Of the handshake that its line of rekeys began with: both ends know the line by that. */
	struct {
		uint8_t low_nonce[NONCE_SIZE];
		uint64_t up_ms;
		bool ours; /* we began the handshake */
	} line;
	uint64_t started_ms;  /* IKE_SA_INIT went or came */
	uint64_t up_ms;	      /* 0: the peer has proven nothing yet */
	uint64_t heard_ms;    /* last authentic message */
	uint64_t patience_ms; /* after so much silence the next one is (liveness.h) */
	uint64_t probed_ms;   /* a liveness exchange was begun */
	uint64_t carried;     /* packets that had left on the children at the last look */

	/* our requests */
	uint32_t next_id;
	struct task_list tasks;
	struct task *running; /* in the window; not in tasks */
	struct flight sent;
	unsigned tries;
	int send_error; /* errno of what was sent last; 0: it has left this host */
	struct timer retransmit;
	struct timer kick; /* a task is to be sent; dead: the last answer need not be repeated any more */

	/* the peer's */
	uint32_t expected_id;
	struct flight answered;		 /* to expected_id - 1 */
	uint64_t answered_ms[2];	 /* when that went last: to where the peer is asked, and elsewhere */
	struct reassembly reassembly[2]; /* of the peer's questions and of its answers */

	/* what takes long */
	struct foresight foresight;
	struct backlog backlog;

	struct child_list children;
	struct ike_sa *rival; /* made by the peer while we were rekeying this one; or an heir of that */
	bool rival_won;	      /* this is an heir, and the peer has gone on with its own heir */
	struct timer life;    /* half-open: given up; up: the rekey, and after that the end */
	struct timer liveness;
	uint32_t asked_beside; /* selectors of its children that the other one of two was asked for (redundant.h) */

	/* proving itself anew: reauth.h, move.h */
	struct proven *proven; /* NULL until the IKE SA is up */
	struct timer reauth;
	bool moves;		  /* this IKE SA is to take over what older ones between the two hosts carry */
	uint32_t asked;		  /* for that: selectors that this IKE SA was asked for, */
	uint32_t asked_elsewhere; /* that are wanted on IKE SAs of their own, */
	bool others_asked;	  /* and whether other connections want theirs */
};

/* A request was sent so often without an answer that the peer may have forgotten the IKE SA. */
#define DOUBT_TRIES 2

/* One line, with the SPIs in front. What a peer has said is printable before it comes here. */
void ike_log(const struct ike_sa *sa, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* An event, with the SPIs, whose the peer is, and what else there is in values, which may be NULL, and are deleted. */
void ike_tell(const struct ike_sa *sa, const char *event, cJSON *values);

/*
 * What this host wants of p (FAILED), or what is wanted of it (REFUSED), has come to nothing on the IKE SA: logged as
 * by ike_log(), and recorded as by peer_failure().
 */
void ike_failure(const struct ike_sa *sa, struct peer *p, enum failure_kind kind, uint16_t notify, const char *format,
		 ...) __attribute__((format(printf, 5, 6)));

/* One of the two is not proven in the handshake: AUTHENTICATION_FAILED for whoever began it. */
void ike_unproven(const struct ike_sa *sa, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes an IKE SA, found by our_spi from now on. our_spi 0: it begins with a handshake, and its SPI is chosen here;
 * else it is the heir of another one. NULL: no memory. */
struct ike_sa *ike_sa_new(struct engine *e, struct peer *peer, const struct path *path, bool initiator,
			  uint64_t our_spi);

/* An SPI that no IKE SA has. */
uint64_t ike_spi_fresh(struct engine *e);

static inline const struct connection_config *ike_sa_config(const struct ike_sa *sa)
{
	return sa->peer->connection->config;
}

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

/* The tick looks for something to send at that time, or sooner if it was to already. */
void ike_sa_kick(struct ike_sa *sa, uint64_t at_ms);

/* The header of our next request. */
struct ike_header ike_request_header(const struct ike_sa *sa, uint8_t exchange);

/* Sends the flight's datagrams, as they are: to where the peer is asked, or by the way that a question of its came. */
void flight_send(struct ike_sa *sa, const struct flight *f);
void flight_send_to(struct ike_sa *sa, const struct path *path, const struct flight *f);

/* The request in the window was sent DOUBT_TRIES times, and again, without an answer. */
static inline bool ike_sa_is_doubtful(const struct ike_sa *sa)
{
	return sa->running && sa->tries > DOUBT_TRIES;
}

/* How long what it needs may wait for what others need. A half-open one has no answer from us, or is heard after that.
 */
static inline enum job_rank ike_sa_rank(const struct ike_sa *sa)
{
	if (sa->state != IKE_HALF_OPEN)
		return JOB_OF_KNOWN;
	return sa->answered.count ? JOB_OF_SERIOUS : JOB_OF_ANYBODY;
}

/* A key pair and a shared secret, as dh_generate() and dh_derive() (crypto/dh.h), by what is known of it. */
static inline int ike_pair(struct ike_sa *sa, struct dh *out)
{
	return foreseen_pair(&sa->foresight, out);
}

static inline int ike_secret(const struct ike_sa *sa, const struct dh *own, const uint8_t peer[DH_PUBLIC_SIZE],
			     uint8_t secret[DH_SECRET_SIZE])
{
	return foreseen_secret(&sa->foresight, own, peer, secret);
}

/* Whether to wait for them: foresight.h. */
static inline bool ike_foresee_pair(struct ike_sa *sa)
{
	return foresee_pair(sa->engine, &sa->foresight, ike_sa_rank(sa));
}

static inline bool ike_foresee_secret(struct ike_sa *sa, const struct dh *own, const uint8_t peer[DH_PUBLIC_SIZE])
{
	return foresee_secret(sa->engine, &sa->foresight, ike_sa_rank(sa), own, peer);
}

/* The IKE SA is that peer's from now on. */
void ike_sa_give(struct ike_sa *sa, struct peer *p);

/* Dead, and there for the sake of its last answer alone, which the peer may ask for again. */
static inline bool ike_sa_lingers(const struct ike_sa *sa)
{
	return sa->state == IKE_DEAD && timer_is_set(&sa->kick);
}

/* The other IKE SAs between the same two addresses and identities, of whatever connection, or identities that may be
 * the same: the first, or the next one after `after`; NULL at the end. */
struct ike_sa *ike_sa_beside(const struct ike_sa *sa, const struct ike_sa *after);

/* False: the peer was taken down since the IKE SA began. The IKE SA, or its heir, ends as soon as possible. */
static inline bool ike_sa_is_wanted(const struct ike_sa *sa)
{
	return sa->era == sa->peer->era && sa->state != IKE_DEAD;
}

/* Frees the IKE SA, which has no child and no task any more. Only for the tick, for the engine's end, and for who has
 * just made the IKE SA. */
void ike_sa_free(struct ike_sa *sa);

/* The IKE SA that has this one as its rival has the heir as its rival from now on; NULL: none. */
void ike_sa_pass_links(struct ike_sa *sa, struct ike_sa *heir);

/* What only the handshake needs is wiped and freed. Done twice, it counts once. */
void handshake_free(struct ike_sa *sa);

/* By our SPI. NULL: there is none. */
struct ike_sa *ike_sa_find(const struct engine *e, uint64_t our_spi);

/* Half-open, by the SPI and the address of the peer, which has not read ours yet; and the key of by_init. */
uint64_t ike_init_key(uint64_t spi_i, const uint8_t remote[4]);
struct ike_sa *ike_sa_find_half_open(const struct engine *e, uint64_t spi_i, const struct path *path);

/* The lower of two nonces, compared octet by octet (RFC 7296 section 2.8), as NONCE_SIZE bytes: cut, or padded with
 * zeros. */
void nonce_lower(uint8_t out[NONCE_SIZE], struct chunk a, struct chunk b);

#endif
