/* SPDX-License-Identifier: BSD-2-Clause */
/* maps/worker_channel.h: what is whole arrives with its descriptors; of what is not, no descriptor stays open. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "maps/worker_channel.h"

/* What Linux passes at once (SCM_MAX_FD). */
#define PASSED_MAX 253

static int channel[2]; /* loader, worker */
static int begun_with;

static int count_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int set_up(void **unused)
{
	(void)unused;
	begun_with = count_open();
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, channel);
}

/* After each test nothing more is open than before. */
static int tear_down(void **unused)
{
	(void)unused;
	close(channel[0]);
	close(channel[1]);
	assert_int_equal(count_open(), begun_with);
	return 0;
}

/* n different files; the array ends with -1. */
static void open_some(int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		fds[i] = memfd_create("descriptor", MFD_CLOEXEC);
		assert_true(fds[i] >= 0);
	}
}

static void close_all(const int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(close(fds[i]), 0);
}

static ino_t inode(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static struct worker_order attach(unsigned queues, unsigned tap_queues)
{
	return (struct worker_order){
		.kind = WORKER_ATTACH, .port = 3, .queues = queues, .tap_queues = tap_queues, .udp_segments = 1};
}

/* What keeps the program on the TAP goes along. */
static struct worker_order attach_with_link(unsigned queues, unsigned tap_queues, unsigned links)
{
	struct worker_order order = attach(queues, tap_queues);

	order.links = links;
	return order;
}

/* ---- good orders ---- */

static void pass(const struct worker_order *order, unsigned n)
{
	int sent[WORKER_FDS_MAX] = {0}, fds[WORKER_FDS_MAX];
	struct worker_order got;
	__u32 count;

	open_some(sent, n);
	assert_int_equal(worker_order_send(channel[0], order, sent, n), 0);
	assert_int_equal(worker_order_receive(channel[1], &got, fds, &count), 0);
	assert_memory_equal(&got, order, sizeof(got));
	assert_int_equal(count, n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(inode(fds[i]), inode(sent[i]));
		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
	}
	close_all(sent, n);
	close_all(fds, n);
}

static void orders_with_their_descriptors(void **unused)
{
	const struct worker_order one = attach(1, 1), fewer_to_send = attach(4, 1), linked = attach_with_link(1, 1, 1),
				  largest = attach_with_link(QUEUES_MAX, QUEUES_MAX, 1),
				  last = {.kind = WORKER_DETACH, .port = 15}, first = {.kind = WORKER_DETACH},
				  capture = {.kind = WORKER_CAPTURE}, leave = {.kind = WORKER_LEAVE};

	(void)unused;
	pass(&one, 4);
	pass(&fewer_to_send, 7);
	pass(&linked, 5);
	pass(&largest, WORKER_FDS_MAX);
	pass(&last, 0);
	pass(&first, 0);
	pass(&capture, 1);
	pass(&capture, 0);
	pass(&leave, 0);
}

/* Each takes its own, however many wait. */
static void orders_in_their_order(void **unused)
{
	int fds[WORKER_FDS_MAX], sent[12];
	struct worker_order order;
	__u32 n;

	(void)unused;
	open_some(sent, 12);
	for (unsigned i = 0; i < 3; i++) {
		order = attach(1, 1);
		order.port = i;
		assert_int_equal(worker_order_send(channel[0], &order, sent + 4 * i, 4), 0);
		order = (struct worker_order){.kind = WORKER_DETACH, .port = i};
		assert_int_equal(worker_order_send(channel[0], &order, NULL, 0), 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(worker_order_receive(channel[1], &order, fds, &n), 0);
		assert_int_equal(order.kind, WORKER_ATTACH);
		assert_int_equal(order.port, i);
		assert_int_equal(n, 4);
		assert_int_equal(inode(fds[0]), inode(sent[4 * i]));
		assert_int_equal(inode(fds[1]), inode(sent[4 * i + 1]));
		close_all(fds, n);
		assert_int_equal(worker_order_receive(channel[1], &order, fds, &n), 0);
		assert_int_equal(order.kind, WORKER_DETACH);
		assert_int_equal(order.port, i);
		assert_int_equal(n, 0);
	}
	close_all(sent, 12);
}

static void nothing_there_and_the_end(void **unused)
{
	const struct worker_order order = {.kind = WORKER_DETACH};
	int fds[WORKER_FDS_MAX] = {0};
	struct worker_order got;
	__u32 n = 7;

	(void)unused;
	assert_int_equal(worker_order_receive(channel[1], &got, fds, &n), -EAGAIN);
	assert_int_equal(n, 0);
	assert_int_equal(worker_order_send(channel[0], &order, fds, WORKER_FDS_MAX + 1), -E2BIG);
	shutdown(channel[0], SHUT_WR);
	assert_int_equal(worker_order_receive(channel[1], &got, fds, &n), -ECONNRESET);
	assert_int_equal(n, 0);
	shutdown(channel[1], SHUT_RD);
	assert_int_equal(worker_order_send(channel[0], &order, NULL, 0), -EPIPE);
}

/* ---- hostile ones ---- */

/* So many bytes, and so many descriptors, as no worker_order_send() would. */
static void send_raw(const void *data, size_t size, const int *fds, unsigned n)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(PASSED_MAX * sizeof(int))];
	} control = {0};
	struct iovec part = {.iov_base = (void *)data, .iov_len = size};
	struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};

	if (n) {
		packet.msg_control = &control;
		packet.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, n * sizeof(int));
	}
	assert_int_equal(sendmsg(channel[0], &packet, MSG_NOSIGNAL), size);
}

