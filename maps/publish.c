/* SPDX-License-Identifier: BSD-2-Clause */
#include "publish.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

static struct sad_key sad_key_of(const struct sa_state *sa)
{
	struct sad_key key = {.spi = sa->spi};

	memcpy(key.dst, sa->dst, sizeof(key.dst));
	return key;
}

static struct sad_out_value out_value_of(const struct maps *maps, uint32_t slot)
{
	return (struct sad_out_value){.slot = slot, .generation = maps->sa[slot].generation};
}

static int update(int map, const void *key, const void *value, uint64_t flags)
{
	return bpf_map_update_elem(map, key, value, flags) < 0 ? -errno : 0;
}

static int enter_inbound(const struct maps *maps, uint32_t slot, uint64_t flags)
{
	const struct sa_state *sa = &maps->sa[slot];
	const struct sad_key key = sad_key_of(sa);
	struct sad_value value = {.slot = slot, .generation = sa->generation, .ifindex = sa->ifindex};

	memcpy(value.peer, sa->src, sizeof(value.peer));
	return update(maps->sad, &key, &value, flags);
}

int sa_publish(const struct maps *maps, uint32_t slot)
{
	const struct sad_key key = sad_key_of(&maps->sa[slot]);
	const struct sad_out_value value = out_value_of(maps, slot);

	if (maps->sa[slot].direction == SA_INBOUND)
		return enter_inbound(maps, slot, BPF_NOEXIST);
	return update(maps->sad_sent, &key, &value, BPF_ANY);
}

int sa_publish_again(const struct maps *maps, uint32_t slot)
{
	return enter_inbound(maps, slot, BPF_EXIST);
}

static int map_of(const struct maps *maps, uint32_t slot)
{
	return maps->sa[slot].direction == SA_INBOUND ? maps->sad : maps->sad_sent;
}

bool sa_is_published(const struct maps *maps, uint32_t slot)
{
	const struct sad_key key = sad_key_of(&maps->sa[slot]);
	struct sad_value there; /* begins as the other map's does, and is larger */

	return bpf_map_lookup_elem(map_of(maps, slot), &key, &there) == 0 && there.slot == slot &&
	       there.generation == maps->sa[slot].generation;
}

void sa_withdraw(const struct maps *maps, uint32_t slot)
{
	const struct sad_key key = sad_key_of(&maps->sa[slot]);

	if (sa_is_published(maps, slot))
		bpf_map_delete_elem(map_of(maps, slot), &key);
}

int sa_bind(const struct maps *maps, uint32_t slot, const struct sad_out_key *key)
{
	const struct sad_out_value value = out_value_of(maps, slot);

	return update(maps->sad_out, key, &value, BPF_ANY);
}

bool sa_is_bound(const struct maps *maps, uint32_t slot, const struct sad_out_key *key)
{
	struct sad_out_value there;

	return bpf_map_lookup_elem(maps->sad_out, key, &there) == 0 && there.slot == slot &&
	       there.generation == maps->sa[slot].generation;
}

void sa_unbind(const struct maps *maps, uint32_t slot, const struct sad_out_key *key)
{
	if (sa_is_bound(maps, slot, key))
		bpf_map_delete_elem(maps->sad_out, key);
}
