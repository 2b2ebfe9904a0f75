/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "latency.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/privileges.h"

#define DEVICE "/dev/cpu_dma_latency"
/* Whom the kernel asks how an idle CPU is to sleep; "none": it halts, whatever latency is wished. */
#define IDLE_DRIVER "/sys/devices/system/cpu/cpuidle/current_driver"
/* How often it is looked whether packets pass, and how many looks without any are a second. */
#define LOOK_US	   (250 * 1000)
#define LOOKS_IDLE 4

static uint64_t count_passed(const struct maps *maps)
{
	uint64_t passed = 0;

	for (int lane = 0; lane < LANES_MAX; lane++)
		passed += counts_get(&maps->worker_counts[lane], REASON_OPENED) +
			  counts_get(&maps->worker_counts[lane], REASON_SEALED);
	return passed;
}

/* What is asked for counts as long as the device is open. The fd, or -errno. */
static int keep_awake(void)
{
	const int32_t none = 0;
	const int fd = open(DEVICE, O_WRONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, &none, sizeof(none)) == sizeof(none))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static void let_sleep(struct latency *l)
{
	if (l->held >= 0)
		close(l->held);
	l->held = -1;
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct latency *l = arg;
	const uint64_t passed = count_passed(l->maps);

	(void)fd;
	(void)what;
	l->idle = passed == l->passed ? l->idle + 1 : 0;
	l->passed = passed;
	if (l->idle >= LOOKS_IDLE)
		let_sleep(l);
	else if (l->idle == 0 && l->held < 0)
		l->held = keep_awake();
}

static int check_device(struct fault *f)
{
	const int fd = keep_awake();

	if (fd < 0)
		return fault(
			f, -fd, DEVICE ": %s: %s", strerror(-fd),
			privileges_remedy(-fd, "the kernel needs CONFIG_CPU_IDLE: 'latency = normal' does without"));
	close(fd);
	return 0;
}

static bool is_heeded(void)
{
	char driver[32] = "";
	FILE *file = fopen(IDLE_DRIVER, "re");
	const bool read = file && fgets(driver, sizeof(driver), file);

	if (file)
		fclose(file);
	return !read || strcmp(driver, "none\n") != 0;
}

static int start(struct latency *l, struct event_base *base, const struct maps *maps, struct fault *f)
{
	const struct timeval every = {.tv_usec = LOOK_US};
	int err = check_device(f);

	if (err)
		return err;
	*l = (struct latency){.maps = maps, .passed = count_passed(maps), .idle = LOOKS_IDLE, .held = -1};
	l->look = event_new(base, -1, EV_PERSIST, on_look, l);
	if (!l->look || event_add(l->look, &every) < 0)
		return fault(f, ENOMEM, "event loop: %s", strerror(ENOMEM));
	return 0;
}

void latency_start(struct latency *l, struct event_base *base, const struct maps *maps)
{
	struct fault f;

	if (start(l, base, maps, &f))
		log_warning("latency = low: %s; going on without", f.text);
	else if (!is_heeded())
		log_warning(
			"latency = low: idle CPUs sleep all the same, as this kernel has no cpuidle driver: boot it "
			"with idle=poll, or a virtual machine with cpuidle_haltpoll.force=Y");
}

void latency_stop(struct latency *l)
{
	if (!l->look)
		return;
	event_free(l->look);
	l->look = NULL;
	let_sleep(l);
}
