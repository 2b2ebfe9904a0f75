/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AF_XDP as the kernel has it (Documentation/networking/af_xdp.rst): packet memory that a socket knows, four rings that
 * are mapped, and a queue of a NIC that the socket is bound to. The socket itself is the loader's to make: that takes a
 * privilege which the worker does not have.
 *
 * All that the worker wants of a socket is here, so that another NIC takes another xsk.c: tests/bench/cable/ has one
 * made of memory.
 */
#ifndef WORKER_NIC_XSK_H
#define WORKER_NIC_XSK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xdp/xsk.h>

/* Of Linux 6.6: packets of several descriptors, all but the last of which say so. */
#ifndef XDP_USE_SG
#define XDP_USE_SG    (1 << 4)
#define XDP_PKT_CONTD (1 << 0)
#endif

/* The four rings of a socket, each of `size` entries. */
struct xsk_rings {
	struct xsk_ring_prod fill;
	struct xsk_ring_cons comp;
	struct xsk_ring_cons rx;
	struct xsk_ring_prod tx;
	struct xsk_mapping {
		void *base;
		size_t size;
	} mappings[4];
};

/* Tells the socket its packet memory: `size` bytes in frames of frame_size. 0 or -errno; -ENOBUFS: not to be locked. */
int xsk_register(int fd, void *area, size_t size, uint32_t frame_size);

/* Makes the rings. 0 or -errno. */
int xsk_make_rings(int fd, uint32_t size);

/* Maps the rings, which have been made, here or by the worker before this one. 0 or -errno, and then they are not. */
int xsk_map_rings(int fd, uint32_t size, struct xsk_rings *rings);

void xsk_unmap_rings(struct xsk_rings *rings);

/* flags: XDP_COPY, XDP_ZEROCOPY, XDP_USE_... 0 or -errno; -EBUSY: another socket has the queue. */
int xsk_bind(int fd, uint32_t ifindex, uint32_t queue, uint16_t flags);

bool xsk_is_zero_copy(int fd);

/* How many descriptors one xsk_wake_to_send() is to send, where the kernel sends them (copy mode). */
void xsk_set_send_budget(int fd, uint32_t descriptors);

/* A system call, where the rings' flags ask for it: the kernel looks at the TX ring. False: not now (EBUSY, ENOBUFS).
 */
bool xsk_wake_to_send(int fd);

/* A system call: the kernel looks at the fill ring, and runs the NIC's driver where the socket has busy polling. */
void xsk_wake_to_receive(int fd);

/* Sets *lost to the packets that found no free frame, or a full RX ring, in all. False: it is not to be known. */
bool xsk_lost(int fd, uint64_t *lost);

#endif
