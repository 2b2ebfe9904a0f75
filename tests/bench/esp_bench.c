/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the ESP layer costs on top of the AEAD: batches of 64 distinct packets, each sealed and opened once by the
 * backend's bare call and once by all that the datapath does around it, in turns, so that whatever else the machine
 * does hits both. ESP encrypts its trailer and what aligns it as well: the bare call is also made on as many bytes as
 * it does, which tells what of the difference is the cipher's; and that once more with nothing but the stores and loads
 * beside it that no ESP can do without, of header and trailer, which nobody's code comes below. Medians of nanoseconds
 * per packet and of the ratio within one round, as JSON on stdout.
 *
 *   esp_bench [ROUNDS [SAS]]        default 4000 rounds and one SA; with more, neighbours in a batch use different ones
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vectors/random.h"
#include "esp/esp_packet.h"
#include "esp/replay.h"
#include "esp/seq.h"

#define BATCH	   64
#define FRAME	   2048
#define ROUNDS_MAX 1000000
#define SAS_MAX	   8192
/* Until caches, branch predictors and the clock have settled. */
#define WARM_UP 4000

static const size_t sizes[] = {64, 256, 512, 1024, 1440};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* An SA with both of its ends. */
struct sa_pair {
	struct esp_sa out, in;
	struct sa_state out_state, in_state;
	__u64 ring[REPLAY_WIDE_WORDS];
} __attribute__((aligned(64)));

enum kind { RAW, SAME, LEAST, ESP, KINDS };

/* What the bare call is given, made ready beforehand. */
struct raw_call {
	uint8_t iv[AEAD_IV_SIZE], aad[12], tag[AEAD_TAG_SIZE];
};

struct bench {
	const struct aead *aead;
	struct sa_pair *sas;
	struct sa_pair *pairs[BATCH]; /* of the batch */
	uint32_t sa_count, next_sa;
	size_t size;
	size_t raw_size; /* of the bare call: size, or what ESP encrypts of it */
	uint64_t sum;	 /* of what was only read */
	uint8_t *payloads, *frames, *sealed;
	struct raw_call calls[KINDS][BATCH], *raw; /* of the kind that is called */
	uint64_t refused;
};

/* One round's, in ns per packet. */
enum what { SEAL, OPEN = KINDS, WHATS = 2 * KINDS };

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static void *need(void *p)
{
	if (!p) {
		fprintf(stderr, "esp_bench: out of memory\n");
		exit(1);
	}
	return p;
}

static uint8_t *zeroed(size_t size)
{
	uint8_t *p = need(aligned_alloc(64, size));

	memset(p, 0, size);
	return p;
}

/* Whose packets those of the next batch are. Off the clock: to choose is neither's work, and takes a division. */
static void choose_sas(struct bench *b)
{
	for (uint32_t i = 0; i < BATCH; i++, b->next_sa = (b->next_sa + 1) % b->sa_count)
		b->pairs[i] = &b->sas[b->next_sa];
}

static uint8_t *frame_of(struct bench *b, uint32_t packet)
{
	return b->frames + packet * FRAME;
}

static uint8_t *payload_of(struct bench *b, uint32_t packet)
{
	return b->payloads + packet * FRAME;
}

static void raw_seal(struct bench *b)
{
	for (uint32_t i = 0; i < BATCH; i++)
		b->aead->seal(b->pairs[i]->out.ctx, b->raw[i].iv, b->raw[i].aad, sizeof(b->raw[i].aad),
			      frame_of(b, i) + ESP_HEADER, payload_of(b, i), b->raw_size, b->raw[i].tag);
}

static void raw_open(struct bench *b)
{
	for (uint32_t i = 0; i < BATCH; i++) {
		uint8_t *body = frame_of(b, i) + ESP_HEADER;

		b->refused += !b->aead->open(b->pairs[i]->in.ctx, b->raw[i].iv, b->raw[i].aad, sizeof(b->raw[i].aad),
					     body, body, b->raw_size, b->raw[i].tag);
	}
}

/* Header and trailer are written, whatever is in them, before the cipher comes for them. */
static void least_seal(struct bench *b)
{
	for (uint32_t i = 0; i < BATCH; i++) {
		memcpy(frame_of(b, i), b->raw[i].tag, ESP_HEADER);
		memcpy(payload_of(b, i) + b->size, b->raw[i].iv, ESP_TAIL_MAX);
	}
	raw_seal(b);
}

