/* SPDX-License-Identifier: BSD-2-Clause */
/* 'metrics': the status for Prometheus, on stdout, in a file for node_exporter, or over HTTP. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "lib/log.h"
#include "lib/write_all.h"
#include "metrics/http_process.h"
#include "metrics/metrics.h"
#include "session.h"
#include "version.h"

#define PATH_TEXT 4096

struct scraped {
	char *text;
	size_t size;
	bool running;
};

/* With one instance alone nobody has to tell it from another. */
static struct metrics_terms terms_of(const struct invocation *inv)
{
	return (struct metrics_terms){
		.version = XDP_IPSEC_VERSION,
		.instance = strcmp(inv->instance, "default") ? inv->instance : NULL,
		.peers = word(inv, "peers"),
		.sas = word(inv, "sas"),
	};
}

/* A host that is not there is told of as such, and is no error. */
static int scrape(const struct invocation *inv, struct scraped *s, struct fault *f)
{
	const struct metrics_terms terms = terms_of(inv);
	cJSON *status = NULL;
	int err = status_document(inv, &status, f);

	if (err && err != -ENOENT)
		return err;
	s->text = metrics_text(status, &terms, &s->size);
	s->running = cJSON_IsTrue(json_item(status, "running"));
	cJSON_Delete(status);
	return s->text ? 0 : fault(f, ENOMEM, "%s", strerror(ENOMEM));
}

/* ---- a file ---- */

/* Who reads it sees the one before or this one, whole. The file that it is made in has no name that node_exporter takes
 * for one of its own, which end in .prom. */
static int replace_file(const char *path, const struct scraped *s, struct fault *f)
{
	char temporary[PATH_TEXT];
	int fd, err;

	if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= (int)sizeof(temporary))
		return fault(f, ENAMETOOLONG, "%.60s...: %s", path, strerror(ENAMETOOLONG));
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return fault(f, errno, "%s: %s", temporary, strerror(errno));
	err = write_all(fd, s->text, s->size);
	if (!err && fchmod(fd, 0644) < 0)
		err = -errno;
	if (close(fd) < 0 && !err)
		err = -errno;
	if (!err && rename(temporary, path) < 0)
		err = -errno;
	if (!err)
		return 0;
	unlink(temporary);
	return fault(f, -err, "%s: %s", path, strerror(-err));
}

static bool ends_as_collected(const char *path)
{
	const size_t n = strlen(path);

	return n >= 5 && strcmp(path + n - 5, ".prom") == 0;
}

static int to_file(const struct invocation *inv, const char *path)
{
	struct scraped s = {.text = NULL};
	struct fault f;
	int err = scrape(inv, &s, &f);

	if (!err)
		err = replace_file(path, &s, &f);
	free(s.text);
	return err ? cli_fail(inv, f.text) : EXIT_SUCCESS;
}

/* ---- stdout ---- */

static int to_stdout(const struct invocation *inv)
{
	struct scraped s = {.text = NULL};
	struct fault f;

	if (scrape(inv, &s, &f))
		return cli_fail(inv, f.text);
	fwrite(s.text, 1, s.size, stdout);
	free(s.text);
	if (fflush(stdout) != 0)
		return cli_fail(inv, strerror(errno));
	return s.running ? EXIT_SUCCESS : EXIT_NOT_RUNNING;
}

/* ---- HTTP ---- */

/* What is wrong is told here; who asks is told that there is nothing. */
static char *text_now(void *arg, size_t *size)
{
	struct scraped s = {.text = NULL};
	struct fault f;

	if (scrape(arg, &s, &f))
		log_line("metrics: %s", f.text);
	*size = s.size;
	return s.text;
}

static int serve(const struct invocation *inv, const char *address)
{
	struct fault f;
	char own[64];
	int fd, err = session_need_root(inv, &f);

	if (err)
		return cli_fail(inv, f.text);
	fd = http_listen(address, own, &f);
	if (fd < 0)
		return fd == -EINVAL ? cli_usage(inv, f.text) : cli_fail(inv, f.text);
	log_line("metrics: http://%s/metrics", own);
	http_serve(fd, text_now, (void *)inv, &f);
	return cli_fail(inv, f.text);
}

int metrics_command(const struct invocation *inv)
{
	const char *path = word(inv, "textfile"), *address = word(inv, "listen");

	if (inv->json)
		return cli_usage(inv, "it has a form of its own, and no JSON: that is 'status -j'");
	if (path && address)
		return cli_usage(inv, "either 'listen' or 'textfile'");
	if (address)
		return serve(inv, address);
	if (path && !ends_as_collected(path))
		return cli_usage(inv, "node_exporter reads only files whose name ends in '.prom'");
	return path ? to_file(inv, path) : to_stdout(inv);
}
