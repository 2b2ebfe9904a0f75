/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "frame.h"

#include <endian.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>

#include "maps/selector_shared.h"

/*
 * A program finds its packet by 32 bits of an address, which the verifier makes a pointer of. So the frame is where 32
 * bits are enough: at a place that neither Linux nor a sanitizer uses for a program that is loaded anywhere.
 */
#define ARENA	   ((void *)0x20000000UL)
#define ARENA_SIZE 4096
/* The IPv4 header, behind Ethernet's 14 bytes, begins at a multiple of 4. */
#define FRAME_AT (FRAME_HEADROOM + 2)
/* As long as any packet that is looked at has to be: ESP's least, and headers of all protocols. */
#define PAYLOAD 64

static uint8_t *arena(void)
{
	static void *at;

	if (!at)
		at = mmap(ARENA, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			  -1, 0);
	return at == MAP_FAILED ? NULL : at;
}

/* Any host's address; the group's, or all's, where the destination says so by itself. */
static struct ethhdr ethernet_of(const struct datapath_packet *p)
{
	struct ethhdr eth = {
		.h_source = {2, 0, 0, 0, 0, 1},
		.h_dest = {2, 0, 0, 0, 0, 2},
		.h_proto = htobe16(ETH_P_IP),
	};
	const uint8_t group[ETH_ALEN] = {1, 0, 0x5e, p->dst[1] & 0x7f, p->dst[2], p->dst[3]};

	if (p->dst[0] >> 4 == 0xe)
		memcpy(eth.h_dest, group, ETH_ALEN);
	else if (p->group)
		memset(eth.h_dest, 0xff, ETH_ALEN);
	return eth;
}

static struct iphdr ipv4_of(const struct datapath_packet *p)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = p->proto,
		.tot_len = htobe16(sizeof(struct iphdr) + PAYLOAD),
	};

	memcpy(&ip.saddr, p->src, sizeof(ip.saddr));
	memcpy(&ip.daddr, p->dst, sizeof(ip.daddr));
	return ip;
}

/* What stands first behind the IPv4 header: SPI and sequence number, type and code, or two ports. */
static void fill_l4(uint8_t *l4, const struct datapath_packet *p)
{
	const uint32_t esp[2] = {htobe32(p->spi), htobe32(p->seq)};
	const uint16_t ports[2] = {htobe16(p->sport), htobe16(p->dport)};

	memset(l4, 0, PAYLOAD);
	if (p->proto == IPPROTO_ESP)
		memcpy(l4, esp, sizeof(esp));
	else if (p->proto == IPPROTO_ICMP)
		memcpy(l4, ports, sizeof(ports[0]));
	else if (proto_has_ports(p->proto))
		memcpy(l4, ports, sizeof(ports));
}

uint8_t *frame_make(const struct datapath_packet *p, uint8_t **end)
{
	const struct ethhdr eth = ethernet_of(p);
	const struct iphdr ip = ipv4_of(p);
	uint8_t *frame = arena();

	if (!frame)
		return NULL;
	frame += FRAME_AT;
	memcpy(frame, &eth, sizeof(eth));
	memcpy(frame + sizeof(eth), &ip, sizeof(ip));
	fill_l4(frame + sizeof(eth) + sizeof(ip), p);
	*end = frame + sizeof(eth) + sizeof(ip) + PAYLOAD;
	return frame;
}
