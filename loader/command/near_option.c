/* SPDX-License-Identifier: BSD-2-Clause */
#include "near_option.h"

void offer_options(struct near_word *near)
{
	static const char *const options[] = {"--instance", "--json", "--pretty", "--help", "--version"};

	for (size_t i = 0; near->typed[0] == '-' && i < sizeof(options) / sizeof(options[0]); i++)
		near_word_offer(near, options[i]);
}
