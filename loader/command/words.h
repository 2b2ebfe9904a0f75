/* SPDX-License-Identifier: BSD-2-Clause */
/* The words behind a command's name, read by its table. */
#ifndef LOADER_COMMAND_WORDS_H
#define LOADER_COMMAND_WORDS_H

#include "options.h"

/* All that is left, into inv->words. */
enum outcome take_words(struct invocation *inv, struct arguments *args);

#endif
