/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine's SAs in the datapath: slot, vault, sad, sad_out. */
#ifndef IKE_DAEMON_SAD_H
#define IKE_DAEMON_SAD_H

#include "engine/engine.h"
#include "maps/maps.h"

/* Of the maps those that it takes to make and end an SA: sad, sad_out, sad_sent, sa_state, replay, replay_wide, turns,
 * free_slots. */
struct sad_store {
	struct maps maps;
	struct vault_ops vault;
	uint8_t *orphans; /* by slot: made by an earlier run of this process and not yet replaced */
	unsigned orphan_count;
	/* So that those between two hosts are found without a walk through all slots: by their addresses the first
	 * slot, and by slot the next one; plus 1. */
	uint32_t *first_orphan, *next_orphan;
};

/* maps and vault are there; looks for what an earlier run left. 0 or -errno. */
int sad_init(struct sad_store *s, struct fault *f);
void sad_free(struct sad_store *s);

/* The SA in that slot is of an earlier run. */
void sad_note_orphan(struct sad_store *s, uint32_t slot);

/* Fills in the sa_* of the ops; their arg is passed on by the caller's own functions. */
uint32_t sad_spi(struct sad_store *s, const uint8_t dst[4]);
int sad_reserve(struct sad_store *s, uint32_t spi, const uint8_t src[4], const uint8_t dst[4], struct sa_handle *out);
int sad_add(struct sad_store *s, const struct sa_spec *spec, struct sa_handle *out);
int sad_bind(struct sad_store *s, struct sa_handle sa, unsigned lane, bool lanes);
void sad_remove(struct sad_store *s, struct sa_handle sa);
bool sad_usage(const struct sad_store *s, struct sa_handle sa, struct sa_usage *out);
/* Whether the SA is a connection's with gre = yes: the supervisor wants to know when such a one comes or goes. */
bool sad_has_gre(const struct sad_store *s, struct sa_handle sa);
void sad_each_orphan(const struct sad_store *s, orphan_fn fn, void *arg);
void sad_remove_orphans(struct sad_store *s, const uint8_t local[4], const uint8_t remote[4],
			const struct selector *within, unsigned count);

#endif
