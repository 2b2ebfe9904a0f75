/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire.h"

#include <arpa/inet.h>
#include <endian.h>
#include <err.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flow.h"

/* Some seconds of traffic, for a recorder that is kept from its CPU. */
#define RING_FRAMES 32768
#define RING_BLOCK  (64 << 10)
#define ONE_TWIN_IN 8
#define WARNED_MAX  20
#define IKE_PORT    500

/* xorshift64*: the seed is printed, and not 0. */
uint64_t wire_random(struct wire *w)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return w->random * 0x2545f4914f6cdd1dULL;
}

/* ---- sockets ---- */

static int packet_socket(void)
{
	const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(2, "AF_PACKET");
	return fd;
}

/* protocol: 0: nothing is to be heard. */
static void bind_to(int fd, const char *port, uint16_t protocol)
{
	const struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = (int)if_nametoindex(port),
	};

	if (!to.sll_ifindex || bind(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		err(2, "%s", port);
}

static void set(int fd, int option, int value)
{
	if (setsockopt(fd, SOL_PACKET, option, &value, sizeof(value)) < 0)
		err(2, "option %d of AF_PACKET", option);
}

static void open_ring(struct wire_port *p, const char *name)
{
	const struct tpacket_req ring = {
		.tp_block_size = RING_BLOCK,
		.tp_block_nr = RING_FRAMES * WIRE_FRAME / RING_BLOCK,
		.tp_frame_size = WIRE_FRAME,
		.tp_frame_nr = RING_FRAMES,
	};

	p->ring = packet_socket();
	set(p->ring, PACKET_VERSION, TPACKET_V2);
	/* What is sent to a host here is not what it has sent. */
	set(p->ring, PACKET_IGNORE_OUTGOING, 1);
	if (setsockopt(p->ring, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring)) < 0)
		err(2, "ring of %s", name);
	p->frames = mmap(NULL, (size_t)RING_FRAMES * WIRE_FRAME, PROT_READ | PROT_WRITE, MAP_SHARED, p->ring, 0);
	if (p->frames == MAP_FAILED)
		err(2, "ring of %s", name);
	bind_to(p->ring, name, ETH_P_ALL);
}

static void open_port(struct wire_port *p, const char *name)
{
	open_ring(p, name);
	p->out = packet_socket();
	/* By the queue of whatever CPU this runs on. */
	set(p->out, PACKET_QDISC_BYPASS, 1);
	bind_to(p->out, name, 0);
	p->kept = calloc(WIRE_KEPT, sizeof(*p->kept));
	if (!p->kept)
		err(2, "memory for frames");
	seen_init(&p->ivs);
	seen_init(&p->numbers);
}

void wire_init(struct wire *w, struct report *report, const struct in_addr addrs[2], uint64_t seed,
	       const char *const keylogs[2])
{
	*w = (struct wire){.report = report, .addrs = {addrs[0], addrs[1]}, .random = seed | 1};
	keys_init(&w->keys, keylogs);
	open_port(&w->ports[0], "port0");
	open_port(&w->ports[1], "port1");
}

/* ---- what a host has sent ---- */

static void warn_of(struct wire *w, unsigned host, const struct esp *esp, const char *what)
{
	if (w->warned++ < WARNED_MAX)
		warnx("host %c: SPI %#x, number %u, IV %016llx: %s", "ab"[host], ntohl(esp->spi), ntohl(esp->number),
		      (unsigned long long)be64toh(esp->iv), what);
}

/* Each key is counted once for what it has reached. */
static void count_reach(struct report *r, struct key *key, const struct esp *esp)
{
	const uint8_t both = REACH_LOW | REACH_PAST, before = key->reached;

	keys_reach(key, ntohl(esp->number));
	r->wrapped += (key->reached & both) == both && (before & both) != both;
	if ((key->reached & ~before) & REACH_LAST)
		(*(key->esn ? &r->exhausted_esn : &r->exhausted))++;
}

