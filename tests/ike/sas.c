/* SPDX-License-Identifier: BSD-2-Clause */
#include "sas.h"

#include <errno.h>
#include <string.h>

static int claim(const struct sas *s, const struct sa_spec *spec, bool reserved, struct sa_handle *out)
{
	for (uint32_t i = 0; i < s->count && s->room; i++) {
		struct world_sa *sa = &s->sa[i];

		if (sa->used)
			continue;
		*sa = (struct world_sa){.used = true,
					.reserved = reserved,
					.generation = sa->generation + 1,
					.made_ms = s->now_ms,
					.spec = *spec};
		*out = (struct sa_handle){i, sa->generation};
		return 0;
	}
	return -ENOSPC;
}

int sas_reserve(const struct sas *s, uint32_t spi, const uint8_t src[4], const uint8_t dst[4], struct sa_handle *out)
{
	struct sa_spec spec = {.spi = spi, .inbound = true};

	memcpy(spec.src, src, 4);
	memcpy(spec.dst, dst, 4);
	return claim(s, &spec, true, out);
}

static struct world_sa *sa_of(const struct sas *s, struct sa_handle handle)
{
	struct world_sa *sa = &s->sa[handle.slot % s->count];

	return sa->used && sa->generation == handle.generation ? sa : NULL;
}

int sas_add(const struct sas *s, const struct sa_spec *spec, struct sa_handle *out)
{
	struct world_sa *sa = sa_of(s, spec->reserved);

	if (!sa)
		return claim(s, spec, false, out);
	if (!sa->reserved || !spec->inbound || sa->spec.spi != spec->spi || memcmp(sa->spec.dst, spec->dst, 4) != 0 ||
	    memcmp(sa->spec.src, spec->src, 4) != 0)
		return -EINVAL;
	sa->spec = *spec;
	sa->reserved = false;
	*out = spec->reserved;
	return 0;
}

/* Of one lane; or what an earlier run had for a lane, once there is another one for all (daemon/sad.c). */
static bool takes_over(const struct world_sa *from, const struct world_sa *sa)
{
	return from->lane == sa->lane || (!sa->lane && from->orphan);
}

static bool same_traffic(const struct world_sa *a, const struct world_sa *b)
{
	return memcmp(a->spec.dst, b->spec.dst, 4) == 0 && selector_equal(&a->spec.selector, &b->spec.selector);
}

int sas_bind(const struct sas *s, struct sa_handle handle, unsigned lane, bool lanes)
{
	struct world_sa *sa = sa_of(s, handle);

	if (!sa)
		return -ENOENT;
	if (sa->spec.inbound)
		return -EINVAL;
	sa->lane = lane;
	sa->lanes = lanes;
	for (unsigned i = 0; i < s->count; i++)
		if (s->sa[i].bound && same_traffic(&s->sa[i], sa) && takes_over(&s->sa[i], sa))
			s->sa[i].bound = false;
	sa->bound = true;
	return 0;
}

void sas_remove(const struct sas *s, struct sa_handle handle)
{
	struct world_sa *sa = sa_of(s, handle);

	if (sa)
		sa->used = sa->bound = false;
}

bool sas_usage(const struct sas *s, struct sa_handle handle, uint64_t now_ms, struct sa_usage *out)
{
	const struct world_sa *sa = sa_of(s, handle);

	if (!sa)
		return false;
	*out = (struct sa_usage){.packets = sa->packets, .idle_ms = sa->packets ? now_ms - sa->last_ms : UINT64_MAX};
	return true;
}
