/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "connection_section.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config.h"
#include "maps/layout.h"
#include "policy/addr_remedy.h"

/* More often, a loaded host's answers come too late by themselves; more rarely, nobody would call it monitored. */
#define MONITOR_MS_MIN 50
#define MONITOR_MS_MAX 3600000

#define LOCAL_VALUES  "an IPv4 address of this host"
#define REMOTE_VALUES "an IPv4 address, or a prefix for a mesh"

/* ---- values ---- */

static bool copy(char *to, size_t size, const char *value)
{
	return *value && (size_t)snprintf(to, size, "%s", value) < size;
}

/* N with a unit of a list of letters, each with its factor. */
static bool parse_unit(const char *value, const char *units, const uint64_t *factors, uint64_t *out)
{
	const size_t n = strspn(value, "0123456789");
	const char *unit = value[n] ? strchr(units, value[n]) : NULL;
	char digits[20];
	uint64_t number;

	if (n == 0 || n >= sizeof(digits) || (value[n] && (!unit || value[n + 1])))
		return false;
	memcpy(digits, value, n);
	digits[n] = '\0';
	if (!parse_number(digits, 0, UINT64_MAX, &number))
		return false;
	return !__builtin_mul_overflow(number, unit ? factors[unit - units] : 1, out);
}

static bool parse_duration(const char *value, uint64_t *seconds)
{
	static const uint64_t factors[] = {1, 60, 3600, 86400};

	return parse_unit(value, "smhd", factors, seconds) && *seconds <= 366 * 86400ULL;
}

/* Probes: a time as above, or N ms. */
static bool parse_interval(const char *value, uint64_t *ms)
{
	const size_t digits = strspn(value, "0123456789");
	char number[20];
	uint64_t seconds;

	if (strcmp(value + digits, "ms") == 0) {
		return digits < sizeof(number) && snprintf(number, digits + 1, "%s", value) >= 0 &&
		       parse_number(number, MONITOR_MS_MIN, MONITOR_MS_MAX, ms);
	}
	if (!parse_duration(value, &seconds) || seconds == 0 || seconds * 1000 > MONITOR_MS_MAX)
		return false;
	*ms = seconds * 1000;
	return true;
}

/* IKE is told of it in JSON, which has no larger whole numbers. */
static bool parse_amount(const char *value, uint64_t *out)
{
	static const uint64_t factors[] = {1000, 1000000, 1000000000};

	return parse_unit(value, "kMG", factors, out) && *out <= 1ULL << 53;
}

/* ---- addresses ---- */

static bool refuse_address(struct reader *r, const char *name, const char *value, const uint8_t addr[4])
{
	if (addr_is_loopback(addr))
		wrong(r, "%s = %s: a loopback address: there is no wire to protect", name, value);
	else
		wrong(r, "%s = %s: not an address that one host has", name, value);
	return false;
}

/* What it is instead, where that can be told. */
static bool no_address(struct reader *r, const char *name, const char *value, bool prefix, const char *give)
{
	const char *remedy = addr_remedy(value, prefix);

	if (*remedy)
		wrong(r, "%s = '%.60s': give %s%s", name, value, give, remedy);
	return false;
}

static bool set_local(struct reader *r, const char *value)
{
	struct connection_config *c = r->connection;

	if (!parse_ipv4(value, c->local))
		return no_address(r, "local", value, false, LOCAL_VALUES);
	if (addr_is_loopback(c->local) || addr_is_unusable(c->local))
		return refuse_address(r, "local", value, c->local);
	c->has_local = true;
	return true;
}

static bool set_remote(struct reader *r, const char *value)
{
	struct connection_config *c = r->connection;

	char cleaned[PREFIX_CHOICE];

	if (!parse_prefix(value, &c->remote))
		return no_address(r, "remote", value, true, REMOTE_VALUES);
	if (!prefix_is_clean(&c->remote)) {
		wrong(r, "remote = %s: there are bits set behind the prefix: give %s", value,
		      prefix_choice(&c->remote, cleaned));
		return false;
	}
	if ((c->remote.len >= 8 && (addr_is_loopback(c->remote.addr) || addr_is_unusable(c->remote.addr))) ||
	    (c->remote.len >= 3 && c->remote.addr[0] >= 224))
		return refuse_address(r, "remote", value, c->remote.addr);
	c->has_remote = true;
	return true;
}

/* ---- who ---- */

static bool set_auth(struct reader *r, const char *value)
{
	const int which = choice(value, "psk|cert");

	r->connection->cert = which == 1;
	r->connection->has_auth = which >= 0;
	return which >= 0;
}

