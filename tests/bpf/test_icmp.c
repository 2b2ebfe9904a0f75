/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf/icmp.h: what a router says of ESP that was too big, and who is believed. */
#include <arpa/inet.h>
#include <linux/ip.h>
#include <string.h>

#include "fixture.h"

#define ROUTER	"198.51.100.1"
#define SLOT	5
#define SPI	(0x2000 + SLOT) /* as put_outbound has it */
#define SENT	1000
#define NIC_MTU 1500
#define AGE_S	600

/* An ICMP message about a packet, right in all, for a test to spoil. */
struct message {
	const char *from;
	const char *to;
	int tags;
	int options;
	uint16_t frag_off;
	uint8_t type;
	uint8_t code;
	uint16_t mtu;
	/* of the quoted packet */
	const char *src;
	const char *dst;
	uint8_t proto;
	uint8_t ihl;
	uint16_t total;
	uint16_t quoted_frag;
	uint32_t spi;
	uint32_t seq;
	size_t more; /* bytes quoted behind SPI and sequence number */
};

static struct message right(uint16_t mtu)
{
	return (struct message){.from = ROUTER,
				.to = LOCAL,
				.type = 3,
				.code = 4,
				.mtu = mtu,
				.src = LOCAL,
				.dst = REMOTE,
				.proto = IPPROTO_ESP,
				.ihl = 5,
				.total = NIC_MTU,
				.quoted_frag = 0x4000,
				.spi = SPI,
				.seq = SENT,
				.more = 20};
}

static void put_checksum(uint8_t *icmp, size_t len)
{
	uint32_t sum = 0;

	icmp[2] = icmp[3] = 0;
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? icmp[i] : icmp[i] << 8;
	sum = (sum >> 16) + (sum & 0xffff);
	sum = ~((sum >> 16) + sum);
	icmp[2] = sum >> 8;
	icmp[3] = sum;
}

static struct frame frame_with(const struct message *m)
{
	const size_t header = m->ihl * 4u, len = 8 + header + 8 + m->more;
	struct frame f = FRAME(.src = m->from, .dst = m->to, .tags = m->tags, .options = m->options,
			       .frag_off = m->frag_off, .proto = IPPROTO_ICMP, .payload = len);
	struct iphdr quoted = {.version = 4,
			       .ihl = m->ihl,
			       .tot_len = htons(m->total),
			       .ttl = 60,
			       .frag_off = htons(m->quoted_frag),
			       .protocol = m->proto,
			       .saddr = inet_addr(m->src),
			       .daddr = inet_addr(m->dst)};
	const uint32_t esp[2] = {htonl(m->spi), htonl(m->seq)};
	uint8_t *icmp = f.data + f.l4;

	memset(icmp, 0x5a, len);
	memset(icmp, 0, 8);
	icmp[0] = m->type;
	icmp[1] = m->code;
	icmp[6] = m->mtu >> 8;
	icmp[7] = m->mtu;
	memset(icmp + 8, 1, header);
	memcpy(icmp + 8, &quoted, sizeof(quoted));
	memcpy(icmp + 8 + header, esp, sizeof(esp));
	put_checksum(icmp, len);
	return f;
}

static struct sa_state *set_up(struct fixture *fx)
{
	struct sa_state *sa = put_outbound(fx, SLOT, 0, 0);

	put_port(fx, NIC_MTU, PATH_MTU_MIN);
	put_local(fx, LOCAL);
	sa->seq = SENT;
	return sa;
}

static struct sa_state *one_sa(void **state)
{
	return set_up(*state);
}

static int verdict(struct fixture *fx, const struct message *m)
{
	struct frame f = frame_with(m);

	return (int)run_xdp(fx, &f).verdict;
}

static void assert_believed(struct fixture *fx, const struct message *m)
{
	const struct sa_state *sa = &fx->sa[SLOT];
	const uint32_t now_s = boot_ns() / 1000000000;

	assert_int_equal(verdict(fx, m), XDP_DROP);
	assert_counted_only(fx, REASON_PATH_MTU);
	assert_int_equal(sa->path_mtu.mtu, m->mtu);
	assert_in_range(sa->path_mtu.until_s, now_s + AGE_S, now_s + AGE_S + 2);
}

/* Speaks of an SA of ours, but not the truth. */
static void assert_ignored(struct fixture *fx, const struct message *m)
{
	const struct path_mtu before = fx->sa[SLOT].path_mtu;
	const uint64_t drops = counts_get(&fx->sa[SLOT].drops, REASON_ICMP_IGNORED);

	assert_int_equal(verdict(fx, m), XDP_DROP);
	assert_counted_only(fx, REASON_ICMP_IGNORED);
	assert_int_equal(counts_get(&fx->sa[SLOT].drops, REASON_ICMP_IGNORED), drops + 1);
	assert_memory_equal(&fx->sa[SLOT].path_mtu, &before, sizeof(before));
}

