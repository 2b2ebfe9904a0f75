/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the fuzzers have found worth keeping, once more:
 *
 *   replay DIR            each fuzzer with each file of DIR/NAME, which has to have some
 *   replay --seeds DIR    writes what each begins with there
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define INPUT_MAX (1 << 20)

static const char *directory;
static const struct fuzzer *current;
static unsigned seed_count;

static void fail(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	exit(EXIT_FAILURE);
}

void fuzz_seed(const void *data, size_t size)
{
	char path[500];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s/seed-%u", directory, current->name, seed_count++);
	file = fopen(path, "w");
	if (!file || (size && fwrite(data, size, 1, file) != 1) || fclose(file))
		fail(path);
}

static void write_seeds(const struct fuzzer *f)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", directory, f->name);
	if (mkdir(path, 0777) && errno != EEXIST)
		fail(path);
	seed_count = 0;
	f->seeds();
	printf("%s: %u seeds\n", f->name, seed_count);
}

/* In memory of its own size, so that one byte beyond is noticed. */
static void run_file(const struct fuzzer *f, const char *path)
{
	static uint8_t buffer[INPUT_MAX];
	FILE *file = fopen(path, "r");
	const size_t size = file ? fread(buffer, 1, sizeof(buffer), file) : 0;
	uint8_t *exact = malloc(size);

	if (!file || ferror(file) || (!exact && size))
		fail(path);
	fclose(file);
	if (size)
		memcpy(exact, buffer, size);
	if (getenv("REPLAY_NAMES"))
		fprintf(stderr, "%s\n", path);
	f->run(exact, size);
	free(exact);
}

static unsigned run_all(const struct fuzzer *f)
{
	char path[700];
	struct dirent *entry;
	unsigned count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", directory, f->name);
	dir = opendir(path);
	if (!dir)
		fail(path);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", directory, f->name, entry->d_name);
		run_file(f, path);
		count++;
	}
	closedir(dir);
	return count;
}

static bool replay(const struct fuzzer *f)
{
	unsigned count;

	if (f->open)
		f->open();
	count = run_all(f);
	printf("%s: %u inputs\n", f->name, count);
	fflush(stdout);
	return count;
}

int main(int argc, char **argv)
{
	const bool seeds = argc == 3 && strcmp(argv[1], "--seeds") == 0;
	bool good = true;

	if (argc != 2 && !seeds) {
		fprintf(stderr, "usage: replay [--seeds] DIR\n");
		return 2;
	}
	directory = argv[argc - 1];
	for (current = fuzzers; current; current = current->next) {
		if (seeds)
			write_seeds(current);
		else
			good &= replay(current);
	}
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