/* The header is read before, for SPI and number, and the trailer after. */
static void least_open(struct bench *b)
{
	for (uint32_t i = 0; i < BATCH; i++)
		b->sum += load_be32(frame_of(b, i) + 4);
	raw_open(b);
	for (uint32_t i = 0; i < BATCH; i++)
		b->sum += load_be32(frame_of(b, i) + ESP_HEADER + b->raw_size - ESP_ALIGN);
}

/* As outbound does: numbers for all that goes through one SA at once, then packet by packet, and the cipher for all. */
static void seal(struct bench *b)
{
	const uint32_t lease = b->sa_count == 1 ? BATCH : 1;
	struct aead_call calls[BATCH];
	enum reason why;
	uint64_t seq = 0;

	for (uint32_t i = 0; i < BATCH; i++) {
		struct sa_pair *pair = b->pairs[i];

		if (i % lease == 0 && !seq_take(&pair->out_state, lease, lease * b->size, &seq, &why))
			exit(1);
		esp_seal_begin(&pair->out, seq++, IPPROTO_UDP, frame_of(b, i), payload_of(b, i), b->size, &calls[i]);
	}
	b->aead->seal_all(calls, BATCH);
}

/* As inbound does, in its passes: look at all, open all, then advance the window and count. */
static void open_all(struct bench *b)
{
	const size_t len = esp_sealed_size(b->size);
	struct aead_call calls[BATCH];
	struct esp_opened opened = {0};
	uint64_t seq[BATCH];
	enum reason why;

	for (uint32_t i = 0; i < BATCH; i++)
		b->refused += !esp_precheck(&b->pairs[i]->in, frame_of(b, i), len, &seq[i], &why);
	for (uint32_t i = 0; i < BATCH; i++)
		esp_open_begin(&b->pairs[i]->in, frame_of(b, i), len, seq[i], &calls[i]);
	b->aead->open_all(calls, BATCH);
	for (uint32_t i = 0; i < BATCH; i++) {
		struct sa_pair *pair = b->pairs[i];

		b->refused += !esp_open_end(&pair->in, &calls[i], seq[i], &opened, &why) ||
			      !replay_update(&pair->in_state, pair->ring, pair->in_state.replay_window, seq[i]);
		pair->in_state.packets++;
		pair->in_state.bytes += opened.payload_len;
	}
}

static double timed(struct bench *b, void (*work)(struct bench *))
{
	uint64_t start = now_ns();

	work(b);
	return (double)(now_ns() - start) / BATCH;
}

static void choose_call(struct bench *b, enum kind kind)
{
	b->raw = b->calls[kind];
	b->raw_size = kind == RAW ? b->size : esp_sealed_size(b->size) - ESP_HEADER - ESP_ICV;
}

static void (*const sealers[KINDS])(struct bench *) = {raw_seal, raw_seal, least_seal, seal};
static void (*const openers[KINDS])(struct bench *) = {raw_open, raw_open, least_open, open_all};

