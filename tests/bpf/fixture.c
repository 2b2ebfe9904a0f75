/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "fixture.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "datapath.skel.h"

#define CPUS_MAX 1024

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

static int on_event(void *ctx, void *data, size_t size)
{
	struct fixture *fx = ctx;

	assert_true(size >= sizeof(struct event));
	if ((size_t)fx->told < sizeof(fx->events) / sizeof(fx->events[0]))
		memcpy(&fx->events[fx->told], data, sizeof(struct event));
	fx->told++;
	return 0;
}

void put_gate(struct fixture *fx, uint32_t nic, enum port_mode mode)
{
	const struct gate gate = {.kind = GATE_ATTACHED, .mode = mode, .port = PORT, .nic = nic, .tap = TAP};

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(fx->skel->maps.gates), &nic, &gate, BPF_ANY), 0);
}

void remove_gate(struct fixture *fx, uint32_t nic)
{
	assert_int_equal(bpf_map_delete_elem(bpf_map__fd(fx->skel->maps.gates), &nic), 0);
}

static size_t sa_state_size(const struct fixture *fx)
{
	return sizeof(struct sa_state) * fx->slots;
}

static int fixture_open(void **state, const struct prog_config *config, enum port_mode mode, uint32_t slots)
{
	struct fixture *fx = calloc(1, sizeof(*fx));

	libbpf_set_print(quiet);
	assert_non_null(fx);
	fx->skel = datapath__open();
	assert_non_null(fx->skel);
	fx->skel->rodata->cfg = *config;
	fx->slots = slots;
	assert_int_equal(bpf_map__set_max_entries(fx->skel->maps.sa_state, slots), 0);
	assert_int_equal(bpf_map__set_max_entries(fx->skel->maps.spd, spd_prefixes(slots)), 0);
	assert_int_equal(bpf_map__set_max_entries(fx->skel->maps.spd_hits, spd_counters(slots)), 0);
	assert_int_equal(datapath__load(fx->skel), 0);
	fx->sa = mmap(NULL, sa_state_size(fx), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(fx->skel->maps.sa_state),
		      0);
	assert_true(fx->sa != MAP_FAILED);
	fx->ring = ring_buffer__new(bpf_map__fd(fx->skel->maps.events), on_event, fx, NULL);
	assert_non_null(fx->ring);
	memset(fx->sockets, -1, sizeof(fx->sockets));
	put_gate(fx, NIC, mode);
	worker_serves(fx, 0);
	ike_listens(fx);
	*state = fx;
	return 0;
}

static const struct prog_config usual = {.mark = MARK};

int fixture_native(void **state)
{
	return fixture_open(state, &usual, PORT_NATIVE, SLOTS_DEFAULT);
}

int fixture_generic(void **state)
{
	return fixture_open(state, &usual, PORT_GENERIC, SLOTS_DEFAULT);
}

int fixture_large(void **state)
{
	return fixture_open(state, &usual, PORT_NATIVE, SLOTS_MAX);
}

int fixture_with(void **state, enum unknown_spi unknown_spi, uint32_t mark)
{
	const struct prog_config config = {.unknown_spi = unknown_spi, .mark = mark};

	return fixture_open(state, &config, PORT_NATIVE, SLOTS_DEFAULT);
}

int fixture_generic_with(void **state, uint32_t mark)
{
	const struct prog_config config = {.mark = mark};

	return fixture_open(state, &config, PORT_GENERIC, SLOTS_DEFAULT);
}

int fixture_free(void **state)
{
	struct fixture *fx = *state;

	worker_leaves(fx);
	ike_dies(fx);
	ring_buffer__free(fx->ring);
	munmap(fx->sa, sa_state_size(fx));
	datapath__destroy(fx->skel);
	free(fx);
	return 0;
}

static void put(struct bpf_map *map, const void *key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY), 0);
}

