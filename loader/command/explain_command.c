/* SPDX-License-Identifier: BSD-2-Clause */
/* 'explain': a packet by the words of the command line -> what would happen to it -> text or JSON, and an exit status.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "control_client.h"
#include "explain_path.h"
#include "lib/protocols.h"
#include "lines.h"
#include "maps/selector_shared.h"
#include "net/local_addr.h"
#include "net/route.h"
#include "policy/addr_remedy.h"
#include "policy/parse.h"
#include "policy/protect.h"
#include "session.h"

#define EXPLAIN_VERSION 1
/* Of a packet that nobody said more about: no server has them. */
#define SOME_PORT    40000
#define ECHO_REQUEST 8

/* ---- words ---- */

static int parse_address(const struct invocation *inv, const char *name, uint8_t addr[4], struct fault *f)
{
	const char *text = word(inv, name);

	return parse_ipv4(text, addr) ? 0 : bad_address(f, name, text, false, "an IPv4 address");
}

static int parse_one_port(const struct invocation *inv, const char *name, uint16_t *port, struct fault *f)
{
	const char *text = word(inv, name);
	uint64_t number;

	if (!text)
		return 0;
	if (!parse_number(text, 0, UINT16_MAX, &number))
		return bad_word(f, name, text, "a port");
	*port = (uint16_t)number;
	return 0;
}

static int parse_type(const char *text, struct datapath_packet *p, struct fault *f)
{
	uint16_t last = 0;

	p->sport = ECHO_REQUEST << 8;
	if (text && !parse_icmp_types(text, &p->sport, &last))
		return bad_word(f, "type", text, "an ICMP type, as 8 or echo-request");
	p->dport = p->sport;
	return 0;
}

/* IKE is between two of its ports; else nobody's port is taken, where none is given. */
static int parse_ports_of(const struct invocation *inv, struct datapath_packet *p, struct fault *f)
{
	int err;

	p->dport = SOME_PORT;
	err = parse_one_port(inv, "port", &p->dport, f);
	p->sport = p->dport == 500 || p->dport == 4500 ? p->dport : SOME_PORT;
	return err ? err : parse_one_port(inv, "sport", &p->sport, f);
}

static int parse_protocol(const struct invocation *inv, struct datapath_packet *p, struct fault *f)
{
	const char *proto = word(inv, "proto"), *port = word(inv, "port"), *sport = word(inv, "sport");
	struct fault why;

	p->proto = IPPROTO_ICMP;
	if (proto && strchr(proto, '/'))
		return bad_word(f, "proto", proto, "the protocol alone, and its port as the next word");
	if (proto && protect_parse_proto(proto, &p->proto, &why))
		return fault(f, EINVAL, "proto %.200s", why.text);
	if (proto_has_ports(p->proto))
		return parse_ports_of(inv, p, f);
	if (sport || (port && p->proto != IPPROTO_ICMP))
		return fault(f, EINVAL, "%s '%s': %s has no ports", sport ? "sport" : "port", sport ? sport : port,
			     proto ? proto : "icmp");
	return p->proto == IPPROTO_ICMP ? parse_type(port, p, f) : 0;
}

static int parse_rest(const struct invocation *inv, struct explain *e, struct fault *f)
{
	const char *dev = word(inv, "dev"), *spi = word(inv, "spi");
	uint64_t number = 0;

	if (dev && !(e->dev = (int)if_nametoindex(dev)))
		return fault(f, EINVAL, "dev '%.40s': no such interface here: 'ip link' lists them", dev);
	if (spi && !parse_number(spi, 1, UINT32_MAX, &number))
		return bad_word(f, "spi", spi, "1 to 0xffffffff");
	e->spi = (uint32_t)number;
	return 0;
}

static int parse_words(const struct invocation *inv, struct explain *e, struct fault *f)
{
	int err = parse_address(inv, "src", e->packet.src, f);

	if (!err)
		err = parse_address(inv, "dst", e->packet.dst, f);
	if (!err)
		err = parse_protocol(inv, &e->packet, f);
	return err ? err : parse_rest(inv, e, f);
}

