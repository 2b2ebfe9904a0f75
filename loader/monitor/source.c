/* SPDX-License-Identifier: BSD-2-Clause */
#include "source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/connection_text.h"
#include "command/control_client.h"
#include "command/sa_view.h"
#include "command/session.h"
#include "lib/spi_format.h"
#include "maps/slots.h"
#include "policy/parse.h"

/* No row of the board has it. */
#define NO_ROW (-1)

struct source {
	const struct invocation *inv;
	struct instance in;
	struct maps maps;
	struct host_look look;
	cJSON *by_hand;
	int socket;    /* on which it was asked; -1: it was not */
	cJSON *status; /* its answer, while it is asked for who is monitored */
	uint64_t asked_ns;
	int stream;		     /* by which it tells its events; -1: it does not */
	bool no_events;		     /* it is one that has none to tell */
	struct rates_look *looks[2]; /* taken in turns */
	unsigned turns;
	struct rates *rates;
	int *row_of;			   /* whose an SA is, by its slot */
	struct rate *rates_in, *rates_out; /* of each row */
	size_t room;
};

/* ---- rows ---- */

static void add_by_hand(struct source *s, const struct sa_state *sa)
{
	const bool out = sa->direction == SA_OUTBOUND;
	cJSON *json = cJSON_CreateObject();
	char text[ADDR_TEXT + 16];

	snprintf(text, sizeof(text), SPI_FORMAT " %s", sa->spi, out ? "out" : "in");
	cJSON_AddStringToObject(json, "name", text);
	cJSON_AddStringToObject(json, "peer", addr_text(out ? sa->dst : sa->src, text));
	cJSON_AddNumberToObject(json, "spi", sa->spi);
	json_add_u64(json, "state_s", clock_seconds_since(sa->created_ns));
	cJSON_AddItemToArray(s->by_hand, json);
}

/* Finds the row of each SA: of IKE's that of its connection, of others one of its own. */
static void place_sas(struct source *s)
{
	int rows = cJSON_GetArraySize(s->look.connections);
	struct sa_state sa;

	for (uint32_t slot = 0; slot < s->maps.slots; slot++) {
		s->row_of[slot] = NO_ROW;
		if (!slot_read(&s->maps, slot, &sa))
			continue;
		if (sa.owner == OWNER_IKE) {
			s->row_of[slot] = connection_index(s->look.names, &sa);
		} else {
			add_by_hand(s, &sa);
			s->row_of[slot] = rows++;
		}
	}
}

static void make_room(struct source *s, size_t rows)
{
	free(s->rates_in);
	free(s->rates_out);
	s->room = rows;
	s->rates_in = calloc(rows + 1, sizeof(*s->rates_in));
	s->rates_out = calloc(rows + 1, sizeof(*s->rates_out));
}

/* A look whose counters could not be read has those of before: there is another in a second. */
static void take(struct source *s, struct board *b, cJSON *daemon)
{
	struct host_look before = s->look;
	cJSON *by_hand = s->by_hand;
	const time_t now = time(NULL);

	host_look_take(&s->look, &s->in, &s->maps, daemon, NULL);
	if (before.in)
		news_of_daemon(&b->news, now, before.daemon, daemon);
	if (before.in && !b->told)
		news_of_processes(&b->news, now, before.daemon, daemon);
	s->by_hand = cJSON_CreateArray();
	place_sas(s);
	board_take(b, s->look.connections, s->by_hand, now);
	make_room(s, b->count);
	host_look_free(&before);
	cJSON_Delete(by_hand);
}

/* ---- the daemon ---- */

static void free_by_slot(struct source *s)
{
	free(s->looks[0]);
	free(s->looks[1]);
	free(s->rates);
	free(s->row_of);
}

/* What it has for each slot of the maps. False: there is no memory for it, and nothing was made. */
static bool make_by_slot(struct source *s, uint32_t slots)
{
	struct source made = {
		.looks = {rates_look_new(slots), rates_look_new(slots)},
		.rates = rates_new(slots),
		.row_of = calloc(slots, sizeof(*made.row_of)),
	};

	if (!made.looks[0] || !made.looks[1] || !made.rates || !made.row_of) {
		free_by_slot(&made);
		return false;
	}
	free_by_slot(s);
	memcpy(s->looks, made.looks, sizeof(s->looks));
	s->rates = made.rates;
	s->row_of = made.row_of;
	s->turns = 0;
	return true;
}

/* Another daemon may have made other maps. */
static void open_maps_again(struct source *s)
{
	struct maps maps;

	if (maps_open(&maps, s->in.bpf_dir, NULL))
		return;
	if (!make_by_slot(s, maps.slots)) {
		maps_close(&maps);
		return;
	}
	maps_close(&s->maps);
	s->maps = maps;
}

static bool is_another(const struct source *s, const cJSON *daemon)
{
	return json_number(s->look.daemon, "pid") != json_number(daemon, "pid");
}

void source_ask(struct source *s, struct board *b)
{
	struct fault f;

	if (s->socket >= 0)
		return;
	s->asked_ns = maps_now();
	s->socket = control_begin(&s->in, "status", NULL, &f);
	if (s->socket < 0)
		take(s, b, NULL);
}

/* ---- events ---- */

/* Its first message says whether it does; that is waited for as all others are. */
static void ask_for_events(struct source *s)
{
	struct fault f;

	s->stream = control_begin(&s->in, "events", NULL, &f);
}

