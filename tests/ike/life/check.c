/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "life.h"

#define SEEN_MAX 512
/* Of one peer, at any time: what it opens, what we open, what is rekeyed and not yet gone, for each connection. */
#define IKE_SAS_MAX 64
/* A question has its answer by then, or is given up: so long may a slot be reserved. */
#define ASKING_MS 30000

struct seen_ike {
	int remote;
	uint64_t spi_i;
	uint64_t spi_r;
	bool up;
	char state[16];
};

struct seen_child {
	int remote;
	uint32_t in;
	uint32_t out;
	bool leaving;
	bool of_lane; /* or spare: there may be one without */
	char state[16];
	char selector[SELECTOR_TEXT];
};

/* What a host says of itself. */
struct seen {
	unsigned ikes, children;
	struct seen_ike ike[SEEN_MAX];
	struct seen_child child[SEEN_MAX];
};

/* ---- reading ---- */

static const char *string_in(const cJSON *o, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(o, name));

	return text ? text : "";
}

static int remote_of(const struct life *l, const cJSON *connection)
{
	const char *text = string_in(connection, cJSON_GetObjectItem(connection, "peer") ? "peer" : "remote");
	uint8_t addr[4];

	if (inet_pton(AF_INET, text, addr) != 1)
		return -1;
	for (int i = 0; i < LIFE_HOSTS; i++)
		if (memcmp(l->hosts[i].addr, addr, 4) == 0)
			return i;
	return -1;
}

static void read_ike(struct life *l, struct seen *s, int remote, const cJSON *o)
{
	struct seen_ike *ike = &s->ike[s->ikes++];

	if (s->ikes == SEEN_MAX)
		life_violated(l, "too many IKE SAs");
	ike->remote = remote;
	ike->spi_i = strtoull(string_in(o, "spi_i"), NULL, 16);
	ike->spi_r = strtoull(string_in(o, "spi_r"), NULL, 16);
	snprintf(ike->state, sizeof(ike->state), "%s", string_in(o, "state"));
	ike->up = strcmp(ike->state, "up") == 0;
}

static void read_child(struct life *l, struct seen *s, int remote, const cJSON *o)
{
	struct seen_child *c = &s->child[s->children++];

	if (s->children == SEEN_MAX)
		life_violated(l, "too many children");
	c->remote = remote;
	c->in = (uint32_t)cJSON_GetNumberValue(cJSON_GetObjectItem(o, "spi_in"));
	c->out = (uint32_t)cJSON_GetNumberValue(cJSON_GetObjectItem(o, "spi_out"));
	snprintf(c->state, sizeof(c->state), "%s", string_in(o, "state"));
	/* "registered" is one that is not bound yet: where there are two, it may wait for its first packet. */
	c->of_lane = strcmp(c->state, "spare") == 0 || cJSON_IsNumber(cJSON_GetObjectItem(o, "lane"));
	c->leaving = strcmp(c->state, "up") != 0 && strcmp(c->state, "registered") != 0 && !c->of_lane;
	snprintf(c->selector, sizeof(c->selector), "%s", string_in(o, "selector"));
}

static void read_host(struct life *l, int host, struct seen *s)
{
	cJSON *status = engine_status(l->hosts[host].engine), *c, *o;

	s->ikes = s->children = 0;
	cJSON_ArrayForEach(c, cJSON_GetObjectItem(status, "connections")) {
		const int remote = remote_of(l, c);

		cJSON_ArrayForEach(o, cJSON_GetObjectItem(c, "ike"))
			read_ike(l, s, remote, o);
		cJSON_ArrayForEach(o, cJSON_GetObjectItem(c, "children"))
			read_child(l, s, remote, o);
	}
	cJSON_Delete(status);
}

/* ---- what must hold ---- */

static bool no(char why[LIFE_WHY], const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool no(char why[LIFE_WHY], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, LIFE_WHY, format, args);
	va_end(args);
	return false;
}

