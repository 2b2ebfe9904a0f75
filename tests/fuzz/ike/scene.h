/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two real engines (tests/ike/world.h), and an input that says what they are told to do, and what becomes of the
 * messages between them. Who writes it may have the keys: then a message is opened, changed inside, and sealed again,
 * or made of payloads that the input has. So every byte gets as deep as a peer's would.
 *
 *   kind of connection | step | step | ...
 */
#ifndef TESTS_FUZZ_IKE_SCENE_H
#define TESTS_FUZZ_IKE_SCENE_H

#include "fuzz.h"
#include "sealed.h"

/* The first byte of an input. */
enum scene_kind {
	SCENE_CERT = 1 << 0,	  /* else PSK */
	SCENE_PPK = 1 << 1,	  /* RFC 8784 */
	SCENE_PER_QUEUE = 1 << 2, /* RFC 9611 */
	SCENE_MESH = 1 << 3,	  /* host 1 takes any of a prefix */
	SCENE_COOKIES = 1 << 4,	  /* host 1 asks for them always */
	SCENE_SEVERAL = 1 << 5,	  /* selectors */
	SCENE_BOTH = 1 << 6,	  /* hosts begin */
	SCENE_SPLIT = 1 << 7,	  /* certificates are so long that messages are in fragments */
};

/* The first byte of a step; `to` is a byte, of which the lowest bit counts. */
enum scene_step {
	STEP_RUN,	 /* u16 n, u8 shift: n << shift % 12 ms go by */
	STEP_ORDER,	 /* u8 host, u8 enum scene_order */
	STEP_RAW,	 /* u8 to, u8 enum scene_ends, part: a datagram */
	STEP_CHANGE_RAW, /* u8 to, u8 change, u16 at, part: of the next datagram, as it is on the wire */
	STEP_DROP,	 /* u8 to: the next one is lost */
	STEP_REPEAT,	 /* u8 to: the next one comes again, 100 ms later */
	STEP_SEAL,	 /* u8 to, u8 exchange, u8 response, u8 of number, u8 first payload, part: payloads */
	STEP_CHANGE,	 /* u8 to, u8 change, u16 at, part: of the next sealed message, inside */
	STEP_SPLIT,	 /* u8 to, u16 size, u8 kind: the next one is sent in fragments */
	STEPS,
};

enum scene_order {
	ORDERED_INITIATE,
	ORDERED_TERMINATE,
	ORDERED_REKEY_CHILD,
	ORDERED_REKEY_IKE,
	ORDERED_ACQUIRE,
	ORDERED_ACQUIRE_FOR_LANE,
	ORDERED_SOFT_LIMIT,
	ORDERED_HARD_LIMIT,
	ORDERED_UNKNOWN_SPI,
	ORDERED_DEAD,
	ORDERED_ADDRESS_GOES,
	ORDERED_ADDRESS_COMES,
	ORDERED_RESTART,
	ORDERED_TRAFFIC,
	ORDERED_NO_ROOM,
	ORDERS,
};

/* Where the SPIs of a datagram come from, and whether its length is put right. */
enum scene_ends {
	ENDS_AS_GIVEN,
	ENDS_OF_LATEST, /* of the latest IKE SA */
	ENDS_OF_FIRST,
	ENDS_NAT_PORT, /* as given, to port 4500 */
	ENDS,
};

enum scene_change {
	CHANGE_OVERWRITE,
	CHANGE_INSERT,
	CHANGE_CUT,	/* as many bytes as the part has */
	CHANGE_END,	/* is there */
	CHANGE_PAYLOAD, /* the nth (at) is cut; inside only, as the next two */
	CHANGE_ADD,	/* a payload of that type (at) in front */
	CHANGE_HEADER,	/* exchange, flags, number: the part is laid over them */
	CHANGE_WITHIN,	/* the nth (at / 256) payload is laid over from (at % 256) on */
	CHANGES,
};

/* Once. */
void scene_open(void);

/* Plays the input. with_keys: else the steps that take them are none. */
void scene_play(const uint8_t *data, size_t size, bool with_keys);

/* Plays, and gives each datagram that is sent, before it is changed; sealed ones also as they are inside. */
void scene_watch(const struct seed *s,
		 void (*fn)(const struct world_packet *p, const struct sealed *inside, unsigned number));

#endif
