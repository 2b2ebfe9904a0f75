/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath.h"

#include <endian.h>
#include <string.h>

#include "frame.h"
#include "helpers.h"
#include "lib/clock.h"
#include "map_find.h"

/* ---- the programs: another house's, with warnings of their own ---- */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Waddress-of-packed-member"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wstrict-aliasing"
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#pragma GCC diagnostic ignored "-Wunused-function"

/* Read-only data there, which the loader fills; here it is the world's. */
#define cfg never_filled
#include "bpf/cfg.h"
#undef cfg
static struct prog_config cfg;

/* NOLINTNEXTLINE(bugprone-suspicious-include): that is what this file is about */
#include "bpf/datapath.bpf.c"

#pragma GCC diagnostic pop

/* ---- one run ---- */

static struct {
	struct datapath_world world;
	struct counts counts;
	struct datapath_outcome out;
	uint32_t to;   /* ifindex of a redirect */
	bool into_gre; /* a copy was made */
	/* What was looked up last, by map: what a program has read stays as it was read. */
	struct spd_entry entry;
	struct sad_value inbound;
	struct sad_out_value bound, sent;
	struct sa_state sa;
	struct gate gate;
	struct gre_port gre;
	struct port port;
	struct ike_cookies cookies;
	uint32_t local;
} run;

static void *found_bound(const struct sad_out_value *found)
{
	if (!found)
		return NULL;
	run.out.found_sa = true;
	run.out.sa = *found;
	return &run.bound;
}

static void *find_inbound(const void *key)
{
	if (!map_find(run.world.maps->sad, key, &run.inbound))
		return NULL;
	run.out.found_sa = true;
	run.out.sa = (struct sad_out_value){.slot = run.inbound.slot, .generation = run.inbound.generation};
	return &run.inbound;
}

/* A copy, so that what is counted and raised in it is not told. */
static void *find_sa(uint32_t slot)
{
	if (slot >= run.world.maps->slots)
		return NULL;
	run.sa = run.world.maps->sa[slot];
	return &run.sa;
}

static void *find_port(uint32_t index)
{
	if (index >= PORTS_MAX)
		return NULL;
	run.port = run.world.maps->port[index];
	return &run.port;
}

/* Sockets are told by who has them: nobody can look them up. */
static bool has_socket(uint64_t key)
{
	static const uint32_t end = PORTS_MAX * QUEUES_MAX;

	return run.world.worker && key < end;
}

static void *native_lookup(const void *map, const void *key)
{
	static uint32_t there = 1;
	const struct maps *m = run.world.maps;
	uint32_t index;

	memcpy(&index, key, sizeof(index));
	if (map == &stats)
		return &run.counts;
	if (map == &spd)
		return map_find(m->spd, key, &run.entry);
	if (map == &spd_empty)
		return m->empty;
	if (map == &sad_out)
		return found_bound(map_find(m->sad_out, key, &run.bound));
	if (map == &sad)
		return find_inbound(key);
	if (map == &sa_state)
		return find_sa(index);
	if (map == &gates)
		return map_find(m->gates, key, &run.gate);
	if (map == &xsks)
		return has_socket(index) ? &there : NULL;
	if (map == &ike_alive)
		return run.world.ike ? &there : NULL;
	if (map == &ike_sockets)
		return map_find(m->ike_sockets, key, &run.cookies);
	if (map == &locals)
		return map_find(m->locals, key, &run.local);
	if (map == &gre)
		return map_find(m->gre, key, &run.gre);
	if (map == &ports)
		return find_port(index);
	if (map == &sad_sent)
		return map_find(m->sad_sent, key, &run.sent);
	/* On which CPU the packet would be nobody knows: the SA is the one that all lanes have. */
	/* Neither fragments nor events are remembered: this is a packet by itself. */
	return NULL;
}

static long native_update(const void *map, const void *key, const void *value, uint64_t flags)
{
	(void)map, (void)key, (void)value, (void)flags;
	return 0;
}

static long native_ringbuf_output(const void *map, const void *data, uint64_t size, uint64_t flags)
{
	const struct event *event = data;

	(void)map, (void)size, (void)flags;
	run.out.acquires |= event->type == EVENT_ACQUIRE;
	return 0;
}

static uint64_t native_socket_cookie(const void *skb)
{
	uint32_t only = 0;
	const struct ike_cookies *of = native_lookup(&ike_sockets, &only);

	(void)skb;
	return run.world.from_ike && of ? of->cookies[0] : 0;
}

static long native_fib_lookup(const void *ctx, const struct bpf_fib_lookup *way, int size, uint32_t flags)
{
	(void)ctx, (void)way, (void)size, (void)flags;
	return run.world.forwards ? BPF_FIB_LKUP_RET_SUCCESS : BPF_FIB_LKUP_RET_NOT_FWDED;
}