/* Every IKE SA that is up here is up there. */
static bool ikes_agree(const struct seen seen[LIFE_HOSTS], int host, char why[LIFE_WHY])
{
	for (unsigned i = 0; i < seen[host].ikes; i++) {
		const struct seen_ike *ike = &seen[host].ike[i];
		const struct seen *there = &seen[ike->remote];
		bool found = !ike->up;

		for (unsigned n = 0; n < there->ikes; n++)
			found |= there->ike[n].up && there->ike[n].remote == host &&
				 there->ike[n].spi_i == ike->spi_i && there->ike[n].spi_r == ike->spi_r;
		if (!found)
			return no(why, "%c has the IKE SA %016llx/%016llx, %c has not", "ABC"[host],
				  (unsigned long long)ike -> spi_i, (unsigned long long)ike -> spi_r,
				  "ABC"[ike->remote]);
	}
	return true;
}

static const struct seen_child *mirrored(const struct seen *there, int host, const struct seen_child *c)
{
	for (unsigned i = 0; i < there->children; i++)
		if (there->child[i].remote == host && there->child[i].in == c->out && there->child[i].out == c->in)
			return &there->child[i];
	return NULL;
}

static bool children_agree(const struct seen seen[LIFE_HOSTS], int host, char why[LIFE_WHY])
{
	for (unsigned i = 0; i < seen[host].children; i++) {
		const struct seen_child *c = &seen[host].child[i];

		if (c->leaving)
			return no(why, "%c: child 0x%08x/0x%08x (%s) with %c stays %s", "ABC"[host], c -> in, c -> out,
				  c -> selector, "ABC"[c->remote], c -> state);
		if (!mirrored(&seen[c->remote], host, c))
			return no(why, "%c has the child 0x%08x/0x%08x (%s), %c has not", "ABC"[host], c -> in,
				  c -> out, c -> selector, "ABC"[c->remote]);
	}
	return true;
}

static unsigned count_for(const struct seen *s, int remote, const struct selector *selector)
{
	char text[SELECTOR_TEXT];
	unsigned n = 0;

	selector_text(selector, text);
	for (unsigned i = 0; i < s->children; i++)
		n += s->child[i].remote == remote && !s->child[i].of_lane && strcmp(s->child[i].selector, text) == 0;
	return n;
}

static unsigned count_of_lanes(const struct seen *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->children; i++)
		n += s->child[i].of_lane;
	return n;
}

static bool flow_is_right(const struct life *l, const struct seen *s, const struct life_flow *f, char why[LIFE_WHY])
{
	const enum wanted wanted = life_wanted(l, f);
	const unsigned count = count_for(s, f->to, &f->selector);
	char text[SELECTOR_TEXT];

	if ((count && count <= f->most && wanted != MUST_BE_DOWN) || (count == 0 && wanted != MUST_BE_UP))
		return true;
	return no(why, "%c has %u children for '%s' (%s) with %c, which %s", "ABC"[f->from], count,
		  selector_text(&f->selector, text), life_plan[f->connection].name, "ABC"[f->to],
		  wanted == MUST_BE_UP	   ? "is wanted"
		  : wanted == MUST_BE_DOWN ? "is to be down"
					   : "nobody has asked for");
}

static int other_end(const struct life *l, const struct life_host *h, const struct world_sa *sa)
{
	const uint8_t *remote = sa->spec.inbound ? sa->spec.src : sa->spec.dst;

	for (int i = 0; i < LIFE_HOSTS; i++)
		if (i != h->number && memcmp(l->hosts[i].addr, remote, 4) == 0)
			return i;
	return -1;
}

/* An SA of an earlier run stays for its time where its connection cannot get all new ones (orphans.h); but it carries
 * only what cannot be had. */
static bool may_stay(const struct life *l, const struct life_host *h, const struct world_sa *sa)
{
	const int other = other_end(l, h, sa);

	return sa->orphan && plan_is_lame(l, h->number, other, &sa->spec.selector) &&
	       !(sa->bound && plan_shares(l, h->number, other, &sa->spec.selector));
}

