/* SPDX-License-Identifier: BSD-2-Clause */
/* Several connections between the two hosts, told apart by what they protect. For tests with cmocka. */
#ifndef TESTS_IKE_SEVERAL_H
#define TESTS_IKE_SEVERAL_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inside.h"

static const struct selector all = {SELECTOR_ANY_PORT}, to_bgp = {0, 65535, 179, 179, 6},
			     from_bgp = {179, 179, 0, 65535, 6}, geneve = {0, 65535, 6081, 6085, 17},
			     from_geneve = {6081, 6085, 0, 65535, 17}, tcp = {SELECTOR_ANY_PORT, .proto = 6};

/* ---- making ---- */

static inline struct connection_config *connection(struct world *w, int host, const char *name, enum start_mode start,
						   unsigned count, const struct selector *selectors)
{
	struct connection_config *c = world_connection(w, host);

	strcpy(c->name, name);
	memcpy(c->selectors, selectors, count * sizeof(*selectors));
	c->selector_count = count;
	c->start = start;
	strcpy((char *)c->digest, name);
	return c;
}

#define CONNECTION(w, host, name, start, ...) \
	connection(w, host, name, start, sizeof((struct selector[]){__VA_ARGS__}) / sizeof(struct selector), \
		   (struct selector[]){__VA_ARGS__})

static inline void configure(struct world *w, int host, unsigned count, struct connection_config *const *list)
{
	struct ike_config config = {.connections = calloc(count, sizeof(*list)), .count = count};

	for (unsigned i = 0; i < count; i++)
		config.connections[i] = list[i];
	engine_configure(w->hosts[host].engine, &config);
}

/* In the file's order the widest stands first: it must not get everything for that. */
static inline void configure_three(struct world *w, int host, enum start_mode start)
{
	struct connection_config *const list[] = {
		CONNECTION(w, host, "rest", start, all),
		CONNECTION(w, host, "bgp", start, to_bgp, from_bgp),
		CONNECTION(w, host, "geneve", start, geneve, from_geneve),
	};

	configure(w, host, 3, list);
}

/* What another implementation does: one IKE SA, and all children on it. */
static inline void configure_one(struct world *w, int host, enum start_mode start)
{
	struct connection_config *const list[] = {
		CONNECTION(w, host, "one", start, to_bgp, from_bgp, geneve, from_geneve, all)};

	configure(w, host, 1, list);
}

/* ---- looking ---- */

/* "state: selector, selector" of a connection, the selectors of children that are up in the order they were made. */
static inline const char *look(struct world *w, int host, const char *name)
{
	static char text[400];
	cJSON *status = engine_status(w->hosts[host].engine), *c, *child;

	text[0] = '\0';
	cJSON_ArrayForEach(c, cJSON_GetObjectItem(status, "connections")) {
		if (strcmp(cJSON_GetObjectItem(c, "name")->valuestring, name) != 0)
			continue;
		strcat(text, cJSON_GetObjectItem(c, "state")->valuestring);
		cJSON_ArrayForEach(child, cJSON_GetObjectItem(c, "children")) {
			strcat(text, text[strlen(text) - 1] == ':' || !strchr(text, ':') ? ": " : ", ");
			strcat(text, cJSON_GetObjectItem(child, "selector")->valuestring);
		}
	}
	cJSON_Delete(status);
	return text;
}

static inline void assert_three(struct world *w, int host)
{
	assert_string_equal(look(w, host, "rest"), "up: all");
	assert_non_null(strstr(look(w, host, "bgp"), "tcp dport 179"));
	assert_non_null(strstr(look(w, host, "bgp"), "tcp sport 179"));
	assert_non_null(strstr(look(w, host, "geneve"), "udp dport 6081-6085"));
	assert_non_null(strstr(look(w, host, "geneve"), "udp sport 6081-6085"));
}

/* The IKE SA of a connection, which is up. */
static inline struct ike_sa *ike_of(struct world *w, int host, const char *name)
{
	struct connection *c;

	TAILQ_FOREACH(c, &w->hosts[host].engine->connections, of_engine)
		if (strcmp(c->config->name, name) == 0)
			break;
	assert_non_null(c);
	assert_non_null(peer_ike_up(TAILQ_FIRST(&c->peers)));
	return peer_ike_up(TAILQ_FIRST(&c->peers));
}

/* The outbound SA of a host that is bound for the selector. */
static inline struct world_sa *bound_for(struct world *w, int host, const struct selector *s)
{
	for (unsigned i = 0; i < WORLD_SAS; i++) {
		struct world_sa *sa = &w->hosts[host].sas[i];

		if (sa->used && sa->bound && selector_equal(&sa->spec.selector, s))
			return sa;
	}
	return NULL;
}

/* Both ends have a child for it, and each one's outbound SA is the other's inbound one for the same. */
static inline void assert_carried(struct world *w, struct selector s)
{
	for (int host = 0; host < 2; host++, s = selector_mirrored(&s)) {
		const struct world_sa *out = bound_for(w, host, &s), *in = world_partner(w, host, out);
		const struct selector there = selector_mirrored(&s);

		assert_non_null(out);
		assert_non_null(in);
		assert_true(selector_equal(&in->spec.selector, &there));
	}
}

static inline void assert_all_carried(struct world *w)
{
	assert_carried(w, all);
	assert_carried(w, to_bgp);
	assert_carried(w, from_bgp);
	assert_carried(w, geneve);
	assert_carried(w, from_geneve);
}

static inline void acquire(struct world *w, int host, uint8_t proto, uint16_t local_port, uint16_t remote_port)
{
	engine_acquire(w->hosts[host].engine, w->hosts[host].addr, w->hosts[!host].addr, proto, local_port,
		       remote_port);
}

/* By order, and it is done. */
static inline void rekey(struct world *w, int host, const char *name, bool ike)
{
	w->hosts[host].done_count = 0;
	engine_rekey(w->hosts[host].engine, name, NULL, ike, 5);
	world_run(w, 5000);
	assert_int_equal(w->hosts[host].done_count, 1);
	assert_string_equal(w->hosts[host].done_error, "");
}

#endif