void put_rules(struct fixture *fx, const char *prefix, const struct spd_rule *rules, size_t n)
{
	struct spd_entry entry = {.count = n};
	struct spd_key key;
	char addr[32];

	assert_true(n <= SPD_RULES_MAX);
	assert_int_equal(sscanf(prefix, "%31[0-9.]/%u", addr, &key.prefixlen), 2);
	assert_int_equal(inet_pton(AF_INET, addr, key.remote), 1);
	memcpy(entry.rules, rules, n * sizeof(*rules));
	put(fx->skel->maps.spd, &key, &entry);
}

void protect_all(struct fixture *fx)
{
	PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_PROTECT});
}

void put_local(struct fixture *fx, const char *addr)
{
	struct locals_key key;
	uint32_t uses = 1;

	inet_pton(AF_INET, addr, key.addr);
	put(fx->skel->maps.locals, &key, &uses);
}

static struct sa_state *put_sa(struct fixture *fx, uint32_t slot, uint32_t spi, const char *src, const char *dst)
{
	struct sa_state *sa = &fx->sa[slot];

	*sa = (struct sa_state){.generation = 2 * slot + 1, .spi = spi, .flags = SA_ESN, .replay_window = 64};
	inet_pton(AF_INET, src, sa->src);
	inet_pton(AF_INET, dst, sa->dst);
	return sa;
}

struct sa_state *put_inbound(struct fixture *fx, uint32_t slot, uint32_t spi)
{
	struct sa_state *sa = put_sa(fx, slot, spi, REMOTE, LOCAL);

	sa->direction = SA_INBOUND;
	bind_inbound(fx, slot, 0);
	return sa;
}

void bind_inbound(struct fixture *fx, uint32_t slot, uint32_t ifindex)
{
	struct sa_state *sa = &fx->sa[slot];
	struct sad_value value = {.slot = slot, .generation = sa->generation, .ifindex = ifindex};
	struct sad_key key = {.spi = sa->spi};

	memcpy(key.dst, sa->dst, sizeof(key.dst));
	memcpy(value.peer, sa->src, sizeof(value.peer));
	sa->ifindex = ifindex;
	put(fx->skel->maps.sad, &key, &value);
}

static void put_sent(struct fixture *fx, const struct sa_state *sa, const struct sad_out_value *value)
{
	struct sad_key key = {.spi = sa->spi};

	memcpy(key.dst, sa->dst, sizeof(key.dst));
	put(fx->skel->maps.sad_sent, &key, value);
}

static void put_whole_port(struct fixture *fx, struct port port)
{
	uint32_t at = PORT;

	port.ifindex = NIC;
	port.tap_ifindex = TAP;
	put(fx->skel->maps.ports, &at, &port);
}

void put_port(struct fixture *fx, uint32_t mtu, uint16_t path_mtu_min)
{
	put_whole_port(fx, (struct port){.mtu = mtu, .path_mtu_min = path_mtu_min, .bridged = true});
}

void put_queues(struct fixture *fx, uint32_t rx, uint32_t tx)
{
	put_whole_port(fx, (struct port){.mtu = 1500, .queues = rx, .tx_queues = tx});
}

struct sa_state *put_outbound_of_lane(struct fixture *fx, uint32_t slot, struct selector sel, uint32_t lane)
{
	struct sa_state *sa = put_sa(fx, slot, 0x2000 + slot, LOCAL, REMOTE);
	struct sad_out_value value = {.slot = slot, .generation = sa->generation};
	struct sad_out_key key = {.sel = sel, .lane = lane};

	sa->direction = SA_OUTBOUND;
	sa->sel = sel;
	sa->lane = (uint8_t)lane;
	memcpy(key.src, sa->src, sizeof(key.src));
	memcpy(key.dst, sa->dst, sizeof(key.dst));
	put(fx->skel->maps.sad_out, &key, &value);
	put_sent(fx, sa, &value);
	return sa;
}

struct sa_state *put_outbound_for(struct fixture *fx, uint32_t slot, struct selector sel)
{
	return put_outbound_of_lane(fx, slot, sel, 0);
}

