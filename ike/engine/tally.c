/* SPDX-License-Identifier: BSD-2-Clause */
#include "tally.h"

#include "maps/maps.h"

void tally_usage(struct tally *t, bool inbound, const struct sa_usage *now, const struct sa_usage *before)
{
	struct tally_way *way = inbound ? &t->in : &t->out;

	way->packets += now->packets - before->packets;
	way->bytes += now->bytes - before->bytes;
	for (unsigned reason = 0; reason < REASON_COUNT; reason++)
		t->drops[reason] += now->drops[reason] - before->drops[reason];
}

void tally_add(struct tally *sum, const struct tally *t)
{
	sum->in.packets += t->in.packets;
	sum->in.bytes += t->in.bytes;
	sum->out.packets += t->out.packets;
	sum->out.bytes += t->out.bytes;
	for (unsigned reason = 0; reason < REASON_COUNT; reason++)
		sum->drops[reason] += t->drops[reason];
	sum->child_rekeys += t->child_rekeys;
	sum->ike_rekeys += t->ike_rekeys;
}

cJSON *tally_json(const struct tally *t)
{
	cJSON *o = cJSON_CreateObject(), *drops;

	json_add_u64(o, "packets_in", t->in.packets);
	json_add_u64(o, "bytes_in", t->in.bytes);
	json_add_u64(o, "packets_out", t->out.packets);
	json_add_u64(o, "bytes_out", t->out.bytes);
	json_add_u64(o, "child_rekeys", t->child_rekeys);
	json_add_u64(o, "ike_rekeys", t->ike_rekeys);
	drops = cJSON_AddObjectToObject(o, "drops");
	for (unsigned reason = 0; reason < REASON_COUNT; reason++)
		if (t->drops[reason])
			json_add_u64(drops, reason_name((enum reason)reason), t->drops[reason]);
	return o;
}
