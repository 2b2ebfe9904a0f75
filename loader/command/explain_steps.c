/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain_steps.h"

#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/spi_format.h"
#include "maps/selector.h"
#include "maps/slots.h"
#include "net/netdev_stack.h"
#include "hits_view.h"
#include "policy/parse.h"
#include "policy/policy.h"
#include "policy/policy_text.h"
#include "policy/spd_counters.h"
#include "units.h"

#define SECOND_NS 1000000000ULL
/* Interfaces on one another, at the most. */
#define STACK_MAX 8

cJSON *explain_step(cJSON *path, const char *name, const char *format, ...)
{
	cJSON *step = cJSON_CreateObject();
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	cJSON_AddStringToObject(step, "step", name);
	cJSON_AddStringToObject(step, "text", text);
	cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(path, "steps"), step);
	return step;
}

/* ---- route ---- */

void explain_route_step(cJSON *path, const struct route *route)
{
	char dev[IF_NAMESIZE] = "?", via[ADDR_TEXT];
	const bool gateway = !addr_is_zero(route->via);
	cJSON *step;

	if_indextoname((unsigned)route->ifindex, dev);
	step = explain_step(path, "route", "by %s%s%s%s", dev, gateway ? " via " : "",
			    gateway ? addr_text(route->via, via) : "", route->encapsulates ? ", and encapsulates" : "");
	cJSON_AddStringToObject(step, "dev", dev);
	if (gateway)
		cJSON_AddStringToObject(step, "via", via);
}

/* ---- gate ---- */

static bool is_attached(const struct maps *maps, int ifindex)
{
	return gates_get(maps, (uint32_t)ifindex).kind == GATE_ATTACHED;
}

/* A port of that bridge or bond which is attached, or stands on others; 0: none. */
static int port_below(const struct maps *maps, int master)
{
	struct netdev_stack *all;
	size_t count;
	int found = 0;

	if (netdev_stack_dump(&all, &count))
		return 0;
	for (size_t i = 0; i < count; i++)
		if (all[i].master == master && (!found || is_attached(maps, all[i].ifindex)))
			found = all[i].ifindex;
	free(all);
	return found;
}

/* The attached NIC that an interface is, or stands on; 0: none. */
static int attached_below(const struct maps *maps, int ifindex)
{
	for (int i = 0; i < STACK_MAX && ifindex > 0 && !is_attached(maps, ifindex); i++) {
		struct netdev_stack dev;

		if (netdev_stack_get(ifindex, &dev))
			return 0;
		ifindex = dev.kind == NETDEV_UPPER ? dev.below : port_below(maps, ifindex);
	}
	return ifindex > 0 && is_attached(maps, ifindex) ? ifindex : 0;
}

static bool is_hooked(const char *bpf_dir, const char *dev, const struct gate *gate, bool out)
{
	const struct hook_place at = {.dir = bpf_dir, .dev = dev, .ifindex = (int)gate->nic};
	const enum hook_point in = gate->mode == PORT_GENERIC ? HOOK_INGRESS : HOOK_XDP;
	const enum hook_state state =
		hook_look(&at, out ? HOOK_EGRESS : in, HOOK_AUTO, out ? gate->egress : gate->ingress).state;

	return state == HOOK_FIRST || state == HOOK_UNKNOWN;
}

static void tell_gate(cJSON *path, const char *dev, const char *state, const char *text)
{
	cJSON *step = explain_step(path, "gate", "%s: %s", dev, text);

	cJSON_AddStringToObject(step, "dev", dev);
	cJSON_AddStringToObject(step, "state", state);
}

/* Of an interface that is attached, or covered by one that is. */
static void tell_guarded(cJSON *path, const char *bpf_dir, const char *dev, const struct gate *nic, bool out,
			 struct explain_gate *found)
{
	char below[IF_NAMESIZE] = "?", text[96];

