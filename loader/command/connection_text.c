/* SPDX-License-Identifier: BSD-2-Clause */
#include "connection_text.h"

#include <string.h>

#include "lib/spi_format.h"
#include "lines.h"
#include "units.h"

const char *text_or_dash(const cJSON *o, const char *name)
{
	const char *text = json_text(o, name);

	return text ? text : "-";
}

static const char *age_of(const cJSON *o, const char *name, char buf[UNITS_TEXT])
{
	return age_text(json_u64(o, name), buf);
}

static bool is(const cJSON *o, const char *name, const char *value)
{
	return strcmp(text_or_dash(o, name), value) == 0;
}

/* ---- pieces ---- */

const char *connection_state(const cJSON *c, enum tint *tint)
{
	const char *state = text_or_dash(c, "state");

	if (json_text(c, "astray"))
		state = "ASTRAY";
	*tint = strcmp(state, "up") == 0	   ? TINT_GOOD
		: strcmp(state, "trap") == 0	   ? TINT_NONE
		: strcmp(state, "connecting") == 0 ? TINT_WARN
						   : TINT_BAD;
	return state;
}

const char *connection_peer(const cJSON *c)
{
	return json_text(c, "peer") ? json_text(c, "peer") : text_or_dash(c, "remote");
}

const char *connection_peer_id(const cJSON *c)
{
	return json_text(cJSON_GetArrayItem(json_item(c, "ike"), 0), "peer_id");
}

bool failure_lasts(const cJSON *failure)
{
	return !cJSON_IsTrue(json_item(failure, "over"));
}

const char *failure_text(const cJSON *f, char *text)
{
	char tries[UNITS_TEXT], age[UNITS_TEXT];
	const char *notify = json_text(f, "notify");

	snprintf(text, CONNECTION_LINE, "%s%s%s, %s, last %s ago: %s", notify ? notify : "",
		 !notify		    ? ""
		 : is(f, "kind", "refused") ? " to "
					    : " from ",
		 text_or_dash(f, "from"), count_text(json_u64(f, "tries"), "try", "tries", tries),
		 age_of(f, "last_s", age), text_or_dash(f, "what"));
	return text;
}

const char *loss_text(const cJSON *monitor, char *text)
{
	const double sent = json_number(monitor, "sent"), lost = json_number(monitor, "lost");

	if (sent > 0)
		snprintf(text, CONNECTION_LINE, "%.0f of %.0f lost (%.*f %%)", lost, sent, lost > 0 ? 1 : 0,
			 100 * lost / sent);
	else
		snprintf(text, CONNECTION_LINE, "-");
	return text;
}

const char *rtt_text(const cJSON *monitor, const char *which, char *text)
{
	const cJSON *rtt = json_item(monitor, "rtt_us");

	if (json_has_number(rtt, which))
		snprintf(text, CONNECTION_LINE, "%.3f ms", json_number(rtt, which) / 1000);
	else
		snprintf(text, CONNECTION_LINE, "-");
	return text;
}

const char *handshake_text(const cJSON *ike, char *text)
{
	char age[UNITS_TEXT], times[UNITS_TEXT];

	age_of(ike, "started_s", age);
	if (json_text(ike, "awaits"))
		snprintf(text, CONNECTION_LINE, "%s, for %s: waits for the answer to %s, asked %s",
			 text_or_dash(ike, "state"), age, text_or_dash(ike, "awaits"),
			 count_text(json_u64(ike, "tries"), "time", "times", times));
	else
		snprintf(text, CONNECTION_LINE, "%s, for %s", text_or_dash(ike, "state"), age);
	return text;
}

/* ---- a paragraph ---- */

/* "up for 3h12m", "down for 5m", "down, never up", "trap" */
static void print_head(const cJSON *c, FILE *out)
{
	enum tint tint;
	const char *state = connection_state(c, &tint);
	char age[UNITS_TEXT];

	if (!json_has_number(c, "state_s"))
		lines_text(out, tint, 2, "connection %s: %s", text_or_dash(c, "name"), state);
	else if (is(c, "state", "down") && !json_has_number(c, "last_up_s"))
		lines_text(out, tint, 2, "connection %s: %s, never up since the start %s ago", text_or_dash(c, "name"),
			   state, age_of(c, "state_s", age));
	else
		lines_text(out, tint, 2, "connection %s: %s for %s", text_or_dash(c, "name"), state,
			   age_of(c, "state_s", age));
}

/* An identity that is just the address says nothing new. */
static void print_ends(const cJSON *c, FILE *out)
{
	const char *id = connection_peer_id(c);

	lines_item(out, TINT_NONE, "addresses", "%s -> %s, start = %s", text_or_dash(c, "local"), connection_peer(c),
		   text_or_dash(c, "start"));
	if (id)
		lines_item(out, TINT_NONE, "peer", "%s, by %s", id, is(c, "auth", "cert") ? "certificate" : "PSK");
}

/* "; rekey in 42m", or nothing. */
static const char *due(const cJSON *o, const char *name, const char *what, char text[CONNECTION_LINE])
{
	char age[UNITS_TEXT];

	text[0] = '\0';
	if (json_has_number(o, name))
		snprintf(text, CONNECTION_LINE, ", %s in %s", what, age_of(o, name, age));
	return text;
}

