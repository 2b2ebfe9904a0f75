/* SPDX-License-Identifier: BSD-2-Clause */
/* Filters in pcap's words (pcap-filter(7)), by libpcap. */
#ifndef LOADER_CAPTURE_PACKET_FILTER_H
#define LOADER_CAPTURE_PACKET_FILTER_H

#include "captured.h"
#include "lib/fault.h"

struct packet_filter;

/* *filter is the caller's to free. 0; -EINVAL with what is wrong with the words; -ENOENT without libpcap. */
int packet_filter_new(struct packet_filter **to, const char *words, struct fault *f);

bool packet_filter_takes(const struct packet_filter *filter, const struct captured *c);

/* NULL is fine. */
void packet_filter_free(struct packet_filter *filter);

#endif
