/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the worker says of, and does to, a packet that is too big or a SYN. What must hold: the host is told in a
 * well-formed message with right checksums that quotes the packet; the MSS only goes down, and whether TCP's checksum
 * was right does not change.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mss.h"
#include "path_mtu.h"

static uint8_t frame[HOST_FRAME_MAX + HOST_TAIL], before[HOST_FRAME_MAX];
static struct port shared = {.mtu = 1500, .mac = {2, 0, 0, 0, 0, 9}, .mss_clamp = MSS_CLAMP_FIT};
static struct port_queue port = {.shared = &shared, .q.umem = {.mtu_max = PORT_MTU_MAX}};
static int host = -1;

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void open_host(void)
{
	int ends[2];

	if (host >= 0)
		return;
	require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends) == 0);
	port.host.fd = ends[0];
	host = ends[1];
}

static void check_reply(const struct segmenter *s, size_t mtu)
{
	uint8_t said[1024];
	const size_t vnet = sizeof(struct virtio_net_hdr);
	ssize_t n = read(host, said, sizeof(said));
	struct ip_view ip;

	if (!(load_be16(s->ip.ip + IP_FRAG) & IP_DF)) {
		require(n < 0);
		return;
	}
	require(n > (ssize_t)(vnet + s->l2) && load_be16(said + vnet + s->l2 - 2) == HOST_TAG_ETHERTYPE);
	store_be16(said + vnet + s->l2 - 2, 0x0800);
	require(eth_ipv4_offset(said + vnet, (size_t)n - vnet) == s->l2);
	require(ip_parse(&ip, said + vnet + s->l2, (size_t)n - vnet - s->l2) && ip.header == IP_LEN_MIN);
	require(ip.total == (size_t)n - vnet - s->l2 && ip.total <= 576);
	require(csum_ipv4_header(ip.ip, IP_LEN_MIN) == 0 && ip.ip[IP_PROTO] == PROTO_ICMP);
	require(csum_fold(csum_partial(ip.ip + IP_LEN_MIN, ip.total - IP_LEN_MIN, 0)) == 0);
	require(load_be16(ip.ip + IP_LEN_MIN + 6) == mtu);
	require(memcmp(ip.ip + IP_LEN_MIN + 8, s->ip.ip, ip.total - IP_LEN_MIN - 8) == 0);
}

static bool is_right(const struct ip_view *ip)
{
	return csum_l4(ip->ip + IP_SRC, ip->ip + IP_DST, PROTO_TCP, ip->ip + ip->header, ip->total - ip->header) == 0;
}

static void clamp(const struct segmenter *s, size_t size, size_t mtu)
{
	const bool right = is_right(&s->ip);
	size_t changed = 0;

	memcpy(before, frame, size);
	mss_clamp(&shared, &s->ip, s->proto, mtu);
	for (size_t i = 0; i < size; i++)
		changed += frame[i] != before[i];
	require(changed <= 4 && is_right(&s->ip) == right);
	memcpy(before, frame, size);
	mss_clamp(&shared, &s->ip, s->proto, mtu);
	require(memcmp(frame, before, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct virtio_net_hdr none = {0};
	struct segmenter s;
	size_t mtu;

	open_host();
	if (size < 2 || size - 2 > HOST_FRAME_MAX)
		return 0;
	mtu = load_be16(data);
	size -= 2;
	memcpy(frame, data + 2, size);
	if (!segment_begin(&s, frame, size, &none))
		return 0;
	path_mtu_tell_host(&port, &s, mtu);
	check_reply(&s, mtu);
	clamp(&s, size, mtu);
	return 0;
}
