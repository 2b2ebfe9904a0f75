/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys of all SAs, as the hosts' key logs tell them (maps/keylog.h): of those made by hand, too. Of an exchange
 * that came to nothing one host may have an SA that the other has not. A daemon that starts begins a new log in place
 * of the old one.
 */
#ifndef TESTS_KILLS_KEYS_H
#define TESTS_KILLS_KEYS_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define KEYMAT_SIZE 36

struct esp {
	uint32_t spi;
	uint32_t number;
	uint64_t iv;
} __attribute__((packed));

/* How far the numbers of a key have come. */
enum keys_reach {
	REACH_LOW = 1 << 0,  /* ESN: below 2^32 */
	REACH_PAST = 1 << 1, /* ESN: the 2^32 behind them */
	REACH_LAST = 1 << 2, /* none is behind it */
};

struct key {
	uint32_t spi;
	uint8_t keymat[KEYMAT_SIZE];
	EVP_CIPHER_CTX *cipher;
	bool esn;
	uint32_t high;	 /* of the last packet's number */
	uint8_t reached; /* enum keys_reach: of all packets' */
};

struct keys_log {
	const char *path;
	int fd; /* -1: none yet */
	ino_t inode;
	char rest[512]; /* the begin of a line that has not come whole */
	size_t rest_length;
};

struct keys {
	struct keys_log logs[2];
	struct key *keys;
	uint32_t count, room;
	uint32_t again; /* keys that were told of two SPIs */
};

/* The paths stay the caller's. */
void keys_init(struct keys *k, const char *const paths[2]);

/* Reads what the logs have more than before; whether there are new keys. */
bool keys_read(struct keys *k);

enum keys_said {
	KEY_OPENS,
	KEY_UNKNOWN, /* none is known of that SPI */
	KEY_REFUSES, /* no key of that SPI opens it */
};

/* Opens an ESP packet (RFC 4106). *id: of the key, from 1 on. */
enum keys_said keys_open(struct keys *k, const uint8_t *packet, size_t length, uint32_t *id);

/* The packet that was opened last, by that key, has that number's lower half. */
void keys_reach(struct key *key, uint32_t number);

#endif
