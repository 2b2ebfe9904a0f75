/* SPDX-License-Identifier: BSD-2-Clause */
#include "connection_metrics.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fold.h"
#include "lib/key_index.h"
#include "sa_metrics.h"

/* Those of the document that one series is of: a connection, or a mesh with all its peers, which stand together. */
struct group {
	const cJSON *first;
	unsigned count;
	const char *name;
	const char *peer; /* NULL: not told apart */
};

struct scrape {
	struct exposition *e;
	const cJSON *status;
	bool peers;
	struct group group;
	const cJSON **totals; /* of connections; malloc'd */
	struct key_index totals_by_name;
};

#define FOR_EACH_GROUP(s) \
	for (const cJSON *next_ = group_begin(s, json_item((s)->status, "connections")->child); (s)->group.first; \
	     next_ = group_begin(s, next_))

/* NOLINTBEGIN(bugprone-macro-parentheses): c is a name */
#define FOR_EACH_MEMBER(c, s) \
	for (const cJSON *c = (s)->group.first, *end_ = group_end(&(s)->group); c != end_; c = c->next)
/* NOLINTEND(bugprone-macro-parentheses) */

static const cJSON *group_end(const struct group *g)
{
	const cJSON *c = g->first;

	for (unsigned i = 0; i < g->count; i++)
		c = c->next;
	return c;
}

static bool has_name(const cJSON *c, const char *name)
{
	const char *own = json_text(c, "name");

	return own && name && strcmp(own, name) == 0;
}

static const char *peer_of(const cJSON *c)
{
	return json_text(c, "peer") ? json_text(c, "peer") : json_text(c, "remote");
}

/* The group that begins with c; returns where the next one does. */
static const cJSON *group_begin(struct scrape *s, const cJSON *c)
{
	struct group *g = &s->group;

	*g = (struct group){.first = c, .name = json_text(c, "name"), .peer = s->peers ? peer_of(c) : NULL};
	while (c && (!g->count || (!s->peers && has_name(c, g->name)))) {
		g->count++;
		c = c->next;
	}
	return c;
}

/* What all samples of a group bear, and more. */
#define GROUP_LABELS(s, ...) LABELS("connection", (s)->group.name, "peer", (s)->group.peer, ##__VA_ARGS__)

/* ---- one number each ---- */

static const struct {
	const char *path; /* as fold_path() has it */
	enum fold_way way;
	double scale;
	const char *name;
	enum metric_type type;
	const char *help;
} rows[] = {
	{"state_s", FOLD_LEAST, 1, "connection_state_seconds", METRIC_GAUGE, "How long it is in its state."},
	{"ike.established_s", FOLD_MOST, 1, "connection_ike_age_seconds", METRIC_GAUGE,
	 "The age of its oldest IKE SA."},
	{"ike.rekey_in_s", FOLD_LEAST, 1, "connection_ike_rekey_seconds", METRIC_GAUGE,
	 "When the next IKE SA is rekeyed, from now."},
	{"ike.auth_expires_in_s", FOLD_LEAST, 1, "connection_peer_certificate_expiry_seconds", METRIC_GAUGE,
	 "When what the peer has proven itself with expires, from now."},
	{"children.established_s", FOLD_MOST, 1, "connection_child_age_seconds", METRIC_GAUGE,
	 "The age of its oldest child SA."},
	{"children.rekey_in_s", FOLD_LEAST, 1, "connection_child_rekey_seconds", METRIC_GAUGE,
	 "When the next child SA is rekeyed, from now."},
	{"children.expires_in_s", FOLD_LEAST, 1, "connection_child_expiry_seconds", METRIC_GAUGE,
	 "When the next child SA ends unless it is rekeyed, from now."},
	{"children.rekey_in_packets", FOLD_LEAST, 1, "connection_child_rekey_packets", METRIC_GAUGE,
	 "So many packets more, and a child SA is rekeyed."},
	{"children.rekey_in_bytes", FOLD_LEAST, 1, "connection_child_rekey_bytes", METRIC_GAUGE,
	 "So many bytes more, and a child SA is rekeyed."},
	{"children.silent", FOLD_MOST, 1, "connection_silent", METRIC_GAUGE,
	 "Whether packets leave by a child SA, and none has ever come."},
	{"monitor.sent", FOLD_SUM, 1, "connection_probes_sent_total", METRIC_COUNTER, "Probes inside the SA."},
	{"monitor.lost", FOLD_SUM, 1, "connection_probes_lost_total", METRIC_COUNTER,
	 "Probes that had no answer in their interval."},
	{"monitor.rtt_us.last", FOLD_MOST, 1e-6, "connection_rtt_seconds", METRIC_GAUGE,
	 "The last round trip of a probe inside the SA."},
};

