/* SPDX-License-Identifier: BSD-2-Clause */
#include "worlds.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>

#include "datapath.skel.h"
#include "vectors/random.h"

#define FIRST_SLOT    10
#define A(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

static const uint32_t locals[] = {A(192, 0, 2, 1), A(192, 0, 2, 9)};
static const uint32_t remotes[] = {A(192, 0, 2, 2), A(192, 0, 2, 3), A(198, 51, 100, 7)};
static const uint32_t others[] = {A(203, 0, 113, 5), A(224, 0, 0, 5), A(239, 1, 1, 1), 0xffffffff, A(192, 0, 2, 255)};
static const uint16_t ports[] = {22, 179, 500, 4500, 40000, 0, 65535, 0x0800, 0x0303};
static const uint8_t protos[] = {6, 17, 1, 50, 47, 132, 89, 0, 33, 136};

#define PICK(array, dice) ((array)[random_below(dice, sizeof(array) / sizeof((array)[0]))])

static bool chance(uint64_t *dice, unsigned percent)
{
	return random_below(dice, 100) < percent;
}

/* ---- a host ---- */

static struct ref_range any_range(uint64_t *dice)
{
	const uint16_t a = PICK(ports, dice), b = PICK(ports, dice);

	if (chance(dice, 50))
		return (struct ref_range){0, 65535};
	return chance(dice, 60) ? (struct ref_range){a, a} : (struct ref_range){a < b ? a : b, a < b ? b : a};
}

static struct ref_selector any_selector(uint64_t *dice)
{
	const struct ref_range all = {0, 65535};

	if (chance(dice, 30))
		return (struct ref_selector){0, all, all};
	if (chance(dice, 30))
		return (struct ref_selector){PICK(protos, dice), all, all};
	return (struct ref_selector){PICK(protos, dice), any_range(dice), any_range(dice)};
}

static struct ref_policy any_policy(uint64_t *dice)
{
	static const uint8_t lengths[] = {32, 32, 32, 24, 16, 4, 0};
	struct ref_policy p = {.length = PICK(lengths, dice), .sel = any_selector(dice)};

	p.remote = chance(dice, 80) ? PICK(remotes, dice) : PICK(others, dice);
	p.remote &= p.length ? 0xffffffffU << (32 - p.length) : 0;
	p.local = chance(dice, 50) ? 0 : PICK(locals, dice);
	p.action = (enum ref_action)random_below(dice, 3);
	p.connection = chance(dice, 50);
	/* A connection has an address, and protects. */
	if (p.connection) {
		p.action = REF_PROTECT;
		p.local = p.local ? p.local : locals[0];
	}
	return p;
}

static bool is_taken(const struct ref_host *h, const struct ref_sa *sa)
{
	for (unsigned i = 0; i < h->sa_count; i++) {
		const struct ref_sa *o = &h->sas[i];

		if (o->inbound == sa->inbound && o->dst == sa->dst && o->spi == sa->spi)
			return true;
		if (!o->inbound && !sa->inbound && o->dst == sa->dst && o->src == sa->src &&
		    memcmp(&o->sel, &sa->sel, sizeof(o->sel)) == 0)
			return true;
	}
	return false;
}

static uint64_t any_number(uint64_t *dice)
{
	static const uint64_t places[] = {0,
					  1,
					  70,
					  1000,
					  UINT32_MAX - 5,
					  UINT32_MAX,
					  1ULL << 32,
					  (1ULL << 32) + 40,
					  (7ULL << 32) + (1U << 31),
					  UINT64_MAX - 3,
					  UINT64_MAX};

	return PICK(places, dice) + (chance(dice, 50) ? random_below(dice, 4) : 0);
}

static bool is_within(uint32_t addr, const struct ref_policy *p)
{
	return p->length == 0 || (addr ^ p->remote) >> (32 - p->length) == 0;
}

/* Two addresses and a selector to aim at: most often a policy's. */
struct target {
	uint32_t local, remote;
	struct ref_selector sel;
};

static struct target any_target(const struct ref_host *h, uint64_t *dice)
{
	struct target t = {PICK(locals, dice), PICK(remotes, dice), any_selector(dice)};
	const struct ref_policy *p;

