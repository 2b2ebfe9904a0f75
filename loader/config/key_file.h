/* SPDX-License-Identifier: BSD-2-Clause */
/* A manual SA's key: a file with 72 hex digits, which only its owner may read. */
#ifndef LOADER_CONFIG_KEY_FILE_H
#define LOADER_CONFIG_KEY_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/fault.h"
#include "maps/vault.h"

/*
 * 72 hex digits, after 0x or not, blanks and newlines around them ignored, to
 * keymat (RFC 4106 section 8.1: 32 bytes of key, 4 of salt). The caller wipes
 * it. False leaves keymat wiped.
 */
bool key_parse(const char *text, size_t size, uint8_t keymat[ESP_KEYMAT_SIZE]);

/* Reads the file, or stdin for "-". 0, or -errno with keymat wiped. The fault never says what is in the file. */
int key_file_read(const char *path, uint8_t keymat[ESP_KEYMAT_SIZE], struct fault *f);

/* Opens a file that only its owner may read or change, or, for a command, what is no file. The fd, or -errno. */
int key_file_open(const char *path, struct fault *f);

/* The same for the daemon, which waits for nobody: a file alone (plain_file.h). */
int key_file_open_plain(const char *path, struct fault *f);

#endif