/* ---- what is known beside the maps ---- */

static int ask(const struct instance *in, const char *command, cJSON **reply, struct fault *f)
{
	int err = control_ask(in, command, NULL, -1, reply, f);

	return err == -ECONNREFUSED ? 0 : err;
}

/* As its own answers would go; 0: there is no way to it. */
static int arrives_by(const struct explain *e)
{
	struct route_question q = {0};
	struct route back;

	if (e->dev)
		return e->dev;
	memcpy(q.dst, e->packet.src, sizeof(q.dst));
	return route_get(&q, &back) || back.type != RTN_UNICAST ? 0 : back.ifindex;
}

/* For all on a network, or for a group: this host is one of them. */
static bool is_for_group(const struct explain *e)
{
	struct route_question q = {.oif = e->dev};
	struct route route;

	memcpy(q.dst, e->packet.dst, sizeof(q.dst));
	return e->packet.dst[0] >> 4 == 0xe || (route_get(&q, &route) == 0 && route.type == RTN_BROADCAST);
}

static int find_ends(struct explain *e, struct fault *f)
{
	enum locality src, dst;
	int err = local_addr_find(e->packet.src, &src);

	if (!err)
		err = local_addr_find(e->packet.dst, &dst);
	if (err)
		return fault(f, -err, "addresses of this host: %s", strerror(-err));
	e->from_us = src != ADDR_REMOTE;
	e->packet.group = is_for_group(e);
	e->to_us = dst != ADDR_REMOTE || (e->packet.group && !e->from_us);
	if (!e->from_us)
		e->arrives = arrives_by(e);
	if (e->spi && (e->from_us || !e->to_us || e->packet.group))
		return fault(f, EINVAL, "spi 0x%x: this packet does not come in as ESP for this host", e->spi);
	return 0;
}

/* ---- the answer ---- */

/* What comes in and is not for us goes on, and out. ESP is never for a group. */
static cJSON *paths_of(const struct explain *e)
{
	cJSON *paths = cJSON_CreateArray();

	if (!e->from_us)
		cJSON_AddItemToArray(paths, explain_in_clear(e));
	if (!e->from_us && e->to_us && !e->packet.group)
		cJSON_AddItemToArray(paths, explain_in_esp(e));
	if (e->from_us || !e->to_us)
		cJSON_AddItemToArray(paths, explain_out(e));
	return paths;
}

static bool is(const cJSON *path, const char *verdict)
{
	const char *its = json_text(path, "verdict");

	return its && strcmp(its, verdict) == 0;
}

/*
 * Of two paths that a packet may take (in clear, or as ESP) the worse counts if it is open, else the other. Of two
 * that it takes one after the other, any that drops.
 */
static const char *verdict_of(const struct explain *e, const cJSON *paths)
{
	const cJSON *first = cJSON_GetArrayItem(paths, 0), *last = cJSON_GetArrayItem(paths, 1);

	if (!last)
		return json_text(first, "verdict");
	if (e->to_us)
		return json_text(is(first, "clear") ? first : last, "verdict");
	return json_text(is(first, "dropped") ? first : last, "verdict");
}

static int exit_status(const char *verdict)
{
	if (strcmp(verdict, "protected") == 0)
		return EXIT_SUCCESS;
	return strcmp(verdict, "clear") == 0 ? EXIT_IN_CLEAR : EXIT_NOT_WELL;
}

static void packet_text(const struct datapath_packet *p, char *buf, size_t size)
{
	char src[ADDR_TEXT], dst[ADDR_TEXT], name[24];
	const int n = snprintf(buf, size, "%s > %s: ", addr_text(p->src, src), addr_text(p->dst, dst));

	buf += n;
	size -= (size_t)n;
	if (p->proto == IPPROTO_ICMP)
		snprintf(buf, size, "icmp %s", icmp_type_text((uint8_t)(p->sport >> 8), name, sizeof(name)));
	else if (proto_has_ports(p->proto))
		snprintf(buf, size, "%s, port %u > %u", proto_text(p->proto, name, sizeof(name)), p->sport, p->dport);
	else
		snprintf(buf, size, "%s", proto_text(p->proto, name, sizeof(name)));
}

