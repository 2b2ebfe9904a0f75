/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a capture is shown of packets on their way out: frames of the host as they were before the tag, and what was
 * made of them. To be called only where the lane has a capture. Each frame has to be shown before the next one is read.
 */
#ifndef WORKER_OUT_OUTBOUND_CAPTURE_H
#define WORKER_OUT_OUTBOUND_CAPTURE_H

#include "lane/port.h"

/* A frame that was read; whoever drops something from now on drops it of this one (capture_choose). */
void outbound_capture_taken(const struct port_queue *p, const struct host_frame *f);

/* What the NIC is about to be told of; what became of the frames before that is known now. */
void outbound_capture_sent(const struct port_queue *p);

/* The rest of a frame is dropped: what the capture has of it may have been shown already. tag: as it came with. */
void outbound_capture_given_up(const struct port_queue *p, const struct host_frame *f, struct tx_tag tag,
			       enum reason why);

#endif