static void fold_group(const struct scrape *s, const char *path, struct fold *f)
{
	FOR_EACH_MEMBER(c, s)
		fold_path(f, c, path);
}

static void numbers(struct scrape *s)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct family family = {rows[i].name, rows[i].type, rows[i].help};

		exposition_family(s->e, &family);
		FOR_EACH_GROUP(s) {
			struct fold f = {.way = rows[i].way};

			fold_group(s, rows[i].path, &f);
			if (f.count)
				exposition_add(s->e, GROUP_LABELS(s), f.value * rows[i].scale);
		}
	}
}

static const char *const dated_files[] = {"cert", "ca", "crl"};
#define DATED_FILES (sizeof(dated_files) / sizeof(dated_files[0]))

static void ends_of_files(struct scrape *s)
{
	static const struct family family = {"connection_valid_until_timestamp_seconds", METRIC_GAUGE,
					     "When this host's certificate, the last of its CAs, or the first of its "
					     "CRLs ends."};
	char path[32];

	exposition_family(s->e, &family);
	FOR_EACH_GROUP(s)
		for (size_t i = 0; i < DATED_FILES; i++) {
			struct fold f = {.way = FOLD_LEAST};

			snprintf(path, sizeof(path), "valid_until.%s", dated_files[i]);
			fold_group(s, path, &f);
			if (f.count)
				exposition_add(s->e, GROUP_LABELS(s, "file", dated_files[i]), f.value);
		}
}

/* ---- what its SAs have carried ---- */

static bool is_total_of(const void *totals, size_t place, const void *name)
{
	return strcmp(json_text(((const cJSON *const *)totals)[place], "connection"), name) == 0;
}

/* What no memory is left for is not told. */
static void find_totals(struct scrape *s)
{
	const cJSON *list = json_item(s->status, "totals"), *each;
	size_t n = 0;

	s->totals = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(cJSON *));
	cJSON_ArrayForEach(each, list) {
		const char *connection = json_text(each, "connection");

		if (!s->totals || !connection || key_index_add(&s->totals_by_name, key_hash_text(connection), n))
			continue;
		s->totals[n++] = each;
	}
}

/* Of a peer its own; of a connection that which peers that are gone are in, too. NULL: IKE does not tell. */
static const cJSON *totals_of(const struct scrape *s)
{
	const char *name = s->group.name;
	size_t place;

	if (s->peers)
		return json_item(s->group.first, "totals");
	place = name ? key_index_find(&s->totals_by_name, key_hash_text(name), is_total_of, s->totals, name)
		     : KEY_INDEX_NONE;
	return place == KEY_INDEX_NONE ? NULL : s->totals[place];
}

static const struct {
	const char *path;
	const char *name;
	const char *label;
	const char *value;
	const char *help;
} sums[] = {
	{"packets_in", "connection_packets_total", "direction", "in", "Packets that its SAs have carried."},
	{"packets_out", "connection_packets_total", "direction", "out", "Packets that its SAs have carried."},
	{"bytes_in", "connection_bytes_total", "direction", "in", "Bytes of the packets inside its SAs."},
	{"bytes_out", "connection_bytes_total", "direction", "out", "Bytes of the packets inside its SAs."},
	{"child_rekeys", "connection_rekeys_total", "sa", "child", "SAs that were replaced by others."},
	{"ike_rekeys", "connection_rekeys_total", "sa", "ike", "SAs that were replaced by others."},
};

static void totals(struct scrape *s)
{
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		const struct family family = {sums[i].name, METRIC_COUNTER, sums[i].help};

		exposition_family(s->e, &family);
		FOR_EACH_GROUP(s) {
			struct fold f = {.way = FOLD_SUM};

			fold_path(&f, totals_of(s), sums[i].path);
			if (f.count)
				exposition_add(s->e, GROUP_LABELS(s, sums[i].label, sums[i].value), f.value);
		}
	}
}

