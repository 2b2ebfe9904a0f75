/* SPDX-License-Identifier: BSD-2-Clause */
#include "reference.h"

#include <string.h>

#include "reference_packet.h"
#include "reference_policy.h"

static const struct ref_outcome passed = {REF_PASS, 0, REASON_COUNT};

static struct ref_outcome pass_for(enum reason reason)
{
	return (struct ref_outcome){REF_PASS, 0, reason};
}

static struct ref_outcome drop_for(enum reason reason)
{
	return (struct ref_outcome){REF_DROP, 0, reason};
}

static struct ref_outcome to_worker(uint32_t slot)
{
	return (struct ref_outcome){REF_TO_WORKER, slot, REASON_COUNT};
}

/* ---- fragments ---- */

static void remember(struct ref_memory *m, const struct ref_packet *p, enum ref_decision decision, uint32_t slot)
{
	m->entries[m->count++ % REF_FRAGMENTS_MAX] =
		(struct ref_fragment){p->src, p->dst, p->id, p->proto, decision, slot};
}

/* The latest first fragment that p may belong to, of all or of what was kept back; NULL: none is known. */
static const struct ref_fragment *latest(const struct ref_memory *m, const struct ref_packet *p, bool kept_back)
{
	for (unsigned n = 0; n < m->count && n < REF_FRAGMENTS_MAX; n++) {
		const struct ref_fragment *f = &m->entries[(m->count - 1 - n) % REF_FRAGMENTS_MAX];

		if (f->src == p->src && f->dst == p->dst && f->id == p->id && f->proto == p->proto &&
		    (!kept_back || ref_keeps_back(f->decision)))
			return f;
	}
	return NULL;
}

/* Of what leaves, two datagrams may have one ID: what is kept from going in clear stays so, whatever else has begun. */
static const struct ref_fragment *first_out(const struct ref_host *h, const struct ref_packet *p)
{
	const struct ref_fragment *kept_back = latest(&h->out, p, true);

	return kept_back ? kept_back : latest(&h->out, p, false);
}

/* Whether something else has begun in clear since p's own, if it is that, was kept back. */
static bool may_be_of_another(const struct ref_host *h, const struct ref_packet *p)
{
	return !ref_keeps_back(latest(&h->out, p, false)->decision);
}

static bool is_first(const struct ref_packet *p)
{
	return p->fragment && !p->later;
}

/* ---- ESP in ---- */

static bool is_local(const struct ref_host *h, uint32_t addr)
{
	for (unsigned i = 0; i < h->local_count; i++)
		if (h->locals[i] == addr)
			return true;
	return false;
}

static bool is_ours(const struct ref_host *h, uint32_t dst, uint32_t src)
{
	if (h->unknown_spi != REF_UNKNOWN_AUTO)
		return h->unknown_spi == REF_UNKNOWN_DROP;
	return is_local(h, dst) || ref_protects_some(h, dst, src);
}

static struct ref_outcome unclaimed(const struct ref_host *h, const struct ref_packet *p, enum reason reason)
{
	return is_ours(h, p->dst, p->src) ? drop_for(reason) : pass_for(REASON_ESP_PASSED);
}

/* RFC 4303 appendix A2.2, case by case. False: the number is one that no packet can have. */
static bool whole_number(const struct ref_sa *sa, uint32_t low, uint64_t *number)
{
	const uint32_t w = sa->window, tl = (uint32_t)sa->seq;
	const uint64_t th = sa->seq >> 32;
	const uint32_t bottom = tl - w + 1;
	uint64_t high;

	if (tl >= w - 1) {
		high = low >= bottom ? th : th + 1;
		if (high > 0xffffffffU)
			return false;
	} else if (low >= bottom) {
		if (th == 0)
			return false;
		high = th - 1;
	} else {
		high = th;
	}
	*number = high << 32 | low;
	return *number != 0;
}