void remove_outbound_of_lane(struct fixture *fx, struct selector sel, uint32_t lane)
{
	struct sad_out_key key = {.sel = sel, .lane = lane};

	inet_pton(AF_INET, LOCAL, key.src);
	inet_pton(AF_INET, REMOTE, key.dst);
	assert_int_equal(bpf_map_delete_elem(bpf_map__fd(fx->skel->maps.sad_out), &key), 0);
}

void remove_outbound_for(struct fixture *fx, struct selector sel)
{
	remove_outbound_of_lane(fx, sel, 0);
}

void put_lanes(struct fixture *fx, unsigned lanes)
{
	const uint32_t only = 0;
	struct cpu_lane each[CPUS_MAX];

	for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++)
		each[cpu] = (struct cpu_lane){lanes > 1 ? 1 + cpu % lanes : 0, lanes};
	put(fx->skel->maps.cpu_lane, &only, each);
}

static struct selector to_port(uint16_t proto, uint16_t remote_port)
{
	return SEL(ANY_LOCAL_PORT, .remote_port_min = remote_port, .remote_port_max = remote_port ? remote_port : 65535,
		   .proto = (uint8_t)proto);
}

struct sa_state *put_outbound(struct fixture *fx, uint32_t slot, uint16_t proto, uint16_t remote_port)
{
	return put_outbound_for(fx, slot, to_port(proto, remote_port));
}

void remove_outbound(struct fixture *fx, uint16_t proto, uint16_t remote_port)
{
	remove_outbound_for(fx, to_port(proto, remote_port));
}

/* The map takes a socket that is not bound, which is all that the programs can see of a worker. */
void worker_serves(struct fixture *fx, uint32_t queue)
{
	uint32_t at = PORT * QUEUES_MAX + queue;

	fx->sockets[queue] = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	assert_true(fx->sockets[queue] >= 0);
	put(fx->skel->maps.xsks, &at, &fx->sockets[queue]);
}

void worker_leaves(struct fixture *fx)
{
	for (uint32_t queue = 0; queue <= QUEUES_MAX; queue++) {
		uint32_t at = PORT * QUEUES_MAX + queue;

		if (fx->sockets[queue] < 0)
			continue;
		bpf_map_delete_elem(bpf_map__fd(fx->skel->maps.xsks), &at);
		close(fx->sockets[queue]);
		fx->sockets[queue] = -1;
	}
}

void ike_listens(struct fixture *fx)
{
	fx->ike = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	assert_true(fx->ike >= 0);
	put(fx->skel->maps.ike_alive, &(uint32_t){0}, &fx->ike);
}

/* Nobody is left to tell the programs: the kernel does. */
void ike_dies(struct fixture *fx)
{
	if (fx->ike >= 0)
		close(fx->ike);
	fx->ike = -1;
}

struct outcome run_xdp_on(struct fixture *fx, const struct frame *f, uint32_t ifindex, uint32_t queue, size_t meta)
{
	uint8_t in[sizeof(f->data) + 64] = {0};
	struct xdp_md ctx = {
		.data = meta, .data_end = meta + f->len, .ingress_ifindex = ifindex, .rx_queue_index = queue};
	struct outcome out = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_size_in = meta + f->len, .data_out = out.data,
		    .data_size_out = sizeof(out.data), .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .ctx_out = &ctx,
		    .ctx_size_out = sizeof(ctx), .repeat = 1);

	assert_true(meta <= 64);
	memcpy(in + meta, f->data, f->len);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(fx->skel->progs.xdp_ingress), &opts), 0);
	out.verdict = opts.retval;
	out.len = opts.data_size_out;
	out.meta_len = ctx.data - ctx.data_meta;
	return out;
}

struct outcome run_xdp(struct fixture *fx, const struct frame *f)
{
	return run_xdp_on(fx, f, 0, 0, 0);
}

