/* SPDX-License-Identifier: BSD-2-Clause */
#include "board.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "command/connection_text.h"

/* ---- rows ---- */

/* Of a mesh each peer is a row of its own. */
static void name_row(struct row *r)
{
	const char *name = text_or_dash(r->json, "name"), *peer = json_text(r->json, "peer");

	if (peer && !r->by_hand)
		snprintf(r->name, sizeof(r->name), "%.70s %s", name, peer);
	else
		snprintf(r->name, sizeof(r->name), "%s", name);
}

/* It is mostly where it was. */
static const struct row *find_from(const struct board *b, size_t hint, const char *name)
{
	for (size_t i = 0; i < b->count; i++) {
		const struct row *r = &b->rows[(hint + i) % b->count];

		if (strcmp(r->name, name) == 0)
			return r;
	}
	return NULL;
}

static void take_row(struct board *b, struct row *r, size_t place, const cJSON *json, bool by_hand, time_t at)
{
	const struct row *before;

	*r = (struct row){.json = json, .by_hand = by_hand};
	name_row(r);
	before = find_from(b, place, r->name);
	if (before) {
		r->in = before->in;
		r->out = before->out;
	}
	if (!by_hand && !b->told)
		news_of_connection(&b->news, at, r->name, before ? before->json : NULL, json);
}

void board_take(struct board *b, const cJSON *connections, const cJSON *by_hand, time_t at)
{
	const size_t room = (size_t)cJSON_GetArraySize(connections) + (size_t)cJSON_GetArraySize(by_hand);
	struct row *rows = calloc(room + 1, sizeof(*rows));
	const cJSON *json;
	size_t count = 0;

	if (!rows)
		err(EXIT_FAILURE, "%zu connections", room);
	cJSON_ArrayForEach(json, connections) {
		take_row(b, &rows[count], count, json, false, at);
		count++;
	}
	cJSON_ArrayForEach(json, by_hand) {
		take_row(b, &rows[count], count, json, true, at);
		count++;
	}
	free(b->rows);
	b->rows = rows;
	b->count = count;
}

const struct row *board_find(const struct board *b, const char *name)
{
	return find_from(b, 0, name);
}

double row_traffic(const struct row *r)
{
	return r->in.now.bits + r->out.now.bits;
}

const char *row_state(const struct row *r, enum tint *tint)
{
	if (!r->by_hand)
		return connection_state(r->json, tint);
	*tint = TINT_NONE;
	return "by hand";
}

const char *row_trouble(const struct row *r, char *text, enum tint *tint)
{
	const cJSON *f;

	cJSON_ArrayForEach(f, json_item(r->json, "failures"))
		if (failure_lasts(f)) {
			*tint = TINT_BAD;
			return failure_text(f, text);
		}
	*tint = TINT_WARN;
	return json_text(r->json, "note");
}

/* ---- figures ---- */

static void add_flow(struct flow *flow, const struct rate *rate)
{
	flow->now = *rate;
	history_add(&flow->bits, rate->bits);
}

static void measure_flows(struct board *b, const struct board_measure *m)
{
	for (size_t i = 0; i < b->count; i++) {
		add_flow(&b->rows[i].in, &m->in[i]);
		add_flow(&b->rows[i].out, &m->out[i]);
	}
	add_flow(&b->in, &m->all_in);
	add_flow(&b->out, &m->all_out);
}

/* Counters that are less than before are of other maps. */
static double a_second(uint64_t now, uint64_t before, double seconds)
{
	return now > before && seconds > 0 ? (double)(now - before) / seconds : 0;
}

/* That packets are dropped for a reason for which none was in the last minute. */
static void measure_drops(struct board *b, const struct board_measure *m, time_t at)
{
	for (enum reason reason = 0; reason < REASON_COUNT; reason++) {
		struct reason_flow *drop = &b->drops[reason];
		const bool moved = history_moves(&drop->history);

		if (!reason_is_drop(reason))
			continue;
		drop->total = (double)m->counts[reason];
		drop->now = a_second(m->counts[reason], b->counts_before[reason], m->seconds);
		history_add(&drop->history, drop->now);
		if (!moved && drop->now > 0 && !b->told)
			news_add(&b->news, at, TINT_WARN, "packets are dropped: %s (%s)", reason_name(reason),
				 reason_text(reason));
	}
	memcpy(b->counts_before, m->counts, sizeof(b->counts_before));
}

static void measure_lanes(struct board *b, const struct board_measure *m)
{
	for (unsigned i = 0; i < LANES_MAX; i++) {
		struct lane_flow *lane = &b->lanes[i];

		lane->opened = a_second(m->opened[i], lane->opened_before, m->seconds);
		lane->sealed = a_second(m->sealed[i], lane->sealed_before, m->seconds);
		lane->opened_before = m->opened[i];
		lane->sealed_before = m->sealed[i];
	}
}

void board_measure(struct board *b, const struct board_measure *m, time_t at)
{
	if (m->seconds > 0)
		measure_flows(b, m);
	measure_drops(b, m, at);
	measure_lanes(b, m);
}

void board_free(struct board *b)
{
	free(b->rows);
	b->rows = NULL;
	b->count = 0;
}
