/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "config_file.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "config_reader.h"
#include "connection_section.h"
#include "lib/cpu_list.h"
#include "policy/parse.h"
#include "policy_section.h"

/*
 * libinih reads lines; it cuts what is longer than its buffer, so the reader
 * below refuses such a line. It also knows which line it is at, which the
 * handler needs before a section's first key.
 */
#define LINE_LENGTH_MAX 190

/* What libinih skips, too. */
#define BLANKS		" \t\r\n\f\v"
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* What every TCP may send whatever the other offers (RFC 9293 section 3.7.1). */
#define MSS_MIN 536
/* And what every host takes in one piece (RFC 791 section 3.1). */
#define LINK_MTU_MIN 576

/* ---- keys: one function each, false if the value is none ---- */

static bool set_mode(struct reader *r, const char *value)
{
	return parse_mode(value, &r->interface->mode);
}

static bool set_queues(struct reader *r, const char *value)
{
	return parse_queues(value, &r->interface->queues);
}

static bool set_hook(struct reader *r, const char *value)
{
	const int which = choice(value, "auto|tcx|clsact");

	if (which >= 0)
		r->interface->hook = (enum hook_kind)which;
	return which >= 0;
}

static bool set_threaded_napi(struct reader *r, const char *value)
{
	return parse_switch(value, &r->interface->threaded_napi);
}

static bool set_busy_poll(struct reader *r, const char *value)
{
	return parse_switch(value, &r->interface->busy_poll);
}

static bool set_steering(struct reader *r, const char *value)
{
	const int which = choice(value, "auto|rss|ntuple|off");

	if (which >= 0)
		r->interface->steering = (enum steering_wish)which;
	return which >= 0;
}

static bool set_path_mtu_min(struct reader *r, const char *value)
{
	uint64_t least = 0;

	if (strcmp(value, "ignore") != 0 && !parse_number(value, LINK_MTU_MIN, PORT_MTU_MAX, &least))
		return false;
	r->interface->path_mtu_min = (uint16_t)least;
	return true;
}

static bool set_packet_memory(struct reader *r, const char *value)
{
	uint64_t mebibytes;

	if (!parse_number(value, 1, 65536, &mebibytes))
		return false;
	r->interface->packet_memory = (size_t)mebibytes << 20;
	return true;
}

static bool set_mss_clamp(struct reader *r, const char *value)
{
	uint64_t most;
	bool fit;

	if (parse_switch(value, &fit))
		most = fit ? MSS_CLAMP_FIT : 0;
	else if (!parse_number(value, MSS_MIN, PORT_MTU_MAX, &most))
		return false;
	r->interface->mss_clamp = (uint16_t)most;
	return true;
}

static bool set_mark(struct reader *r, const char *value)
{
	uint64_t mark;

	if (!parse_number(value, 1, UINT32_MAX, &mark))
		return false;
	r->config->mark = (uint32_t)mark;
	return true;
}

static bool set_unknown_spi(struct reader *r, const char *value)
{
	const int which = choice(value, "auto|drop|pass");

	if (which >= 0)
		r->config->unknown_spi = (enum unknown_spi)which;
	return which >= 0;
}

static bool set_cookie_threshold(struct reader *r, const char *value)
{
	uint64_t threshold;

	if (!parse_number(value, 1, 1000000, &threshold))
		return false;
	r->config->cookie_threshold = (uint32_t)threshold;
	return true;
}

static bool set_ike_dscp(struct reader *r, const char *value)
{
	uint64_t dscp;

	if (!parse_number(value, 0, 63, &dscp))
		return false;
	r->config->ike_dscp = (uint8_t)dscp;
	return true;
}

static bool set_keylog(struct reader *r, const char *value)
{
	return parse_switch(value, &r->config->keylog);
}

static bool set_aead(struct reader *r, const char *value)
{
	if (choice(value, "auto|ipsec-mb|openssl") < 0)
		return false;
	snprintf(r->config->aead, sizeof(r->config->aead), "%s", value);
	return true;
}

static bool set_lanes(struct reader *r, const char *value)
{
	uint64_t lanes = 0;

	if (strcmp(value, "auto") != 0 && !parse_number(value, 1, LANES_MAX, &lanes))
		return false;
	r->config->lanes = (unsigned)lanes;
	return true;
}

