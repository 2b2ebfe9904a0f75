/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "sad.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/key_index.h"
#include "maps/publish.h"
#include "maps/replay_memory.h"
#include "maps/selector.h"
#include "maps/slots.h"

#define SPI_MIN 256 /* RFC 4303 section 2.1 */

static struct sa_state *state_of(const struct sad_store *s, uint32_t slot)
{
	return &s->maps.sa[slot];
}

static bool is_ours(const struct sad_store *s, struct sa_handle sa)
{
	return sa.slot < s->maps.slots && slot_in_use(sa.generation) &&
	       slot_generation(s->maps.sa, sa.slot) == sa.generation;
}

/* IKE's SAs are for one direction of opening sessions, so they have one binding. */
static struct sad_out_key binding_of(const struct sa_state *sa)
{
	struct sad_out_key keys[2];

	sa_bindings(sa, keys);
	return keys[0];
}

/* ---- making ---- */

uint32_t sad_spi(struct sad_store *s, const uint8_t dst[4])
{
	struct sad_value value;
	struct sad_key key;

	memcpy(key.dst, dst, sizeof(key.dst));
	do
		if (getrandom(&key.spi, sizeof(key.spi), 0) != sizeof(key.spi))
			abort();
	while (key.spi < SPI_MIN || bpf_map_lookup_elem(s->maps.sad, &key, &value) == 0);
	return key.spi;
}

static void fill(struct sa_state *sa, const struct sa_spec *spec)
{
	sa->spi = spec->spi;
	memcpy(sa->src, spec->src, sizeof(sa->src));
	memcpy(sa->dst, spec->dst, sizeof(sa->dst));
	sa->direction = spec->inbound ? SA_INBOUND : SA_OUTBOUND;
	sa->flags = (spec->esn ? SA_ESN : 0) | (spec->gre ? SA_GRE : 0);
	sa->owner = OWNER_IKE;
	sa->sel = spec->selector;
	sa->replay_window = spec->replay_window;
	sa->created_ns = maps_now();
	sa->soft_packets = spec->limits.soft_packets;
	sa->hard_packets = spec->limits.hard_packets;
	sa->soft_bytes = spec->limits.soft_bytes;
	sa->hard_bytes = spec->limits.hard_bytes;
	if (spec->limits.hard_ms)
		sa->hard_time_ns = sa->created_ns + spec->limits.hard_ms * 1000000;
}

/* Where the key cannot be wiped nobody gets the slot: the next run of IKE finds it (find_orphans) and wipes it. */
static void give_back(struct sad_store *s, uint32_t slot)
{
	if (s->vault.wipe(s->vault.arg, slot) == 0)
		slot_release(&s->maps, slot, state_of(s, slot)->generation);
}

static int claim(struct sad_store *s, uint32_t *slot)
{
	int err = slot_claim(&s->maps, 0, slot);

	if (err)
		return err;
	/* What was left in it has been taken away by another hand (sa flush): what comes in is no orphan. */
	s->orphan_count -= s->orphans[*slot];
	s->orphans[*slot] = 0;
	return 0;
}

/* Published before it has a key: with no window either (layout.h), so that even with one it would open nothing. */
int sad_reserve(struct sad_store *s, uint32_t spi, const uint8_t src[4], const uint8_t dst[4], struct sa_handle *out)
{
	struct sa_spec spec = {.spi = spi, .inbound = true};
	uint32_t slot;
	int err = claim(s, &slot);

	if (err)
		return err;
	memcpy(spec.src, src, sizeof(spec.src));
	memcpy(spec.dst, dst, sizeof(spec.dst));
	fill(state_of(s, slot), &spec);
	err = sa_publish(&s->maps, slot);
	if (err)
		give_back(s, slot);
	else
		*out = (struct sa_handle){slot, state_of(s, slot)->generation};
	return err;
}

