/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "keylog.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/spi_format.h"

static char *add_hex(char *at, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at += sprintf(at, "%02x", data[i]);
	return at;
}

int keylog_put(int fd, char line[KEYLOG_LINE])
{
	const size_t n = strlen(line);
	ssize_t written;
	int err;

	memset(line + n, ' ', KEYLOG_LINE - n);
	line[KEYLOG_LINE - 1] = '\n';
	written = write(fd, line, KEYLOG_LINE);
	err = written == KEYLOG_LINE ? 0 : written < 0 ? -errno : -EIO;
	explicit_bzero(line, KEYLOG_LINE);
	return err;
}

/* The salt is behind the key, as RFC 4106 section 8.1 has them. The ICV is the cipher's: there is no other
 * authentication. */
int keylog_esp(int fd, uint32_t spi, const uint8_t src[4], const uint8_t dst[4], const uint8_t keymat[ESP_KEYMAT_SIZE])
{
	char line[KEYLOG_LINE], *at = line;

	if (fd < 0)
		return 0;
	at += sprintf(at,
		      "\"IPv4\",\"%u.%u.%u.%u\",\"%u.%u.%u.%u\",\"" SPI_FORMAT
		      "\",\"AES-GCM with 16 octet ICV [RFC4106]\",\"0x",
		      src[0], src[1], src[2], src[3], dst[0], dst[1], dst[2], dst[3], spi);
	at = add_hex(at, keymat, ESP_KEYMAT_SIZE);
	sprintf(at, "\",\"NULL\",\"\"");
	return keylog_put(fd, line);
}