static void print_ike(const cJSON *ike, FILE *out)
{
	char age[UNITS_TEXT], rekey[CONNECTION_LINE], proof[CONNECTION_LINE], expires[CONNECTION_LINE];

	if (json_has_number(ike, "established_s"))
		lines_item(out, TINT_NONE, "IKE SA", "%s/%s: %s, %s, %s old, %s %s %s%s%s%s%s",
			   text_or_dash(ike, "spi_i"), text_or_dash(ike, "spi_r"), text_or_dash(ike, "state"),
			   text_or_dash(ike, "role"), age_of(ike, "established_s", age),
			   text_or_dash(ike, "encryption"), text_or_dash(ike, "prf"), text_or_dash(ike, "key_exchange"),
			   cJSON_IsTrue(json_item(ike, "ppk")) ? ", PPK" : "", due(ike, "rekey_in_s", "rekey", rekey),
			   due(ike, "reauth_in_s", "proof anew", proof),
			   due(ike, "auth_expires_in_s", "certificate expires", expires));
	else
		lines_item(out, TINT_WARN, "IKE SA", "%s", handshake_text(ike, rekey));
}

static void add_left(char text[CONNECTION_LINE], const cJSON *child)
{
	const size_t n = strlen(text);
	char packets[UNITS_TEXT], bytes[UNITS_TEXT];

	if (json_has_number(child, "rekey_in_packets"))
		snprintf(text + n, CONNECTION_LINE - n, " or %s",
			 count_text(json_u64(child, "rekey_in_packets"), "packet", "packets", packets));
	if (json_has_number(child, "rekey_in_bytes"))
		snprintf(text + strlen(text), CONNECTION_LINE - strlen(text), " or %s",
			 si_text(json_number(child, "rekey_in_bytes"), "B", bytes));
}

static void print_way(const cJSON *child, const char *way, const char *label, FILE *out)
{
	char name[32], packets[UNITS_TEXT], bytes[UNITS_TEXT], age[UNITS_TEXT], idle[UNITS_TEXT + 16] = "";
	double n, b;

	snprintf(name, sizeof(name), "packets_%s", way);
	n = json_number(child, name);
	snprintf(name, sizeof(name), "bytes_%s", way);
	b = json_number(child, name);
	snprintf(name, sizeof(name), "idle_%s_s", way);
	if (json_has_number(child, name))
		snprintf(idle, sizeof(idle), ", last %s ago", age_of(child, name, age));
	snprintf(name, sizeof(name), "spi_%s", way);
	lines_item(out, TINT_NONE, label, SPI_FORMAT ": %s, %s%s", (unsigned)json_u64(child, name),
		   count_text((uint64_t)n, "packet", "packets", packets), si_text(b, "B", bytes), idle);
}

static void print_child(const cJSON *child, FILE *out)
{
	char age[UNITS_TEXT], rekey[CONNECTION_LINE], expires[CONNECTION_LINE], lane[16] = "";

	due(child, "rekey_in_s", "rekey", rekey);
	add_left(rekey, child);
	if (json_has_number(child, "lane"))
		snprintf(lane, sizeof(lane), ", lane %.0f", json_number(child, "lane"));
	lines_item(out, TINT_NONE, "child SA", "%s%s: %s, %s old, %s%s%s%s", text_or_dash(child, "selector"), lane,
		   text_or_dash(child, "state"), age_of(child, "established_s", age), text_or_dash(child, "encryption"),
		   cJSON_IsTrue(json_item(child, "esn")) ? " ESN" : "", rekey,
		   due(child, "expires_in_s", "end", expires));
	print_way(child, "in", "  in", out);
	print_way(child, "out", "  out", out);
}

static void print_monitor(const cJSON *m, FILE *out)
{
	char last[CONNECTION_LINE], average[CONNECTION_LINE], loss[CONNECTION_LINE];

	if (m)
		lines_item(out, is(m, "state", "down") ? TINT_BAD : TINT_NONE, "monitor",
			   "%s: round trip %s, average %s, %s", text_or_dash(m, "state"), rtt_text(m, "last", last),
			   rtt_text(m, "avg", average), loss_text(m, loss));
}

static void print_failures(const cJSON *c, FILE *out)
{
	char text[CONNECTION_LINE];
	const cJSON *f;

	cJSON_ArrayForEach(f, json_item(c, "failures"))
		if (failure_lasts(f))
			lines_item(out, TINT_BAD, is(f, "kind", "refused") ? "refused" : "last error", "%s",
				   failure_text(f, text));
	if (json_text(c, "note"))
		lines_item(out, TINT_WARN, "note", "%s", json_text(c, "note"));
}

void connections_print(const cJSON *connections, FILE *out)
{
	const cJSON *c, *each;

	cJSON_ArrayForEach(c, connections) {
		print_head(c, out);
		print_ends(c, out);
		print_failures(c, out);
		print_monitor(json_item(c, "monitor"), out);
		cJSON_ArrayForEach(each, json_item(c, "ike"))
			print_ike(each, out);
		cJSON_ArrayForEach(each, json_item(c, "children"))
			print_child(each, out);
		fputc('\n', out);
	}
}

void stranger_tell(const cJSON *stranger, text_line *line, void *arg)
{
	char text[CONNECTION_LINE], all[CONNECTION_LINE + 16];

	if (!cJSON_IsObject(stranger))
		return;
	snprintf(all, sizeof(all), "refused: %s", failure_text(stranger, text));
	line(arg, TINT_WARN, all);
}