/* Of these there is a 0, too: an alert on how fast one grows misses what was there from the beginning. */
static const char *const watched_reasons[] = {"replay",	 "auth_failed",	     "selector_mismatch", "malformed",
					      "too_big", "lifetime_expired", "seq_overflow"};
#define WATCHED_REASONS (sizeof(watched_reasons) / sizeof(watched_reasons[0]))

static void drops(struct scrape *s)
{
	static const struct family family = {"connection_drops_total", METRIC_COUNTER,
					     "Packets of its SAs that were dropped, by reason."};

	exposition_family(s->e, &family);
	FOR_EACH_GROUP(s) {
		const cJSON *counted = json_item(totals_of(s), "drops"), *each;

		for (size_t i = 0; counted && i < WATCHED_REASONS; i++)
			if (!json_item(counted, watched_reasons[i]))
				exposition_add(s->e, GROUP_LABELS(s, "reason", watched_reasons[i]), 0);
		cJSON_ArrayForEach(each, counted)
			exposition_add_json(s->e, GROUP_LABELS(s, "reason", each->string), each);
	}
}

/* ---- what it is ---- */

static void info(struct scrape *s)
{
	static const struct family family = {"connection_info", METRIC_GAUGE, "Always 1, of what the file says."};

	exposition_family(s->e, &family);
	FOR_EACH_GROUP(s) {
		const cJSON *c = s->group.first;

		exposition_add(s->e,
			       GROUP_LABELS(s, "local", json_text(c, "local"), "remote", json_text(c, "remote"), "auth",
					    json_text(c, "auth"), "start", json_text(c, "start")),
			       1);
	}
}

static unsigned members_with(const struct scrape *s, const char *name, const char *value)
{
	unsigned n = 0;

	FOR_EACH_MEMBER(c, s) {
		const char *text = json_text(c, name);

		n += text && strcmp(text, value) == 0;
	}
	return n;
}

static unsigned astray(const struct scrape *s)
{
	unsigned n = 0;

	FOR_EACH_MEMBER(c, s)
		n += json_text(c, "astray") != NULL;
	return n;
}

/* Each state is there, and so is a connection that is down. */
static void states(struct scrape *s)
{
	static const struct family
		state = {"connection_state", METRIC_GAUGE,
			 "1 for the state that it is in and 0 for the others; of a mesh, how many of "
			 "its peers are in each."},
		stray = {"connection_astray", METRIC_GAUGE,
			 "Whether its packets would leave by an interface that is not attached."};
	static const char *const names[] = {"down", "trap", "connecting", "up"};

	exposition_family(s->e, &state);
	FOR_EACH_GROUP(s)
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			exposition_add(s->e, GROUP_LABELS(s, "state", names[i]), members_with(s, "state", names[i]));
	exposition_family(s->e, &stray);
	FOR_EACH_GROUP(s)
		exposition_add(s->e, GROUP_LABELS(s), astray(s));
}

static unsigned sas_up(const struct scrape *s, const char *list)
{
	const cJSON *each;
	unsigned n = 0;

	FOR_EACH_MEMBER(c, s)
		cJSON_ArrayForEach(each, json_item(c, list)) {
			const char *state = json_text(each, "state");

			n += state && strcmp(state, "up") == 0;
		}
	return n;
}

static void sas(struct scrape *s)
{
	static const struct family ike = {"connection_ike_sas", METRIC_GAUGE, "IKE SAs that are up."},
				   child = {"connection_child_sas", METRIC_GAUGE, "Child SAs that carry packets."};

	exposition_family(s->e, &ike);
	FOR_EACH_GROUP(s)
		exposition_add(s->e, GROUP_LABELS(s), sas_up(s, "ike"));
	exposition_family(s->e, &child);
	FOR_EACH_GROUP(s)
		exposition_add(s->e, GROUP_LABELS(s), sas_up(s, "children"));
}

/* Of each outbound SA of a connection. */
struct outbound {
	const char *connection;
	const char *dst;
	double left;
};

static size_t find_outbound(const cJSON *list, struct outbound *out)
{
	const cJSON *sa;
	size_t n = 0;

	cJSON_ArrayForEach(sa, list) {
		const char *direction = json_text(sa, "direction");

		out[n] = (struct outbound){json_text(sa, "connection"), json_text(sa, "dst"), sa_sequence_left(sa)};
		n += direction && strcmp(direction, "out") == 0 && out[n].connection && out[n].dst;
	}
	return n;
}

