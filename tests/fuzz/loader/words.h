/* SPDX-License-Identifier: BSD-2-Clause */
/* What commands make of their words, before anything is done: by the product's own readers, whatever words there are.
 */
#ifndef TESTS_FUZZ_LOADER_WORDS_H
#define TESTS_FUZZ_LOADER_WORDS_H

#include <string.h>

#include "capture/packet_filter.h"
#include "config/key_file.h"
#include "config/nic_words.h"
#include "fuzz.h"
#include "lib/cpu_list.h"
#include "pki/alt_names.h"
#include "policy/parse.h"
#include "policy/policy.h"
#include "policy/policy_text.h"
#include "policy/protect.h"
#include "policy/sa.h"

static inline void read_policy(const cJSON *words)
{
	char text[POLICY_TEXT];
	struct policy p;
	struct fault f = {""};

	if (policy_parse(words, true, &p, &f) == 0) {
		require(prefix_is_clean(&p.remote) && p.rule.local_port_min <= p.rule.local_port_max &&
			p.rule.remote_port_min <= p.rule.remote_port_max);
		policy_text(&p, text);
		require(policy_parse(words, false, &p, &f) == 0);
	} else {
		require(f.text[0]);
	}
}

static inline void read_sa(const cJSON *words)
{
	struct sa_request r;
	struct fault f = {""};
	uint8_t dst[4];
	uint32_t spi;

	if (sa_request_parse(words, &r, &f) == 0)
		require(r.spi >= 256 && r.replay_window >= 64 && r.replay_window <= 8192 &&
			memchr(r.dev, 0, sizeof(r.dev)));
	else
		require(f.text[0]);
	sa_selector_parse(words, &spi, dst, &f);
}

static inline void read_nic(const cJSON *words)
{
	struct interface_config c;
	struct fault f = {""};

	if (nic_words_parse(words, &c, &f) == 0)
		require(memchr(c.name, 0, sizeof(c.name)) && c.name[0]);
	else
		require(f.text[0]);
}

static inline void read_names(const char *text)
{
	char first[FIRST_NAME_MAX + 1], again[600];
	GENERAL_NAMES *names;
	struct fault f = {""};

	names = alt_names_parse(text, first, &f);
	if (names)
		alt_names_text(names, again, sizeof(again));
	GENERAL_NAMES_free(names);
}

static inline void read_values(const char *text)
{
	uint8_t keymat[ESP_KEYMAT_SIZE];
	struct protect protect;
	struct fault f;
	uint16_t min, max;
	cpu_set_t cpus;

	if (parse_ports(text, &min, &max) || parse_icmp_types(text, &min, &max))
		require(min <= max);
	key_parse(text, strlen(text), keymat);
	cpu_list_parse(text, &cpus, NULL);
	protect_parse(text, &protect, &f);
}

/* Each word's value, and all of them as each command's. */
static inline void read_words(const cJSON *words)
{
	const cJSON *one;

	read_policy(words);
	read_sa(words);
	read_nic(words);
	cJSON_ArrayForEach(one, words)
		if (cJSON_IsString(one)) {
			read_names(one->valuestring);
			read_values(one->valuestring);
		}
}

#endif