/* Certainly: seen before is for who has the window. A number that is 2^31 ahead is one that is behind. */
static bool is_old(const struct ref_sa *sa, uint32_t low)
{
	uint64_t number;

	if (!sa->esn)
		return low == 0 || (uint64_t)low + sa->window <= sa->seq;
	return !whole_number(sa, low, &number) || (number > sa->seq && number - sa->seq >= 1ULL << 31);
}

static struct ref_sa *find_inbound(struct ref_host *h, uint32_t spi, uint32_t dst)
{
	for (unsigned i = 0; i < h->sa_count; i++)
		if (h->sas[i].inbound && h->sas[i].spi == spi && h->sas[i].dst == dst)
			return &h->sas[i];
	return NULL;
}

static struct ref_outcome of_sa(struct ref_host *h, const struct ref_packet *p, const struct ref_sa *sa)
{
	if (!sa->there || sa->other_nic)
		return drop_for(REASON_NO_SA);
	if (p->fragment && p->src != sa->src)
		return drop_for(REASON_SELECTOR_MISMATCH);
	/* All of ESP's headers, in a multiple of 8. */
	if (p->fragment && p->l4_size < 40)
		return drop_for(REASON_FRAG_INVALID);
	/* SPI, number, IV, an empty payload with its trailer, ICV. */
	if (p->l4_size < 4 + 4 + 8 + 4 + 16)
		return drop_for(REASON_MALFORMED);
	if (is_old(sa, ref_u32(p->l4 + 4)))
		return drop_for(REASON_REPLAY);
	if (sa->worn_out)
		return drop_for(REASON_LIFETIME_EXPIRED);
	if (!h->worker)
		return drop_for(REASON_NO_WORKER);
	if (p->fragment)
		remember(&h->in, p, DECIDED_PROTECT, sa->slot);
	return to_worker(sa->slot);
}

static struct ref_outcome esp_in(struct ref_host *h, const struct ref_packet *p)
{
	struct ref_sa *sa;

	if (p->form != FORM_GOOD)
		return unclaimed(h, p, REASON_MALFORMED);
	if (p->later) {
		if (!latest(&h->in, p, false) && !ref_protects_some(h, p->dst, p->src))
			return unclaimed(h, p, REASON_NO_SA);
		return h->worker ? to_worker(REF_NO_SLOT) : drop_for(REASON_NO_WORKER);
	}
	if (p->l4_size < 8)
		return unclaimed(h, p, REASON_MALFORMED);
	if (ref_u32(p->l4) == 0)
		return drop_for(REASON_MALFORMED);
	sa = find_inbound(h, ref_u32(p->l4), p->dst);
	return sa ? of_sa(h, p, sa) : unclaimed(h, p, REASON_NO_SA);
}

/* ---- ICMP in ---- */