/* One of those that are there carries. */
static bool bindings_are_right(const struct life *l, const struct life_flow *f, char why[LIFE_WHY])
{
	const struct life_host *h = &l->hosts[f->from];
	unsigned all = 0, bound = 0;
	char text[SELECTOR_TEXT];

	for (unsigned i = 0; i < h->sas; i++) {
		const struct world_sa *sa = &h->sad[i];

		if (!sa->used || sa->spec.inbound || memcmp(sa->spec.dst, l->hosts[f->to].addr, 4) != 0 ||
		    !selector_equal(&sa->spec.selector, &f->selector) || may_stay(l, h, sa))
			continue;
		all++;
		bound += sa->bound && !sa->lane;
	}
	return bound == (all > 0) || no(why, "%c: of %u outbound SAs for '%s' to %c %u are bound", "ABC"[f->from], all,
					selector_text(&f->selector, text), "ABC"[f->to], bound);
}

static bool flows_are_right(const struct life *l, const struct seen seen[LIFE_HOSTS], char why[LIFE_WHY])
{
	unsigned ours = 0, all = 0;

	for (unsigned i = 0; i < l->flow_count; i++) {
		const struct life_flow *f = &l->flows[i];

		if (!flow_is_right(l, &seen[f->from], f, why))
			return false;
		if (!bindings_are_right(l, f, why))
			return false;
		ours += count_for(&seen[f->from], f->to, &f->selector);
	}
	for (int i = 0; i < LIFE_HOSTS; i++)
		all += seen[i].children - count_of_lanes(&seen[i]);
	return ours == all || no(why, "%u children are for what nobody protects", all - ours);
}

/* The datapath has the two SAs of each child, and nothing else. */
static bool datapath_is_right(struct life *l, int host, const struct seen *s, char why[LIFE_WHY])
{
	struct life_host *h = &l->hosts[host];
	unsigned found = 0;

	for (unsigned i = 0; i < h->sas; i++) {
		const struct world_sa *sa = &h->sad[i];
		bool known = false;

		if (!sa->used || (sa->reserved && l->now_ms < sa->made_ms + ASKING_MS) || may_stay(l, h, sa))
			continue;
		for (unsigned n = 0; n < s->children; n++)
			known |= sa->spec.spi == (sa->spec.inbound ? s->child[n].in : s->child[n].out);
		if (!known || sa->reserved || sa->orphan)
			return no(why, "%c: slot %u (SPI 0x%08x, %s%s%s) is no child's", "ABC"[host], i, sa -> spec.spi,
				  sa->spec.inbound ? "in" : "out", sa->reserved ? ", reserved" : "",
				  sa->orphan ? ", of an earlier run" : "");
		found++;
	}
	return found == 2 * s->children ||
	       no(why, "%c: %u SAs in the datapath for %u children", "ABC"[host], found, s -> children);
}

/* One for each connection between the two at most, by each end: who answers may take it for another one. */
static bool ike_count_is_right(const struct seen *s, int host, int remote, char why[LIFE_WHY])
{
	unsigned count = 0, most = 0;

	for (unsigned c = 0; c < LIFE_CONNECTIONS; c++)
		most += 2 * plan_is_between(c, host, remote);
	for (unsigned i = 0; i < s->ikes; i++)
		count += s->ike[i].remote == remote && s->ike[i].up;
	return count <= most || no(why, "%c has %u IKE SAs with %c", "ABC"[host], count, "ABC"[remote]);
}

static bool orders_are_done(const struct life *l, int host, char why[LIFE_WHY])
{
	for (unsigned i = 0; i < LIFE_TICKETS; i++)
		if (l->hosts[host].tickets[i].open)
			return no(why, "%c: order %llu of %llu has no end", "ABC"[host],
				  (unsigned long long)l -> hosts[host].tickets[i].ticket,
				  (unsigned long long)l->hosts[host].tickets[i].since_ms);
	return true;
}