/* Fits no SA, and could be of none but ours. */
static void assert_refused(struct fixture *fx, const struct message *m)
{
	assert_int_equal(verdict(fx, m), XDP_DROP);
	assert_counted_only(fx, REASON_ICMP_IGNORED);
	assert_int_equal(fx->sa[SLOT].path_mtu.mtu, 0);
	assert_int_equal(counts_get(&fx->sa[SLOT].drops, REASON_ICMP_IGNORED), 0);
}

/* Nothing to do with ESP of ours: as if we were not there. */
static void assert_left_alone(struct fixture *fx, const struct message *m)
{
	assert_int_equal(verdict(fx, m), XDP_PASS);
	assert_nothing_counted(fx);
	assert_int_equal(fx->sa[SLOT].path_mtu.mtu, 0);
}

static void it_lowers_the_path_mtu(void **state)
{
	struct message m = right(1400);

	one_sa(state);
	assert_believed(*state, &m);
}

static void through_tags_and_options(void **state)
{
	struct fixture *fx = *state;

	set_up(fx);
	for (int tags = 0; tags <= 2; tags++) {
		for (int options = 0; options <= 40; options += 20) {
			struct message m = right(1400 - tags - options);

			m.tags = tags;
			m.options = options;
			m.ihl = 5 + options / 4;
			fx->sa[SLOT].path_mtu = (struct path_mtu){0};
			assert_believed(fx, &m);
		}
	}
}

/* RFC 792 asks for 8 bytes, RFC 1812 for as much as fits into 576, and some quote all of it. */
static void quotes_of_any_length(void **state)
{
	const size_t lengths[] = {0, 1, 2, 3, 17, 548 - 36, 1472 - 36};

	one_sa(state);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct message m = right(1400 - i);

		m.more = lengths[i];
		assert_believed(*state, &m);
	}
}

static void a_policy_for_the_router_does_not_matter(void **state)
{
	struct fixture *fx = *state;
	struct message m = right(1400);

	set_up(fx);
	PUT_RULES(fx, "0.0.0.0/0", {ANY_PORT, .action = SPD_PROTECT});
	assert_believed(fx, &m);
}

static void generic_mode_takes_it_too(void **state)
{
	struct message m = right(1400);

	one_sa(state);
	assert_believed(*state, &m);
}

static void it_goes_down_and_stays(void **state)
{
	struct message m = right(1400), lower = right(1300), higher = right(1350), same = right(1300);

	one_sa(state);
	assert_believed(*state, &m);
	assert_believed(*state, &lower);
	assert_ignored(*state, &higher);
	assert_believed(*state, &same);
}

static void it_is_forgotten_in_time(void **state)
{
	struct message low = right(600), higher = right(1350);
	struct sa_state *sa = one_sa(state);

	assert_believed(*state, &low);
	assert_ignored(*state, &higher);
	sa->path_mtu.until_s = boot_ns() / 1000000000 - 1;
	assert_believed(*state, &higher);
}

static void implausible_mtus(void **state)
{
	const uint16_t mtus[] = {0, 1, 68, PATH_MTU_MIN - 1, NIC_MTU, NIC_MTU + 1, 65535};
	struct message least = right(PATH_MTU_MIN), whole = right(NIC_MTU), fitted = right(1200),
		       most = right(NIC_MTU - 1);

	one_sa(state);
	for (size_t i = 0; i < sizeof(mtus) / sizeof(mtus[0]); i++) {
		struct message m = right(mtus[i]);

		assert_ignored(*state, &m);
	}
	whole.total = 9000; /* as no packet of this NIC's can be */
	assert_ignored(*state, &whole);
	fitted.total = 1200; /* it would have fit */
	assert_ignored(*state, &fitted);
	assert_believed(*state, &most);
	assert_believed(*state, &least);
}

static void the_least_is_as_configured(void **state)
{
	struct fixture *fx = *state;
	struct message below = right(1279), at = right(1280);

	set_up(fx);
	put_port(fx, NIC_MTU, 1280);
	assert_ignored(fx, &below);
	assert_believed(fx, &at);
	put_port(fx, NIC_MTU, 0);
	assert_ignored(fx, &at);
}

static void only_what_was_sent_lately(void **state)
{
	struct message now = right(1400), never = right(1300), zero = right(1300), oldest = right(1300),
		       older = right(1200);
	struct sa_state *sa = one_sa(state);

	never.seq = SENT + 1;
	zero.seq = 0;
	assert_ignored(*state, &never);
	assert_ignored(*state, &zero);
	assert_believed(*state, &now);
	/* Across 2^32: the quote has the low half. */
	sa->seq = 0x100000005;
	oldest.seq = 0x100000005 - (1 << 20) + 1;
	older.seq = oldest.seq - 1;
	assert_believed(*state, &oldest);
	assert_ignored(*state, &older);
	sa->seq = 0;
	assert_ignored(*state, &zero);
}