static bool set_latency(struct reader *r, const char *value)
{
	const int is = choice(value, "normal|low");

	r->config->low_latency = is == 1;
	return is >= 0;
}

static bool set_cpus(struct reader *r, const char *value)
{
	cpu_set_t cpus;

	if (strlen(value) >= sizeof(r->config->cpus) || cpu_list_parse(value, &cpus, NULL))
		return false;
	strcpy(r->config->cpus, value);
	return true;
}

static const struct key interface_keys[] = {
	{"mode", "auto, native or generic", set_mode},
	{"queues", "all, or 1 to 64", set_queues},
	{"hook", "auto, tcx or clsact", set_hook},
	{"threaded-napi", "yes or no", set_threaded_napi},
	{"busy-poll", "yes or no", set_busy_poll},
	{"steering", "auto, rss, ntuple or off", set_steering},
	{"packet-memory", "MiB, 1 to 65536", set_packet_memory},
	{"path-mtu-min", "ignore, or 576 to 9216", set_path_mtu_min},
	{"mss-clamp", "no, yes, or the largest MSS, 536 to 9216", set_mss_clamp},
	{0},
};

static const struct key daemon_keys[] = {
	{"mark", "1 to 0xffffffff", set_mark},
	{"unknown-spi", "auto, drop or pass", set_unknown_spi},
	{"aead", "auto, ipsec-mb or openssl", set_aead},
	{"lanes", "auto, or 1 to 64", set_lanes},
	{"cpus", "a list of CPUs, as in 2,4-7", set_cpus},
	{"latency", "normal or low", set_latency},
	{"keylog", "yes or no", set_keylog},
	{"ike-dscp", "0 to 63", set_ike_dscp},
	{"cookie-threshold", "how many half-open IKE SAs there may be before cookies are asked for, 1 to 1000000",
	 set_cookie_threshold},
	{0},
};

static int take_key(struct reader *r, const struct key *keys, const char *name, const char *value)
{
	if (strcmp(name, "fail-open") == 0)
		return wrong(r, "fail-open: there is no such thing: what cannot be protected is dropped, never sent or "
				"taken in clear; what may be clear is a [policy] with action = bypass");
	for (const struct key *k = keys; k->name; k++) {
		if (strcmp(k->name, name) != 0)
			continue;
		if (r->seen & 1ULL << (k - keys))
			return wrong(r, "%s is in [%s] twice", name, r->section);
		r->seen |= 1ULL << (k - keys);
		if (!k->set(r, value))
			return wrong(r, "%s = '%.60s': give %s", name, value, k->values);
		return 1;
	}
	return wrong(r, "[%s] has no key '%.60s'", r->section, name);
}

/* ---- sections ---- */

/* What follows "KIND " in a section's name, or NULL. */
static const char *section_of(const char *section, const char *kind)
{
	const size_t n = strlen(kind);

	return strncmp(section, kind, n) == 0 && section[n] == ' ' ? section + n + 1 : NULL;
}

static int begin_interface(struct reader *r, const char *name)
{
	struct config *c = r->config;

	if (strlen(name) >= IF_NAMESIZE || strpbrk(name, "/ :") || !*name)
		return wrong(r, "'%.60s' cannot be an interface's name", name);
	for (unsigned i = 0; i < c->interface_count; i++)
		if (strcmp(c->interfaces[i].name, name) == 0)
			return wrong(r, "[interface %s] is in the file twice", name);
	if (c->interface_count == PORTS_MAX)
		return wrong(r, "more than %d interfaces", PORTS_MAX);
	r->interface = &c->interfaces[c->interface_count++];
	interface_config_init(r->interface, name);
	return 1;
}

/* What a section says is looked at as a whole when it ends. */
static bool end_section(struct reader *r)
{
	if (r->policy)
		return policy_end(r);
	return !r->connection || connection_end(r);
}

