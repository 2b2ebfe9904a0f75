/* SPDX-License-Identifier: BSD-2-Clause */
/* The file while it is read: what the readers of its sections share, and nobody else knows. */
#ifndef LOADER_CONFIG_CONFIG_READER_H
#define LOADER_CONFIG_CONFIG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/fault.h"
#include "lib/json.h"

/* Keys of a [policy]. */
#define POLICY_KEYS 7

struct config;
struct connection_config;
struct interface_config;
struct policy_config;

struct reader {
	FILE *file;
	const char *path;
	struct config *config;
	struct interface_config *interface;   /* of the section being read, if it is one */
	struct connection_config *connection; /* the same */
	struct policy_config *policy;	      /* the same */
	cJSON *words;			      /* of the policy: key to value */
	unsigned words_line[POLICY_KEYS];
	unsigned words_count;
	char section[64];
	unsigned line;
	unsigned odd_line; /* the first with letters that look like others (config_habits.h); 0: none */
	int err;
	struct fault *f;
	uint64_t seen; /* keys of this section, by their place in its table */
};

/* A key of a section. set() takes the value; false: it is not one of `values`, or wrong() has said why not. */
struct key {
	const char *name;
	const char *values; /* for people */
	bool (*set)(struct reader *r, const char *value);
};

/* Notes what is wrong, with file and line. Returns 0, which is what inih takes for an error. */
int wrong(struct reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The place of text among the names, which '|' separates; -1: it is none of them. */
int choice(const char *text, const char *names);

/* Whether a connection or a policy may be called that: letters, digits, '-', '_', '.', fewer than max. */
bool section_name_is_good(const char *name, size_t max);

#endif
