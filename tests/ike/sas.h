/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SAs of one host of a test, as a datapath has them: what the engine's operations on them do, for the world of two
 * (world.c) and for random life (life/world.c).
 */
#ifndef TESTS_IKE_SAS_H
#define TESTS_IKE_SAS_H

#include "engine/engine.h"

struct world_sa {
	bool used;
	bool bound;
	unsigned lane; /* for which it was bound; 0: for all */
	bool lanes;    /* who has none of its own tells */
	bool orphan;   /* of the engine before this one */
	bool reserved; /* it has no key yet */
	struct sa_spec spec;
	uint64_t packets;
	uint64_t last_ms;
	uint64_t made_ms;
	uint32_t generation;
};

/* An array of them, and whether there is room for one more. */
struct sas {
	struct world_sa *sa;
	unsigned count;
	bool room;
	uint64_t now_ms;
};

/* As the operations of engine_ops.h. -EINVAL: what no engine may do. */
int sas_reserve(const struct sas *s, uint32_t spi, const uint8_t src[4], const uint8_t dst[4], struct sa_handle *out);
int sas_add(const struct sas *s, const struct sa_spec *spec, struct sa_handle *out);
int sas_bind(const struct sas *s, struct sa_handle handle, unsigned lane, bool lanes);
void sas_remove(const struct sas *s, struct sa_handle handle);
/* now_ms: of who asks how long ago something came. */
bool sas_usage(const struct sas *s, struct sa_handle handle, uint64_t now_ms, struct sa_usage *out);

#endif
