/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "policy_section.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "policy/policy.h"

/* A value is read when the section ends, with the others, by what reads the words of 'policy add'. */
static bool keep(struct reader *r, const char *name, const char *value)
{
	r->words_line[r->words_count++] = r->line;
	return cJSON_AddStringToObject(r->words, name, value) || wrong(r, "%s", strerror(ENOMEM));
}

#define WORD_KEY(key) \
	static bool set_##key(struct reader *r, const char *value) \
	{ \
		return keep(r, #key, value); \
	}
WORD_KEY(dst)
WORD_KEY(src)
WORD_KEY(proto)
WORD_KEY(sport)
WORD_KEY(dport)
WORD_KEY(prio)
WORD_KEY(action)

const struct key policy_keys[POLICY_KEYS + 1] = {
	{"dst", "an IPv4 address or prefix", set_dst},
	{"src", "an IPv4 address of this host", set_src},
	{"proto", "a protocol's name or number, or icmp/TYPE", set_proto},
	{"sport", "a port or a range", set_sport},
	{"dport", "a port or a range", set_dport},
	{"prio", "a number", set_prio},
	{"action", "protect, bypass or discard", set_action},
	{0},
};

int policy_begin(struct reader *r, const char *name)
{
	struct config *config = r->config;
	struct policy_config *p;

	if (!section_name_is_good(name, POLICY_NAME_MAX))
		return wrong(r, "'%.60s' cannot be a policy's name: up to 47 letters, digits, '-', '_', '.'", name);
	if (config_has_policy(config, name))
		return wrong(r, "[policy %s] is in the file twice", name);
	p = reallocarray(config->policies, config->policy_count + 1, sizeof(*p));
	r->words = cJSON_CreateObject();
	/* Where they were they are not any more, whatever else there is no memory for. */
	if (p)
		config->policies = p;
	if (!p || !r->words)
		return wrong(r, "%s", strerror(ENOMEM));
	p += config->policy_count++;
	*p = (struct policy_config){.line = r->line};
	snprintf(p->name, sizeof(p->name), "%s", name);
	r->policy = p;
	r->words_count = 0;
	return config_policy_named(config) ? wrong(r, "%s", strerror(ENOMEM)) : 1;
}

/* The line of the key that a fault begins with; of the section, if it is none that was given. */
static unsigned line_of(const struct reader *r, const char *text)
{
	unsigned n = 0;

	for (const cJSON *word = r->words->child; word; word = word->next, n++)
		if (strncmp(word->string, text, strlen(word->string)) == 0 && text[strlen(word->string)] == ' ')
			return r->words_line[n];
	return r->policy->line;
}

bool policy_end(struct reader *r)
{
	const unsigned line = r->line;
	struct fault why;
	int err = policy_parse(r->words, true, &r->policy->policy, &why);

	r->policy->policy.rule.owner = OWNER_FILE;
	if (err) {
		r->line = line_of(r, why.text);
		wrong(r, "[policy %s]: %.240s", r->policy->name, why.text);
		r->line = line;
	}
	cJSON_Delete(r->words);
	r->words = NULL;
	return !err;
}
