/* SPDX-License-Identifier: BSD-2-Clause */
#include "mss.h"

/* RFC 9293 section 3.1: the options that have no length, and the one that is looked for. */
enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_MSS_LEN = 4,
};

/* The offset of the MSS in the header; 0 if there is none, or the options before it make no sense. */
static size_t find_mss(const uint8_t *tcp, size_t header)
{
	size_t at = TCP_LEN_MIN;

	while (at + OPTION_MSS_LEN <= header && tcp[at] != OPTION_END) {
		if (tcp[at] == OPTION_MSS)
			return tcp[at + 1] == OPTION_MSS_LEN ? at + 2 : 0;
		if (tcp[at] == OPTION_NOP)
			at++;
		else if (tcp[at + 1] >= 2)
			at += tcp[at + 1];
		else
			return 0;
	}
	return 0;
}

/* Writes a 16-bit field into the header, and what that does to the checksum: RFC 1624 equation 3. */
static void replace(uint8_t *tcp, size_t at, uint16_t value)
{
	uint16_t was, is, check;

	memcpy(&was, tcp + at, 2);
	store_be16(tcp + at, value);
	memcpy(&is, tcp + at, 2);
	/* Across two words, each byte counts in the other half. */
	if (at & 1) {
		was = __builtin_bswap16(was);
		is = __builtin_bswap16(is);
	}
	memcpy(&check, tcp + TCP_CHECK, 2);
	check = csum_fold((uint64_t)(uint16_t)~check + (uint16_t)~was + is);
	memcpy(tcp + TCP_CHECK, &check, 2);
}

void mss_lower(uint8_t *tcp, size_t len, size_t most)
{
	size_t header, at;

	if (len < TCP_LEN_MIN || !(tcp[TCP_FLAGS] & TCP_SYN))
		return;
	header = (size_t)(tcp[TCP_DATA_OFFSET] >> 4) * 4;
	at = header <= len ? find_mss(tcp, header) : 0;
	if (at && load_be16(tcp + at) > most)
		replace(tcp, at, (uint16_t)most);
}
