/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Manual SAs, which people add and delete. An outbound SA carries what policies protect between its addresses from the
 * moment it is added. The SA whose place it takes stays in the list until that is deleted, too.
 */
#ifndef LOADER_POLICY_SA_H
#define LOADER_POLICY_SA_H

#include <net/if.h>

#include "lib/json.h"
#include "maps/layout.h"
#include "maps/maps.h"
#include "maps/vault.h"
#include "sa_sent.h"

#define SA_DEFAULT_REPLAY_WINDOW 1024
/* RFC 4303 section 2.1: 0 is never sent, 1 to 255 are IANA's. */
#define SA_SPI_MIN 256

struct sa_request {
	uint8_t src[4];
	uint8_t dst[4];
	uint32_t spi;
	bool esn;
	uint16_t replay_window;
	uint64_t seq; /* last number sent, or highest received */
	struct selector sel;
	bool either_end;       /* the SA is also for sel's ports exchanged */
	char dev[IF_NAMESIZE]; /* the NIC that the SA is bound to; "": to none */
};

/* Where SAs are kept: maps and keys. */
struct sa_database {
	const struct maps *maps;
	struct vault *vault;
	struct sa_sent sent; /* what SAs that are gone have sent */
	int keylog;	     /* where keys are logged (maps/keylog.h); -1: nowhere */
};

/* Reads the words of 'sa add'. -EINVAL with the word that makes no sense, -ERANGE for an SPI that must not be used. */
int sa_request_parse(const cJSON *words, struct sa_request *out, struct fault *f);

/* Reads the words of 'sa show' and 'sa del': spi, and dst where it is given. -EINVAL. */
int sa_selector_parse(const cJSON *words, uint32_t *spi, uint8_t dst[4], struct fault *f);

/* Adds an SA with its key, which stays the caller's to wipe. 0; 1 with a note in f: it is added, and begins at a
 * sequence number that the peer may drop; or -errno, and nothing has changed. */
int sa_add(struct sa_database *db, const struct sa_request *request, const uint8_t keymat[ESP_KEYMAT_SIZE],
	   struct fault *f);

/* Deletes the manual SA of that SPI and destination, and wipes its key. 0 or -ENOENT. */
int sa_delete(struct sa_database *db, uint32_t spi, const uint8_t dst[4], struct fault *f);

/* Deletes all manual SAs. 0 or -errno. */
int sa_flush(struct sa_database *db, struct fault *f);

/* Takes away every SA that an earlier run has left, whose keys are gone with that run's vault. Returns how many of them
 * were added by hand. */
unsigned sa_forget_all(struct sa_database *db);

struct sa_kept {
	unsigned manual;
	unsigned ike;
};

/* Takes over the SAs of an earlier run whose keys are in the vault (those of IKE only if ike says so), as they are, and
 * takes away all others. Returns how many of these were added by hand. */
unsigned sa_keep(struct sa_database *db, bool ike, struct sa_kept *kept);

/*
 * Gives back the slots of IKE's that have no key: it was killed between claiming one, or reserving it, and storing the
 * key, and nobody else knows of them. Only while no process of IKE's runs, so that no key can come any more. Nonces are
 * as safe as ever: a key that was not stored has sealed nothing, and the slot is claimed anew by the rules of slots.h.
 */
void sa_drop_unfinished(struct sa_database *db);

/* Binds the SAs of a NIC that came back under another ifindex to the NIC as it is now. */
void sa_rebind_dev(struct sa_database *db, uint32_t old_ifindex, uint32_t ifindex);

#endif