	if (!h->policy_count || chance(dice, 20))
		return t;
	p = &h->policies[random_below(dice, h->policy_count)];
	t.sel = p->sel;
	if (p->local && chance(dice, 80))
		t.local = p->local;
	for (int tries = 0; tries < 6 && !is_within(t.remote, p); tries++)
		t.remote = PICK(remotes, dice);
	return t;
}

/* The selector of an outbound one is often a policy's, or as wide as its protocol. */
static void add_sa(struct ref_host *h, uint64_t *dice)
{
	static const uint32_t windows[] = {64, 128, 1024, 8192};
	const bool inbound = chance(dice, 50);
	const struct target t = any_target(h, dice);
	struct ref_sa sa = {
		.inbound = inbound,
		.there = chance(dice, 90),
		.spi = 0x1000 + (uint32_t)random_below(dice, 6),
		.src = inbound ? t.remote : t.local,
		.dst = inbound ? t.local : t.remote,
		.sel = t.sel,
		.slot = FIRST_SLOT + h->sa_count,
		.esn = chance(dice, 60),
		.other_nic = chance(dice, 8),
		.worn_out = chance(dice, 8),
		.window = PICK(windows, dice),
		.seq = any_number(dice),
		.path_mtu = chance(dice, 20) ? 1300 : 0,
	};

	if (chance(dice, 30))
		sa.sel.local = sa.sel.remote = (struct ref_range){0, 65535};
	if (!sa.esn && sa.seq > UINT32_MAX)
		sa.seq = UINT32_MAX;
	if (!is_taken(h, &sa))
		h->sas[h->sa_count++] = sa;
}

void world_random(struct ref_host *h, uint64_t *dice)
{
	const bool generic = h->generic;
	const enum ref_unknown unknown = h->unknown_spi;

	memset(h, 0, sizeof(*h));
	h->generic = generic;
	h->unknown_spi = unknown;
	h->worker = chance(dice, 90);
	h->ike = chance(dice, 70);
	h->mtu = 1500;
	h->path_mtu_min = chance(dice, 80) ? 576 : 0;
	for (uint64_t n = random_below(dice, 13); n; n--)
		h->policies[h->policy_count++] = any_policy(dice);
	for (uint64_t n = random_below(dice, REF_SAS_MAX); n; n--)
		add_sa(h, dice);
	h->locals[h->local_count++] = locals[chance(dice, 50)];
}

/* ---- into the maps ---- */

static void put(struct bpf_map *map, const void *key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY), 0);
}

static void empty(struct bpf_map *map)
{
	uint8_t key[64];
	const int fd = bpf_map__fd(map);

	while (bpf_map_get_next_key(fd, NULL, key) == 0)
		assert_int_equal(bpf_map_delete_elem(fd, key), 0);
}

static void put_addr(uint8_t to[4], uint32_t addr)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(addr >> (24 - 8 * i));
}

static struct selector selector_as_there(const struct ref_selector *s)
{
	return (struct selector){s->local.min, s->local.max, s->remote.min, s->remote.max, s->proto};
}

static struct spd_rule rule_as_there(const struct ref_policy *p)
{
	struct spd_rule r = {
		.local_port_min = p->sel.local.min,
		.local_port_max = p->sel.local.max,
		.remote_port_min = p->sel.remote.min,
		.remote_port_max = p->sel.remote.max,
		.proto = p->sel.proto,
		.action = p->action == REF_PROTECT  ? SPD_PROTECT
			  : p->action == REF_BYPASS ? SPD_BYPASS
						    : SPD_DISCARD,
		.owner = p->connection ? OWNER_IKE : OWNER_MANUAL,
		.origin = p->length,
	};

	put_addr(r.local, p->local);
	return r;
}