/* No name begins with a quote, which other files have around theirs. */
static bool copy_text(char *to, size_t size, const char *value)
{
	return !strchr("\"'", *value) && copy(to, size, value);
}

#define TEXT_KEY(key) \
	static bool set_##key(struct reader *r, const char *value) \
	{ \
		return copy_text(r->connection->key, sizeof(r->connection->key), value); \
	}
TEXT_KEY(psk_file)
TEXT_KEY(cert_file)
TEXT_KEY(key_file)
TEXT_KEY(ca_file)
TEXT_KEY(crl_file)
TEXT_KEY(ppk_file)
TEXT_KEY(ppk_id)

/* Nor does one with what other files mark a name's kind by ('@' a host name, '%any'). */
#define ID_KEY(key) \
	static bool set_##key(struct reader *r, const char *value) \
	{ \
		return !strchr("@%", *value) && copy_text(r->connection->key, sizeof(r->connection->key), value); \
	}
ID_KEY(local_id)
ID_KEY(remote_id)

static bool set_ppk_required(struct reader *r, const char *value)
{
	return parse_switch(value, &r->connection->ppk_required);
}

/* ---- what ---- */

static void protect_all(struct connection_config *c)
{
	c->protects[0] = (struct protect){.sel = SELECTOR_ALL};
	c->protect_count = 1;
}

/* What others call all. */
static bool is_everything(const char *item)
{
	return choice(item, "all|any|ip|ipv4|*|0") >= 0;
}

static bool add_protect(struct reader *r, const char *item)
{
	struct connection_config *c = r->connection;
	struct fault why;

	if (!*item)
		wrong(r, "protect: there is nothing in front of a ',' or behind it");
	else if (is_everything(item))
		wrong(r, "protect: 'all' is everything, and stands alone");
	else if (strpbrk(item, " \t;"))
		wrong(r, "protect = '%.60s': items have a ',' between them", item);
	else if (c->protect_count == PROTECTS_MAX)
		wrong(r, "protect: more than %d items", PROTECTS_MAX);
	else if (protect_parse(item, &c->protects[c->protect_count++], &why))
		wrong(r, "protect = %.200s", why.text);
	return !r->err;
}

static bool set_protect(struct reader *r, const char *value)
{
	char copied[200], *rest = copied, *item;

	r->connection->protect_count = 0;
	if (strcmp(value, "all") == 0) {
		protect_all(r->connection);
		return true;
	}
	if (!copy(copied, sizeof(copied), value))
		return false;
	while ((item = strsep(&rest, ","))) {
		item += strspn(item, " \t");
		/* Blanks behind it are not the item's. Inside it they are, and what is there is no protocol. */
		for (size_t n = strlen(item); n && strchr(" \t", item[n - 1]); n--)
			item[n - 1] = '\0';
		if (!add_protect(r, item))
			return false;
	}
	return true;
}

static bool set_start(struct reader *r, const char *value)
{
	return connection_start_parse(value, &r->connection->start);
}

static bool set_gre(struct reader *r, const char *value)
{
	return parse_switch(value, &r->connection->gre);
}

static bool set_esn(struct reader *r, const char *value)
{
	return parse_switch(value, &r->connection->esn);
}

static bool set_per_queue(struct reader *r, const char *value)
{
	return parse_switch(value, &r->connection->per_queue);
}

static bool set_replay_window(struct reader *r, const char *value)
{
	uint64_t window;

	if (!parse_number(value, REPLAY_WINDOW_MIN, REPLAY_WINDOW_MAX, &window))
		return false;
	r->connection->replay_window = (uint16_t)window;
	return true;
}

/* ---- how long ---- */

#define VALUE_KEY(key, parse) \
	static bool set_##key(struct reader *r, const char *value) \
	{ \
		return parse(value, &r->connection->key); \
	}
VALUE_KEY(rekey_s, parse_duration)
VALUE_KEY(lifetime_s, parse_duration)
VALUE_KEY(ike_rekey_s, parse_duration)
VALUE_KEY(reauth_s, parse_duration)
VALUE_KEY(dpd_s, parse_duration)
VALUE_KEY(rekey_bytes, parse_amount)
VALUE_KEY(rekey_packets, parse_amount)

/* ---- what others have, and this has not ---- */

static bool refuse(struct reader *r, const char *why)
{
	wrong(r, "%s", why);
	return false;
}

