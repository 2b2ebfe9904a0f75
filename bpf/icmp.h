/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP "fragmentation needed" about our ESP (RFC 4301 section 8.2.1). Nobody has signed such a message, so it is
 * believed only if it quotes a packet that an SA here may have sent not long ago, and names an MTU that can be:
 *
 *   it is to and about our address; SPI and destination are an outbound SA's; the SA has given out the sequence number;
 *   the MTU is below the quoted packet's length and what is known now, and not below the interface's path-mtu-min.
 *
 * An MTU of 0, from a router that is older than RFC 1191, is no word on which to act: a guess from its table of
 * plateaus could be too low for ten minutes, and a TCP that loses all its full segments finds out by itself (RFC 4821).
 *
 * A message that is believed lowers the SA's path MTU for ten minutes. The worker tells the sender when its next packet
 * does not fit.
 */
#ifndef BPF_ICMP_H
#define BPF_ICMP_H

#include "esp.h"
#include "icmp_quote.h"

/* RFC 1191 section 6.3 recommends ten minutes before the path is tried with more again. */
#define PATH_MTU_AGE_S 600
#define SECOND_NS      1000000000ULL

/*
 * How many numbers behind the SA's last one a quoted packet may be: a round trip of 100 ms at 10 million packets a
 * second. With fewer, a fast sender's messages are not believed; with more, a forger needs fewer guesses than some
 * 2^12.
 */
#define SENT_LATELY (1U << 20)

/* Whether the SA has lately given out a number with that low half. It has given out all numbers up to sa->seq. */
static __always_inline bool sa_has_sent(const struct sa_state *sa, __u32 seq)
{
	__u64 last = sa->seq;
	__u32 behind = (__u32)last - seq;

	return behind < SENT_LATELY && behind < last;
}

static __always_inline struct path_mtu load_path_mtu(const struct sa_state *sa)
{
	union {
		__u64 word;
		struct path_mtu m;
	} u = {.word = *(const volatile __u64 *)&sa->path_mtu};

	return u.m;
}

static __always_inline void store_path_mtu(struct sa_state *sa, __u32 mtu, __u32 until_s)
{
	union {
		struct path_mtu m;
		__u64 word;
	} u = {.m = {.mtu = mtu, .until_s = until_s}};

	*(volatile __u64 *)&sa->path_mtu = u.word;
}

/* Whether the MTU can be. One that is known already is: it comes again for packets that were on their way, and stays
 * known for longer. */
static __always_inline bool mtu_is_plausible(const struct packet *p, const struct sa_state *sa,
					     const struct icmp_quote *q, __u32 now_s)
{
	__u32 index = p->nic.port;
	const struct port *port = bpf_map_lookup_elem(&ports, &index);
	struct path_mtu known = load_path_mtu(sa);

	if (!port || !port->path_mtu_min || q->mtu < port->path_mtu_min || q->mtu >= port->mtu || q->mtu >= q->total)
		return false;
	return !known.mtu || known.until_s <= now_s || q->mtu <= known.mtu;
}

/* The outbound SA that sent the quoted packet, or NULL. */
static __always_inline struct sa_state *sa_that_sent(const struct packet *p, const struct icmp_quote *q)
{
	struct sad_key key = {.spi = q->spi};
	const struct sad_out_value *found;
	struct sa_state *sa;

	__builtin_memcpy(key.dst, &q->dst, sizeof(key.dst));
	found = bpf_map_lookup_elem(&sad_sent, &key);
	sa = found ? sa_find(found->slot, found->generation) : NULL;
	if (!sa || sa->direction != SA_OUTBOUND || p->dst != q->src ||
	    __builtin_memcmp(sa->src, &q->src, sizeof(sa->src)))
		return NULL;
	return sa;
}

/* Whether a message about ESP that no SA here has sent is dropped. It is not where such ESP could be the kernel's. */
static __always_inline bool icmp_is_refused(const struct icmp_quote *q)
{
	const struct packet answer = {.src = q->dst, .dst = q->src};

	if (!esp_is_ours(&answer))
		return false;
	count(REASON_ICMP_IGNORED);
	return true;
}

/*
 * Whether the checksum over len bytes of ICMP at that offset of the frame is right: 1 or 0. A global function, as the
 * scans of the SPD are: the verifier goes through the loop once, and not for each way of getting here.
 */
__noinline int checksum_is_right(struct xdp_md *ctx, __u32 offset, __u32 len)
{
	struct cursor c = xdp_cursor(ctx);

	return xdp_move_to(&c, offset) && icmp_checksum_is_right(c, len);
}

/*
 * Whether the ICMP packet is a message about ESP that is ours; it is to be dropped then, whether it was believed or
 * not. False: policies decide on it as on any other packet. A global function, too.
 */
__noinline int icmp_is_about_esp(struct xdp_md *ctx, const struct packet *p)
{
	struct cursor c = xdp_cursor(ctx);
	struct icmp_quote q;
	struct sa_state *sa;
	__u32 now_s;

	if (!p || !xdp_move_to(&c, p->l4_offset) || !parse_icmp_quote(c, p, &q))
		return false;
	sa = sa_that_sent(p, &q);
	if (!sa)
		return icmp_is_refused(&q);
	now_s = bpf_ktime_get_boot_ns() / SECOND_NS;
	if (!sa_has_sent(sa, q.seq) || !mtu_is_plausible(p, sa, &q, now_s) ||
	    !checksum_is_right(ctx, p->l4_offset, p->l4_len)) {
		count_sa(sa, REASON_ICMP_IGNORED);
		return true;
	}
	store_path_mtu(sa, q.mtu, now_s + PATH_MTU_AGE_S);
	count(REASON_PATH_MTU);
	return true;
}

#endif