/* It is refused, leaves nothing open, and what comes after it is understood. */
static void refuse(const void *data, size_t size, unsigned n)
{
	const struct worker_order next = {.kind = WORKER_DETACH, .port = 1};
	int sent[PASSED_MAX], fds[WORKER_FDS_MAX];
	struct worker_order got;
	const int before = count_open();
	__u32 count = 7;

	open_some(sent, n);
	send_raw(data, size, sent, n);
	close_all(sent, n);
	assert_int_equal(worker_order_receive(channel[1], &got, fds, &count), -EBADMSG);
	assert_int_equal(count, 0);
	assert_int_equal(count_open(), before);
	assert_int_equal(worker_order_send(channel[0], &next, NULL, 0), 0);
	assert_int_equal(worker_order_receive(channel[1], &got, fds, &count), 0);
	assert_memory_equal(&got, &next, sizeof(got));
}

static void wrong_sizes(void **unused)
{
	const struct worker_order order = attach(2, 2);
	char longer[2 * sizeof(order)] = {0};

	(void)unused;
	memcpy(longer, &order, sizeof(order));
	refuse(&order, 1, 7);
	refuse(&order, sizeof(order) - 1, 7);
	refuse(&order, sizeof(order) - 4, 7);
	refuse(longer, sizeof(order) + 1, 7);
	refuse(longer, sizeof(longer), 7);
	/* An empty one is the end only where no descriptors are with it. */
	refuse(&order, 0, 7);
}

static void other_descriptors_than_it_says(void **unused)
{
	const struct worker_order few = attach(2, 2), many = attach_with_link(QUEUES_MAX, QUEUES_MAX, 1),
				  detach = {.kind = WORKER_DETACH}, capture = {.kind = WORKER_CAPTURE},
				  leave = {.kind = WORKER_LEAVE};

	(void)unused;
	refuse(&capture, sizeof(capture), 2);
	refuse(&few, sizeof(few), 0);
	refuse(&few, sizeof(few), 5);
	refuse(&few, sizeof(few), 6);
	refuse(&few, sizeof(few), 8);
	refuse(&few, sizeof(few), WORKER_FDS_MAX);
	refuse(&few, sizeof(few), PASSED_MAX);
	refuse(&many, sizeof(many), WORKER_FDS_MAX - 1);
	/* There is no room for the last one, which is not to be lost silently. */
	refuse(&many, sizeof(many), WORKER_FDS_MAX + 1);
	refuse(&many, sizeof(many), PASSED_MAX);
	refuse(&detach, sizeof(detach), 1);
	refuse(&leave, sizeof(leave), 1);
	refuse(&detach, sizeof(detach), PASSED_MAX);
}

