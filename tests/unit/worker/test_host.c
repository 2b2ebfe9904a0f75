/* SPDX-License-Identifier: BSD-2-Clause */
/* The host side, with a datagram socket in the TAP's place: it too has frames with borders, and nothing to wait for. */
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/host.h"

struct pair {
	struct host_reader reader;
	struct host host;
	int far;
};

static int set_up(void **state)
{
	static struct pair p;
	int fds[2], buffer = 8 << 20;

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
	setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	p.far = fds[1];
	host_reader_open(&p.reader);
	assert_int_equal(host_open(&p.host, fds[0], true, &p.reader), 0);
	*state = &p;
	return 0;
}

static int tear_down(void **state)
{
	struct pair *p = *state;

	host_close(&p->host);
	host_reader_close(&p->reader);
	close(p->far);
	return 0;
}

static size_t length_of(uint32_t number)
{
	return 60 + number * 37 % 1400;
}

static void send_frame(const struct pair *p, uint32_t number, size_t len)
{
	static uint8_t bytes[sizeof(struct virtio_net_hdr) + HOST_FRAME_MAX];
	struct virtio_net_hdr vnet = {.gso_size = (uint16_t)number};

	memcpy(bytes, &vnet, sizeof(vnet));
	memset(bytes + sizeof(vnet), (int)number, len);
	assert_int_equal(send(p->far, bytes, sizeof(vnet) + len, 0), sizeof(vnet) + len);
}

static void expect_frame(struct pair *p, uint32_t number, size_t len)
{
	struct host_frame frame;

	assert_true(host_next(&p->host, &frame));
	assert_int_equal(frame.vnet.gso_size, number);
	assert_int_equal(frame.len, len);
	assert_int_equal(frame.data[0], (uint8_t)number);
	assert_int_equal(frame.data[len - 1], (uint8_t)number);
	/* What the reader may do with it harms none that comes after. */
	memset(frame.data, 0xee, frame.len + HOST_TAIL);
}

static void expect_bursts(struct pair *p)
{
	struct host_frame frame;
	uint32_t sent = 0, seen = 0;

	/* Bursts of 1 to 9, so that batches are full, short and empty by turns. */
	for (uint32_t burst = 1; burst < 10; burst++) {
		for (uint32_t i = 0; i < burst; i++, sent++)
			send_frame(p, sent, length_of(sent));
		for (; seen < sent; seen++)
			expect_frame(p, seen, length_of(seen));
		assert_false(host_next(&p->host, &frame));
	}
}

static void frames_come_in_order(void **state)
{
	struct pair *p = *state;

	if (!p->reader.batches)
		skip(); /* no io_uring here: the next test is what is used */
	expect_bursts(p);
}

static void frames_come_in_order_without_io_uring(void **state)
{
	struct pair *p = *state;

	p->reader.batches = false;
	expect_bursts(p);
}

static void bursts_of_small_frames_are_read_together(void **state)
{
	struct pair *p = *state;

	for (uint32_t i = 0; i < 8; i++)
		send_frame(p, i, 100);
	for (uint32_t i = 0; i < 8; i++)
		expect_frame(p, i, 100);
	/* 1, 2 and 4 of them, and then the one that was left of 8. */
	assert_int_equal(p->host.asked, 8);
}

static void super_packets_are_not_more_than_the_cache_holds(void **state)
{
	struct pair *p = *state;

	/* Four are what a socket of the usual size takes at once. */
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 4; i++)
			send_frame(p, i, 65000);
		for (uint32_t i = 0; i < 4; i++) {
			expect_frame(p, i, 65000);
			assert_in_range(p->host.wanted, 1, 2);
		}
	}
}

static void the_longest_frame_fits(void **state)
{
	struct pair *p = *state;

	send_frame(p, 1, HOST_FRAME_MAX);
	expect_frame(p, 1, HOST_FRAME_MAX);
}

/* Less than a virtio header is nothing, and no end of what comes behind it. */
static void runts_are_skipped(void **state)
{
	struct pair *p = *state;
	struct host_frame frame;

	for (uint32_t i = 0; i < 4; i++)
		send_frame(p, i, 100);
	for (uint32_t i = 0; i < 4; i++)
		expect_frame(p, i, 100);
	assert_int_equal(send(p->far, "x", 1, 0), 1);
	send_frame(p, 4, 100);
	while (!host_next(&p->host, &frame))
		;
	assert_int_equal(frame.vnet.gso_size, 4);
}

/* As of a kernel without memory. Nothing is lost, and nothing is read by the ring any more. */
static void a_ring_that_takes_nothing_is_survived(void **state)
{
	struct pair *p = *state;
	struct host_frame frame;
	int kept;

	if (!p->reader.batches)
		skip();
	kept = p->reader.ring.enter_ring_fd;
	p->reader.ring.enter_ring_fd = -1;
	for (int i = 0; i < 3; i++) {
		p->host.wanted = HOST_RING_FRAMES;
		assert_false(host_next(&p->host, &frame));
	}
	p->reader.ring.enter_ring_fd = kept;
	expect_bursts(p);
	p->reader.batches = true; /* to be closed */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames_come_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(frames_come_in_order_without_io_uring, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bursts_of_small_frames_are_read_together, set_up, tear_down),
		cmocka_unit_test_setup_teardown(super_packets_are_not_more_than_the_cache_holds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_longest_frame_fits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(runts_are_skipped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_ring_that_takes_nothing_is_survived, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
