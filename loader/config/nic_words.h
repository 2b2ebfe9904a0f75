/* SPDX-License-Identifier: BSD-2-Clause */
/* The words of 'attach'. */
#ifndef LOADER_CONFIG_NIC_WORDS_H
#define LOADER_CONFIG_NIC_WORDS_H

#include "config.h"
#include "lib/json.h"

/* Reads the words into *out. 0, or -EINVAL with the word that makes no sense. */
int nic_words_parse(const cJSON *words, struct interface_config *out, struct fault *f);

#endif