static void what_no_nic_has(void **unused)
{
	const struct worker_order bad[] = {
		attach(0, 0),
		attach(2, 0),
		attach(0, 2),
		attach(1, 2),
		attach(QUEUES_MAX + 1, 1),
		attach(UINT32_MAX, 3),
		attach(UINT32_MAX - 1, UINT32_MAX - 1),
		attach_with_link(1, 1, 2),
		attach_with_link(1, 1, UINT32_MAX),
		{.kind = 0, .queues = 1, .tap_queues = 1},
		{.kind = 6, .queues = 1, .tap_queues = 1},
		{.kind = WORKER_ATTACH, .port = PORTS_MAX, .queues = 1, .tap_queues = 1},
		{.kind = WORKER_ATTACH, .port = UINT32_MAX, .queues = 1, .tap_queues = 1},
		{.kind = WORKER_DETACH, .port = PORTS_MAX},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (unsigned n = 0; n <= 6; n++)
			refuse(&bad[i], sizeof(bad[i]), n);
	refuse(&bad[4], sizeof(bad[4]), QUEUES_MAX + 4);
}

/* ---- answers ---- */

static void answers(void **unused)
{
	struct worker_answer answer = {.kind = WORKER_ATTACH, .port = 15, .error = EBUSY, .text = "nic0: why not"}, got;

	(void)unused;
	assert_int_equal(worker_answer_receive(channel[0], &got), -EAGAIN);
	assert_int_equal(worker_answer_send(channel[1], &answer), 0);
	assert_int_equal(worker_answer_receive(channel[0], &got), 0);
	assert_memory_equal(&got, &answer, sizeof(got));
	/* A text without an end gets one. */
	memset(answer.text, 'x', sizeof(answer.text));
	assert_int_equal(worker_answer_send(channel[1], &answer), 0);
	assert_int_equal(worker_answer_receive(channel[0], &got), 0);
	assert_int_equal(strlen(got.text), sizeof(got.text) - 1);
}

static void refuse_answer(const void *data, size_t size)
{
	struct worker_answer got;

	assert_int_equal(send(channel[1], data, size, MSG_NOSIGNAL), size);
	assert_int_equal(worker_answer_receive(channel[0], &got), -EBADMSG);
}

static void answers_of_a_worker_that_was_broken_into(void **unused)
{
	const struct worker_answer beyond = {.kind = WORKER_ATTACH, .port = PORTS_MAX};
	const struct worker_answer far_beyond = {.kind = WORKER_ATTACH, .port = UINT32_MAX};
	struct worker_answer good[2] = {{.kind = WORKER_DETACH}};

	(void)unused;
	refuse_answer(&beyond, sizeof(beyond));
	refuse_answer(&far_beyond, sizeof(far_beyond));
	refuse_answer(good, 1);
	refuse_answer(good, sizeof(good[0]) - 1);
	refuse_answer(good, sizeof(good[0]) + 1);
	refuse_answer(good, sizeof(good));
	shutdown(channel[1], SHUT_WR);
	assert_int_equal(worker_answer_receive(channel[0], &good[0]), -ECONNRESET);
}

/* Descriptors that come with one are not the loader's to keep. */
static void answers_bring_no_descriptors(void **unused)
{
	const struct worker_answer answer = {.kind = WORKER_DETACH};
	const int before = count_open(), ends[2] = {channel[0], channel[1]};
	struct worker_answer got;
	int sent[3];

	(void)unused;
	open_some(sent, 3);
	channel[0] = ends[1];
	send_raw(&answer, sizeof(answer), sent, 3);
	channel[0] = ends[0];
	close_all(sent, 3);
	assert_int_equal(worker_answer_receive(channel[0], &got), 0);
	assert_int_equal(count_open(), before);
}

#define ON_A_CHANNEL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_CHANNEL(orders_with_their_descriptors),
		ON_A_CHANNEL(orders_in_their_order),
		ON_A_CHANNEL(nothing_there_and_the_end),
		ON_A_CHANNEL(wrong_sizes),
		ON_A_CHANNEL(other_descriptors_than_it_says),
		ON_A_CHANNEL(what_no_nic_has),
		ON_A_CHANNEL(answers),
		ON_A_CHANNEL(answers_of_a_worker_that_was_broken_into),
		ON_A_CHANNEL(answers_bring_no_descriptors),
	};

	return cmocka_run_group_tests_name("worker_channel", tests, NULL, NULL);
}
