/* SPDX-License-Identifier: BSD-2-Clause */
/* A captured packet, and what is to be seen of its headers. */
#ifndef LOADER_CAPTURE_CAPTURED_H
#define LOADER_CAPTURE_CAPTURED_H

#include <stdbool.h>
#include <stdint.h>

#include "maps/capture.h"

/* The longest frame: a super-packet of the host's, with tags. */
#define CAPTURED_MAX (65536 + 64)

struct captured {
	struct capture_record record; /* len, caplen and reason are within bounds */
	const uint8_t *frame;	      /* caplen bytes */
};

/* Of the IPv4 packet in a frame, behind two tags at most. */
struct captured_headers {
	uint8_t src[4];
	uint8_t dst[4];
	uint8_t proto;
	uint32_t spi; /* of ESP, if it is not a later fragment; else 0 */
};

/* False: there is no whole IPv4 header. */
bool captured_headers_of(const struct captured *c, struct captured_headers *h);

#endif