static cJSON *document_of(const struct explain *e)
{
	cJSON *document = cJSON_CreateObject(), *paths = paths_of(e);
	char text[96], addr[ADDR_TEXT];

	packet_text(&e->packet, text, sizeof(text));
	cJSON_AddNumberToObject(document, "version", EXPLAIN_VERSION);
	cJSON_AddStringToObject(document, "packet", text);
	cJSON_AddStringToObject(document, "src", addr_text(e->packet.src, addr));
	cJSON_AddStringToObject(document, "dst", addr_text(e->packet.dst, addr));
	cJSON_AddNumberToObject(document, "proto", e->packet.proto);
	if (proto_has_ports(e->packet.proto)) {
		cJSON_AddNumberToObject(document, "sport", e->packet.sport);
		cJSON_AddNumberToObject(document, "dport", e->packet.dport);
	}
	cJSON_AddStringToObject(document, "verdict", verdict_of(e, paths));
	cJSON_AddItemToObject(document, "paths", paths);
	return document;
}

/* IKE in clear is as it should be. */
static enum tint tint_of(const cJSON *path)
{
	const char *reason = json_text(path, "reason");

	if (is(path, "protected") || (reason && strcmp(reason, reason_name(REASON_IKE)) == 0))
		return TINT_GOOD;
	return is(path, "clear") ? TINT_BAD : TINT_WARN;
}

static void print_path(const cJSON *path)
{
	const bool out = strcmp(json_text(path, "direction"), "out") == 0;
	const bool esp = strcmp(json_text(path, "as"), "esp") == 0;
	const cJSON *step;

	printf("\n%s\n", out ? "out" : esp ? "in, as ESP" : "in, in clear");
	cJSON_ArrayForEach(step, json_item(path, "steps"))
		lines_item(stdout, TINT_NONE, json_text(step, "step"), "%s", json_text(step, "text"));
	lines_item(stdout, tint_of(path), "=>", "%s", json_text(path, "text"));
}

/* What people have not said is said, as it may make all the difference. */
static void print_text(const struct invocation *inv, const cJSON *document)
{
	const cJSON *path;

	lines_text(stdout, TINT_HEAD, 2, "%s%s", json_text(document, "packet"),
		   word(inv, "proto") ? "" : " (give PROTO and PORT to ask for another packet)");
	cJSON_ArrayForEach(path, json_item(document, "paths"))
		print_path(path);
}

static int answer(const struct invocation *inv, struct explain *e)
{
	cJSON *document = document_of(e);
	const int code = exit_status(json_text(document, "verdict"));

	if (inv->json)
		json_print(document, inv->pretty);
	else
		print_text(inv, document);
	cJSON_Delete(document);
	return code;
}

int explain_command(const struct invocation *inv)
{
	cJSON *status = NULL, *names = NULL;
	struct explain e = {0};
	struct instance in;
	struct maps maps;
	struct fault f;
	int code, err = parse_words(inv, &e, &f);

	if (err)
		return err == -EINVAL ? cli_usage(inv, f.text) : cli_fail(inv, f.text);
	err = session_maps(inv, &in, &maps, &f);
	if (err)
		return cli_fail(inv, f.text);
	err = find_ends(&e, &f);
	if (!err)
		err = ask(&in, "status", &status, &f);
	if (!err)
		err = ask(&in, "policy names", &names, &f);
	e.in = &in;
	e.maps = &maps;
	e.status = status;
	e.names = json_item(names, "document");
	if (!err)
		explain_rules_read(&e.rules);
	code = err == -EINVAL ? cli_usage(inv, f.text) : err ? cli_fail(inv, f.text) : answer(inv, &e);
	cJSON_Delete(status);
	explain_rules_free(&e.rules);
	cJSON_Delete(names);
	maps_close(&maps);
	return code;
}