/* With what it inherits of shorter ones (maps/layout.h). */
static void put_prefix(struct fixture *fx, const struct ref_host *h, const struct ref_policy *of)
{
	struct spd_key key = {.prefixlen = of->length};
	struct spd_entry entry = {0};

	put_addr(key.remote, of->remote);
	for (int length = of->length; length >= 0; length--)
		for (unsigned i = 0; i < h->policy_count; i++)
			if (h->policies[i].length == length && is_within(of->remote, &h->policies[i]))
				entry.rules[entry.count++] = rule_as_there(&h->policies[i]);
	put(fx->skel->maps.spd, &key, &entry);
}

/* As the worker has told. */
static uint8_t worn_as_there(const struct ref_sa *sa)
{
	const bool spent = !sa->inbound && sa->seq == (sa->esn ? UINT64_MAX : UINT32_MAX);

	return (sa->worn_out ? SA_WORN_HARD : 0) | (spent ? SA_WORN_SEQUENCE : 0);
}

static void put_sa_state(struct fixture *fx, const struct ref_sa *sa)
{
	struct sa_state *s = &fx->sa[sa->slot];

	*s = (struct sa_state){
		.generation = 2 * sa->slot + (sa->there ? 1 : 3),
		.spi = sa->spi,
		.direction = sa->inbound ? SA_INBOUND : SA_OUTBOUND,
		.flags = sa->esn ? SA_ESN : 0,
		.replay_window = (uint16_t)sa->window,
		.ifindex = sa->other_nic ? NIC + 6 : 0,
		.seq = sa->seq,
		.seen = sa->seq,
		.worn = worn_as_there(sa),
		.sel = selector_as_there(&sa->sel),
	};
	put_addr(s->src, sa->src);
	put_addr(s->dst, sa->dst);
}

static void put_sa_in_maps(struct fixture *fx, const struct ref_sa *sa)
{
	const struct sad_out_value out = {sa->slot, 2 * sa->slot + 1};
	struct sad_value in = {.slot = out.slot, .generation = out.generation, .ifindex = sa->other_nic ? NIC + 6 : 0};
	struct sad_key key = {.spi = sa->spi};
	struct sad_out_key binding = {.sel = selector_as_there(&sa->sel)};

	put_addr(key.dst, sa->dst);
	put_addr(in.peer, sa->src);
	put_addr(binding.src, sa->src);
	put_addr(binding.dst, sa->dst);
	if (sa->inbound) {
		put(fx->skel->maps.sad, &key, &in);
	} else {
		put(fx->skel->maps.sad_out, &binding, &out);
		put(fx->skel->maps.sad_sent, &key, &out);
	}
}

static void empty_all(struct fixture *fx)
{
	empty(fx->skel->maps.spd);
	empty(fx->skel->maps.sad);
	empty(fx->skel->maps.sad_out);
	empty(fx->skel->maps.sad_sent);
	empty(fx->skel->maps.locals);
	empty(fx->skel->maps.fragments_in);
	empty(fx->skel->maps.fragments_out);
	worker_leaves(fx);
	ike_dies(fx);
}

void world_put(struct fixture *fx, const struct ref_host *h)
{
	empty_all(fx);
	for (unsigned i = 0; i < h->policy_count; i++)
		put_prefix(fx, h, &h->policies[i]);
	for (unsigned i = 0; i < h->sa_count; i++) {
		put_sa_state(fx, &h->sas[i]);
		put_sa_in_maps(fx, &h->sas[i]);
	}
	for (unsigned i = 0; i < h->local_count; i++) {
		struct locals_key key;
		uint32_t uses = 1;

		put_addr(key.addr, h->locals[i]);
		put(fx->skel->maps.locals, &key, &uses);
	}
	put_port(fx, h->mtu, h->path_mtu_min);
	if (h->worker)
		worker_serves(fx, 0);
	if (h->ike)
		ike_listens(fx);
}

void world_reset(struct fixture *fx, struct ref_host *h)
{
	for (unsigned i = 0; i < h->sa_count; i++) {
		struct sa_state *s = &fx->sa[h->sas[i].slot];

		s->raised = 0;
		s->leaps = 0;
		s->leaps_since = (uint32_t)s->packets;
		s->path_mtu = (struct path_mtu){h->sas[i].path_mtu, UINT32_MAX};
	}
	if (h->in.count)
		empty(fx->skel->maps.fragments_in);
	if (h->out.count)
		empty(fx->skel->maps.fragments_out);
	h->in.count = h->out.count = 0;
}

