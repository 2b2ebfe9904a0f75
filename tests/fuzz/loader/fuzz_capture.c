/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a worker has written into the ring of a capture, taken from there, filtered by libpcap and written as pcapng.
 * What must hold: whatever is in the ring, a record that is taken is within its bounds; and what is written is blocks
 * in a row, each with its length at both ends and its options within, whose packets are those that were taken.
 *
 *   u8 filter, then steps: u8 what, then as put_record() and put_raw() read it
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "capture/packet_filter.h"
#include "capture/pcapng.h"
#include "fuzz.h"
#include "maps/capture_ring.h"

#define STEPS_MAX  60
#define FRAME_ROOM 512 /* so that some are cut */

enum { STEP_RECORD, STEP_RAW, STEP_HEAD, STEP_TAKE, STEPS };

static const char *const filters[] = {
	NULL,
	"tcp port 179",
	"vlan and ip",
	"ip[6:2] & 0x1fff != 0 or icmp",
	"esp or udp[0:2] > 4000",
	"ether[len - 1] = 7",
};
#define FILTERS (sizeof(filters) / sizeof(filters[0]))

static const struct pcapng_interface interfaces[CAPTURE_POINTS] = {{"clear", "c"}, {"esp", ""}};
static struct packet_filter *compiled[FILTERS];
static struct capture_ring *ring;
static FILE *out;

/* What was taken, to be found again. */
struct taken {
	uint32_t caplen, len;
	uint8_t frame[FRAME_ROOM];
};
static struct taken taken[STEPS_MAX * 8];
static unsigned count;

static void open_all(void)
{
	const struct capture_wants wants = {.points = 3};
	const int fd = capture_memory_make(&wants);
	struct capture_memory *memory = fd < 0 ? NULL : capture_memory_map(fd, 1);

	require(memory);
	close(fd);
	ring = memory->rings;
	for (size_t i = 1; i < FILTERS; i++)
		require(packet_filter_new(&compiled[i], filters[i], NULL) == 0);
}

/* ---- the ring ---- */

/* u8 point, u8 direction, u8 reason, u8 spi, u16 bytes of the frame more than there are, part: what there is of it */
static void put_record(struct input *in)
{
	struct capture_record r = {
		.point = input_u8(in) % (CAPTURE_POINTS + 1),
		.direction = input_u8(in),
		.reason = input_u8(in) % (REASON_COUNT + 1),
		.spi = input_u8(in),
	};
	const uint16_t more = input_u16(in);
	size_t size;
	uint8_t *frame = input_part(in, false, &size);

	r.caplen = (uint32_t)size;
	r.len = r.caplen + more;
	capture_ring_write(ring, ring->head, &r, sizeof(r));
	capture_ring_write(ring, ring->head + sizeof(r), frame, size);
	ring->head += capture_record_size(r.caplen);
	free(frame);
}

/* part: bytes, as they come */
static void put_raw(struct input *in)
{
	size_t size;
	uint8_t *bytes = input_part(in, false, &size);

	capture_ring_write(ring, ring->head, bytes, size);
	ring->head += size / sizeof(struct capture_record) * sizeof(struct capture_record);
	free(bytes);
}

/* A copy that ends where its memory does. */
static void write_packet(const struct capture_record *r, const uint8_t *frame, const struct packet_filter *filter)
{
	uint8_t *exact = malloc(r->caplen);
	const struct captured c = {.record = *r, .frame = exact};
	struct captured_headers h = {0};
	char comment[40];

	require(exact || !r->caplen);
	memcpy(exact, frame, r->caplen);
	captured_headers_of(&c, &h);
	if ((!filter || packet_filter_takes(filter, &c)) && count < sizeof(taken) / sizeof(taken[0])) {
		snprintf(comment, sizeof(comment), "%.*s", h.proto % 40, "in, SPI 0x00001001: dropped: replay, or so");
		taken[count] = (struct taken){.caplen = r->caplen, .len = r->len};
		memcpy(taken[count++].frame, frame, r->caplen);
		pcapng_write(out, &(struct pcapng_packet){.interface = r->point % CAPTURE_POINTS,
							  .time_ns = r->time_ns,
							  .len = r->len,
							  .caplen = r->caplen,
							  .frame = exact,
							  .direction = r->direction,
							  .comment = h.proto ? comment : NULL});
	}
	free(exact);
}

static void take_all(const struct packet_filter *filter)
{
	uint8_t *frame = malloc(FRAME_ROOM);
	struct capture_record r;
	int err = 0;

	require(frame);
	while (capture_ring_take(ring, &r, frame, FRAME_ROOM, &err)) {
		require(r.caplen <= FRAME_ROOM && r.caplen <= r.len && r.point <= CAPTURE_NOWHERE &&
			r.reason <= REASON_COUNT);
		if (r.point != CAPTURE_NOWHERE)
			write_packet(&r, frame, filter);
	}
	require(ring->tail == ring->head);
	free(frame);
}