static long native_redirect(uint32_t ifindex, uint64_t flags)
{
	(void)flags;
	run.to = ifindex;
	return TC_ACT_REDIRECT;
}

static long native_redirect_map(const void *map, uint64_t key, uint64_t flags)
{
	(void)map;
	return has_socket(key) ? XDP_REDIRECT : (long)(flags & 3);
}

/* A copy's way out is a packet of its own. */
static long native_redirect_neigh(uint32_t ifindex, const void *params, int size, uint64_t flags)
{
	(void)params, (void)size, (void)flags;
	run.to = ifindex;
	return TC_ACT_REDIRECT;
}

static long native_clone_redirect(const struct __sk_buff *skb, uint32_t ifindex, uint64_t flags)
{
	(void)skb, (void)ifindex, (void)flags;
	run.out.copies++;
	return 0;
}

static uint8_t *bytes_at(const struct __sk_buff *skb, uint32_t offset, uint32_t size)
{
	return offset + size <= skb->len ? (uint8_t *)(uintptr_t)skb->data + offset : NULL;
}

static long native_skb_load_bytes(const struct __sk_buff *skb, uint32_t offset, void *to, uint32_t size)
{
	const uint8_t *at = bytes_at(skb, offset, size);

	if (!at)
		return -1;
	memcpy(to, at, size);
	return 0;
}

static long native_skb_store_bytes(struct __sk_buff *skb, uint32_t offset, const void *from, uint32_t size,
				   uint64_t flags)
{
	uint8_t *at = bytes_at(skb, offset, size);

	(void)flags;
	if (!at)
		return -1;
	memcpy(at, from, size);
	return 0;
}

static long native_skb_pull_data(const struct __sk_buff *skb, uint32_t size)
{
	(void)skb, (void)size;
	return 0;
}

/* Room behind the Ethernet header, into which the headers of GRE are written. */
static long native_skb_change_type(struct __sk_buff *skb, uint32_t type)
{
	skb->pkt_type = type;
	return 0;
}

static long native_skb_adjust_room(struct __sk_buff *skb, int32_t size, uint32_t mode, uint64_t flags)
{
	(void)mode, (void)flags;
	if (size < 0 || size > FRAME_HEADROOM)
		return -1;
	memmove((uint8_t *)(uintptr_t)skb->data - size, (uint8_t *)(uintptr_t)skb->data, sizeof(struct ethhdr));
	skb->data -= (uint32_t)size;
	skb->len += (uint32_t)size;
	run.into_gre = true;
	return 0;
}

/* Nobody reads the metadata, which is to begin at a multiple of 4, as the IPv4 header does. */
static long native_xdp_adjust_meta(struct xdp_md *ctx, int delta)
{
	ctx->data_meta = (ctx->data_meta + (uint32_t)delta) & ~3U;
	return 0;
}

static uint64_t native_xdp_get_buff_len(const struct xdp_md *ctx)
{
	return ctx->data_end - ctx->data;
}

/* ---- running ---- */

static void begin(const struct datapath_world *world)
{
	memset(&run, 0, sizeof(run));
	run.world = *world;
	cfg = world->config;
}

/* What cannot be found out is told as what it would be at worst. */
static struct datapath_outcome end(enum datapath_verdict verdict)
{
	run.out.verdict = verdict;
	run.out.reason = REASON_COUNT;
	for (unsigned reason = 0; reason < REASON_COUNT; reason++)
		if (counts_get(&run.counts, (enum reason)reason))
			run.out.reason = (enum reason)reason;
	return run.out;
}

static struct datapath_outcome end_tc(int verdict, enum datapath_verdict redirected)
{
	if (verdict == TC_ACT_REDIRECT)
		return end(redirected);
	return end(verdict == TC_NEXT ? DATAPATH_PASSES : DATAPATH_DROPS);
}

static struct __sk_buff skb_of(const struct datapath_world *world, uint8_t *frame, const uint8_t *frame_end)
{
	return (struct __sk_buff){
		.data = (uint32_t)(uintptr_t)frame,
		.data_end = (uint32_t)(uintptr_t)frame_end,
		.len = (uint32_t)(frame_end - frame),
		.protocol = htobe16(ETH_P_IP),
		.ifindex = world->ifindex,
		.ingress_ifindex = world->ingress,
	};
}

struct datapath_outcome datapath_egress(const struct datapath_world *world, const struct datapath_packet *p)
{
	uint8_t *frame_end = NULL, *frame = frame_make(p, &frame_end);
	struct __sk_buff skb = skb_of(world, frame, frame_end);
	int verdict;

