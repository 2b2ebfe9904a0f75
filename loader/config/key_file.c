/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "key_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plain_file.h"

/* The digits, 0x, and blanks around them; more is not a key file. */
#define KEY_TEXT_MAX 256

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool key_parse(const char *text, size_t size, uint8_t keymat[ESP_KEYMAT_SIZE])
{
	explicit_bzero(keymat, ESP_KEYMAT_SIZE);
	while (size && isspace((unsigned char)text[size - 1]))
		size--;
	while (size && isspace((unsigned char)*text)) {
		text++;
		size--;
	}
	if (size > 2 && text[0] == '0' && tolower((unsigned char)text[1]) == 'x') {
		text += 2;
		size -= 2;
	}
	if (size != 2 * ESP_KEYMAT_SIZE)
		return false;
	for (size_t i = 0; i < ESP_KEYMAT_SIZE; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0) {
			explicit_bzero(keymat, ESP_KEYMAT_SIZE);
			return false;
		}
		keymat[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static int not_opened(const char *path, int err, const char *why, struct fault *f)
{
	return fault(f, err, "key file %s: %s%s", path, why,
		     err == ENOENT ? ": 'xdp-ipsec genkey' or 'pki host' makes one, if the other host has none yet"
				   : "");
}

/* fd, or -errno: then it is closed. */
static int refuse_others(int fd, const char *path, struct fault *f)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return fd;
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		close(fd);
		return fault(f, EACCES, "key file %s: belongs to user %u, who can read and change it: 'chown root %s'",
			     path, st.st_uid, path);
	}
	if (st.st_mode & 077) {
		close(fd);
		return fault(f, EACCES,
			     "key file %s: others may read or change it (mode %03o): "
			     "'chmod 600 %s', and take a new key",
			     path, st.st_mode & 0777, path);
	}
	return fd;
}

int key_file_open(const char *path, struct fault *f)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? not_opened(path, errno, strerror(errno), f) : refuse_others(fd, path, f);
}

int key_file_open_plain(const char *path, struct fault *f)
{
	struct fault why;
	const int fd = plain_file_open(path, &why);

	return fd < 0 ? not_opened(path, -fd, why.text, f) : refuse_others(fd, path, f);
}

static ssize_t read_all(int fd, char *text, size_t size)
{
	size_t have = 0;
	ssize_t n;

	while (have < size) {
		n = read(fd, text + have, size - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

int key_file_read(const char *path, uint8_t keymat[ESP_KEYMAT_SIZE], struct fault *f)
{
	const bool standard_input = strcmp(path, "-") == 0;
	const char *name = standard_input ? "on standard input" : path;
	int fd = standard_input ? STDIN_FILENO : key_file_open(path, f);
	char text[KEY_TEXT_MAX];
	ssize_t n;
	int err = 0;

	if (fd < 0)
		return fd;
	n = read_all(fd, text, sizeof(text));
	if (n < 0)
		err = fault(f, (int)-n, "key file %s: %s", name, strerror((int)-n));
	else if (n == sizeof(text) || !key_parse(text, (size_t)n, keymat))
		err = fault(f, EINVAL,
			    "key file %s: need %d hex digits, the 32-byte key and the 4-byte salt: "
			    "'xdp-ipsec genkey manual' makes one",
			    name, 2 * ESP_KEYMAT_SIZE);
	explicit_bzero(text, sizeof(text));
	if (!standard_input)
		close(fd);
	return err;
}