/* RFC 1071. */
static bool sum_is_right(const uint8_t *data, size_t size)
{
	uint32_t sum = 0;

	if (size > 1500)
		return false;
	for (size_t i = 0; i < size; i += 2)
		sum += (uint32_t)data[i] << 8 | (i + 1 < size ? data[i + 1] : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

/* "Fragmentation needed" (RFC 1191) that quotes ESP with SPI and number: where the quote is; NULL: it is none. */
static const uint8_t *quoted_esp(const struct ref_packet *p)
{
	const uint8_t *q = p->l4 + 8;
	size_t header;

	if (p->proto != ICMP || p->fragment || p->l4_size < 28 || p->l4[0] != 3 || p->l4[1] != 4)
		return NULL;
	header = (q[0] & 15) * 4u;
	if (q[0] / 16 != 4 || header < 20 || p->l4_size < 8 + header + 8 || q[9] != ESP || ref_u16(q + 6) & 0x1fff)
		return NULL;
	return q;
}

static const struct ref_sa *find_sender(const struct ref_host *h, const struct ref_packet *p, const uint8_t *q)
{
	const uint8_t *esp = q + (q[0] & 15) * 4u;

	for (unsigned i = 0; i < h->sa_count; i++) {
		const struct ref_sa *sa = &h->sas[i];

		if (!sa->inbound && sa->there && sa->spi == ref_u32(esp) && sa->dst == ref_u32(q + 16) &&
		    sa->src == ref_u32(q + 12) && p->dst == sa->src)
			return sa;
	}
	return NULL;
}

/* The last 2^20 numbers. */
static bool was_sent_lately(const struct ref_sa *sa, uint32_t low)
{
	for (uint64_t high = sa->seq >> 32;; high--) {
		const uint64_t number = high << 32 | low;

		if (number <= sa->seq)
			return number >= 1 && sa->seq - number < 1 << 20;
		if (high == 0)
			return false;
	}
}

static bool is_believed(const struct ref_host *h, const struct ref_packet *p, const struct ref_sa *sa, const uint8_t *q)
{
	const uint16_t mtu = ref_u16(p->l4 + 6), total = ref_u16(q + 2);

	return h->path_mtu_min && mtu >= h->path_mtu_min && mtu < h->mtu && mtu < total &&
	       (!sa->path_mtu || mtu <= sa->path_mtu) && was_sent_lately(sa, ref_u32(q + (q[0] & 15) * 4u + 4)) &&
	       sum_is_right(p->l4, p->l4_size);
}

/* Whether it is a router's word on ESP that is ours, which goes no further. */
static bool about_esp(struct ref_host *h, const struct ref_packet *p, struct ref_outcome *out)
{
	const uint8_t *q = quoted_esp(p);
	const struct ref_sa *sa = q ? find_sender(h, p, q) : NULL;

	if (!q)
		return false;
	if (!sa) {
		*out = drop_for(REASON_ICMP_IGNORED);
		return is_ours(h, ref_u32(q + 12), ref_u32(q + 16));
	}
	*out = drop_for(is_believed(h, p, sa, q) ? REASON_PATH_MTU : REASON_ICMP_IGNORED);
	if (out->reason == REASON_PATH_MTU)
		((struct ref_sa *)(uintptr_t)sa)->path_mtu = ref_u16(p->l4 + 6);
	return true;
}

static bool is_ike_port(uint16_t port)
{
	return port == 500 || port == 4500;
}

static bool is_ike_by(const struct ref_packet *quoted, uint16_t port)
{
	return quoted->proto == UDP && quoted->ports_seen && is_ike_port(port);
}

/* An error about what nobody but the two ends has seen, or about IKE, which needs none. The reason that it is dropped
 * for; REASON_COUNT: it is not. */
static enum reason forged(const struct ref_host *h, const struct ref_packet *p)
{
	struct ref_packet quoted = {0};
	struct ref_view v;

	if (!ref_read_quote(p, &quoted))
		return p->fragment ? REASON_ICMP_FORGED : REASON_COUNT;
	v = ref_view_out(&quoted);
	if (is_ike_by(&quoted, quoted.sport) && ref_is_connected(h, v.local, v.remote))
		return REASON_ICMP_IGNORED;
	return quoted.proto != ESP && ref_decide(h, &v).decision == DECIDED_PROTECT ? REASON_ICMP_FORGED : REASON_COUNT;
}

/* One that shows to all what has come in an SA (RFC 4301 section 6.2); what a cover alone protects has none to come in.
 */
static bool gives_away(const struct ref_host *h, const struct ref_packet *p)
{
	struct ref_packet quoted = {0};
	struct ref_decided d;
	struct ref_view v;

	if (!ref_read_quote(p, &quoted))
		return p->fragment;
	v = ref_view_in(&quoted);
	d = ref_decide_but_ike(h, &v, is_ike_by(&quoted, quoted.dport));
	return quoted.proto != ESP && d.decision == DECIDED_PROTECT && !d.covered;
}

/* ---- in the clear ---- */

/* A group or all (RFC 1112): a policy for it holds for all who speak to it; one for everything is not one for it. */
static bool group_is_let_by(const struct ref_host *h, const struct ref_packet *p)
{
	const struct ref_view v = ref_view_out(p);
	const struct ref_decided d = ref_decide(h, &v);

	return (p->dst >> 28 == 14 || p->dst == 0xffffffff) && d.decision == DECIDED_BYPASS && d.by->length;
}

static enum ref_decision clear_decision(struct ref_host *h, const struct ref_packet *p)
{
	const struct ref_view v = ref_view_in(p);
	const struct ref_fragment *first = p->later ? latest(&h->in, p, false) : NULL;
	struct ref_decided d;

	if (first)
		return first->decision;
	d = ref_decide_but_ike(h, &v, h->ike && p->proto == UDP && p->ports_seen && is_ike_port(p->dport));
	if (d.covered && group_is_let_by(h, p))
		d.decision = DECIDED_BYPASS;
	if (is_first(p) && ref_may_protect(h, p->dst, p->src) && !ref_keeps_back(d.decision))
		remember(&h->in, p, d.decision, REF_NO_SLOT);
	return d.decision;
}

static struct ref_outcome clear_in(struct ref_host *h, const struct ref_packet *p)
{
	if (p->form == FORM_WRONG)
		return ref_may_protect(h, p->dst, p->src) ? drop_for(REASON_MALFORMED) : passed;
	if (ref_is_error(p) && forged(h, p) != REASON_COUNT)
		return drop_for(forged(h, p));
	switch (clear_decision(h, p)) {
	case DECIDED_NONE:
		return passed;
	case DECIDED_BYPASS:
		return pass_for(REASON_BYPASS);
	case DECIDED_IKE:
		return pass_for(REASON_IKE);
	case DECIDED_DISCARD:
		return drop_for(REASON_DISCARD);
	case DECIDED_PROTECT:
		break;
	}
	return drop_for(REASON_CLEARTEXT_PROTECTED);
}

struct ref_outcome ref_ingress(struct ref_host *h, const uint8_t *frame, size_t size)
{
	const struct ref_packet p = ref_read_frame(frame, size);
	struct ref_outcome out;

	if (p.form == FORM_TOO_MANY_TAGS)
		return drop_for(REASON_VLAN_STACK);
	if (p.form == FORM_OTHER || p.form == FORM_CUT)
		return passed;
	if (p.proto == ESP)
		return esp_in(h, &p);
	if (p.form == FORM_GOOD && about_esp(h, &p, &out))
		return out;
	return h->generic ? passed : clear_in(h, &p);
}

struct ref_outcome ref_ingress_generic(struct ref_host *h, const uint8_t *frame, size_t size)
{
	const struct ref_packet p = ref_read_frame(frame, size);

	if (p.form == FORM_TOO_MANY_TAGS)
		return drop_for(REASON_VLAN_STACK);
	if (p.form == FORM_CUT)
		return drop_for(REASON_MALFORMED);
	if (p.form == FORM_OTHER || p.proto == ESP)
		return passed;
	return clear_in(h, &p);
}

/* ---- out ---- */

static bool same(const struct ref_selector *a, const struct ref_selector *b)
{
	return a->proto == b->proto && a->local.min == b->local.min && a->local.max == b->local.max &&
	       a->remote.min == b->remote.min && a->remote.max == b->remote.max;
}

static struct ref_sa *bound(struct ref_host *h, const struct ref_packet *p, const struct ref_selector *sel)
{
	for (unsigned i = 0; i < h->sa_count; i++) {
		struct ref_sa *sa = &h->sas[i];

		if (!sa->inbound && sa->src == p->src && sa->dst == p->dst && same(&sa->sel, sel))
			return sa;
	}
	return NULL;
}

/*
 * The SA with the policy's own selector; else the narrowest that takes the packet: by the remote port, the local one,
 * the protocol, for everything. A connection's policy takes none that is wider than itself, nor, if it is for some
 * ports, any other.
 */
static struct ref_sa *find_outbound(struct ref_host *h, const struct ref_packet *p, const struct ref_policy *by)
{
	const struct ref_range all = {0, 65535};
	const struct ref_selector candidates[] = {
		{p->proto, all, {p->dport, p->dport}},
		{p->proto, {p->sport, p->sport}, all},
		{p->proto, all, all},
		{0, all, all},
	};
	struct ref_sa *sa = bound(h, p, &by->sel);

	for (unsigned i = 0; !sa && i < 4; i++) {
		if (i < 2 && !p->ports_seen)
			continue;
		if (by->connection && (i == 3 || (i == 2 && by->sel.proto) || (i < 2 && !ref_is_any(&by->sel))))
			continue;
		sa = bound(h, p, &candidates[i]);
	}
	return sa;
}

static struct ref_outcome to_tap(const struct ref_host *h, const struct ref_sa *sa)
{
	return h->worker ? to_worker(sa->slot) : drop_for(REASON_NO_WORKER);
}

static struct ref_outcome protect_later(struct ref_host *h, const struct ref_packet *p,
					const struct ref_fragment *first)
{
	if (may_be_of_another(h, p))
		return drop_for(REASON_FRAG_OVERLAP);
	for (unsigned i = 0; first->slot != REF_NO_SLOT && i < h->sa_count; i++)
		if (h->sas[i].slot == first->slot && h->sas[i].there)
			return h->sas[i].other_nic ? drop_for(REASON_NO_SA) : to_tap(h, &h->sas[i]);
	return drop_for(REASON_NO_SA);
}

static struct ref_outcome protect(struct ref_host *h, const struct ref_packet *p, const struct ref_decided *d)
{
	const struct ref_sa *sa;

	if (p->proto == ESP)
		return drop_for(REASON_NESTED_ESP);
	sa = d->by ? find_outbound(h, p, d->by) : NULL;
	if (!sa || !sa->there || sa->other_nic)
		return drop_for(REASON_NO_SA);
	if (sa->worn_out)
		return drop_for(REASON_LIFETIME_EXPIRED);
	if (sa->seq >= (sa->esn ? UINT64_MAX : UINT32_MAX))
		return drop_for(REASON_SEQ_OVERFLOW);
	if (is_first(p))
		remember(&h->out, p, DECIDED_PROTECT, sa->slot);
	return to_tap(h, sa);
}

/* BPF_PROG_TEST_RUN takes what is for another MAC than the loopback interface's for what a bridge passes on. */
static bool is_from_here(const uint8_t *frame)
{
	static const uint8_t loopback[6];

	return memcmp(frame, loopback, sizeof(loopback)) == 0;
}

static struct ref_outcome good_out(struct ref_host *h, const struct ref_packet *p, bool from_here)
{
	const struct ref_fragment *first = p->later ? first_out(h, p) : NULL;
	const struct ref_view v = ref_view_out(p);
	struct ref_decided d = ref_decide(h, &v);
	bool tells;

	if (first)
		d = (struct ref_decided){first->decision, NULL, false};
	if (d.decision == DECIDED_PROTECT && !from_here)
		return drop_for(REASON_CLEARTEXT_PROTECTED);
	tells = !ref_keeps_back(d.decision) && ref_is_error(p) && gives_away(h, p);
	if (tells)
		d.decision = DECIDED_DISCARD;
	if (is_first(p) && ref_may_protect(h, p->src, p->dst))
		remember(&h->out, p, d.decision, REF_NO_SLOT);
	if (d.decision == DECIDED_PROTECT)
		return first ? protect_later(h, p, first) : protect(h, p, &d);
	if (d.decision == DECIDED_DISCARD)
		return drop_for(tells ? REASON_ICMP_FORGED : REASON_DISCARD);
	return d.decision == DECIDED_BYPASS ? pass_for(REASON_BYPASS) : passed;
}

struct ref_outcome ref_egress(struct ref_host *h, const uint8_t *frame, size_t size)
{
	const struct ref_packet p = ref_read_frame(frame, size);

	switch (p.form) {
	case FORM_OTHER:
		return passed;
	case FORM_TOO_MANY_TAGS:
		return drop_for(REASON_VLAN_STACK);
	case FORM_CUT:
		return drop_for(REASON_MALFORMED);
	case FORM_WRONG:
		return ref_may_protect(h, p.src, p.dst) ? drop_for(REASON_MALFORMED) : passed;
	case FORM_GOOD:
		break;
	}
	return good_out(h, &p, is_from_here(frame));
}