/* A packet comes once, whatever becomes of the processes that made it. key: by which it opens. */
static void look_at_nonce(struct wire *w, unsigned host, const struct esp *esp, size_t length, uint32_t key)
{
	const uint32_t content = seen_content((const uint8_t *)esp, length);
	struct wire_port *p = &w->ports[host];
	const enum seen_before iv = seen_add(&p->ivs, key, be64toh(esp->iv), content);
	const enum seen_before number = seen_add(&p->numbers, key, ntohl(esp->number), content);

	w->report->opened++;
	w->report->packet_again += iv == SEEN_SAME;
	w->report->iv_again += iv == SEEN_OTHER;
	w->report->number_again += number == SEEN_OTHER;
	if (iv != SEEN_FIRST)
		warn_of(w, host, esp, iv == SEEN_SAME ? "the same packet again" : "another packet with this IV");
	else if (number != SEEN_FIRST)
		warn_of(w, host, esp, "another packet with this number");
}

/* False: its key is not known yet. */
static bool look_at_esp(struct wire *w, unsigned host, const uint8_t *packet, size_t length)
{
	const struct esp *esp = (const struct esp *)packet;
	uint32_t key;
	const enum keys_said said = keys_open(&w->keys, packet, length, &key);

	if (said == KEY_OPENS) {
		look_at_nonce(w, host, esp, length, key);
		count_reach(w->report, &w->keys.keys[key - 1], esp);
	} else if (said == KEY_REFUSES) {
		w->report->refused++;
		warn_of(w, host, esp, "does not open by the key of its SPI");
	}
	return said != KEY_UNKNOWN;
}

static void wait_for_key(struct wire *w, unsigned host, const uint8_t *packet, size_t length)
{
	struct wire_waiting *one;

	if (w->waiting_count == w->waiting_room) {
		w->waiting_room = w->waiting_room ? 2 * w->waiting_room : 64;
		w->waiting = realloc(w->waiting, w->waiting_room * sizeof(*w->waiting));
		if (!w->waiting)
			err(2, "packets that wait for a key");
	}
	one = &w->waiting[w->waiting_count++];
	one->host = host;
	one->frame.length = (uint16_t)length;
	memcpy(one->frame.octets, packet, length);
}

void wire_read_keys(struct wire *w)
{
	size_t still = 0;

	if (keys_read(&w->keys))
		for (size_t i = 0; i < w->waiting_count; i++) {
			const struct wire_waiting *one = &w->waiting[i];

			if (!look_at_esp(w, one->host, one->frame.octets, one->frame.length))
				w->waiting[still++] = *one;
		}
	else
		still = w->waiting_count;
	w->waiting_count = still;
	w->report->without_key = still;
	w->report->keys = w->keys.count;
	w->report->key_again = w->keys.again;
}

static bool is_between_hosts(const struct wire *w, const struct iphdr *ip)
{
	return (ip->saddr == w->addrs[0].s_addr && ip->daddr == w->addrs[1].s_addr) ||
	       (ip->saddr == w->addrs[1].s_addr && ip->daddr == w->addrs[0].s_addr);
}

static bool is_ike(const struct iphdr *ip)
{
	const struct udphdr *udp = (const struct udphdr *)((const uint8_t *)ip + ip->ihl * 4);

	return ip->protocol == IPPROTO_UDP && ntohs(udp->source) == IKE_PORT && ntohs(udp->dest) == IKE_PORT;
}

static void keep(struct wire_port *p, const uint8_t *frame, size_t length)
{
	struct wire_frame *f = &p->kept[p->kept_count++ % WIRE_KEPT];

	f->length = (uint16_t)length;
	memcpy(f->octets, frame, length);
}

