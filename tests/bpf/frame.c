/* SPDX-License-Identifier: BSD-2-Clause */
#include "frame.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <netinet/in.h>
#include <string.h>

static void put16(struct frame *f, uint16_t value)
{
	value = htons(value);
	memcpy(f->data + f->len, &value, sizeof(value));
	f->len += sizeof(value);
}

static void put32(struct frame *f, uint32_t value)
{
	value = htonl(value);
	memcpy(f->data + f->len, &value, sizeof(value));
	f->len += sizeof(value);
}

static void put_ethernet(struct frame *f, int tags)
{
	/* To the loopback interface, which BPF_PROG_TEST_RUN takes for the one that it came in by. */
	static const uint8_t addresses[12] = {0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2};

	memcpy(f->data, addresses, sizeof(addresses));
	f->len = sizeof(addresses);
	for (int left = tags; left > 0; left--) {
		put16(f, left == 2 ? ETH_P_8021AD : ETH_P_8021Q);
		put16(f, 100);
	}
	put16(f, ETH_P_IP);
}

static void put_ipv4(struct frame *f, const struct spec *s, size_t payload)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5 + s->options / 4,
		.tot_len = htons(20 + s->options + payload),
		.id = htons(s->id),
		.frag_off = htons(s->frag_off),
		.ttl = 64,
		.protocol = s->proto ? s->proto : IPPROTO_UDP,
		.saddr = inet_addr(s->src ? s->src : REMOTE),
		.daddr = inet_addr(s->dst ? s->dst : LOCAL),
	};

	f->l3 = f->len;
	memcpy(f->data + f->len, &ip, sizeof(ip));
	memset(f->data + f->len + sizeof(ip), 1 /* no operation */, s->options);
	f->len += sizeof(ip) + s->options;
}

struct frame frame_of(const struct spec *s)
{
	struct frame f = {.len = 0};
	size_t payload = s->payload ? s->payload : 40;

	put_ethernet(&f, s->tags);
	put_ipv4(&f, s, payload);
	f.l4 = f.len;
	if (s->proto == IPPROTO_ESP) {
		put32(&f, s->spi);
		put32(&f, s->seq);
	} else {
		put16(&f, s->sport);
		put16(&f, s->dport);
	}
	f.len = f.l4 + payload;
	return f;
}

void frame_pad(struct frame *f)
{
	if (f->len < ETH_ZLEN)
		memset(f->data + f->len, 0, ETH_ZLEN - f->len);
	f->len = f->len < ETH_ZLEN ? ETH_ZLEN : f->len;
}
