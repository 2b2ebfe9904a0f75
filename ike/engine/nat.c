/* SPDX-License-Identifier: BSD-2-Clause */
#include "nat.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define NAT_HASH_SIZE 20

/* SHA-1(SPIs | address | port), RFC 7296 section 2.23: no secret, only a way not to show addresses. False: no SHA-1
 * here. */
static bool nat_hash(uint64_t spi_i, uint64_t spi_r, const uint8_t addr[4], uint16_t port, uint8_t out[NAT_HASH_SIZE])
{
	uint8_t data[2 * IKE_SPI_SIZE + 4 + 2];
	struct writer w = {.data = data, .room = sizeof(data)};

	write_u64(&w, spi_i);
	write_u64(&w, spi_r);
	write_bytes(&w, addr, 4);
	write_u16(&w, port);
	return EVP_Q_digest(NULL, "SHA1", NULL, data, w.size, out, NULL);
}

void nat_write(struct body *b, uint64_t spi_i, uint64_t spi_r, const struct path *path)
{
	uint8_t hash[NAT_HASH_SIZE];

	if (nat_hash(spi_i, spi_r, path->local, path->local_port, hash))
		notify_write(b, NAT_DETECTION_SOURCE_IP, hash, sizeof(hash));
	if (nat_hash(spi_i, spi_r, path->remote, path->remote_port, hash))
		notify_write(b, NAT_DETECTION_DESTINATION_IP, hash, sizeof(hash));
}

/* Several source hashes are allowed, of which one must fit (a host with several addresses). */
static bool any_fits(const struct message *m, uint16_t type, const uint8_t hash[NAT_HASH_SIZE])
{
	bool seen = false;

	for (const struct payload *p = message_find(m, PAYLOAD_NOTIFY); p; p = message_next(m, p)) {
		struct notify n;

		if (!notify_parse(p, &n) || n.type != type)
			continue;
		seen = true;
		if (n.size == NAT_HASH_SIZE && memcmp(n.data, hash, NAT_HASH_SIZE) == 0)
			return true;
	}
	return !seen;
}

unsigned nat_ends(const struct message *m, const struct path *path)
{
	const struct ike_header *h = &m->header;
	uint8_t theirs[NAT_HASH_SIZE], ours[NAT_HASH_SIZE];

	if (!nat_hash(h->spi_i, h->spi_r, path->remote, path->remote_port, theirs) ||
	    !nat_hash(h->spi_i, h->spi_r, path->local, path->local_port, ours))
		return NAT_HERE | NAT_THERE;
	return (any_fits(m, NAT_DETECTION_SOURCE_IP, theirs) ? 0 : NAT_THERE) |
	       (any_fits(m, NAT_DETECTION_DESTINATION_IP, ours) ? 0 : NAT_HERE);
}

void nat_why(unsigned ends, char *why, size_t size)
{
	static const char *const places[] = {"", "at this end", "at the peer's end", "at either end"};

	snprintf(why, size,
		 "NAT detection says that there is a NAT between this host and the peer, %s, and transport mode does "
		 "not go through NAT: "
		 "remove it, or use the addresses behind it%s",
		 places[ends],
		 ends & NAT_THERE
			 ? "; or the peer forces UDP encapsulation, which looks the same: encap = no (strongSwan), "
			   "encapsulation=auto (libreswan) there"
			 : "");
}
