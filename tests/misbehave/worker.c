/* SPDX-License-Identifier: BSD-2-Clause */
/* The worker's thread that hears the supervisor, and its lanes; and memory of others that it may only read. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "in/inbound.h"
#include "maps/vault.h"
#include "maps/worker_channel.h"
#include "misbehave/misbehave.h"
#include "lane/port.h"

int __real_maps_only_read(struct maps *maps, const char *name, struct fault *f);
int __wrap_maps_only_read(struct maps *maps, const char *name, struct fault *f);
int __real_vault_map(struct vault *v, int fd, bool writable, struct fault *f);
int __wrap_vault_map(struct vault *v, int fd, bool writable, struct fault *f);
int __real_io_uring_register_restrictions(struct io_uring *ring, struct io_uring_restriction *only, unsigned count);
int __wrap_io_uring_register_restrictions(struct io_uring *ring, struct io_uring_restriction *only, unsigned count);
int __real_worker_order_receive(int channel, struct worker_order *order, int *fds, __u32 *n);
int __wrap_worker_order_receive(int channel, struct worker_order *order, int *fds, __u32 *n);
uint32_t __real_inbound_run(struct port_queue *p);
uint32_t __wrap_inbound_run(struct port_queue *p);

static const struct maps *of_others;
static const struct vault *keys;
static struct io_uring *ring;

int __wrap_maps_only_read(struct maps *maps, const char *name, struct fault *f)
{
	of_others = maps;
	return is_without("read-only") ? 0 : __real_maps_only_read(maps, name, f);
}

int __wrap_vault_map(struct vault *v, int fd, bool writable, struct fault *f)
{
	keys = v;
	return __real_vault_map(v, fd, writable || is_without("read-only"), f);
}

int __wrap_io_uring_register_restrictions(struct io_uring *of, struct io_uring_restriction *only, unsigned count)
{
	return is_without("seccomp") ? 0 : __real_io_uring_register_restrictions(of, only, count);
}

/* By a call that answers where a store of its own would end the process. */
static int write_to(const void *memory)
{
	return syscall(SYS_getrandom, memory, 1, 0) == 1 ? 0 : -errno;
}

/* Of the last one, which no NIC and no SA of a test has. */
static int write_ports(void)
{
	return write_to((const char *)&of_others->port[PORTS_MAX] - 1);
}

static int write_vault(void)
{
	return write_to((const char *)&keys->entries[keys->slots] - 1);
}

/* What seccomp does not see. */
static int open_by_ring(void)
{
	struct io_uring_sqe *sqe = ring ? io_uring_get_sqe(ring) : NULL;
	struct io_uring_cqe *cqe;
	int err;

	if (!sqe)
		return -ENOSYS;
	io_uring_prep_openat(sqe, AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0);
	err = io_uring_submit_and_wait(ring, 1);
	if (err < 0 || io_uring_peek_cqe(ring, &cqe) < 0)
		return err < 0 ? err : -EIO;
	err = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	if (err >= 0)
		close(err);
	return err < 0 ? err : 0;
}

static const struct attempt of_worker[] = {
	{"write into the map of ports", write_ports}, {"write into the vault", write_vault}, {.name = NULL}};
static const struct attempt of_lane[] = {{"open a directory by its io_uring", open_by_ring}, {.name = NULL}};

int __wrap_worker_order_receive(int channel, struct worker_order *order, int *fds, __u32 *n)
{
	misbehave("worker", of_worker);
	return __real_worker_order_receive(channel, order, fds, n);
}

uint32_t __wrap_inbound_run(struct port_queue *p)
{
	ring = p->lane->reader.batches ? &p->lane->reader.ring : NULL;
	misbehave("lane", of_lane);
	return __real_inbound_run(p);
}