	begin(world);
	verdict = frame ? tc_egress(&skb) : TC_ACT_SHOT;
	if (verdict == TC_ACT_REDIRECT && run.into_gre) {
		run.out.copies++;
		return end(DATAPATH_IN_GRE);
	}
	return end_tc(verdict, DATAPATH_TO_WORKER);
}

/* XDP in generic mode leaves what is in clear to the NIC's tc ingress. */
struct datapath_outcome datapath_ingress(const struct datapath_world *world, const struct datapath_packet *p)
{
	uint8_t *frame_end = NULL, *frame = frame_make(p, &frame_end);
	struct __sk_buff skb = skb_of(world, frame, frame_end);
	struct xdp_md ctx = {
		.data = skb.data,
		.data_end = skb.data_end,
		.data_meta = skb.data,
		.ingress_ifindex = world->ifindex,
	};
	int verdict;

	begin(world);
	verdict = frame ? xdp_ingress(&ctx) : XDP_DROP;
	if (verdict == XDP_REDIRECT)
		return end(DATAPATH_TO_WORKER);
	if (verdict != XDP_PASS || !nic_of(world->ifindex).generic)
		return end(verdict == XDP_PASS ? DATAPATH_PASSES : DATAPATH_DROPS);
	return end_tc(nic_ingress(&skb), DATAPATH_DROPS);
}

struct datapath_outcome datapath_opened(const struct datapath_world *world, const struct datapath_packet *p)
{
	uint8_t *frame_end = NULL, *frame = frame_make(p, &frame_end);
	struct __sk_buff skb = skb_of(world, frame, frame_end);

	begin(world);
	return end_tc(frame ? tap_ingress(&skb) : TC_ACT_SHOT, DATAPATH_TO_HOST);
}

/* ---- the SPD ---- */

static struct packet packet_of(const struct datapath_packet *p)
{
	struct packet packet = {
		.proto = p->proto,
		.sport = p->sport,
		.dport = p->dport,
		.first = true,
		.ports = selector_has_ports(p->proto) ? PORTS_KNOWN : PORTS_NONE,
	};

	memcpy(&packet.src, p->src, sizeof(packet.src));
	memcpy(&packet.dst, p->dst, sizeof(packet.dst));
	return packet;
}

static bool closes(int action)
{
	return action == SPD_PROTECT || action == SPD_DISCARD;
}

bool datapath_backstop_out(const struct datapath_world *world, const struct datapath_packet *p)
{
	const struct packet packet = packet_of(p);
	struct flow flow = flow_outbound(&packet);
	int action;

	begin(world);
	action = decide(&flow, is_ike(&packet, p->sport) && world->from_ike);
	return closes(action) && !(action == SPD_PROTECT && flow.cover && world->ingress);
}

/* ESP there is the kernel's, or nobody's. */
bool datapath_backstop_in(const struct datapath_world *world, const struct datapath_packet *p)
{
	struct packet packet = packet_of(p);
	int action;

	begin(world);
	if (p->proto == IPPROTO_ESP)
		return false;
	packet.nic = nic_of(world->ifindex);
	action = clear_action(&packet);
	return closes(action) && !(packet.covered && world->forwards);
}

/* The rule of the connection whose cover policy_decide() has found in the entry. */
static const struct spd_rule *covering(const struct flow *flow)
{
	const struct spd_rule *r = run.entry.rules;

	while (r->owner != OWNER_IKE || rule_is_for(r, flow->local) || !rule_takes(r, flow))
		r++;
	return r;
}

struct datapath_rule datapath_rule(const struct maps *maps, const struct datapath_packet *p, bool out)
{
	const struct datapath_world world = {.maps = maps};
	const struct packet packet = packet_of(p);
	struct flow flow = out ? flow_outbound(&packet) : flow_inbound(&packet);
	struct datapath_rule found = {0};

	begin(&world);
	found.action = policy_decide(&flow);
	found.cover = found.action == SPD_PROTECT && flow.cover;
	if (found.cover)
		found.rule = *covering(&flow);
	else if (found.action != SPD_NONE)
		found.rule = run.entry.rules[flow.place];
	return found;
}

bool datapath_sa(const struct maps *maps, const struct datapath_packet *p, struct sad_out_value *out)
{
	const struct datapath_world world = {.maps = maps};
	const struct packet packet = packet_of(p);
	struct flow flow = flow_outbound(&packet);
	const struct sad_out_value *found;

	begin(&world);
	if (policy_decide(&flow) != SPD_PROTECT || flow.cover)
		return false;
	found = find_binding(&packet, &flow);
	if (!found || !sa_find(found->slot, found->generation))
		return false;
	*out = *found;
	return true;
}