/* By connection, then by peer: those of a group stand together. */
static int compare_outbound(const void *a, const void *b)
{
	const struct outbound *x = a, *y = b;
	const int by_connection = strcmp(x->connection, y->connection);

	return by_connection ? by_connection : strcmp(x->dst, y->dst);
}

static bool is_before(const struct outbound *sa, const struct group *g)
{
	const int order = strcmp(sa->connection, g->name);

	return order < 0 || (order == 0 && g->peer && strcmp(sa->dst, g->peer) < 0);
}

static bool is_of(const struct group *g, const struct outbound *sa)
{
	return strcmp(sa->connection, g->name) == 0 && (!g->peer || strcmp(sa->dst, g->peer) == 0);
}

/* Of all in order, the first that is not before the group. */
static size_t first_of(const struct group *g, const struct outbound *all, size_t n)
{
	size_t low = 0;

	while (low < n) {
		const size_t middle = (low + n) / 2;

		if (is_before(&all[middle], g))
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}

static void sequence(struct scrape *s)
{
	static const struct family family = {"connection_sequence_numbers_left", METRIC_GAUGE,
					     "How many sequence numbers the outbound SA has left that has fewest."};
	const cJSON *list = json_item(s->status, "sas");
	struct outbound *all = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*all));
	const size_t n = all ? find_outbound(list, all) : 0;

	if (n)
		qsort(all, n, sizeof(*all), compare_outbound);
	exposition_family(s->e, &family);
	FOR_EACH_GROUP(s) {
		struct fold f = {.way = FOLD_LEAST};

		for (size_t i = s->group.name ? first_of(&s->group, all, n) : n; i < n && is_of(&s->group, &all[i]);
		     i++)
			fold_number(&f, all[i].left);
		if (f.count)
			exposition_add(s->e, GROUP_LABELS(s), f.value);
	}
	free(all);
}

/* ---- what went wrong ---- */

static const char *const failure_kinds[] = {"failed", "refused"};
#define KINDS (sizeof(failure_kinds) / sizeof(failure_kinds[0]))

/* Of each member, the failure of that kind: its number of that name; one that is over counts as none, if lasting. */
static void fold_failures(const struct scrape *s, const char *kind, const char *name, bool lasting, struct fold *f)
{
	const cJSON *failure;

	FOR_EACH_MEMBER(c, s)
		cJSON_ArrayForEach(failure, json_item(c, "failures")) {
			const char *own = json_text(failure, "kind");

			if (own && strcmp(own, kind) == 0 && !(lasting && cJSON_IsTrue(json_item(failure, "over"))))
				fold_path(f, failure, name);
		}
}

static void failures(struct scrape *s)
{
	static const struct family
		tries = {"connection_error_tries", METRIC_GAUGE,
			 "How often in a row it went wrong: what this host wanted of the peer (failed), "
			 "or was wanted of it (refused). 0 after a success."},
		last = {"connection_last_error_timestamp_seconds", METRIC_GAUGE,
			"When it went wrong last, also if it has succeeded since."};
	const double now = (double)time(NULL);

	exposition_family(s->e, &tries);
	FOR_EACH_GROUP(s)
		for (size_t i = 0; i < KINDS; i++) {
			struct fold f = {.way = FOLD_SUM};

			fold_failures(s, failure_kinds[i], "tries", true, &f);
			exposition_add(s->e, GROUP_LABELS(s, "kind", failure_kinds[i]), f.value);
		}
	exposition_family(s->e, &last);
	FOR_EACH_GROUP(s)
		for (size_t i = 0; i < KINDS; i++) {
			struct fold f = {.way = FOLD_LEAST};

			fold_failures(s, failure_kinds[i], "last_s", false, &f);
			if (f.count)
				exposition_add(s->e, GROUP_LABELS(s, "kind", failure_kinds[i]), now - f.value);
		}
}

void connection_metrics(struct exposition *e, const cJSON *status, bool peers)
{
	struct scrape s = {.e = e, .status = status, .peers = peers};

	if (!cJSON_GetArraySize(json_item(status, "connections")))
		return;
	find_totals(&s);
	info(&s);
	states(&s);
	sas(&s);
	totals(&s);
	drops(&s);
	numbers(&s);
	ends_of_files(&s);
	sequence(&s);
	failures(&s);
	free(s.totals);
	key_index_clear(&s.totals_by_name);
}