bool life_settled(struct life *l, char why[LIFE_WHY])
{
	static struct seen seen[LIFE_HOSTS];

	for (int i = 0; i < LIFE_HOSTS; i++)
		read_host(l, i, &seen[i]);
	for (int i = 0; i < LIFE_HOSTS; i++) {
		if (!ikes_agree(seen, i, why) || !children_agree(seen, i, why) ||
		    !datapath_is_right(l, i, &seen[i], why) || !orders_are_done(l, i, why))
			return false;
		for (int other = 0; other < LIFE_HOSTS; other++)
			if (!ike_count_is_right(&seen[i], i, other, why))
				return false;
	}
	return flows_are_right(l, seen, why);
}

static bool rekeys_within(const cJSON *list, uint64_t ms)
{
	const cJSON *sa;

	cJSON_ArrayForEach(sa, list) {
		const cJSON *left = cJSON_GetObjectItem(sa, "rekey_in_s");

		if (cJSON_IsNumber(left) && cJSON_GetNumberValue(left) * 1000 <= (double)ms)
			return true;
	}
	return false;
}

bool life_rekeys_within(struct life *l, uint64_t ms)
{
	bool found = false;

	for (int i = 0; i < LIFE_HOSTS; i++) {
		cJSON *status = engine_status(l->hosts[i].engine), *c;

		cJSON_ArrayForEach(c, cJSON_GetObjectItem(status, "connections"))
			found |= rekeys_within(cJSON_GetObjectItem(c, "ike"), ms) ||
				 rekeys_within(cJSON_GetObjectItem(c, "children"), ms);
		cJSON_Delete(status);
	}
	return found;
}

void life_take_count(struct life *l)
{
	static struct seen seen[LIFE_HOSTS];

	for (int i = 0; i < LIFE_HOSTS; i++)
		read_host(l, i, &seen[i]);
	for (unsigned i = 0; i < l->flow_count; i++) {
		struct life_flow *f = &l->flows[i];

		f->most = count_for(&seen[f->from], f->to, &f->selector) > 1 ? 2 : 1;
	}
}

void life_check_bounds(struct life *l)
{
	static struct seen s;

	for (int i = 0; i < LIFE_HOSTS; i++) {
		unsigned with[LIFE_HOSTS] = {0};

		read_host(l, i, &s);
		for (unsigned n = 0; n < s.ikes; n++)
			if (++with[s.ike[n].remote] > IKE_SAS_MAX)
				life_violated(l, "%c has more than %d IKE SAs with %c", "ABC"[i], IKE_SAS_MAX,
					      "ABC"[s.ike[n].remote]);
	}
}

/* ---- telling ---- */

static void dump_datapath(const struct life_host *h)
{
	for (unsigned i = 0; i < h->sas; i++) {
		const struct world_sa *sa = &h->sad[i];
		char text[SELECTOR_TEXT];

		if (sa->used)
			fprintf(stderr, "  slot %u: 0x%08x %s%s%s%s, %u to %u, %s, %llu packets, made at %llu\n", i,
				sa->spec.spi, sa->spec.inbound ? "in" : "out", sa->bound ? ", bound" : "",
				sa->reserved ? ", reserved" : "", sa->orphan ? ", orphan" : "", sa->spec.src[3],
				sa->spec.dst[3], selector_text(&sa->spec.selector, text),
				(unsigned long long)sa->packets, (unsigned long long)sa->made_ms);
	}
}

void life_dump(struct life *l)
{
	for (int i = 0; i < LIFE_HOSTS; i++) {
		cJSON *status = engine_status(l->hosts[i].engine);
		char *text = cJSON_PrintUnformatted(status);

		fprintf(stderr, "%c, at %llu: %s\n", "ABC"[i], (unsigned long long)l -> now_ms, text);
		dump_datapath(&l->hosts[i]);
		free(text);
		cJSON_Delete(status);
	}
}