/* ---- frames ---- */

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static void put_ethernet(struct frame *f, bool group, unsigned tags)
{
	memset(f->data, 2, 12);
	f->data[0] = group ? 1 : 2;
	f->len = 12;
	for (; tags; tags--, f->len += 4) {
		put16(f->data + f->len, tags & 1 ? 0x8100 : 0x88a8);
		put16(f->data + f->len + 2, 7);
	}
	put16(f->data + f->len, 0x0800);
	f->len += 2;
}

/* Where L4 goes. */
static uint8_t *put_ip(uint8_t *ip, uint32_t src, uint32_t dst, uint8_t proto, unsigned options, unsigned payload,
		       unsigned fragment)
{
	memset(ip, 1, 20 + options);
	ip[0] = (uint8_t)(0x45 + options / 4);
	put16(ip + 2, 20 + options + payload);
	put16(ip + 4, 77);
	put16(ip + 6, fragment);
	ip[9] = proto;
	put32(ip + 12, src);
	put32(ip + 16, dst);
	return ip + 20 + options;
}

/* A number that the SA may take, or not quite. */
static uint32_t number_near(const struct ref_sa *sa, uint64_t *dice)
{
	static const int64_t steps[] = {1,     0,     -1, -63,	   -64,	       -65,	  -127,		  -128,
					-1024, -8192, 5,  1 << 20, -(1 << 20), 1LL << 31, (1LL << 31) - 1};

	return (uint32_t)(sa->seq + (uint64_t)PICK(steps, dice));
}

static const struct ref_sa *any_sa(const struct ref_host *h, bool inbound, uint64_t *dice)
{
	for (int tries = 0; h->sa_count && tries < 8; tries++) {
		const struct ref_sa *sa = &h->sas[random_below(dice, h->sa_count)];

		if (sa->inbound == inbound)
			return sa;
	}
	return NULL;
}

static void put_esp(uint8_t *l4, const struct ref_sa *sa, uint64_t *dice)
{
	put32(l4, sa && chance(dice, 90) ? sa->spi : (uint32_t)random_below(dice, 3) * 0x1000);
	put32(l4 + 4, sa ? number_near(sa, dice) : (uint32_t)random_next(dice));
}

