/* SPDX-License-Identifier: BSD-2-Clause */
#include "protect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"

#define PROTO_ICMP 1
#define PROTO_ESP  50
/* No protocol has these (IANA's list of 2025), so that who says so means a port. */
#define UNASSIGNED_MIN 148
#define UNASSIGNED_MAX 252

static int parse_types(const char *text, const char *types, struct selector *sel, struct fault *f)
{
	if (!parse_icmp_types(types, &sel->remote_port_min, &sel->remote_port_max))
		return fault(f, EINVAL, "'%.60s': give an ICMP type, as icmp/8 or icmp/echo-request", text);
	sel->local_port_min = sel->remote_port_min;
	sel->local_port_max = sel->remote_port_max;
	return 0;
}

static int parse_either_ports(const char *text, const char *ports, struct protect *out, struct fault *f)
{
	const uint8_t proto = (uint8_t)out->sel.proto;
	char name[8];

	if (!proto_has_ports(proto))
		return fault(f, EINVAL, "'%.60s': %s has no ports", text, proto_text(proto, name, sizeof(name)));
	if (!parse_ports(ports, &out->sel.remote_port_min, &out->sel.remote_port_max) || !out->sel.remote_port_min)
		return fault(f, EINVAL, "'%.60s': give a port or a range, 1 to 65535, as tcp/179 or tcp/8000-8080",
			     text);
	out->either_end = true;
	return 0;
}

/* What has a port, by its name or number, is not yet TCP's or UDP's. port: what stands between the two where this is
 * read. */
static int no_protocol(const char *name, const char *text, const char *port, struct fault *f)
{
	const struct servent *service = getservbyname(name, NULL);
	uint64_t number;

	if (service)
		return fault(f, EINVAL, "'%.60s': a service, which is no protocol: give %s%s%u", text, service->s_proto,
			     port, ntohs((uint16_t)service->s_port));
	if (parse_number(name, 1, UINT16_MAX, &number))
		return fault(f, EINVAL, "'%.60s': no protocol has this number: if it is a port, give tcp%s%u, or udp",
			     text, port, (unsigned)number);
	return fault(
		f, EINVAL,
		"'%.60s': give a protocol's name or number, and for some a port or type: tcp/179, udp, icmp/8, gre",
		text);
}

/* text: what the name is of, as it was written. */
static int parse_assigned(const char *name, const char *text, const char *port, uint8_t *proto, struct fault *f)
{
	if (!parse_proto(name, proto) || (*proto >= UNASSIGNED_MIN && *proto <= UNASSIGNED_MAX))
		return no_protocol(name, text, port, f);
	return 0;
}

int protect_parse_proto(const char *text, uint8_t *proto, struct fault *f)
{
	return parse_assigned(text, text, ", with port ", proto, f);
}

int protect_parse(const char *text, struct protect *out, struct fault *f)
{
	const size_t n = strcspn(text, "/");
	char name[16];
	uint8_t proto;
	int err;

	*out = (struct protect){.sel = SELECTOR_ALL};
	snprintf(name, sizeof(name), "%.*s", n < sizeof(name) ? (int)n : 0, text);
	err = parse_assigned(name, text, "/", &proto, f);
	if (err)
		return err;
	out->sel.proto = proto;
	if (proto == PROTO_ESP)
		return fault(f, ERANGE, "esp: ESP is not applied to ESP");
	if (!text[n])
		return 0;
	if (proto == PROTO_ICMP)
		return parse_types(text, text + n + 1, &out->sel, f);
	return parse_either_ports(text, text + n + 1, out, f);
}