static bool set_mode_of_sa(struct reader *r, const char *value)
{
	if (strcasecmp(value, "transport") == 0)
		return strcmp(value, "transport") == 0;
	return refuse(
		r, "mode: transport mode is all there is: between two hosts a tunnel adds 20 bytes and nothing else");
}

static bool set_dh_group(struct reader *r, const char *value)
{
	if (choice(value, "20|ecp384") >= 0)
		return true;
	return refuse(r, "dh-group: group 20 (ecp384) is the only one, for IKE and PFS: leave it out");
}

static bool set_cipher(struct reader *r, const char *value)
{
	if (strcasecmp(value, "aes-256-gcm") == 0)
		return strcmp(value, "aes-256-gcm") == 0;
	return refuse(r, "cipher: aes-256-gcm is the only one, for IKE and ESP: leave it out");
}

static bool set_nat_t(struct reader *r, const char *value)
{
	if (choice(value, "no|off") >= 0)
		return true;
	return refuse(
		r, "nat-t: transport mode does not go through NAT: NAT changes the addresses that the checksums inside "
		   "are over");
}

static bool set_ike_version(struct reader *r, const char *value)
{
	if (choice(value, "2|ikev2") >= 0)
		return true;
	if (strchr(value, '-') || strstr(value, "aes"))
		return refuse(r, "ike: here it is the version, 2; there is no choice of ciphers: leave it out");
	return refuse(r, "ike: IKEv2 is the only version: IKEv1 has been historic since RFC 9395");
}

static bool set_monitor(struct reader *r, const char *value)
{
	r->connection->monitor_ms = 0;
	return choice(value, "no|off") >= 0 || parse_interval(value, &r->connection->monitor_ms);
}

static bool set_threshold(struct reader *r, const char *value)
{
	uint64_t threshold;

	if (!parse_number(value, 1, 1000, &threshold))
		return false;
	r->connection->threshold = (unsigned)threshold;
	return true;
}

const struct key connection_keys[] = {
	{"local", LOCAL_VALUES, set_local},
	{"remote", REMOTE_VALUES, set_remote},
	{"auth", "psk or cert", set_auth},
	{"psk-file", "a file's name", set_psk_file},
	{"cert", "a file's name", set_cert_file},
	{"key", "a file's name", set_key_file},
	{"ca", "a file's name", set_ca_file},
	{"crl", "a file's name", set_crl_file},
	{"ppk-id", "up to 95 characters", set_ppk_id},
	{"ppk-file", "a file's name", set_ppk_file},
	{"ppk-required", "yes or no", set_ppk_required},
	{"local-id", "an address, a host name, an email address, a DN or keyid:NAME", set_local_id},
	{"remote-id", "an address, a host name, an email address, a DN, keyid:NAME, or a pattern of them",
	 set_remote_id},
	{"protect", "all, or a list as tcp/179, udp/6081-6085, icmp/echo-request, gre", set_protect},
	{"start", "trap, initiate or respond", set_start},
	{"esn", "yes or no", set_esn},
	{"replay-window", "64 to 8192", set_replay_window},
	{"rekey-time", "a time, as 1h or 50m; 0: never", set_rekey_s},
	{"lifetime", "a time, as 70m", set_lifetime_s},
	{"rekey-bytes", "a number, with k, M or G; 0: never", set_rekey_bytes},
	{"rekey-packets", "a number, with k, M or G; 0: never", set_rekey_packets},
	{"ike-rekey-time", "a time, as 8h; 0: never", set_ike_rekey_s},
	{"reauth-time", "a time, as 1d; 0: never", set_reauth_s},
	{"dpd-interval", "a time, as 10s; 0: never", set_dpd_s},
	{"monitor", "no, or a time of 50ms to 1h, as 3s or 200ms", set_monitor},
	{"threshold", "1 to 1000", set_threshold},
	{"gre", "yes or no", set_gre},
	{"per-queue-sas", "yes or no", set_per_queue},
	{"mode", "transport", set_mode_of_sa},
	{"dh-group", "20", set_dh_group},
	{"cipher", "aes-256-gcm", set_cipher},
	{"nat-t", "no", set_nat_t},
	{"ike", "2", set_ike_version},
	{0},
};

/* ---- the section ---- */