static void close_stream(struct source *s, struct board *b)
{
	close(s->stream);
	s->stream = -1;
	b->told = false;
}

int source_stream(const struct source *s)
{
	return s->stream;
}

void source_hear(struct source *s, struct board *b)
{
	cJSON *message = NULL;
	int with = -1;

	if (channel_receive(s->stream, &message, &with)) {
		close_stream(s, b);
		return;
	}
	if (with >= 0)
		close(with);
	if (json_text(message, "event")) {
		news_of_event(&b->news, time(NULL), message);
	} else if (json_text(message, "error")) {
		s->no_events = true;
		close_stream(s, b);
	} else {
		b->told = true;
	}
	cJSON_Delete(message);
}

/* ---- the daemon's answer ---- */

int source_socket(const struct source *s)
{
	return s->socket;
}

/* The status is whole when who is monitored has been told, too. NULL: it is not, and the answer to that is waited for;
 * or there is no status. */
static cJSON *take_status(struct source *s)
{
	cJSON *answer = NULL, *status;
	struct fault f;

	control_take(s->socket, &answer, &f);
	s->socket = -1;
	if (answer && !s->status) {
		s->status = answer;
		s->socket = control_begin(&s->in, "monitors", NULL, &f);
		answer = NULL;
	}
	if (s->socket >= 0)
		return NULL;
	status = s->status;
	s->status = NULL;
	control_add_monitors(status, answer);
	return status;
}

void source_answer(struct source *s, struct board *b)
{
	cJSON *daemon = take_status(s);

	if (s->socket >= 0)
		return;
	if (daemon && s->look.in && is_another(s, daemon)) {
		open_maps_again(s);
		s->no_events = false;
	}
	if (daemon && s->stream < 0 && !s->no_events)
		ask_for_events(s);
	take(s, b, daemon);
}

unsigned source_silence(const struct source *s)
{
	return s->socket >= 0 ? (unsigned)clock_seconds_since(s->asked_ns) : 0;
}

const struct host_look *source_look(const struct source *s)
{
	return &s->look;
}

/* ---- figures ---- */

static void add(struct rate *sum, const struct rate *rate)
{
	sum->packets += rate->packets;
	sum->bits += rate->bits;
}

static void sum_up(struct source *s, const struct rates_look *now)
{
	memset(s->rates_in, 0, s->room * sizeof(*s->rates_in));
	memset(s->rates_out, 0, s->room * sizeof(*s->rates_out));
	for (uint32_t slot = 0; slot < now->slots; slot++)
		if (s->row_of[slot] != NO_ROW && (size_t)s->row_of[slot] < s->room)
			add(now->sa[slot].outbound ? &s->rates_out[s->row_of[slot]] : &s->rates_in[s->row_of[slot]],
			    &s->rates->sa[slot]);
}

/* The first time there is nothing to compare with. */
static double measure_rates(struct source *s)
{
	struct rates_look *now = s->looks[s->turns % 2], *before = s->looks[(s->turns + 1) % 2];

	rates_look(&s->maps, now);
	if (!s->turns++)
		return 0;
	rates_between(before, now, s->rates);
	sum_up(s, now);
	return (double)(now->at_ns - before->at_ns) / 1e9;
}

void source_measure(struct source *s, struct board *b)
{
	struct board_measure m = {.seconds = measure_rates(s), .in = s->rates_in, .out = s->rates_out};
	struct counts_sum counts = s->look.counts;

	m.all_in = s->rates->in;
	m.all_out = s->rates->out;
	counts_read(&s->maps, &counts, NULL);
	memcpy(m.counts, counts.by_reason, sizeof(m.counts));
	for (unsigned i = 0; i < LANES_MAX; i++) {
		m.opened[i] = counts_get(&s->maps.worker_counts[i], REASON_OPENED);
		m.sealed[i] = counts_get(&s->maps.worker_counts[i], REASON_SEALED);
	}
	board_measure(b, &m, time(NULL));
}

/* ---- details ---- */

char *source_details(const struct source *s, const struct row *r)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	cJSON *one;

	if (!out)
		return NULL;
	if (r->by_hand) {
		sa_view_print_details(&s->maps, (uint32_t)json_u64(r->json, "spi"), NULL, out);
	} else {
		one = cJSON_CreateArray();
		cJSON_AddItemReferenceToArray(one, (cJSON *)r->json);
		connections_print(one, out);
		cJSON_Delete(one);
	}
	fclose(out);
	return text;
}

/* ---- open, close ---- */

int source_open(struct source **s, const struct invocation *inv, struct fault *f)
{
	struct source *new = calloc(1, sizeof(*new));
	int err = new ? session_maps(inv, &new->in, &new->maps, f) : fault(f, ENOMEM, "%s", strerror(ENOMEM));

	if (!err && !make_by_slot(new, new->maps.slots)) {
		session_maps_close(&new->in, &new->maps);
		err = fault(f, ENOMEM, "%s", strerror(ENOMEM));
	}
	if (err) {
		free(new);
		return err;
	}
	new->inv = inv;
	new->socket = new->stream = -1;
	*s = new;
	return 0;
}

void source_close(struct source *s)
{
	if (s->socket >= 0)
		close(s->socket);
	if (s->stream >= 0)
		close(s->stream);
	cJSON_Delete(s->status);
	host_look_free(&s->look);
	cJSON_Delete(s->by_hand);
	free(s->rates_in);
	free(s->rates_out);
	free_by_slot(s);
	session_maps_close(&s->in, &s->maps);
	free(s);
}