static struct outcome run_tc(struct bpf_program *prog, const struct frame *f, struct __sk_buff *ctx)
{
	struct outcome out = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->data, .data_size_in = f->len, .data_out = out.data,
		    .data_size_out = sizeof(out.data), .ctx_in = ctx, .ctx_size_in = sizeof(*ctx), .ctx_out = ctx,
		    .ctx_size_out = sizeof(*ctx), .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), 0);
	out.verdict = opts.retval;
	out.len = opts.data_size_out;
	out.mark = ctx->mark;
	return out;
}

struct outcome run_egress(struct fixture *fx, const struct frame *f)
{
	struct __sk_buff ctx = {0};

	return run_tc(fx->skel->progs.tc_egress, f, &ctx);
}

struct outcome run_egress_gso(struct fixture *fx, const struct frame *f)
{
	struct __sk_buff ctx = {.gso_size = 100, .gso_segs = 2};

	return run_tc(fx->skel->progs.tc_egress, f, &ctx);
}

struct outcome run_nic_ingress(struct fixture *fx, const struct frame *f, uint32_t mark)
{
	struct __sk_buff ctx = {.mark = mark};

	return run_tc(fx->skel->progs.nic_ingress, f, &ctx);
}

struct outcome run_tap_ingress(struct fixture *fx, const struct frame *f)
{
	struct __sk_buff ctx = {0};

	return run_tc(fx->skel->progs.tap_ingress, f, &ctx);
}

uint64_t counted(struct fixture *fx, enum reason reason)
{
	uint32_t only = 0;
	int cpus = libbpf_num_possible_cpus();
	struct counts each[CPUS_MAX];
	uint64_t sum = 0;

	assert_in_range(cpus, 1, CPUS_MAX);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(fx->skel->maps.stats), &only, each), 0);
	for (int i = 0; i < cpus; i++)
		sum += counts_get(&each[i], reason);
	return sum;
}

uint64_t counted_in_all(struct fixture *fx)
{
	uint64_t sum = 0;

	for (int r = 0; r < REASONS_MAX; r++)
		sum += counted(fx, r);
	return sum;
}

static void count_from_zero(struct fixture *fx)
{
	static const struct counts zero[CPUS_MAX];
	uint32_t only = 0;

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(fx->skel->maps.stats), &only, zero, BPF_ANY), 0);
}

void assert_counted_only(struct fixture *fx, enum reason reason)
{
	assert_int_equal(counted(fx, reason), 1);
	assert_int_equal(counted_in_all(fx), 1);
	count_from_zero(fx);
}

void assert_nothing_counted(struct fixture *fx)
{
	assert_int_equal(counted_in_all(fx), 0);
}

int take_events(struct fixture *fx)
{
	fx->told = 0;
	assert_true(ring_buffer__consume(fx->ring) >= 0);
	return fx->told;
}

void age_gates(struct fixture *fx)
{
	int fd = bpf_map__fd(fx->skel->maps.event_gate);
	struct event_gate_key key, *after = NULL;
	uint64_t told;

	for (; bpf_map_get_next_key(fd, after, &key) == 0; after = &key) {
		assert_int_equal(bpf_map_lookup_elem(fd, &key, &told), 0);
		told -= 1000000000;
		assert_int_equal(bpf_map_update_elem(fd, &key, &told, BPF_EXIST), 0);
	}
}

static void age_map(struct bpf_map *map, uint64_t ns)
{
	int fd = bpf_map__fd(map);
	struct fragment_key key, *after = NULL;
	struct fragment_value value;

	for (; bpf_map_get_next_key(fd, after, &key) == 0; after = &key) {
		assert_int_equal(bpf_map_lookup_elem(fd, &key, &value), 0);
		value.time_ns -= ns;
		assert_int_equal(bpf_map_update_elem(fd, &key, &value, BPF_EXIST), 0);
	}
}

void age_fragments(struct fixture *fx, uint64_t ns)
{
	age_map(fx->skel->maps.fragments_in, ns);
	age_map(fx->skel->maps.fragments_out, ns);
}

uint64_t boot_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}
