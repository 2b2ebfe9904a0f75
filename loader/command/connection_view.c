/* SPDX-License-Identifier: BSD-2-Clause */
#include "connection_view.h"

#include <string.h>

#include "connection_text.h"
#include "lines.h"
#include "table.h"
#include "units.h"

/* ---- JSON ---- */

static void replace_state(cJSON *connection, const char *state, const cJSON *seconds)
{
	cJSON_ReplaceItemInObjectCaseSensitive(connection, "state", cJSON_CreateString(state));
	cJSON_ReplaceItemInObjectCaseSensitive(connection, "state_s", cJSON_Duplicate(seconds, false));
	cJSON_ReplaceItemInObjectCaseSensitive(connection, "last_up_s", cJSON_Duplicate(seconds, false));
}

/* What IKE holds for up, the monitor may know to be down. */
static void add_monitor(cJSON *connection, const cJSON *monitor)
{
	const char *state = json_text(connection, "state"), *seen = json_text(monitor, "state");

	if (state && seen && strcmp(state, "up") == 0 && strcmp(seen, "down") == 0)
		replace_state(connection, seen, json_item(monitor, "down_s"));
	cJSON_AddItemToObject(connection, "monitor", cJSON_Duplicate(monitor, true));
}

/* The latest counts. */
static void add_note(cJSON *connection, const char *note)
{
	cJSON_DeleteItemFromObjectCaseSensitive(connection, "note");
	cJSON_AddStringToObject(connection, "note", note);
}

/* Nothing has gone wrong so far, and nothing will happen, or it may take long to. */
static void add_waiting(cJSON *connection)
{
	const cJSON *ike = cJSON_GetArrayItem(json_item(connection, "ike"), 0),
		    *failure = cJSON_GetArrayItem(json_item(connection, "failures"), 0);
	char note[CONNECTION_LINE];

	if (json_text(ike, "hint")) {
		snprintf(note, sizeof(note), "no answer from %s yet: %s", connection_peer(connection),
			 json_text(ike, "hint"));
		add_note(connection, note);
	} else if (strcmp(text_or_dash(connection, "state"), "down") == 0 &&
		   strcmp(text_or_dash(connection, "start"), "respond") == 0 && (!failure || !failure_lasts(failure)) &&
		   !json_text(connection, "note")) {
		add_note(connection, "waits for the peer to begin: if the peer's is start = respond, too, nobody does");
	}
}

static bool has_child_for(const cJSON *connection, const char *selector)
{
	const cJSON *child;

	cJSON_ArrayForEach(child, json_item(connection, "children"))
		if (strcmp(text_or_dash(child, "selector"), selector) == 0)
			return true;
	return false;
}

/* It is up, and some of what the file protects can never pass. */
static void add_narrowed(cJSON *connection)
{
	char note[CONNECTION_LINE];
	const cJSON *child;

	cJSON_ArrayForEach(child, json_item(connection, "children")) {
		const char *wanted = json_text(child, "narrowed_from");

		if (!wanted || has_child_for(connection, wanted))
			continue;
		snprintf(note, sizeof(note),
			 "the peer protects less than this host: '%s' of '%s', and the rest is dropped here: set "
			 "'protect' to the same on both",
			 text_or_dash(child, "selector"), wanted);
		add_note(connection, note);
		return;
	}
}

/* Out goes up, and in stays 0: not if another child, or the monitor, hears the peer. */
static void add_silent(cJSON *connection, const cJSON *monitor)
{
	const cJSON *child;
	bool silent = false;

	cJSON_ArrayForEach(child, json_item(connection, "children")) {
		silent |= cJSON_IsTrue(json_item(child, "silent"));
		if (json_number(child, "packets_in") > 0)
			return;
	}
	if (silent && strcmp(text_or_dash(monitor, "state"), "up") != 0)
		add_note(connection,
			 "packets leave, and none has come: ESP (IP protocol 50) is lost on the way, or the other "
			 "end drops it, or nobody there answers");
}

/* What IKE holds for up carries nothing: its packets are dropped, or in clear. */
static void add_astray(cJSON *connection, const cJSON *way)
{
	const char *dev = json_text(way, "dev");
	const char *missing = text_or_dash(way, "missing");
	char note[CONNECTION_LINE];

	if (!dev)
		return;
	if (cJSON_IsTrue(json_item(way, "encapsulates")))
		snprintf(note, sizeof(note),
			 "ASTRAY: the route to its peer encapsulates: what is protected is dropped");
	else if (cJSON_IsTrue(json_item(way, "in_clear")))
		snprintf(note, sizeof(note),
			 "GATE OPEN: its packets leave IN CLEAR by %s, which is not attached: 'xdp-ipsec attach %s' "
			 "closes the gate",
			 dev, missing);
	else
		snprintf(note, sizeof(note),
			 "ASTRAY: its packets leave by %s, which is not attached: dropped; 'xdp-ipsec attach %s', or "
			 "another route",
			 dev, missing);
	cJSON_AddStringToObject(connection, "astray", dev);
	add_note(connection, note);
}

