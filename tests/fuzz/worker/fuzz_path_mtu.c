/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the worker says of, and does to, a packet that is too big or a SYN. What must hold: the host is told in a
 * well-formed message with right checksums that quotes the packet; the MSS only goes down, and whether TCP's checksum
 * was right does not change.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "lane/mss.h"
#include "out/path_mtu.h"
#include "packets.h"

static uint8_t frame[HOST_FRAME_MAX + HOST_TAIL], before[HOST_FRAME_MAX];
static struct port shared = {.mtu = 1500, .mac = {2, 0, 0, 0, 0, 9}, .mss_clamp = MSS_CLAMP_FIT};
static struct port_queue port = {.shared = &shared, .q.umem = {.mtu_max = PORT_MTU_MAX}};
static int host = -1;

static void open_host(void)
{
	int ends[2];

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

static void run(const uint8_t *data, size_t size)
{
	const struct virtio_net_hdr none = {0};
	struct segmenter s;
	size_t mtu;

	if (size < 2 || size - 2 > HOST_FRAME_MAX)
		return;
	mtu = load_be16(data);
	size -= 2;
	memcpy(frame, data + 2, size);
	if (!segment_begin(&s, frame, size, &none))
		return;
	path_mtu_tell_host(&port, &s, mtu);
	check_reply(&s, mtu);
	clamp(&s, size, mtu);
}

static void seed_syn(size_t options, const uint8_t *option, size_t size)
{
	const struct tcp_spec t = {.sport = 3, .dport = 4, .flags = TCP_SYN, .options = (uint8_t)options};
	uint8_t syn[2 + 200] = {1400 >> 8, 1400 & 255}, *l4 = syn + 2 + ETH_LEN + IP_LEN_MIN;
	const size_t len = make_tcp(syn + 2, &t, 20, 1, 2);

	memcpy(l4 + TCP_LEN_MIN, option, size);
	finish_l4(syn + 2, TCP_CHECK, TCP_LEN_MIN + options + 20);
	fuzz_seed(syn, 2 + len);
}

static void seeds(void)
{
	static const uint8_t mss[] = {2, 4, 0x23, 0}, odd[] = {1, 2, 4, 0x23, 0, 1, 1, 0}, cut[] = {1, 1, 2, 4};
	uint8_t datagram[2 + 200] = {2, 88};

	seed_syn(4, mss, sizeof(mss));
	seed_syn(8, odd, sizeof(odd));
	seed_syn(4, cut, sizeof(cut));
	fuzz_seed(datagram, 2 + make_udp(datagram + 2, 1, 2, 100, 3));
}

FUZZER(.name = "path_mtu", .open = open_host, .run = run, .seeds = seeds)
