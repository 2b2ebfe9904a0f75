/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes pcapng (draft-ietf-opsawg-pcapng): one section with an Ethernet interface for each capture_point, packets with
 * a comment, and at the end what was seen of each interface and what was missed.
 *
 * Errors of the stream are the caller's to look for (ferror, fflush).
 */
#ifndef LOADER_CAPTURE_PCAPNG_H
#define LOADER_CAPTURE_PCAPNG_H

#include <stdint.h>
#include <stdio.h>

#include "captured.h"

struct pcapng_interface {
	const char *name;
	const char *description;
};

struct pcapng_packet {
	unsigned interface;
	uint64_t time_ns; /* since 1970 */
	uint32_t len;
	uint32_t caplen;
	const uint8_t *frame;
	uint8_t direction; /* enum sa_direction; 0: not known */
	const char *comment;
};

struct pcapng_statistics {
	unsigned interface;
	uint64_t start_ns, end_ns; /* since 1970 */
	uint64_t received;	   /* with those that were missed */
	uint64_t missed;
};

/* application: who writes. filter: in pcap's words, or NULL. */
void pcapng_begin(FILE *out, const char *application, const struct pcapng_interface *interfaces, unsigned count,
		  const char *filter);
void pcapng_write(FILE *out, const struct pcapng_packet *packet);
void pcapng_write_statistics(FILE *out, const struct pcapng_statistics *statistics);

#endif