	if_indextoname(nic->nic, below);
	found->closed = is_hooked(bpf_dir, below, nic, out);
	if (!found->closed)
		snprintf(text, sizeof(text), "BROKEN: another program is in the place of ours");
	else if (strcmp(dev, below) == 0)
		snprintf(text, sizeof(text), "closed, %s", nic->mode == PORT_GENERIC ? "generic" : "native");
	else
		snprintf(text, sizeof(text), "closed, by that of %s below it", below);
	tell_gate(path, dev, found->closed ? "closed" : "broken", text);
}

struct explain_gate explain_gate_step(cJSON *path, const struct maps *maps, const char *bpf_dir, int ifindex,
				      enum hook_point point)
{
	const struct gate own = gates_get(maps, (uint32_t)ifindex);
	const bool guarded = own.kind == GATE_ATTACHED || own.kind == GATE_COVERED;
	const int nic = guarded ? attached_below(maps, ifindex) : 0;
	const struct gate gate = nic ? gates_get(maps, (uint32_t)nic) : own;
	struct explain_gate found = {.nic = nic ? nic : ifindex, .open = own.kind == GATE_OPEN};
	const bool out = point == HOOK_EGRESS;
	char dev[IF_NAMESIZE] = "?";

	if_indextoname((unsigned)ifindex, dev);
	if (nic) {
		found.program = out ? gate.egress : gate.ingress;
		tell_guarded(path, bpf_dir, dev, &gate, out, &found);
	} else if (found.open) {
		tell_gate(path, dev, "open", "OPEN: it was detached");
	} else if (own.kind == GATE_BROKEN) {
		tell_gate(path, dev, "broken", "BROKEN: another program is in the place of ours");
	} else {
		tell_gate(path, dev, "none", "none: it is not attached");
	}
	return found;
}

/* ---- policy ---- */

/* The policy that a rule was compiled from: the prefix is that of the packet's remote address. */
static struct policy policy_of(const struct spd_rule *rule, const uint8_t remote[4])
{
	struct policy p = {.remote.len = rule->origin, .rule = *rule};

	for (unsigned i = 0; i < 4; i++) {
		const unsigned bits = rule->origin > 8 * i ? rule->origin - 8 * i : 0;

		p.remote.addr[i] = bits >= 8 ? remote[i] : (uint8_t)(remote[i] & ~(0xff >> bits));
	}
	return p;
}

static const cJSON *name_of(const struct policy *p, const cJSON *names)
{
	char text[POLICY_TEXT];

	return json_item(names, policy_selector_text(p, text));
}

/* "by hand", "[connection core1]", or where its name is not known what the maps tell. */
static void owner_text(const struct policy *p, const cJSON *of, char *buf, size_t size)
{
	if (p->rule.owner == OWNER_MANUAL)
		snprintf(buf, size, "by hand");
	else if (of)
		snprintf(buf, size, "[%s %s]", json_text(of, "kind"), json_text(of, "name"));
	else
		snprintf(buf, size, "a %s of the file", p->rule.owner == OWNER_IKE ? "connection" : "[policy]");
}

/* "; 12 packets, 1.20 kB so far", of the direction that is asked about. */
static const char *so_far(const struct hits *hits, char buf[HITS_TEXT + 16])
{
	char text[HITS_TEXT];

	snprintf(buf, HITS_TEXT + 16, "; %s%s so far", hits_text(hits, text), hits->packets ? "" : " packets");
	return buf;
}

/* hits: NULL if they are not counted. */
static void tell_rule(cJSON *path, const struct datapath_rule *rule, const struct policy *p, const cJSON *of,
		      const struct hits *hits)
{
	char text[POLICY_TEXT], owner[80], counted[HITS_TEXT + 16] = "";
	cJSON *step;

	if (hits)
		so_far(hits, counted);
	owner_text(p, of, owner, sizeof(owner));
	policy_text(p, text);
	if (rule->cover)
		step = explain_step(path, "policy", "none for this address of ours, but %s is for another: %s%s", owner,
				    text, counted);
	else
		step = explain_step(path, "policy", "%s: %s%s", owner, text, counted);
	cJSON_AddStringToObject(step, "policy", text);
	cJSON_AddStringToObject(step, "action", policy_action_name(p->rule.action));
	cJSON_AddStringToObject(step, "owner", policy_owner_name(p->rule.owner));
	if (of)
		cJSON_AddStringToObject(step, "name", json_text(of, "name"));
	cJSON_AddBoolToObject(step, "cover", rule->cover);
	hits_add(step, "hits", hits);
}

