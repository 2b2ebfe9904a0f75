/* SPDX-License-Identifier: BSD-2-Clause */
/* 'genkey': a PSK, or the key of an SA by hand, into a file for its owner alone or down a pipe. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "lib/privileges.h"
#include "lib/write_all.h"
#include "maps/vault.h"
#include "pki/new_file.h"
#include "pki/random_key.h"

/* What is printed is to be seen by nobody who happens to look on, or reads the file that a shell has made for it. */
static int check_output(const char *kind, bool asked_for, struct fault *f)
{
	struct stat st;

	if (asked_for)
		return 0;
	if (isatty(STDOUT_FILENO))
		return fault(f, EPERM,
			     "a key on a terminal stays there to be read: 'genkey %s FILE' makes a file, 'genkey %s -' "
			     "shows it all the same",
			     kind, kind);
	if (fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077))
		return fault(f, EPERM,
			     "standard output is a file that others may read (mode %03o): 'genkey %s FILE' makes one "
			     "that they may not",
			     st.st_mode & 0777, kind);
	return 0;
}

static int print(const char *text, size_t size, struct fault *f)
{
	const int err = write_all(STDOUT_FILENO, text, size);

	return err ? fault(f, -err, "standard output: %s", strerror(-err)) : 0;
}

static int make(const char *kind, size_t bytes, const char *file, struct fault *f)
{
	const bool shown = file && strcmp(file, "-") == 0;
	char text[RANDOM_KEY_TEXT];
	int n, err = 0;

	if (!file || shown)
		err = check_output(kind, shown, f);
	if (err)
		return err;
	n = random_key_text(text, bytes);
	if (n < 0)
		err = fault(f, -n, "the kernel gives no random numbers: %s", strerror(-n));
	else if (!file || shown)
		err = print(text, (size_t)n, f);
	else
		err = new_file_write(file, MODE_SECRET, text, (size_t)n, f);
	explicit_bzero(text, sizeof(text));
	return err;
}

int genkey_command(const struct invocation *inv)
{
	const char *kind = word(inv, "kind");
	const bool manual = strcmp(kind, "manual") == 0;
	struct fault f;

	privileges_harden();
	if (!manual && strcmp(kind, "psk") != 0) {
		fault(&f, EINVAL, "'%.60s' is no kind of key: psk (of a connection) or manual (of 'sa add')", kind);
		return cli_usage(inv, f.text);
	}
	return make(kind, manual ? ESP_KEYMAT_SIZE : PSK_BYTES, word(inv, "file"), &f) ? cli_fail(inv, f.text)
										       : EXIT_SUCCESS;
}