static uint16_t sum_of(const uint8_t *data, size_t size)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < size; i += 2)
		sum += (uint32_t)data[i] << 8 | (i + 1 < size ? data[i + 1] : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* An error about ESP that the SA has sent, or, if that is NULL, about any packet. */
static void put_icmp(uint8_t *l4, unsigned size, const struct ref_sa *sa, uint32_t src, uint32_t dst, uint64_t *dice)
{
	static const uint8_t types[] = {3, 3, 3, 8, 0, 11, 5, 12, 4, 13};
	static const uint16_t mtus[] = {1400, 1200, 575, 576, 0, 1500, 1300, 9000};
	uint8_t *inner;

	memset(l4, 0, 8);
	l4[0] = PICK(types, dice);
	l4[1] = chance(dice, 70) ? 4 : 0;
	put16(l4 + 6, PICK(mtus, dice));
	if (size < 8 + 20 + 8)
		return;
	inner = put_ip(l4 + 8, sa ? sa->src : dst, sa ? sa->dst : src, sa ? 50 : PICK(protos, dice),
		       chance(dice, 10) && size >= 8 + 24 + 8 ? 4 : 0, chance(dice, 80) ? 1480 : 30,
		       chance(dice, 10) ? 5 : 0);
	put16(inner, PICK(ports, dice));
	put16(inner + 2, PICK(ports, dice));
	if (sa)
		put_esp(inner, sa, dice);
	put16(l4 + 2, chance(dice, 90) ? sum_of(l4, size) : 5);
}

static void mutate(struct frame *f, uint64_t *dice)
{
	for (uint64_t n = 1 + random_below(dice, 3); n; n--)
		f->data[12 + random_below(dice, f->len < 60 ? f->len - 12 : 48)] ^=
			(uint8_t)(1 << random_below(dice, 8));
	if (chance(dice, 40))
		f->len = 14 + random_below(dice, f->len - 13);
}

/* Where a frame goes, and what it is. */
struct sending {
	uint32_t src, dst;
	uint8_t proto;
	uint16_t sport, dport;
	const struct ref_sa *sa;    /* of ESP */
	const struct ref_sa *about; /* that an ICMP error is about */
};

static struct sending any_sending(const struct ref_host *h, bool out, uint64_t *dice)
{
	const struct target t = any_target(h, dice);
	const uint32_t here = chance(dice, 92) ? t.local : PICK(others, dice);
	const uint32_t there = chance(dice, 88) ? t.remote : PICK(others, dice);
	const uint16_t local = chance(dice, 75) ? t.sel.local.min : PICK(ports, dice);
	const uint16_t remote = chance(dice, 75) ? t.sel.remote.max : PICK(ports, dice);
	struct sending s = {
		.src = out ? here : there,
		.dst = out ? there : here,
		.proto = t.sel.proto && chance(dice, 50) ? t.sel.proto : PICK(protos, dice),
		.sport = out ? local : remote,
		.dport = out ? remote : local,
	};

	s.sa = !out && chance(dice, 35) ? any_sa(h, true, dice) : NULL;
	if (s.sa) {
		s.proto = 50;
		s.src = s.sa->src;
		s.dst = s.sa->dst;
	}
	s.about = s.proto == 1 && chance(dice, 60) ? any_sa(h, false, dice) : NULL;
	if (s.about && !out && chance(dice, 90))
		s.dst = s.about->src;
	return s;
}

/* Most are as they should be, with every odd thing now and then. */
void frame_random(struct frame *f, const struct ref_host *h, bool out, uint64_t *dice)
{
	static const uint16_t fragments[] = {0x2000, 0x2001, 5, 0x4000, 0x1fff};
	const struct sending s = any_sending(h, out, dice);
	const unsigned size = (unsigned)(chance(dice, 80) ? 36 + random_below(dice, 100) : random_below(dice, 44));
	const unsigned options = chance(dice, 90) ? 0 : (unsigned)random_below(dice, 11) * 4;
	uint8_t *l4;

	memset(f, 0, sizeof(*f));
	put_ethernet(f, s.dst >> 28 == 14 || s.dst == 0xffffffff,
		     chance(dice, 80) ? 0 : (unsigned)random_below(dice, 4));
	/* Of this host's stack, to BPF_PROG_TEST_RUN. */
	if (out && chance(dice, 90))
		memset(f->data, 0, 6);
	l4 = put_ip(f->data + f->len, s.src, s.dst, s.proto, options, size,
		    chance(dice, 85) ? 0 : PICK(fragments, dice));
	put16(l4, s.sport);
	put16(l4 + 2, s.dport);
	if (s.proto == 50)
		put_esp(l4, s.sa, dice);
	else if (s.proto == 1 && (s.about || chance(dice, 50)))
		put_icmp(l4, size, s.about, s.src, s.dst, dice);
	f->len = (size_t)(l4 - f->data) + size;
	if (chance(dice, 12))
		mutate(f, dice);
	if (chance(dice, 10) && f->len < 60)
		f->len = 60;
}

/* To any, or to and fro between two, so that each of two datagrams may come first. */
static void change_port(uint8_t *port, uint64_t *dice)
{
	if (chance(dice, 30))
		put16(port, PICK(ports, dice));
	else
		port[0] ^= 0x40;
}

/* Of what begins an IPv4 packet without tags. With another port a first fragment begins another datagram. */
void frame_another_fragment(struct frame *f, uint64_t *dice)
{
	static const uint16_t fragments[] = {0x2000, 0x2000, 0x2003, 7, 7};
	const uint16_t fragment = PICK(fragments, dice);
	uint8_t *ip = f->data + 14;

	put16(ip + 6, fragment);
	if (fragment == 0x2000 && chance(dice, 60))
		change_port(ip + (ip[0] & 15) * 4 + (chance(dice, 50) ? 0 : 2), dice);
}