/* ---- connection ---- */

/* A mesh has an entry for each peer; without one for this peer the first tells of the connection. */
static const cJSON *find_connection(const cJSON *status, const char *name, const char *remote)
{
	const cJSON *document = json_item(status, "document"), *c, *any = NULL;

	cJSON_ArrayForEach(c, json_item(document, "connections")) {
		const char *its = json_text(c, "name"), *peer = json_text(c, "peer");

		if (!its || strcmp(its, name) != 0)
			continue;
		if (peer && strcmp(peer, remote) == 0)
			return c;
		any = any ? any : c;
	}
	return any;
}

/* What the next packet does to a connection in that state. */
static const char *state_hint(const char *state)
{
	return strcmp(state, "trap") == 0 ? "trap: a packet that it protects opens it" : state;
}

static void tell_connection(cJSON *path, const char *name, const char *remote, const cJSON *status)
{
	const cJSON *c = find_connection(status, name, remote);
	const char *state = json_text(c, "state"), *note = json_text(c, "note");
	cJSON *step =
		explain_step(path, "connection", "%s: %s%s%s", name,
			     state ? state_hint(state) : "its state is not known", note ? ", " : "", note ? note : "");

	cJSON_AddStringToObject(step, "name", name);
	if (state)
		cJSON_AddStringToObject(step, "state", state);
}

/* ---- both ---- */

struct datapath_rule explain_policy_step(cJSON *path, const struct maps *maps, const struct datapath_packet *p,
					 bool out, const cJSON *names, const cJSON *status)
{
	const struct datapath_rule rule = datapath_rule(maps, p, out);
	const uint8_t *remote = out ? p->dst : p->src;
	const struct policy policy = policy_of(&rule.rule, remote);
	const cJSON *of = name_of(&policy, names);
	struct policy_hits hits;
	char addr[ADDR_TEXT];
	bool counted;

	if (rule.action == DATAPATH_NO_RULE) {
		explain_step(path, "policy",
			     "none is for this packet: a [connection] or a [policy] of the file, or 'policy add', "
			     "makes one");
		return rule;
	}
	counted = spd_counters_read(maps, &rule.rule, &hits);
	tell_rule(path, &rule, &policy, of, !counted ? NULL : out ? &hits.out : &hits.in);
	if (of && rule.rule.owner == OWNER_IKE)
		tell_connection(path, json_text(of, "name"), addr_text(remote, addr), status);
	return rule;
}

/* ---- SA ---- */

/* ", for another 12m", of the limit of time that ends it. */
static void limit_text(const struct sa_state *sa, char *buf, size_t size)
{
	const uint64_t now = maps_now();
	char age[UNITS_TEXT];

	buf[0] = '\0';
	if (sa->hard_time_ns > now)
		snprintf(buf, size, ", for another %s", age_text((sa->hard_time_ns - now) / SECOND_NS, age));
	else if (sa->hard_time_ns)
		snprintf(buf, size, ", past its lifetime");
}

void explain_sa_step(cJSON *path, const struct maps *maps, const struct sad_out_value *which)
{
	char age[UNITS_TEXT], packets[UNITS_TEXT], bytes[UNITS_TEXT], limit[48];
	struct sa_state sa;
	uint64_t seconds;
	cJSON *step;

	if (which->slot >= maps->slots || !slot_read(maps, which->slot, &sa) || sa.generation != which->generation) {
		explain_step(path, "SA", "none: it has just gone, or has no key yet");
		return;
	}
	seconds = clock_seconds_since(sa.created_ns);
	limit_text(&sa, limit, sizeof(limit));
	step = explain_step(path, "SA", SPI_FORMAT ", slot %u: %s old%s, %s, %s", sa.spi, which->slot,
			    age_text(seconds, age), limit, count_text(sa.packets, "packet", "packets", packets),
			    si_text((double)sa.bytes, "B", bytes));
	cJSON_AddNumberToObject(step, "spi", sa.spi);
	cJSON_AddNumberToObject(step, "slot", which->slot);
	json_add_u64(step, "age_s", seconds);
	json_add_u64(step, "packets", sa.packets);
	json_add_u64(step, "bytes", sa.bytes);
	json_add_u64(step, "seq", sa.seq);
}

