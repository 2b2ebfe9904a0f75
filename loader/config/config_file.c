/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "config_file.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "config_habits.h"
#include "config_reader.h"
#include "connection_section.h"
#include "foreign_keys.h"
#include "lib/cpu_list.h"
#include "lib/near_word.h"
#include "policy/parse.h"
#include "policy_section.h"
#include "script_file.h"

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

/* Rounded up to what maps are made for. */
static bool set_sa_max(struct reader *r, const char *value)
{
	uint64_t n;

	if (!parse_number(value, SLOTS_MIN, SLOTS_MAX, &n))
		return false;
	r->config->sa_max = (uint32_t)((n + SLOTS_STEP - 1) / SLOTS_STEP * SLOTS_STEP);
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

static bool set_log_level(struct reader *r, const char *value)
{
	return log_level_parse(value, &r->config->log_level);
}

/* What is wrong with it is wrong before it is needed. */
static bool set_event_script(struct reader *r, const char *value)
{
	struct fault why;

	if (strlen(value) >= sizeof(r->config->event_script) || !*value)
		return false;
	if (script_file_check(value, NULL, &why)) {
		wrong(r, "event-script: %.240s", why.text);
		return false;
	}
	strcpy(r->config->event_script, value);
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
	{"sa-max", "64 to 262144", set_sa_max},
	{"cpus", "a list of CPUs, as in 2,4-7", set_cpus},
	{"latency", "normal or low", set_latency},
	{"keylog", "yes or no", set_keylog},
	{"log-level", "warning, info or debug", set_log_level},
	{"event-script", "the absolute path of a program that is root's alone", set_event_script},
	{"ike-dscp", "0 to 63", set_ike_dscp},
	{"cookie-threshold", "how many half-open IKE SAs there may be before cookies are asked for, 1 to 1000000",
	 set_cookie_threshold},
	{0},
};

/* What a section of each kind may have. */
static const struct kind {
	const char *title;
	const struct key *keys;
	const struct foreign_word *foreign;
} interface_kind = {"[interface DEV]", interface_keys, interface_foreign_keys},
  connection_kind = {"[connection NAME]", connection_keys, connection_foreign_keys},
  policy_kind = {"[policy NAME]", policy_keys, policy_foreign_keys},
  daemon_kind = {"[daemon]", daemon_keys, daemon_foreign_keys};

static const struct kind *const kinds[] = {&interface_kind, &connection_kind, &policy_kind, &daemon_kind};

static const struct key *find_key(const struct key *keys, const char *name)
{
	for (; keys->name; keys++)
		if (strcmp(keys->name, name) == 0)
			return keys;
	return NULL;
}

/* The kind of section that has such a key; NULL: none does. */
static const struct kind *kind_with(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (find_key(kinds[i]->keys, name))
			return kinds[i];
	return NULL;
}

/* What the word is called here, where it stands, or which it may have been meant to be. */
static int unknown_key(struct reader *r, const struct kind *kind, const char *name)
{
	const char *foreign = foreign_word_answer(kind->foreign, name);
	const struct kind *elsewhere = kind_with(name);
	struct near_word near = near_word_of(name);
	char question[80];

	if (foreign)
		return wrong(r, "[%s] has no key '%.60s': %s", r->section, name, foreign);
	if (elsewhere)
		return wrong(r, "[%s] has no key '%.60s': it stands in %s", r->section, name, elsewhere->title);
	for (const struct key *k = kind->keys; k->name; k++)
		near_word_offer(&near, k->name);
	return wrong(r, "[%s] has no key '%.60s'%s", r->section, name,
		     near.nearest ? near_word_question(&near, question, sizeof(question))
				  : ": xdp-ipsec.conf(5) has those that there are");
}

static int take_key(struct reader *r, const struct kind *kind, const char *name, const char *value)
{
	const struct key *k = find_key(kind->keys, name);

	if (strcmp(name, "fail-open") == 0)
		return wrong(r, "fail-open: there is no such thing: what cannot be protected is dropped, never sent or "
				"taken in clear; what may be clear is a [policy] with action = bypass");
	if (!k)
		return unknown_key(r, kind, name);
	if (r->seen & 1ULL << (k - kind->keys))
		return wrong(r, "%s is in [%s] twice", name, r->section);
	r->seen |= 1ULL << (k - kind->keys);
	if (!k->set(r, value))
		return wrong(r, "%s = '%.60s': give %s%s", name, value, k->values, config_habit(k->values, value));
	return 1;
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
	uint8_t addr[4];

	if (parse_ipv4(name, addr))
		return wrong(r, "'%s' is an address: give the name of the interface that has it, as 'ip address' shows",
			     name);
	/* The kernel would take the second row, too, but who writes it means something else by it. */
	if (strlen(name) >= IF_NAMESIZE ||
	    strpbrk(name, "/ :"
			  "\"'*?,%") ||
	    !*name)
		return wrong(r,
			     "'%.60s' cannot be an interface's name: give one, without quotes, as 'ip link' shows it; "
			     "each has a section of its own",
			     name);
	if (config_has_interface(c, name))
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

static const struct kind *kind_of_section(const struct reader *r)
{
	if (r->connection)
		return &connection_kind;
	if (r->policy)
		return &policy_kind;
	return r->interface ? &interface_kind : &daemon_kind;
}

/* Called by libinih for each "name = value". */
static int on_value(void *user, const char *section, const char *name, const char *value)
{
	struct reader *r = user;

	if (r->err)
		return 0;
	if (!*section)
		return wrong(r,
			     "stands before any section: each line belongs to an [interface DEV], [connection NAME], "
			     "[policy NAME] or [daemon] above it");
	return take_key(r, kind_of_section(r), name, value);
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
			wrong(r, "a NUL byte: the file is not text, is UTF-16 and not UTF-8, or was not written to its "
				 "end");
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
	if (!r->odd_line && !strchr(";#", line[strspn(line, BLANKS)]) && config_has_odd_letters(line))
		r->odd_line = r->line;
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

	*config = (struct config){
		.mark = CONFIG_DEFAULT_MARK,
		.aead = "auto",
		.sa_max = SLOTS_DEFAULT,
		.log_level = LOG_LEVEL_INFO,
	};
	r.file = fopen(path, "re");
	if (!r.file)
		return fault(f, errno, "%s: %s: an [interface DEV] section is all it needs", path, strerror(errno));
	line = ini_parse_stream(read_line, &r, on_value, &r);
	if (line > 0 && !r.err) {
		r.line = (unsigned)line;
		wrong(&r, "neither '[section]', as [connection core1], nor 'key = value', nor a comment, which begins "
			  "with ';'");
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
