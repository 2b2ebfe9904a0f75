/* SPDX-License-Identifier: BSD-2-Clause */
/* Comparing, meeting, mirroring and naming selectors (layout.h); and the keys of sad_out that an SA has by its
 * selector. */
#ifndef MAPS_SELECTOR_H
#define MAPS_SELECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "layout.h"
#include "selector_shared.h"

#define SELECTOR_ALL ((struct selector){SELECTOR_ANY_PORT})

/* Of a selector's text, NUL included. Longest: "udplite sport 10000-20000 dport 30000-40000". */
#define SELECTOR_TEXT 48

bool selector_equal(const struct selector *a, const struct selector *b);

/* Whether every packet that b takes is one that a takes. */
bool selector_contains(const struct selector *a, const struct selector *b);

/* Whether one of count selectors contains s. */
bool selector_within(const struct selector *s, const struct selector *of, unsigned count);

/* Whether the selector takes a packet. Ports are 0 where the protocol has none, and type << 8 | code both of ICMP. */
bool selector_takes(const struct selector *s, uint8_t proto, uint16_t local_port, uint16_t remote_port);

/* *out: the selector of the packets that both take. False: there are none. */
bool selector_meet(const struct selector *a, const struct selector *b, struct selector *out);

/*
 * Which of two selectors goes first by the precedence of policies (loader/policy/spd.c): below 0: a, above 0: b, 0:
 * neither. One with a protocol goes first, then the one with fewer pairs of ports.
 */
int selector_precedence(const struct selector *a, const struct selector *b);

/* The same, and then by their bytes: 0 of equal selectors alone. */
int selector_compare(const struct selector *a, const struct selector *b);

/* The selector as the other end has it: local and remote exchanged. */
struct selector selector_mirrored(const struct selector *s);

/* "all", "tcp", "tcp dport 179", "udp sport 5000-5010", "icmp/echo-request"; dport is the remote end's, sport this
 * host's. Returns buf. */
const char *selector_text(const struct selector *s, char buf[SELECTOR_TEXT]);

/* The keys of sad_out under which an outbound SA is bound: one, or two for SA_EITHER_END. Returns how many. */
unsigned sa_bindings(const struct sa_state *sa, struct sad_out_key keys[2]);

#endif
