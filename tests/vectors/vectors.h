/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads test vectors in the form of NIST's response files: "Name = hex" lines,
 * a case ends with an empty line, "FAIL" marks a case that must be refused, '#'
 * begins a comment. Tests run in the directory that they were built from.
 */
#ifndef TESTS_VECTORS_H
#define TESTS_VECTORS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VECTOR_FIELDS_MAX 12
#define VECTOR_BYTES_MAX  2048

struct vector_field {
	char name[16];
	size_t len;
	uint8_t bytes[VECTOR_BYTES_MAX];
};

struct vector {
	size_t count;
	bool fail;
	struct vector_field fields[VECTOR_FIELDS_MAX];
};

static inline FILE *vectors_open(const char *path)
{
	FILE *file = fopen(path, "r");

	if (!file) {
		perror(path);
		abort();
	}
	return file;
}

static inline void vector_add(struct vector *v, const char *line)
{
	struct vector_field *field = &v->fields[v->count];
	int hex = 0;

	if (v->count == VECTOR_FIELDS_MAX || sscanf(line, "%15s =%n", field->name, &hex) != 1 || hex == 0) {
		fprintf(stderr, "not a vector's line: %s", line);
		abort();
	}
	line += hex;
	line += strspn(line, " ");
	for (field->len = 0; sscanf(line, "%2hhx", &field->bytes[field->len]) == 1; line += 2)
		if (++field->len == VECTOR_BYTES_MAX)
			abort();
	v->count++;
}

/* The next case. False at the end of the file. */
static inline bool vectors_next(FILE *file, struct vector *v)
{
	char line[2 * VECTOR_BYTES_MAX + 32];

	v->count = 0;
	v->fail = false;
	while (fgets(line, sizeof(line), file)) {
		if (line[0] == '#')
			continue;
		if (line[0] == '\n') {
			if (v->count)
				return true;
			continue;
		}
		if (strcmp(line, "FAIL\n") == 0)
			v->fail = true;
		else
			vector_add(v, line);
	}
	return v->count != 0;
}

/* A field, which must be there. */
static inline const struct vector_field *vector_get(const struct vector *v, const char *name)
{
	for (size_t i = 0; i < v->count; i++)
		if (strcmp(v->fields[i].name, name) == 0)
			return &v->fields[i];
	fprintf(stderr, "vector without %s\n", name);
	abort();
}

/* A field of up to 8 bytes as a number. */
static inline uint64_t vector_number(const struct vector *v, const char *name)
{
	const struct vector_field *field = vector_get(v, name);
	uint64_t n = 0;

	for (size_t i = 0; i < field->len; i++)
		n = n << 8 | field->bytes[i];
	return n;
}

#endif
