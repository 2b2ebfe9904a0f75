/* SPDX-License-Identifier: BSD-2-Clause */
/* The options that every command takes, for who has misspelt one. */
#ifndef LOADER_COMMAND_NEAR_OPTION_H
#define LOADER_COMMAND_NEAR_OPTION_H

#include "lib/near_word.h"

/* Offers their long names, if what was typed begins with '-'. */
void offer_options(struct near_word *near);

#endif
