/* SPDX-License-Identifier: BSD-2-Clause */
#include "steering_record.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* No interface's name has a slash. */
static void path_of(const struct steering_place *at, const char *end, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/steering:%s%s", at->run_dir, at->dev, end);
}

/* ---- reading ---- */

static void take_line(struct steering_record *r, const char *line)
{
	char word[16];
	uint32_t spi;

	if (sscanf(line, "ifindex %d", &r->ifindex) == 1 ||
	    sscanf(line, "hash %" SCNu32 " before %" SCNx64 " ours %" SCNx64, &r->hash_kind, &r->hash_before,
		   &r->hash_ours) == 3)
		return;
	if (sscanf(line, "spi %" SCNx32, &spi) == 1 && r->spi_count < STEERING_RULES_MAX)
		r->spis[r->spi_count++] = spi;
	else if (sscanf(line, "%15s", word) == 1 && strcmp(word, "rules-were-off") == 0)
		r->rules_were_off = true;
}

bool steering_record_read(const struct steering_place *at, struct steering_record *record)
{
	char path[PATH_MAX], line[128];
	FILE *file;

	*record = (struct steering_record){0};
	path_of(at, "", path);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		take_line(record, line);
	fclose(file);
	return true;
}

/* ---- writing ---- */

static bool is_empty(const struct steering_record *r)
{
	return !r->hash_kind && !r->rules_were_off && !r->spi_count;
}

static void put_lines(FILE *file, const struct steering_record *r)
{
	fprintf(file, "ifindex %d\n", r->ifindex);
	if (r->hash_kind)
		fprintf(file, "hash %" PRIu32 " before %#" PRIx64 " ours %#" PRIx64 "\n", r->hash_kind, r->hash_before,
			r->hash_ours);
	if (r->rules_were_off)
		fputs("rules-were-off\n", file);
	for (uint32_t i = 0; i < r->spi_count; i++)
		fprintf(file, "spi %#" PRIx32 "\n", r->spis[i]);
}

/* Half a record would leave half of it as it is. */
static int write_file(const char *path, const struct steering_record *r)
{
	FILE *file = fopen(path, "we");
	bool failed;

	if (!file)
		return -errno;
	put_lines(file, r);
	failed = ferror(file);
	return fclose(file) || failed ? -EIO : 0;
}

int steering_record_write(const struct steering_place *at, const struct steering_record *record, struct fault *f)
{
	char path[PATH_MAX], making[PATH_MAX];
	int err;

	path_of(at, "", path);
	path_of(at, ":making", making);
	if (is_empty(record))
		return unlink(path) < 0 && errno != ENOENT ? fault(f, errno, "%s: %s", path, strerror(errno)) : 0;
	err = write_file(making, record);
	if (!err && rename(making, path) < 0)
		err = -errno;
	if (err)
		unlink(making);
	return err ? fault(f, -err, "%s: %s", path, strerror(-err)) : 0;
}
