/* SPDX-License-Identifier: BSD-2-Clause */
#include "esp.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "maps/selector_shared.h"

static bool is_for_any_port(const struct esp_sa *sa)
{
	return sa->src_port_min == 0 && sa->src_port_max == UINT16_MAX && sa->dst_port_min == 0 &&
	       sa->dst_port_max == UINT16_MAX;
}

static bool ports_are_within(const struct esp_sa *sa, uint16_t src, uint16_t dst)
{
	return sa->src_port_min <= src && src <= sa->src_port_max && sa->dst_port_min <= dst && dst <= sa->dst_port_max;
}

/* ICMP's type and code stand for both ports (RFC 4301 section 4.4.1.1). */
static bool ports_match(const struct esp_sa *sa, uint8_t proto, const uint8_t *l4, size_t l4_len)
{
	uint16_t src, dst;

	if (!selector_has_ports(proto) || l4_len < 4)
		return false;
	src = (uint16_t)(l4[0] << 8 | l4[1]);
	dst = proto == IPPROTO_ICMP ? src : (uint16_t)(l4[2] << 8 | l4[3]);
	return ports_are_within(sa, src, dst) || (sa->either_end && ports_are_within(sa, dst, src));
}

bool esp_selector_matches(const struct esp_sa *sa, const uint8_t src[4], const uint8_t dst[4], uint8_t proto,
			  const uint8_t *l4, size_t l4_len)
{
	if (memcmp(src, sa->src, sizeof(sa->src)) != 0 || memcmp(dst, sa->dst, sizeof(sa->dst)) != 0)
		return false;
	if (sa->sel_proto != 0 && sa->sel_proto != proto)
		return false;
	return is_for_any_port(sa) || ports_match(sa, proto, l4, l4_len);
}

/* The selector is this host's view, a packet has a source and a destination. */
static void copy_ports(struct esp_sa *sa, const struct sa_state *state)
{
	const bool outbound = state->direction == SA_OUTBOUND;
	const struct selector *sel = &state->sel;

	sa->src_port_min = outbound ? sel->local_port_min : sel->remote_port_min;
	sa->src_port_max = outbound ? sel->local_port_max : sel->remote_port_max;
	sa->dst_port_min = outbound ? sel->remote_port_min : sel->local_port_min;
	sa->dst_port_max = outbound ? sel->remote_port_max : sel->local_port_max;
}

static void copy_identity(struct esp_sa *sa, const struct sa_state *state, const struct vault_entry *key)
{
	*sa = (struct esp_sa){
		.spi = state->spi,
		.esn = (state->flags & SA_ESN) != 0,
		.either_end = (state->flags & SA_EITHER_END) != 0,
		.sel_proto = (uint8_t)state->sel.proto,
		.iv_base = key->iv_base,
	};
	memcpy(&sa->salt, key->salt, ESP_SALT_SIZE);
	memcpy(sa->src, state->src, sizeof(sa->src));
	memcpy(sa->dst, state->dst, sizeof(sa->dst));
	copy_ports(sa, state);
}

static bool window_in_range(uint16_t window, const __u64 *ring)
{
	return ring && window >= REPLAY_WINDOW_MIN && window <= REPLAY_WINDOW_MAX;
}

int esp_sa_load(struct esp_sa *sa, const struct aead *a, struct sa_state *state, uint16_t window, __u64 *ring,
		const struct vault_entry *key, void *ctx)
{
	const bool inbound = __atomic_load_n(&state->direction, __ATOMIC_RELAXED) == SA_INBOUND;
	int err;

	copy_identity(sa, state, key);
	/* After the copy: had the slot changed hands meanwhile, its generation would be another. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__atomic_load_n(&state->generation, __ATOMIC_RELAXED) != key->generation)
		err = -ESTALE;
	else if (inbound && !window_in_range(window, ring))
		err = -EINVAL;
	else
		err = a->expand(ctx, key->key);
	if (err) {
		explicit_bzero(sa, sizeof(*sa));
		return err;
	}
	sa->state = state;
	sa->replay_window = window;
	sa->ring = inbound ? ring : NULL;
	sa->ctx = ctx;
	sa->generation = key->generation;
	return 0;
}

void esp_sa_wipe(struct esp_sa *sa, const struct aead *a)
{
	if (sa->ctx)
		a->wipe(sa->ctx);
	explicit_bzero(sa, sizeof(*sa));
}
