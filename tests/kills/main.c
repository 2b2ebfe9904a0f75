/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The recorder of what is on the wire while processes are killed: recorder REPORT SEED and of each of two hosts
 * NAMESPACE ADDRESS KEYLOG, in the namespace of the bridge between them. It
 *
 *   looks      at each packet that either sends: it opens by the key of its SPI, as a key log has it, no IV and no
 *              number comes twice under a key, nothing is in clear
 *   repeats    some, at once or late, and forges others, in clear
 *   speaks     by the hosts' own sockets: of numbered datagrams none may arrive twice, and no forged one at all
 *
 * It counts in the file REPORT (report.h), and says on standard error what should not be.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "flow.h"
#include "wire.h"

/* Between two rounds of traffic; each CPU's turn comes, so that each lane is sent by. */
#define TICK_NS 10000000ULL
/* So many packets of each host are sent once more in a round, from so long ago at most: 2^n packets. */
#define LATE	     2
#define LATE_LOG_MAX 13
/* When it is asked for, those of the last so many: as many as there are in a replay window. */
#define AGAIN 1024
/* Nothing has come for so many rounds: all that was on its way is there. */
#define QUIET_ROUNDS 20

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct report *open_report(const char *path)
{
	const int fd = open(path, O_RDWR | O_CLOEXEC);
	struct report *r = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (r == MAP_FAILED)
		err(2, "%s", path);
	close(fd);
	return r;
}

static void run_on(unsigned cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	/* One that it may not run on it is not asked to. */
	sched_setaffinity(0, sizeof(one), &one);
}

static void send_late(struct wire *w, unsigned host)
{
	for (unsigned i = 0; i < LATE; i++) {
		const uint64_t most = 1ULL << wire_random(w) % (LATE_LOG_MAX + 1);

		wire_again(w, host, 1 + wire_random(w) % most);
	}
}

static void send_all_again(struct wire *w)
{
	for (unsigned host = 0; host < 2; host++)
		for (uint64_t ago = AGAIN; ago > 0; ago--)
			wire_again(w, host, ago);
}

static void send_round(struct wire *w, struct flow *f)
{
	for (unsigned host = 0; host < 2; host++) {
		flow_send(f, host, wire_random(w));
		send_late(w, host);
		wire_forge(w, host);
	}
}

static void wait_until(const struct wire *w, uint64_t when)
{
	const uint64_t now = now_ns(), left = when > now ? when - now : 0;
	const struct timespec most = {.tv_nsec = (long)(left < TICK_NS ? left : TICK_NS)};
	struct pollfd p[] = {{.fd = w->ports[0].ring, .events = POLLIN}, {.fd = w->ports[1].ring, .events = POLLIN}};

	ppoll(p, 2, &most, NULL);
}

static void record(struct wire *w, struct flow *f, struct report *r, unsigned cpus)
{
	uint64_t next = now_ns(), again = r->again;
	unsigned quiet = 0;

	for (unsigned round = 0; quiet < QUIET_ROUNDS;) {
		wait_until(w, next);
		if (wire_take(w))
			quiet = 0;
		if (now_ns() < next)
			continue;
		next = now_ns() + TICK_NS;
		flow_hear(f);
		wire_read_keys(w);
		if (__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
			quiet++;
			continue;
		}
		run_on(round++ % cpus);
		send_round(w, f);
		if (again != __atomic_load_n(&r->again, __ATOMIC_RELAXED)) {
			again = r->again;
			send_all_again(w);
		}
	}
}

int main(int argc, char **argv)
{
	struct report *r = argc == 9 ? open_report(argv[1]) : NULL;
	static struct wire wire;
	static struct flow flow;
	struct in_addr addrs[2];

	if (!r || !inet_aton(argv[4], &addrs[0]) || !inet_aton(argv[7], &addrs[1]))
		errx(2, "usage: recorder REPORT SEED NAMESPACE ADDRESS KEYLOG NAMESPACE ADDRESS KEYLOG");
	wire_init(&wire, r, addrs, strtoull(argv[2], NULL, 0), (const char *const[]){argv[5], argv[8]});
	flow_init(&flow, r, (const char *const[]){argv[3], argv[6]}, addrs);
	r->running = 1;
	record(&wire, &flow, r, (unsigned)sysconf(_SC_NPROCESSORS_ONLN));
	return 0;
}
