/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What reads hostile input, each by itself, with the sanitizers looking on. A fuzzer is run in two ways: by libFuzzer,
 * which looks for input that nobody has thought of (fuzz.c), and on the inputs that are kept, with no libFuzzer
 * (replay.c). Its input is bytes as they come, or a description from which it makes what cannot be guessed, as
 * a message that is sealed.
 *
 *   seeds() ──► $(BUILD)/corpus/NAME ──► libFuzzer ──► merged: tests/fuzz/corpus/NAME ──► replay
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fuzzer {
	const char *name;
	void (*open)(void); /* once, before the first input; NULL: there is nothing to do */
	void (*run)(const uint8_t *data, size_t size);
	/* Gives real input to fuzz_seed(), from which to begin. */
	void (*seeds)(void);
	struct fuzzer *next;
};

void fuzzer_add(struct fuzzer *f);
extern struct fuzzer *fuzzers;

/* FUZZER(.name = "...", .run = ...): the one of this file. */
#define FUZZER(...) \
	static struct fuzzer this_fuzzer = {__VA_ARGS__}; \
	__attribute__((constructor)) static void add_this_fuzzer(void) \
	{ \
		fuzzer_add(&this_fuzzer); \
	}

void fuzz_seed(const void *data, size_t size);

/* What must hold. */
#define require(condition) ((condition) ? (void)0 : fuzz_broken(__FILE__, __LINE__, #condition))

__attribute__((noreturn, cold)) static inline void fuzz_broken(const char *file, int line, const char *what)
{
	dprintf(STDERR_FILENO, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

/* ---- reading the input: zeros when it is at its end ---- */

struct input {
	const uint8_t *at;
	size_t left;
};

static inline struct input input_of(const uint8_t *data, size_t size)
{
	return (struct input){data, size};
}

/* Up to n bytes, so many as there are: *size. */
static inline const uint8_t *input_bytes(struct input *in, size_t n, size_t *size)
{
	const uint8_t *at = in->at;

	*size = n < in->left ? n : in->left;
	if (*size) {
		in->at += *size;
		in->left -= *size;
	}
	return at;
}

static inline uint8_t input_u8(struct input *in)
{
	size_t size;
	const uint8_t *at = input_bytes(in, 1, &size);

	return size ? *at : 0;
}

static inline uint16_t input_u16(struct input *in)
{
	const uint8_t high = input_u8(in);

	return (uint16_t)(high << 8 | input_u8(in));
}

static inline uint32_t input_u32(struct input *in)
{
	const uint32_t high = input_u16(in);

	return high << 16 | input_u16(in);
}

/* A part that begins with its length, in two bytes. A copy that ends where its memory does, so that one byte beyond is
 * noticed; behind it, but for that, is a NUL if text. The caller's to free. */
static inline uint8_t *input_part(struct input *in, bool text, size_t *size)
{
	const uint16_t wanted = input_u16(in);
	const uint8_t *at = input_bytes(in, wanted, size);
	uint8_t *copy = malloc(*size + text);

	require(copy || !(*size + text));
	for (size_t i = 0; i < *size; i++)
		copy[i] = at[i];
	if (text)
		copy[*size] = '\0';
	return copy;
}

/* ---- writing it, for seeds ---- */

#define SEED_MAX 65536

struct seed {
	size_t size;
	uint8_t data[SEED_MAX];
};

static inline void seed_u8(struct seed *s, unsigned value)
{
	require(s->size < SEED_MAX);
	s->data[s->size++] = (uint8_t)value;
}

static inline void seed_u16(struct seed *s, unsigned value)
{
	seed_u8(s, value >> 8);
	seed_u8(s, value);
}

static inline void seed_bytes(struct seed *s, const void *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		seed_u8(s, ((const uint8_t *)data)[i]);
}

static inline void seed_part(struct seed *s, const void *data, size_t size)
{
	seed_u16(s, (unsigned)size);
	seed_bytes(s, data, size);
}

#endif