static int begin_section(struct reader *r, const char *section)
{
	const char *name = section_of(section, "interface");

	if (!end_section(r))
		return 0;
	snprintf(r->section, sizeof(r->section), "%s", section);
	r->interface = NULL;
	r->connection = NULL;
	r->policy = NULL;
	r->seen = 0;
	if (name)
		return begin_interface(r, name);
	if (strcmp(section, "daemon") == 0)
		return 1;
	if (section_of(section, "connection"))
		return connection_begin(r, section_of(section, "connection"));
	if (section_of(section, "policy"))
		return policy_begin(r, section_of(section, "policy"));
	return wrong(r, "[%s] is no section: there are [interface DEV], [connection NAME], [policy NAME] and [daemon]",
		     section);
}

/* ---- lines ---- */

/* Called by libinih for each "name = value". */
static int on_value(void *user, const char *section, const char *name, const char *value)
{
	struct reader *r = user;

	if (r->err)
		return 0;
	if (!*section)
		return wrong(r, "'%.60s' stands before any section", name);
	if (r->connection)
		return take_key(r, connection_keys, name, value);
	if (r->policy)
		return take_key(r, policy_keys, name, value);
	return take_key(r, r->interface ? interface_keys : daemon_keys, name, value);
}

/* A section is looked at when its line is read: libinih does not tell of one without keys. */
static void look_for_section(struct reader *r, const char *line)
{
	const char *rest;
	char section[64];
	size_t n;

	if (*line != '[')
		return;
	n = strcspn(line + 1, "]");
	if (line[1 + n] != ']') {
		wrong(r, "a section's name ends with ']'");
		return;
	}
	rest = line + 1 + n + 1;
	rest += strspn(rest, BLANKS);
	if (*rest && *rest != ';' && *rest != '#') {
		wrong(r, "a section's name stands alone on its line");
		return;
	}
	snprintf(section, sizeof(section), "%.*s", (int)n, line + 1);
	begin_section(r, section);
}

/* fgets(), which does not tell how much it has read: a line that has a NUL in it ends there, and would be another. */
static bool get_line(struct reader *r, char *line, int size)
{
	int length = 0, c = 0;

	while (length < size - 1 && c != '\n' && (c = getc(r->file)) != EOF) {
		if (c == '\0') {
			r->line++;
			wrong(r, "a NUL byte: the file is not text, or was not written to its end");
			return false;
		}
		line[length++] = (char)c;
	}
	line[length] = '\0';
	return length;
}

static char *read_line(char *line, int size, void *stream)
{
	struct reader *r = stream;

	if (r->err || !get_line(r, line, size))
		return NULL;
	/* Editors of other systems begin a file with it. To libinih it is nothing, and the section is one. */
	if (r->line++ == 0 && strncmp(line, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
		memset(line, ' ', strlen(BYTE_ORDER_MARK));
	if (strlen(line) > LINE_LENGTH_MAX) {
		wrong(r, "the line is longer than %d characters", LINE_LENGTH_MAX);
		return NULL;
	}
	/* An indented line would continue the value above it, which no key of ours does. */
	memmove(line, line + strspn(line, BLANKS), strlen(line + strspn(line, BLANKS)) + 1);
	look_for_section(r, line);
	return r->err ? NULL : line;
}

int config_read(struct config *config, const char *path, struct fault *f)
{
	struct reader r = {.path = path, .config = config, .f = f};
	int line;

	*config = (struct config){.mark = CONFIG_DEFAULT_MARK, .aead = "auto"};
	r.file = fopen(path, "re");
	if (!r.file)
		return fault(f, errno, "%s: %s: an [interface DEV] section is all it needs", path, strerror(errno));
	line = ini_parse_stream(read_line, &r, on_value, &r);
	if (line > 0 && !r.err) {
		r.line = (unsigned)line;
		wrong(&r, "neither '[section]' nor 'key = value'");
	}
	/* Half a file would be another configuration: without what protects, perhaps. */
	if (!r.err && (line < 0 || ferror(r.file)))
		r.err = fault(f, EIO, "%s: cannot be read: %s", path, strerror(line < 0 ? ENOMEM : errno));
	fclose(r.file);
	if (!r.err)
		end_section(&r);
	cJSON_Delete(r.words);
	if (r.err)
		config_free(config);
	return r.err;
}