/* ---- the file, as the draft has it ---- */

static uint32_t word_at(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* Options from `at` to the end of a block's body, the last of which ends them. */
static void look_at_options(const uint8_t *at, const uint8_t *end)
{
	uint16_t head[2] = {1, 0};

	while (at < end) {
		memcpy(head, at, sizeof(head));
		at += sizeof(head) + (head[1] + 3u) / 4 * 4;
		require(at <= end && (head[0] || at == end));
	}
	require(at == end && head[0] == 0);
}

static void look_at_packet(const uint8_t *body, const uint8_t *end, unsigned number)
{
	const struct taken *t = &taken[number];

	require(number < count && word_at(body) < CAPTURE_POINTS);
	require(word_at(body + 12) == t->caplen && word_at(body + 16) == t->len);
	require(memcmp(body + 20, t->frame, t->caplen) == 0);
	look_at_options(body + 20 + (t->caplen + 3) / 4 * 4, end);
}

static void look_at_file(const uint8_t *at, size_t size)
{
	const uint8_t *end = at + size;
	unsigned packets = 0, blocks[7] = {0};

	while (at < end) {
		const uint32_t type = word_at(at), length = word_at(at + 4);

		require(length % 4 == 0 && length >= 12 && length <= (size_t)(end - at) &&
			word_at(at + length - 4) == length);
		if (type == 6)
			look_at_packet(at + 8, at + length - 4, packets++);
		else if (type == 0x0a0d0d0a)
			look_at_options(at + 24, at + length - 4);
		else
			look_at_options(at + (type == 1 ? 16 : 20), at + length - 4);
		blocks[type % 7]++;
		at += length;
	}
	require(packets == count && blocks[1] == CAPTURE_POINTS && blocks[5] == CAPTURE_POINTS);
}

static void run(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	const unsigned which = input_u8(&in) % FILTERS;
	char *file = NULL;
	size_t length;

	ring->head = ring->tail = CAPTURE_RING_SIZE - 64; /* it goes round soon */
	count = 0;
	out = open_memstream(&file, &length);
	require(out);
	pcapng_begin(out, "fuzzer", interfaces, CAPTURE_POINTS, filters[which]);
	for (unsigned i = 0; i < STEPS_MAX && in.left; i++) {
		const unsigned what = input_u8(&in) % STEPS;

		if (what == STEP_RECORD)
			put_record(&in);
		else if (what == STEP_RAW)
			put_raw(&in);
		else if (what == STEP_HEAD)
			ring->head += (uint64_t)input_u32(&in) << (input_u8(&in) & 31);
		else
			take_all(compiled[which]);
	}
	take_all(compiled[which]);
	for (unsigned i = 0; i < CAPTURE_POINTS; i++)
		pcapng_write_statistics(out, &(struct pcapng_statistics){.interface = i, .received = count});
	fclose(out);
	look_at_file((const uint8_t *)file, length);
	free(file);
}

/* ---- seeds ---- */

static void seed_record(struct seed *s, unsigned point, unsigned more, const uint8_t *frame, size_t size)
{
	const uint8_t head[] = {STEP_RECORD, (uint8_t)point, 1, 3, 9};

	seed_bytes(s, head, sizeof(head));
	seed_u16(s, more);
	seed_part(s, frame, size);
}

static void seeds(void)
{
	static const uint8_t tcp[] = {2, 0, 0,	  0, 0,	 1, 2, 0, 0,   0, 0,	2,  8,	 0, 0x45, 0, 0, 40,
				      0, 9, 0x40, 0, 64, 6, 0, 0, 192, 0, 2,	1,  192, 0, 2,	  2, 0, 179,
				      0, 4, 0,	  0, 0,	 1, 0, 0, 0,   2, 0x50, 16, 1,	 1, 0,	  0, 0, 0};
	/* Of which more follows than there was. */
	static const uint8_t record[2 * sizeof(struct capture_record)] = {[8] = 4, [12] = 32};
	uint8_t frame[600] = {0};
	struct seed s;

	memcpy(frame, tcp, sizeof(tcp));
	for (unsigned filter = 0; filter < FILTERS; filter++) {
		s.size = 0;
		seed_u8(&s, filter);
		for (unsigned i = 0; i < 4; i++) {
			frame[23] = (uint8_t)(i == 1 ? 50 : i == 2 ? 17 : i == 3 ? 1 : 6);
			seed_record(&s, i % 3, i * 7, frame, i == 3 ? sizeof(frame) : sizeof(tcp) + i);
		}
		seed_u8(&s, STEP_TAKE);
		seed_u8(&s, STEP_RAW);
		seed_part(&s, record, sizeof(record));
		seed_u8(&s, STEP_TAKE);
		seed_u8(&s, STEP_HEAD);
		seed_bytes(&s, "\0\0\0\1\7", 5);
		fuzz_seed(s.data, s.size);
	}
}

FUZZER(.name = "capture", .open = open_all, .run = run, .seeds = seeds)