/* Seals a batch, then opens it; which of the kinds goes first changes from round to round. */
static void round_of(struct bench *b, uint32_t first, double ns[WHATS])
{
	choose_sas(b);
	for (uint32_t turn = 0; turn < KINDS; turn++) {
		const enum kind kind = (first + turn) % KINDS;

		choose_call(b, kind);
		ns[SEAL + kind] = timed(b, sealers[kind]);
		memcpy(b->sealed + kind * BATCH * FRAME, b->frames, BATCH * FRAME);
	}
	for (uint32_t turn = 0; turn < KINDS; turn++) {
		const enum kind kind = (first + turn) % KINDS;

		choose_call(b, kind);
		memcpy(b->frames, b->sealed + kind * BATCH * FRAME, BATCH * FRAME);
		ns[OPEN + kind] = timed(b, openers[kind]);
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, uint32_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return values[n / 2];
}

/* Ratios are of ESP to the kind of bare call. */
struct samples {
	double *ns[WHATS], *ratio[WHATS];
};

static void report_op(const char *op, struct samples *s, uint32_t first, uint32_t rounds)
{
	static const char *const names[KINDS] = {"raw", "same", "least", "esp"};

	for (uint32_t kind = 0; kind < KINDS; kind++)
		printf(",\"%s_%s_ns\":%.1f", names[kind], op, median(s->ns[first + kind], rounds));
	for (uint32_t kind = 0; kind < ESP; kind++)
		printf(",\"%s_%s_ratio\":%.3f", op, names[kind], median(s->ratio[first + kind], rounds));
}

static void report(const struct bench *b, struct samples *s, uint32_t rounds)
{
	printf("{\"bytes\":%zu", b->size);
	report_op("seal", s, SEAL, rounds);
	report_op("open", s, OPEN, rounds);
	printf("}");
}

static void keep(struct samples *s, uint32_t round, const double ns[WHATS])
{
	for (int w = 0; w < WHATS; w++) {
		s->ns[w][round] = ns[w];
		s->ratio[w][round] = ns[w / KINDS * KINDS + ESP] / ns[w];
	}
}

static void run_size(struct bench *b, struct samples *s, uint32_t rounds)
{
	double ns[WHATS];

	for (uint32_t i = 0; i < WARM_UP; i++)
		round_of(b, i % KINDS, ns);
	for (uint32_t i = 0; i < rounds; i++) {
		round_of(b, i % KINDS, ns);
		keep(s, i, ns);
	}
	report(b, s, rounds);
}

static void load_pair(struct sa_pair *pair, const struct aead *a, uint32_t spi, uint64_t *rnd)
{
	struct vault_entry key;

	random_bytes(rnd, (uint8_t *)&key, sizeof(key));
	key.generation = 1;
	pair->out_state = (struct sa_state){.generation = 1, .spi = spi, .flags = SA_ESN, .direction = SA_OUTBOUND};
	pair->in_state = (struct sa_state){
		.generation = 1, .spi = spi, .flags = SA_ESN, .direction = SA_INBOUND, .replay_window = 1024};
	if (esp_sa_load(&pair->out, a, &pair->out_state, 0, NULL, &key, zeroed(a->ctx_size)) ||
	    esp_sa_load(&pair->in, a, &pair->in_state, 1024, pair->ring, &key, zeroed(a->ctx_size))) {
		fprintf(stderr, "esp_bench: %s: cannot load an SA\n", a->name);
		exit(1);
	}
}

static void unload_pair(struct sa_pair *pair, const struct aead *a)
{
	void *out = pair->out.ctx, *in = pair->in.ctx;

	esp_sa_wipe(&pair->out, a);
	esp_sa_wipe(&pair->in, a);
	free(out);
	free(in);
}

static void run_backend(const struct aead *a, struct samples *s, uint32_t rounds, uint32_t sa_count)
{
	struct bench b = {
		.aead = a,
		.sa_count = sa_count,
		.sas = (struct sa_pair *)zeroed(sa_count * sizeof(struct sa_pair)),
		.payloads = zeroed(BATCH * FRAME),
		.frames = zeroed(BATCH * FRAME),
		.sealed = zeroed(KINDS * BATCH * FRAME),
	};
	uint64_t rnd = 1;

	random_bytes(&rnd, b.payloads, BATCH * FRAME);
	random_bytes(&rnd, (uint8_t *)b.calls, sizeof(b.calls));
	for (uint32_t i = 0; i < sa_count; i++)
		load_pair(&b.sas[i], a, 0x1000 + i, &rnd);
	printf("{\"backend\":\"%s\",\"sas\":%u,\"batch\":%d,\"sizes\":[", a->name, sa_count, BATCH);
	for (size_t i = 0; i < SIZES; i++) {
		if (i)
			printf(",");
		b.size = sizes[i];
		run_size(&b, s, rounds);
	}
	printf("]}");
	for (uint32_t i = 0; i < sa_count; i++)
		unload_pair(&b.sas[i], a);
	free(b.sas);
	free(b.payloads);
	free(b.frames);
	free(b.sealed);
	if (b.refused) {
		fprintf(stderr, "esp_bench: %s: %llu packets were refused\n", a->name, (unsigned long long)b.refused);
		exit(1);
	}
}

static uint32_t argument(const char *text, uint32_t max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || n == 0 || n > max) {
		fprintf(stderr, "esp_bench: '%s': use 1 to %u\n", text, max);
		exit(2);
	}
	return (uint32_t)n;
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"ipsec-mb", "openssl"};
	const uint32_t rounds = argc > 1 ? argument(argv[1], ROUNDS_MAX) : 4000;
	const uint32_t sa_count = argc > 2 ? argument(argv[2], SAS_MAX) : 1;
	struct samples s;
	const char *separator = "";

	for (int w = 0; w < WHATS; w++) {
		s.ns[w] = need(calloc(rounds, sizeof(double)));
		s.ratio[w] = need(calloc(rounds, sizeof(double)));
	}
	printf("[");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct aead *a = aead_select(names[i], NULL);

		if (!a)
			continue;
		printf("%s", separator);
		separator = ",\n ";
		run_backend(a, &s, rounds, sa_count);
	}
	printf("]\n");
	for (int w = 0; w < WHATS; w++) {
		free(s.ns[w]);
		free(s.ratio[w]);
	}
	return 0;
}
