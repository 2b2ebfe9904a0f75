/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be said of selectors (layout.h) and of the bindings that an SA has by its own. */
#ifndef MAPS_SELECTOR_H
#define MAPS_SELECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "layout.h"
#include "selector_shared.h"

#define SELECTOR_ALL ((struct selector){SELECTOR_ANY_PORT})

/* Longest: "udplite sport 10000-20000 dport 30000-40000". */
#define SELECTOR_TEXT 48

bool selector_equal(const struct selector *a, const struct selector *b);

/* Whether everything that b is for a is for too. */
bool selector_contains(const struct selector *a, const struct selector *b);

/* Whether a packet is what it is for. Without ports: both 0. ICMP: type << 8 | code as both. */
bool selector_takes(const struct selector *s, uint8_t proto, uint16_t local_port, uint16_t remote_port);

/* What both are for. False: nothing. */
bool selector_meet(const struct selector *a, const struct selector *b, struct selector *out);

/*
 * Which of two goes first by the precedence of policies (loader/policy/spd.c) of one prefix and prio: with a
 * protocol before without, then fewer pairs of ports, then by their bytes. As of memcmp().
 */
int selector_compare(const struct selector *a, const struct selector *b);

/* How many pairs of ports it takes: fewer is narrower. */
uint64_t selector_port_pairs(const struct selector *s);

/* As the other end sees it. */
struct selector selector_mirrored(const struct selector *s);

/* "all", "tcp", "tcp dport 179", "udp sport 5000-5010", "icmp/echo-request"; dport is the remote end's, sport this
 * host's. Returns buf. */
const char *selector_text(const struct selector *s, char buf[SELECTOR_TEXT]);

/* The keys under which an outbound SA is bound: one, or two for SA_EITHER_END. Returns how many. */
unsigned sa_bindings(const struct sa_state *sa, struct sad_out_key keys[2]);

#endif