/* `there` octets of the frame were shown, which is all of it but of IKE's. */
static void look_at(struct wire *w, unsigned host, const uint8_t *frame, size_t there, size_t length)
{
	const struct ethhdr *eth = (const struct ethhdr *)frame;
	const struct iphdr *ip = (const struct iphdr *)(eth + 1);
	const uint8_t *esp = (const uint8_t *)ip + ip->ihl * 4;

	if (there < sizeof(*eth) + sizeof(*ip) || eth->h_proto != htons(ETH_P_IP) || !is_between_hosts(w, ip))
		return;
	if (ip->protocol != IPPROTO_ESP) {
		w->report->ike += is_ike(ip);
		w->report->clear += !is_ike(ip);
		if (!is_ike(ip) && w->warned++ < WARNED_MAX)
			warnx("host %c: a packet of protocol %u in clear", "ab"[host], ip -> protocol);
		return;
	}
	if (there < length || length > sizeof(w->ports[0].kept->octets) || esp + sizeof(struct esp) > frame + length)
		errx(2, "an ESP packet of %zu octets, of which %zu were shown", length, there);
	w->report->recorded++;
	if (!look_at_esp(w, host, esp, (size_t)(frame + length - esp)))
		wait_for_key(w, host, esp, (size_t)(frame + length - esp));
	keep(&w->ports[host], frame, length);
	if (wire_random(w) % ONE_TWIN_IN == 0)
		wire_again(w, host, 1);
}

static bool take_from(struct wire *w, unsigned host)
{
	struct wire_port *p = &w->ports[host];
	unsigned taken = 0;

	for (; taken < RING_FRAMES; taken++) {
		struct tpacket2_hdr *h = (struct tpacket2_hdr *)(p->frames + (size_t)p->next * WIRE_FRAME);

		if (!(__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			break;
		look_at(w, host, (const uint8_t *)h + h->tp_mac, h->tp_snaplen, h->tp_len);
		__atomic_store_n(&h->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		p->next = (p->next + 1) % RING_FRAMES;
	}
	return taken;
}

static void count_lost(struct wire *w, unsigned host)
{
	struct tpacket_stats stats;
	socklen_t size = sizeof(stats);

	if (getsockopt(w->ports[host].ring, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
		w->report->lost += stats.tp_drops;
}

bool wire_take(struct wire *w)
{
	bool any = false;

	for (unsigned host = 0; host < 2; host++) {
		any = take_from(w, host) || any;
		count_lost(w, host);
	}
	return any;
}

/* ---- what a host is sent ---- */

/* To the other one. Its queue may be full, which is a loss as any other. */
static bool send_to_other(struct wire *w, unsigned host, const uint8_t *frame, size_t length)
{
	return send(w->ports[!host].out, frame, length, MSG_DONTWAIT) == (ssize_t)length;
}

void wire_again(struct wire *w, unsigned host, uint64_t ago)
{
	const struct wire_port *p = &w->ports[host];
	const struct wire_frame *f = &p->kept[(p->kept_count - ago) % WIRE_KEPT];

	if (ago == 0 || ago > WIRE_KEPT || ago > p->kept_count)
		return;
	w->report->injected += send_to_other(w, host, f->octets, f->length);
}

static uint16_t header_checksum(const struct iphdr *ip)
{
	uint32_t sum = 0;
	uint16_t word;

	for (size_t i = 0; i < sizeof(*ip); i += sizeof(word)) {
		memcpy(&word, (const uint8_t *)ip + i, sizeof(word));
		sum += word;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

/* With the Ethernet header of what the host has sent. UDP without a checksum. */
void wire_forge(struct wire *w, unsigned host)
{
	const struct wire_port *p = &w->ports[host];
	struct {
		struct ethhdr eth;
		struct iphdr ip;
		struct udphdr udp;
		uint8_t payload[FLOW_SIZE_MIN];
	} __attribute__((packed)) frame = {
		.ip = {.version = 4,
		       .ihl = 5,
		       .ttl = 64,
		       .protocol = IPPROTO_UDP,
		       .saddr = w->addrs[host].s_addr,
		       .daddr = w->addrs[!host].s_addr},
		.udp = {.source = htons(FLOW_PORT), .dest = htons(FLOW_PORT)},
	};
	struct iphdr ip;

	if (!p->kept_count)
		return;
	memcpy(&frame.eth, p->kept[(p->kept_count - 1) % WIRE_KEPT].octets, sizeof(frame.eth));
	frame.ip.tot_len = htons(sizeof(frame) - sizeof(frame.eth));
	frame.udp.len = htons(sizeof(frame.udp) + sizeof(frame.payload));
	ip = frame.ip;
	frame.ip.check = header_checksum(&ip);
	flow_forge(frame.payload, ++w->report->forged);
	send_to_other(w, host, (const uint8_t *)&frame, sizeof(frame));
}
