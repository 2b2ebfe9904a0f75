/* SPDX-License-Identifier: BSD-2-Clause */
/* The fuzzers of a program; libFuzzer's are of one each. */
#include "fuzz.h"

struct fuzzer *fuzzers;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void fuzzer_add(struct fuzzer *f)
{
	f->next = fuzzers;
	fuzzers = f;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (fuzzers->open)
		fuzzers->open();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzzers->run(data, size);
	return 0;
}

/* libFuzzer has its own ways to begin. */
__attribute__((weak)) void fuzz_seed(const void *data, size_t size)
{
	(void)data;
	(void)size;
}