int connection_begin(struct reader *r, const char *name)
{
	struct config *config = r->config;
	struct connection_config *c;

	if (!section_name_is_good(name, CONNECTION_NAME_MAX))
		return wrong(r, "'%.60s' cannot be a connection's name: up to 47 letters, digits, '-', '_', '.'", name);
	if (config_has_connection(config, name))
		return wrong(r, "[connection %s] is in the file twice", name);
	c = reallocarray(config->connections, config->connection_count + 1, sizeof(*c));
	if (!c)
		return wrong(r, "%s", strerror(ENOMEM));
	config->connections = c;
	c += config->connection_count++;
	/* To the last byte: two of them are compared as memory. */
	memset(c, 0, sizeof(*c));
	c->line = r->line;
	c->esn = true;
	c->replay_window = 1024;
	c->rekey_s = 3600;
	c->lifetime_s = 4200;
	c->ike_rekey_s = 8 * 3600;
	c->dpd_s = 10;
	c->threshold = 5;
	snprintf(c->name, sizeof(c->name), "%s", name);
	protect_all(c);
	r->connection = c;
	return config_connection_named(config) ? wrong(r, "%s", strerror(ENOMEM)) : 1;
}

static bool need(struct reader *r, bool there, const char *what)
{
	if (!there)
		wrong(r, "[%s] has no %s", r->section, what);
	return there;
}

static bool has_proof(struct reader *r, const struct connection_config *c)
{
	if (!need(r, c->has_auth, "'auth = psk' or 'auth = cert'"))
		return false;
	if (!c->cert)
		return need(r, c->psk_file[0], "'psk-file', which auth = psk asks for");
	return need(r, c->cert_file[0], "'cert', which auth = cert asks for") &&
	       need(r, c->key_file[0], "'key', which auth = cert asks for") &&
	       need(r, c->ca_file[0], "'ca', which auth = cert asks for");
}

static bool protects_icmp_type(const struct connection_config *c, uint8_t type)
{
	for (unsigned i = 0; i < c->protect_count; i++)
		if (selector_takes(&c->protects[i].sel, IPPROTO_ICMP, (uint16_t)(type << 8), (uint16_t)(type << 8)))
			return true;
	return false;
}

static bool can_be_monitored(struct reader *r, const struct connection_config *c)
{
	if (c->remote.len < 32)
		return wrong(r, "[%s]: monitor is for one peer, not for a prefix: give it a [connection] of its own",
			     r->section);
	if (!protects_icmp_type(c, ICMP_ECHO) || !protects_icmp_type(c, ICMP_ECHOREPLY))
		return wrong(r, "[%s]: monitor sends ICMP echo: protect must be all or have icmp in it", r->section);
	return true;
}

static bool goes_together(struct reader *r, const struct connection_config *c)
{
	if (c->remote.len == 32 && memcmp(c->remote.addr, c->local, 4) == 0)
		return wrong(r, "[%s]: local and remote are the same host", r->section);
	if (c->lifetime_s && c->rekey_s >= c->lifetime_s)
		return wrong(r,
			     "[%s]: rekey-time (%llu s) must be shorter than lifetime (%llu s), or the SA ends before "
			     "it is replaced",
			     r->section, (unsigned long long)c->rekey_s, (unsigned long long)c->lifetime_s);
	if (!c->ppk_id[0] != !c->ppk_file[0])
		return wrong(r, "[%s]: ppk-id and ppk-file go together", r->section);
	if (c->ppk_required && !c->ppk_file[0])
		return wrong(r, "[%s]: ppk-required without ppk-id and ppk-file", r->section);
	return !c->monitor_ms || can_be_monitored(r, c);
}

/* GRE has to be protected for what is in it to be. */
static bool protect_gre(struct reader *r, struct connection_config *c)
{
	static const struct protect gre = {.sel = {SELECTOR_ANY_PORT, .proto = IPPROTO_GRE}};

	if (!c->gre)
		return true;
	for (unsigned i = 0; i < c->protect_count; i++)
		if (!c->protects[i].sel.proto || c->protects[i].sel.proto == IPPROTO_GRE)
			return true;
	if (c->protect_count == PROTECTS_MAX)
		return wrong(r, "[%s]: gre = yes needs a place in protect, which has %d: take one out", r->section,
			     PROTECTS_MAX);
	c->protects[c->protect_count++] = gre;
	return true;
}

bool connection_end(struct reader *r)
{
	struct connection_config *c = r->connection;
	const unsigned line = r->line;
	bool ok;

	/* What is missing has no line of its own; the section has. */
	r->line = c->line;
	ok = need(r, c->has_local, "'local'") && need(r, c->has_remote, "'remote'") && has_proof(r, c) &&
	     goes_together(r, c) && protect_gre(r, c);
	r->line = line;
	return ok;
}