/* Whether what was reserved is there, and for what came of it; else it is given back. */
static bool take_reserved(struct sad_store *s, const struct sa_spec *spec, uint32_t *slot)
{
	const struct sa_state *sa = state_of(s, spec->reserved.slot);

	if (!is_ours(s, spec->reserved))
		return false;
	*slot = spec->reserved.slot;
	if (sa->spi == spec->spi && memcmp(sa->src, spec->src, 4) == 0 && memcmp(sa->dst, spec->dst, 4) == 0)
		return true;
	sad_remove(s, spec->reserved);
	return false;
}

int sad_add(struct sad_store *s, const struct sa_spec *spec, struct sa_handle *out)
{
	uint32_t slot;
	const bool reserved = take_reserved(s, spec, &slot);
	int err = reserved ? 0 : claim(s, &slot);

	if (err)
		return err;
	err = spec->inbound ? replay_make_room(&s->maps, slot, spec->replay_window) : 0;
	fill(state_of(s, slot), spec);
	if (!err)
		err = s->vault.store(s->vault.arg, slot, state_of(s, slot)->generation, spec->keymat);
	/* An outbound one is not what a policy uses yet (sad_bind), but what routers may soon speak of. */
	if (!err && !reserved)
		err = sa_publish(&s->maps, slot);
	if (err && reserved)
		sad_remove(s, spec->reserved);
	else if (err)
		give_back(s, slot);
	else
		*out = (struct sa_handle){slot, state_of(s, slot)->generation};
	return err;
}

/* What an earlier run had for lanes the peer may have dropped by now, as it has what the new one takes over from. */
static void unbind_orphans(struct sad_store *s, struct sad_out_key key)
{
	struct sad_out_value value;

	for (key.lane = 1; s->orphan_count && key.lane <= LANES_MAX; key.lane++)
		if (bpf_map_lookup_elem(s->maps.sad_out, &key, &value) == 0 && value.slot < s->maps.slots &&
		    s->orphans[value.slot])
			sa_unbind(&s->maps, value.slot, &key);
}

int sad_bind(struct sad_store *s, struct sa_handle sa, unsigned lane, bool lanes)
{
	struct sa_state *state = state_of(s, sa.slot);
	struct sad_out_key key, before;
	int err;

	if (!is_ours(s, sa))
		return -ESRCH;
	before = binding_of(state);
	state->lane = (uint8_t)lane;
	state->flags = lanes ? state->flags | SA_LANES : state->flags & ~SA_LANES;
	key = binding_of(state);
	err = sa_bind(&s->maps, sa.slot, &key);
	if (before.lane != key.lane)
		sa_unbind(&s->maps, sa.slot, &before);
	if (!err && !lane)
		unbind_orphans(s, key);
	return err;
}

/* ---- taking away ---- */

bool sad_has_gre(const struct sad_store *s, struct sa_handle sa)
{
	return is_ours(s, sa) && (state_of(s, sa.slot)->flags & SA_GRE);
}

void sad_remove(struct sad_store *s, struct sa_handle sa)
{
	struct sad_out_key key;

	if (!is_ours(s, sa))
		return;
	key = binding_of(state_of(s, sa.slot));
	sa_unbind(&s->maps, sa.slot, &key);
	sa_withdraw(&s->maps, sa.slot);
	give_back(s, sa.slot);
}

bool sad_usage(const struct sad_store *s, struct sa_handle sa, struct sa_usage *out)
{
	const struct sa_state *state = state_of(s, sa.slot);
	uint64_t now;

	if (!is_ours(s, sa))
		return false;
	*out = (struct sa_usage){
		.packets = state->packets, .bytes = state->bytes, .seq = state->seq, .idle_ms = UINT64_MAX};
	for (enum reason reason = 0; reason < REASON_COUNT; reason++)
		if (reason_is_drop(reason))
			out->drops[reason] = counts_get(&state->drops, reason);
	now = maps_now();
	if (state->last_used_ns)
		out->idle_ms = now > state->last_used_ns ? (now - state->last_used_ns) / 1000000 : 0;
	return true;
}

/* ---- what an earlier run left: it goes on carrying traffic until it is replaced ---- */

