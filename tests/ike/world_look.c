/* SPDX-License-Identifier: BSD-2-Clause */
/* What tests ask of the world (world.h). */
#include "world.h"

#include <string.h>

unsigned world_sa_count(const struct world *w, int host, bool inbound)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WORLD_SAS; i++)
		n += w->hosts[host].sas[i].used && w->hosts[host].sas[i].spec.inbound == inbound;
	return n;
}

struct world_sa *world_bound(struct world *w, int host)
{
	for (unsigned i = 0; i < WORLD_SAS; i++)
		if (w->hosts[host].sas[i].used && w->hosts[host].sas[i].bound)
			return &w->hosts[host].sas[i];
	return NULL;
}

struct world_sa *world_partner(struct world *w, int host, const struct world_sa *out)
{
	struct world_host *other = &w->hosts[!host];

	for (unsigned i = 0; out && i < WORLD_SAS; i++) {
		struct world_sa *sa = &other->sas[i];

		if (sa->used && !sa->reserved && sa->spec.inbound && sa->spec.spi == out->spec.spi &&
		    sa->spec.esn == out->spec.esn && memcmp(sa->spec.keymat, out->spec.keymat, CHILD_KEYMAT_SIZE) == 0)
			return sa;
	}
	return NULL;
}

struct world_sa *world_reserved(struct world *w, int host, uint32_t spi)
{
	for (unsigned i = 0; i < WORLD_SAS; i++) {
		struct world_sa *sa = &w->hosts[host].sas[i];

		if (sa->used && sa->reserved && sa->spec.spi == spi)
			return sa;
	}
	return NULL;
}

bool world_send_traffic(struct world *w, int from)
{
	struct world_sa *out = world_bound(w, from), *in = world_partner(w, from, out);

	if (!in)
		return false;
	out->packets++;
	in->packets++;
	in->last_ms = out->last_ms = w->now_ms;
	return true;
}

bool world_talks(struct world *w)
{
	return world_send_traffic(w, 0) && world_send_traffic(w, 1);
}

bool world_logged(const struct world *w, int host, const char *text)
{
	return strstr(w->hosts[host].log, text) != NULL;
}

static unsigned count_in_status(struct world *w, int host, const char *list)
{
	cJSON *status = engine_status(w->hosts[host].engine), *c;
	unsigned n = 0;

	cJSON_ArrayForEach(c, cJSON_GetObjectItem(status, "connections"))
		n += (unsigned)cJSON_GetArraySize(cJSON_GetObjectItem(c, list));
	cJSON_Delete(status);
	return n;
}

unsigned world_ike_count(struct world *w, int host)
{
	return count_in_status(w, host, "ike");
}

unsigned world_child_count(struct world *w, int host)
{
	return count_in_status(w, host, "children");
}

bool world_is_up(struct world *w)
{
	for (int i = 0; i < 2; i++)
		if (world_ike_count(w, i) != 1 || world_child_count(w, i) != 1)
			return false;
	return world_talks(w);
}

bool world_is_down(struct world *w)
{
	unsigned n = 0;

	for (int i = 0; i < 2; i++)
		n += world_ike_count(w, i) + world_sa_count(w, i, true) + world_sa_count(w, i, false);
	return n == 0;
}
