/* SPDX-License-Identifier: BSD-2-Clause */
/* A set of (key, number) that never forgets, with a hash of what was in the packet. */
#ifndef TESTS_KILLS_SEEN_H
#define TESTS_KILLS_SEEN_H

#include <stddef.h>
#include <stdint.h>

struct seen_entry {
	uint64_t number;
	uint32_t key; /* 0: free */
	uint32_t content;
};

struct seen {
	struct seen_entry *entries;
	size_t size, count; /* size: a power of 2 */
};

enum seen_before {
	SEEN_FIRST,
	SEEN_SAME,  /* with the same content */
	SEEN_OTHER, /* with another */
};

/* Ends the program where there is no memory. */
void seen_init(struct seen *s);

/* Takes it in, unless it is there. */
enum seen_before seen_add(struct seen *s, uint32_t key, uint64_t number, uint32_t content);

/* Of octets. Not for who wants to be mistaken: 2 in 2^32 are. */
uint32_t seen_content(const uint8_t *octets, size_t length);

#endif