struct ends {
	uint8_t local[4];
	uint8_t remote[4];
};

static struct ends ends_of(const struct sa_state *sa)
{
	const bool outbound = sa->direction == SA_OUTBOUND;
	struct ends e;

	memcpy(e.local, outbound ? sa->src : sa->dst, 4);
	memcpy(e.remote, outbound ? sa->dst : sa->src, 4);
	return e;
}

static uint32_t *chain_of(const struct sad_store *s, const struct ends *e)
{
	return &s->first_orphan[(key_hash(e, sizeof(*e), 0) >> 32) % s->maps.slots];
}

void sad_note_orphan(struct sad_store *s, uint32_t slot)
{
	const struct ends e = ends_of(state_of(s, slot));
	uint32_t *first = chain_of(s, &e);

	s->next_orphan[slot] = *first;
	*first = slot + 1;
	s->orphans[slot] = 1;
	s->orphan_count++;
}

static bool is_orphan(const struct sad_store *s, uint32_t slot)
{
	return s->orphans[slot] && slot_in_use(slot_generation(s->maps.sa, slot)) &&
	       state_of(s, slot)->owner == OWNER_IKE;
}

static uint64_t left_ms(const struct sa_state *sa)
{
	const uint64_t now = maps_now();

	if (!sa->hard_time_ns)
		return UINT64_MAX;
	return sa->hard_time_ns > now ? (sa->hard_time_ns - now) / 1000000 : 0;
}

void sad_each_orphan(const struct sad_store *s, orphan_fn fn, void *arg)
{
	for (uint32_t slot = 0; s->orphan_count && slot < s->maps.slots; slot++) {
		const struct sa_state *sa = state_of(s, slot);
		const struct ends e = ends_of(sa);
		const struct selector selector = sa->sel;

		if (is_orphan(s, slot))
			fn(arg, e.local, e.remote, &selector, left_ms(sa));
	}
}

static void remove_orphan(struct sad_store *s, uint32_t slot)
{
	s->orphans[slot] = 0;
	s->orphan_count--;
	sad_remove(s, (struct sa_handle){slot, slot_generation(s->maps.sa, slot)});
}

/* Those that stay, and those that have gone by another hand, stay in the chain: it is looked through a few times. */
void sad_remove_orphans(struct sad_store *s, const uint8_t local[4], const uint8_t remote[4],
			const struct selector *within, unsigned count)
{
	struct ends wanted;

	memcpy(wanted.local, local, 4);
	memcpy(wanted.remote, remote, 4);
	for (uint32_t next = s->orphan_count ? *chain_of(s, &wanted) : 0; next; next = s->next_orphan[next - 1]) {
		const struct sa_state *sa = state_of(s, next - 1);
		const struct ends e = ends_of(sa);

		if (is_orphan(s, next - 1) && memcmp(&e, &wanted, sizeof(e)) == 0 &&
		    selector_within(&sa->sel, within, count))
			remove_orphan(s, next - 1);
	}
}

static void find_orphans(struct sad_store *s)
{
	for (uint32_t slot = 0; slot < s->maps.slots; slot++) {
		if (!slot_in_use(slot_generation(s->maps.sa, slot)) || state_of(s, slot)->owner != OWNER_IKE)
			continue;
		sad_note_orphan(s, slot);
	}
}

int sad_init(struct sad_store *s, struct fault *f)
{
	s->orphans = calloc(s->maps.slots, 1);
	s->first_orphan = calloc(s->maps.slots, sizeof(*s->first_orphan));
	s->next_orphan = calloc(s->maps.slots, sizeof(*s->next_orphan));
	if (!s->orphans || !s->first_orphan || !s->next_orphan)
		return fault(f, ENOMEM, "%s", strerror(ENOMEM));
	slots_mend(&s->maps);
	find_orphans(s);
	return 0;
}

void sad_free(struct sad_store *s)
{
	free(s->orphans);
	free(s->first_orphan);
	free(s->next_orphan);
}