/* Whether the rule's connection leaves the beginning to the peer. */
static bool responds(const struct datapath_rule *rule, const uint8_t remote[4], const cJSON *names, const cJSON *status)
{
	const struct policy policy = policy_of(&rule->rule, remote);
	const char *name = json_text(name_of(&policy, names), "name");
	char addr[ADDR_TEXT];
	const cJSON *c = name ? find_connection(status, name, addr_text(remote, addr)) : NULL;
	const char *start = json_text(c, "start");

	return start && strcmp(start, "respond") == 0;
}

void explain_no_sa_step(cJSON *path, const struct datapath_rule *rule, const uint8_t remote[4], const cJSON *names,
			const cJSON *status)
{
	if (rule->cover)
		explain_step(path, "SA", "none: a connection's SAs are for its own local address");
	else if (rule->rule.owner != OWNER_IKE)
		explain_step(path, "SA", "none: 'sa add' makes one, or a connection");
	else if (!json_has_number(json_item(status, "ike"), "pid"))
		explain_step(path, "SA", "none, and IKE IS NOT RUNNING, which would make one");
	else if (responds(rule, remote, names, status))
		explain_step(path, "SA",
			     "none: with start = respond this host waits for the peer to make one, and the "
			     "packet is dropped");
	else
		explain_step(path, "SA", "none: the packet has IKE make one, and is dropped meanwhile");
}

static bool takes(const struct selector *sel, const struct datapath_packet *p)
{
	return selector_takes(sel, p->proto, p->dport, p->sport);
}

bool explain_sa_takes(const struct sa_state *sa, const struct datapath_packet *p)
{
	const struct selector other = selector_mirrored(&sa->sel);

	return memcmp(sa->src, p->src, 4) == 0 && memcmp(sa->dst, p->dst, 4) == 0 &&
	       (takes(&sa->sel, p) || ((sa->flags & SA_EITHER_END) && takes(&other, p)));
}

/* Whether the packet could come by it. */
static bool is_candidate(const struct sa_state *sa, const struct datapath_packet *p, uint32_t spi)
{
	return sa->direction == SA_INBOUND && memcmp(sa->dst, p->dst, 4) == 0 &&
	       (spi ? sa->spi == spi : memcmp(sa->src, p->src, 4) == 0);
}

/* Whether a is more likely what the peer would send by. */
static bool is_better(const struct sa_state *a, const struct sa_state *b, const struct datapath_packet *p)
{
	const bool x = explain_sa_takes(a, p), y = explain_sa_takes(b, p);

	return x != y ? x : a->created_ns > b->created_ns;
}

bool explain_inbound_sa(const struct maps *maps, const struct datapath_packet *p, uint32_t spi, struct sa_state *best)
{
	bool found = false;
	struct sa_state sa;

	for (uint32_t slot = 0; slot < maps->slots; slot++) {
		if (!slot_read(maps, slot, &sa) || !is_candidate(&sa, p, spi) || (found && !is_better(&sa, best, p)))
			continue;
		*best = sa;
		found = true;
	}
	return found;
}

/* ---- worker ---- */

void explain_worker_step(cJSON *path, const cJSON *status)
{
	const cJSON *worker = json_item(status, "worker");
	const char *aead = json_text(worker, "aead");

	if (!status)
		explain_step(path, "worker", "NOT RUNNING: start 'xdp-ipsec run'");
	else if (!json_has_number(worker, "pid") || !aead)
		explain_step(path, "worker", "NOT RUNNING: 'status' and the log tell more");
	else
		explain_step(path, "worker", "runs, pid %d, %s", (int)json_u64(worker, "pid"), aead);
}