/* The time of what was so many seconds ago, which tells more when the document is read later. */
static void add_time(cJSON *o, const char *name, const char *seconds)
{
	const cJSON *ago = json_item(o, seconds);
	char text[UNITS_TEXT];

	if (cJSON_IsNumber(ago))
		cJSON_AddStringToObject(o, name, timestamp_text(ago->valuedouble, text));
	else
		cJSON_AddNullToObject(o, name);
}

static void add_failure_times(cJSON *failure)
{
	add_time(failure, "first", "first_s");
	add_time(failure, "last", "last_s");
}

static void add_times(cJSON *connection)
{
	cJSON *failure;

	add_time(connection, "since", "state_s");
	cJSON_ArrayForEach(failure, json_item(connection, "failures"))
		add_failure_times(failure);
}

cJSON *connections_json(const cJSON *status)
{
	const cJSON *monitors = json_item(status, "monitors"),
		    *list = json_item(json_item(status, "document"), "connections");
	cJSON *own = list ? cJSON_Duplicate(list, true) : cJSON_CreateArray(), *c;

	cJSON_ArrayForEach(c, own) {
		const char *name = json_text(c, "name");
		const cJSON *monitor = name ? json_item(monitors, name) : NULL;

		if (monitor)
			add_monitor(c, monitor);
		add_times(c);
		add_waiting(c);
		add_narrowed(c);
		add_silent(c, monitor);
		if (name)
			add_astray(c, json_item(json_item(status, "astray"), name));
	}
	return own;
}

cJSON *totals_json(const cJSON *status)
{
	const cJSON *totals = json_item(json_item(status, "document"), "totals");

	return totals ? cJSON_Duplicate(totals, true) : cJSON_CreateArray();
}

cJSON *stranger_json(const cJSON *status)
{
	const cJSON *stranger = json_item(json_item(status, "document"), "stranger");
	cJSON *own = cJSON_IsObject(stranger) ? cJSON_Duplicate(stranger, true) : cJSON_CreateNull();

	if (cJSON_IsObject(own))
		add_failure_times(own);
	return own;
}

bool connections_unwell(const cJSON *connections)
{
	const cJSON *c;

	cJSON_ArrayForEach(c, connections)
		if (strcmp(text_or_dash(c, "state"), "down") == 0 || json_text(c, "astray"))
			return true;
	return false;
}

/* ---- text ---- */

static void add_state(struct table *t, const cJSON *c)
{
	const cJSON *since = json_item(c, "state_s");
	char age[UNITS_TEXT];
	enum tint tint;

	table_cell(t, "%s", connection_state(c, &tint));
	table_tint(t, tint);
	table_cell(t, "%s", cJSON_IsNumber(since) ? age_text(json_whole(since), age) : "-");
}

static double sum(const cJSON *c, const char *name)
{
	const cJSON *child;
	double n = 0;

	cJSON_ArrayForEach(child, json_item(c, "children"))
		n += json_number(child, name);
	return n;
}

static void add_measured(struct table *t, const cJSON *monitor)
{
	char text[CONNECTION_LINE];

	table_cell(t, "%s", rtt_text(monitor, "last", text));
	table_cell(t, "%s", loss_text(monitor, text));
}

static void add_row(struct table *t, const cJSON *c, bool wide)
{
	const char *id = connection_peer_id(c);

	table_cell(t, "%s", text_or_dash(c, "name"));
	if (wide)
		table_cell(t, "%s", text_or_dash(c, "local"));
	table_cell(t, "%s", connection_peer(c));
	add_state(t, c);
	if (wide)
		table_cell(t, "%s", id ? id : "-");
	table_cell(t, "%d", cJSON_GetArraySize(json_item(c, "children")));
	table_cell(t, "%.0f", sum(c, "packets_in"));
	table_cell(t, "%.0f", sum(c, "packets_out"));
	if (wide)
		add_measured(t, json_item(c, "monitor"));
}

static struct table *rows_of(const cJSON *connections, bool wide)
{
	struct table *t = table_new(
		wide ? "CONNECTION|LOCAL|PEER|STATE|>FOR|IDENTITY|>CHILD SAS|>PACKETS IN|>OUT|>ROUND TRIP|LOSS"
		     : "CONNECTION|PEER|STATE|>FOR|>CHILD SAS|>PACKETS IN|>OUT");
	const cJSON *c;

	cJSON_ArrayForEach(c, connections)
		add_row(t, c, wide);
	return t;
}

static void print_remarks(const cJSON *c, FILE *out)
{
	char text[CONNECTION_LINE];
	const cJSON *f;

	cJSON_ArrayForEach(f, json_item(c, "failures"))
		if (failure_lasts(f))
			lines_text(out, TINT_BAD, 2, "%s: %s", text_or_dash(c, "name"), failure_text(f, text));
	if (json_text(c, "note"))
		lines_text(out, TINT_WARN, 2, "%s: %s", text_or_dash(c, "name"), json_text(c, "note"));
}

void connections_list(const cJSON *connections, FILE *out)
{
	struct table *t = rows_of(connections, true);
	const cJSON *c;

	if (!table_fits(t)) {
		table_free(t);
		t = rows_of(connections, false);
	}
	table_print(t, out);
	cJSON_ArrayForEach(c, connections)
		print_remarks(c, out);
}
