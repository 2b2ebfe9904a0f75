/* SPDX-License-Identifier: BSD-2-Clause */
/* worker/in/gather.c: packets of several frames, on packet memory that no kernel shares. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "in/gather.h"

#define FRAMES	 16
#define SPANS	 2
#define CONTD	 1 /* XDP_PKT_CONTD */
#define HEADROOM 256
#define META	 sizeof(struct rx_meta)

struct bench {
	struct maps maps;
	struct lane lane;
	struct port_queue port;
	struct counts counts;
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct umem *u = &b->port.q.umem;

	b->maps.worker_counts = &b->counts;
	b->lane.maps = &b->maps;
	b->port.lane = &b->lane;
	u->jumbo = true;
	u->frame_size = FRAME_SIZE_MAX;
	u->spans_at = FRAMES * FRAME_SIZE_MAX;
	u->size = u->spans_at + SPANS * SPAN_SIZE;
	u->area = malloc(u->size);
	u->free_frames = calloc(FRAMES, sizeof(*u->free_frames));
	u->spans = calloc(SPANS, sizeof(*u->spans));
	u->free_spans = calloc(SPANS, sizeof(*u->free_spans));
	for (uint32_t i = 0; i < SPANS; i++)
		u->free_spans[u->free_span_count++] = i;
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	free(b->port.q.umem.area);
	free(b->port.q.umem.free_frames);
	free(b->port.q.umem.spans);
	free(b->port.q.umem.free_spans);
	free(b);
	return 0;
}

/* A piece in frame i, filled with i, behind 8 bytes of 0xf0 + i. */
static struct xdp_desc piece(struct bench *b, uint32_t i, uint32_t len, uint32_t options)
{
	struct xdp_desc d = {.addr = i * FRAME_SIZE_MAX + HEADROOM, .len = len, .options = options};
	uint8_t *data = umem_data(&b->port.q.umem, d.addr);

	memset(data - META, (int)(0xf0 + i), META);
	memset(data, (int)i, len);
	return d;
}

static void assert_filled(const uint8_t *data, uint8_t with, size_t len)
{
	for (size_t i = 0; i < len; i++)
		assert_int_equal(data[i], with);
}

static void packets_become_one_descriptor_each(void **state)
{
	struct bench *b = *state;
	struct umem *u = &b->port.q.umem;
	struct xdp_desc d[] = {
		piece(b, 1, 60, 0),	  piece(b, 2, 3840, CONTD), piece(b, 3, 3840, CONTD), piece(b, 4, 1356, 0),
		piece(b, 5, 3840, CONTD), piece(b, 6, 1, 0),	    piece(b, 7, 3840, 0),
	};
	const uint64_t first = d[0].addr, last = d[6].addr;
	const uint8_t *data;

	assert_int_equal(gather_packets(&b->port, d, 7), 4);
	assert_int_equal(d[0].addr, first);
	assert_int_equal(d[3].addr, last);
	assert_int_equal(d[1].len, 2 * 3840 + 1356);
	assert_int_equal(d[2].len, 3841);
	assert_true(d[1].addr >= u->spans_at && d[1].addr + d[1].len <= u->size);
	data = umem_data(u, d[1].addr);
	assert_filled(data - META, 0xf2, META);
	assert_filled(data, 2, 3840);
	assert_filled(data + 3840, 3, 3840);
	assert_filled(data + 7680, 4, 1356);
	/* The frames of what was copied are free again, and the spans are when they are given back. */
	assert_int_equal(u->free_count, 5);
	assert_int_equal(u->free_span_count, 0);
	umem_give(u, d[1].addr);
	umem_give(u, d[2].addr);
	assert_int_equal(u->free_count, 5);
	assert_int_equal(u->free_span_count, SPANS);
}

static void what_does_not_fit_is_dropped(void **state)
{
	struct bench *b = *state;
	struct xdp_desc d[] = {
		piece(b, 0, 3840, CONTD), piece(b, 1, 3840, CONTD), piece(b, 2, 3840, CONTD),
		piece(b, 3, 800, 0),	  piece(b, 4, 60, 0),
	};
	const uint64_t last = d[4].addr;

	assert_int_equal(gather_packets(&b->port, d, 5), 1);
	assert_int_equal(d[0].addr, last);
	assert_int_equal(b->port.q.umem.free_count, 4);
	assert_int_equal(b->port.q.umem.free_span_count, SPANS);
	assert_int_equal(*counts_at(&b->counts, REASON_MALFORMED), 1);
}

static void without_a_span_it_is_dropped(void **state)
{
	struct bench *b = *state;
	struct xdp_desc d[] = {piece(b, 0, 3840, CONTD), piece(b, 1, 60, 0)};

	b->port.q.umem.free_span_count = 0;
	assert_int_equal(gather_packets(&b->port, d, 2), 0);
	assert_int_equal(b->port.q.umem.free_count, 2);
	assert_int_equal(*counts_at(&b->counts, REASON_RX_FULL), 1);
}

/* A sent packet comes back in as many completions as it had descriptors, in whatever order. */
static void a_split_span_is_free_after_its_last_completion(void **state)
{
	struct bench *b = *state;
	struct umem *u = &b->port.q.umem;
	uint64_t addr = umem_take_span(u, 0);

	umem_split_span(u, addr, 3);
	umem_give(u, addr + 2 * FRAME_SIZE_MAX);
	umem_give(u, addr);
	assert_int_equal(u->free_span_count, SPANS - 1);
	umem_give(u, addr + FRAME_SIZE_MAX);
	assert_int_equal(u->free_span_count, SPANS);
	assert_int_equal(u->free_count, 0);
	/* Some are kept for what is received. */
	assert_true(umem_take_span(u, SPANS) == UINT64_MAX);
	assert_true(umem_take_span(u, SPANS - 1) != UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(packets_become_one_descriptor_each, setup, teardown),
		cmocka_unit_test_setup_teardown(what_does_not_fit_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_span_it_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(a_split_span_is_free_after_its_last_completion, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