static void a_wrong_checksum(void **state)
{
	struct fixture *fx = *state;
	struct message m = right(1400);
	struct frame f = frame_with(&m);

	set_up(fx);
	for (size_t at = f.l4 + 2; at < f.len; at += at < f.l4 + 4 ? 1 : 7) {
		struct frame bad = f;

		/* What is read before the checksum gives its own reasons. */
		if (at > f.l4 + 8 && at < f.l4 + 36)
			continue;
		bad.data[at] ^= 1;
		assert_int_equal(run_xdp(fx, &bad).verdict, XDP_DROP);
		assert_counted_only(fx, REASON_ICMP_IGNORED);
	}
	m.more = 1500;
	assert_ignored(fx, &m);
}

static void another_sa_of_ours(void **state)
{
	struct fixture *fx = *state;
	struct message spi = right(1400), dst = right(1400), src = right(1400), to = right(1400);

	set_up(fx);
	put_local(fx, "192.0.2.3");
	spi.spi++;
	assert_refused(fx, &spi);
	dst.dst = STRANGER;
	assert_refused(fx, &dst);
	src.src = "192.0.2.3";
	assert_refused(fx, &src);
	src.to = "192.0.2.3";
	assert_refused(fx, &src);
	to.to = "192.0.2.3";
	assert_refused(fx, &to);
}

static void a_slot_that_changed_hands(void **state)
{
	struct message m = right(1400);

	one_sa(state)->generation += 2;
	assert_refused(*state, &m);
}

static void an_inbound_sa(void **state)
{
	struct fixture *fx = *state;
	struct message m = right(1400);

	set_up(fx);
	put_inbound(fx, 9, 0x7000);
	m.spi = 0x7000;
	m.src = REMOTE;
	m.dst = LOCAL;
	m.to = REMOTE;
	assert_int_equal(verdict(fx, &m), XDP_PASS);
	fx->sa[SLOT].direction = SA_INBOUND;
	m = right(1400);
	assert_refused(fx, &m);
}

/* ESP of the kernel's own, or of another program: theirs to hear of. */
static void esp_that_is_not_ours(void **state)
{
	struct message m = right(1400);

	one_sa(state);
	m.src = m.to = "192.0.2.3";
	m.spi = 0x9999;
	assert_left_alone(*state, &m);
}

static void other_icmp(void **state)
{
	struct message code = right(1400), type = right(1400), proto = right(1400), later = right(1400),
		       fragment = right(1400), first = right(1400), header = right(1400);

	one_sa(state);
	code.code = 2;
	assert_left_alone(*state, &code);
	type.type = 11;
	assert_left_alone(*state, &type);
	proto.proto = IPPROTO_UDP;
	assert_left_alone(*state, &proto);
	later.quoted_frag = 64;
	assert_left_alone(*state, &later);
	fragment.frag_off = 64;
	assert_left_alone(*state, &fragment);
	first.frag_off = MORE_FRAGMENTS;
	assert_left_alone(*state, &first);
	header.ihl = 4;
	header.more = 40;
	assert_left_alone(*state, &header);
}

/* At every length, by the frame's end and by the IPv4 header's word. */
static void cut_short(void **state)
{
	struct fixture *fx = *state;
	struct message m = right(1400);
	struct frame whole;

	m.more = 0;
	whole = frame_with(&m);
	set_up(fx);
	for (size_t len = 0; len < 36; len++) {
		struct frame f = whole;
		const uint16_t total = htons(20 + len);

		f.len = f.l4 + len;
		memcpy(f.data + f.l3 + 2, &total, 2);
		assert_int_equal(run_xdp(fx, &f).verdict, XDP_PASS);
		frame_pad(&f); /* what follows is not of the packet */
		memcpy(f.data + f.l4, whole.data + whole.l4, 36);
		f.len = whole.len;
		assert_int_equal(run_xdp(fx, &f).verdict, XDP_PASS);
		assert_nothing_counted(fx);
		assert_int_equal(fx->sa[SLOT].path_mtu.mtu, 0);
	}
	assert_believed(fx, &m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_NATIVE(it_lowers_the_path_mtu),
		TEST_NATIVE(through_tags_and_options),
		TEST_NATIVE(quotes_of_any_length),
		TEST_NATIVE(a_policy_for_the_router_does_not_matter),
		TEST_GENERIC(generic_mode_takes_it_too),
		TEST_NATIVE(it_goes_down_and_stays),
		TEST_NATIVE(it_is_forgotten_in_time),
		TEST_NATIVE(implausible_mtus),
		TEST_NATIVE(the_least_is_as_configured),
		TEST_NATIVE(only_what_was_sent_lately),
		TEST_NATIVE(a_wrong_checksum),
		TEST_NATIVE(another_sa_of_ours),
		TEST_NATIVE(a_slot_that_changed_hands),
		TEST_NATIVE(an_inbound_sa),
		TEST_NATIVE(esp_that_is_not_ours),
		TEST_NATIVE(other_icmp),
		TEST_NATIVE(cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
