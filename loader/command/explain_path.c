/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain_path.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>

#include "attach/backstop.h"
#include "attach/programs.h"
#include "explain_steps.h"
#include "maps/slots.h"
#include "net/route.h"
#include "policy/parse.h"
#include "units.h"

/* ---- the world ---- */

static bool worker_is_ready(const struct explain *e)
{
	return json_text(json_item(e->status, "worker"), "aead");
}

/* UDP from one of IKE's ports to one of them is taken for the daemon's own. */
static bool looks_like_ike(const struct datapath_packet *p)
{
	return p->proto == IPPROTO_UDP && (p->sport == 500 || p->sport == 4500) && p->sport == p->dport;
}

static struct datapath_world world_of(const struct explain *e, const struct explain_gate *gate)
{
	struct datapath_world world = {
		.maps = e->maps,
		.worker = worker_is_ready(e),
		.ike = json_has_number(json_item(e->status, "ike"), "pid"),
		.ifindex = (uint32_t)gate->nic,
		.forwards = !e->to_us,
	};

	world.from_ike = world.ike && looks_like_ike(&e->packet);
	if (gate->program)
		programs_config(gate->program, &world.config);
	return world;
}

/* ---- the route ---- */

static struct route_question question_of(const struct explain *e)
{
	struct route_question q = {
		.oif = e->dev,
		.proto = e->packet.proto,
		.sport = e->packet.sport,
		.dport = e->packet.dport,
	};

	memcpy(q.src, e->packet.src, sizeof(q.src));
	memcpy(q.dst, e->packet.dst, sizeof(q.dst));
	return q;
}

/* The kernel's error tells of the route that it has found. */
static const char *why_no_route(const struct explain *e, int err)
{
	switch (err) {
	case 0:
		return "nowhere";
	case -EINVAL:
		return "a blackhole route drops it";
	case -EACCES:
		return "a prohibit route refuses it";
	case -EHOSTUNREACH:
		return e->from_us ? "an unreachable route refuses it"
				  : "an unreachable route refuses it, or this host does not forward: "
				    "'sysctl net.ipv4.ip_forward' tells";
	default:
		return strerror(-err);
	}
}

static bool find_route(const struct explain *e, cJSON *path, struct route *route)
{
	struct route_question q = question_of(e);
	int err;

	if (!e->from_us) {
		q.iif = e->arrives;
		q.oif = 0;
	}
	err = route_get(&q, route);
	if (!err && route->ifindex) {
		explain_route_step(path, route);
		return true;
	}
	explain_step(path, "route", "none: %s", why_no_route(e, err));
	return false;
}

/* ---- verdicts ---- */

static cJSON *new_path(const char *direction, const char *as)
{
	cJSON *path = cJSON_CreateObject();

	cJSON_AddStringToObject(path, "direction", direction);
	cJSON_AddStringToObject(path, "as", as);
	cJSON_AddArrayToObject(path, "steps");
	return path;
}

static cJSON *end(cJSON *path, const char *verdict, enum reason reason, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* reason: what is counted; REASON_COUNT: nothing is. */
static cJSON *end(cJSON *path, const char *verdict, enum reason reason, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	cJSON_AddStringToObject(path, "verdict", verdict);
	if (reason < REASON_COUNT)
		cJSON_AddStringToObject(path, "reason", reason_name(reason));
	else
		cJSON_AddNullToObject(path, "reason");
	cJSON_AddStringToObject(path, "text", text);
	return path;
}

static cJSON *end_dropped(cJSON *path, enum reason reason)
{
	return end(path, "dropped", reason, "dropped as %s: %s", reason_name(reason), reason_text(reason));
}

static cJSON *end_passed(cJSON *path, const struct datapath_outcome *o, const char *way)
{
	if (o->reason == REASON_IKE)
		return end(path, "clear", o->reason, "IKE %s in clear: it protects itself", way);
	if (o->reason == REASON_ESP_PASSED)
		return end(path, "dropped", o->reason, "left to the kernel, which has no SA of ours");
	return end(path, "clear", o->reason, "%s IN CLEAR: %s", way,
		   o->reason == REASON_BYPASS ? "a policy lets it by" : "no policy is for it");
}

/* ---- the firewall ---- */

static cJSON *end_firewall(cJSON *path)
{
	return end(path, "dropped", REASON_COUNT, "dropped by a rule of nftables, which is not counted here");
}

/* A packet that leaves meets it on the way to the gate, as it was before ESP. */
static bool firewall_stops(const struct explain *e, cJSON *path, const struct route *route)
{
	const struct explain_passage at = {
		.way = e->from_us ? FIREWALL_OUT : FIREWALL_GOES_ON,
		.dev = route->ifindex,
		.from = e->arrives,
		.mark = UNKNOWN_NUMBER,
	};

	return explain_firewall_step(path, &e->rules, &e->packet, &at);
}

/* One that comes in meets it behind the gate, as it is without ESP. mark: 0, or that of what came out of an SA. */
static bool firewall_stops_in(const struct explain *e, cJSON *path, uint32_t mark)
{
	const struct explain_passage at = {
		.way = e->to_us ? FIREWALL_IN : FIREWALL_COMES,
		.dev = e->arrives,
		.mark = mark,
	};

	return explain_firewall_step(path, &e->rules, &e->packet, &at);
}

static cJSON *end_passed_in(const struct explain *e, cJSON *path, const struct datapath_outcome *o)
{
	if (firewall_stops_in(e, path, 0))
		return end_firewall(path);
	return end_passed(path, o, "comes in");
}

/* ---- out ---- */

static cJSON *end_backstop(const struct explain *e, const struct datapath_world *world, cJSON *path, bool out)
{
	const bool drops = out ? datapath_backstop_out(world, &e->packet) : datapath_backstop_in(world, &e->packet);
	const struct datapath_outcome passes = {.reason = REASON_COUNT};
	const bool up = backstop_is_up(e->in->bpf_dir);

	if (!up)
		explain_step(path, "backstop", "MISSING: interfaces that are not attached are not guarded");
	else
		explain_step(path, "backstop",
			     drops ? "drops what policies protect or discard here" : "has nothing against it");
	if (up && drops)
		return end_dropped(path, out ? REASON_BACKSTOP_OUT : REASON_BACKSTOP_IN);
	if (!out && firewall_stops_in(e, path, 0))
		return end_firewall(path);
	if (drops)
		return end(path, "clear", REASON_COUNT, "%s IN CLEAR: nothing guards the interface",
			   out ? "leaves" : "comes in");
	return end_passed(path, &passes, out ? "leaves" : "comes in");
}

/* What the gate's program has decided. */
static cJSON *end_out(const struct explain *e, cJSON *path, const struct datapath_world *world,
		      const struct datapath_rule *rule)
{
	const struct datapath_outcome o = datapath_egress(world, &e->packet);
	char peers[UNITS_TEXT];

	switch (o.verdict) {
	case DATAPATH_TO_WORKER:
		explain_sa_step(path, e->maps, &o.sa);
		explain_worker_step(path, e->status);
		return end(path, "protected", REASON_COUNT, "leaves as ESP");
	case DATAPATH_IN_GRE:
		return end(path, "protected", REASON_COUNT, "leaves in GRE, a packet to each: %s",
			   count_text(o.copies, "peer", "peers", peers));
	case DATAPATH_PASSES:
	case DATAPATH_TO_HOST:
		return end_passed(path, &o, "leaves");
	case DATAPATH_DROPS:
		break;
	}
	if (rule->action == SPD_PROTECT && o.found_sa)
		explain_sa_step(path, e->maps, &o.sa);
	else if (rule->action == SPD_PROTECT)
		explain_no_sa_step(path, rule, e->packet.dst, e->names, e->status);
	if (o.reason == REASON_NO_WORKER)
		explain_worker_step(path, e->status);
	return end_dropped(path, o.reason);
}

/* An open gate, or one that a route leads around. */
static cJSON *end_unguarded(const struct explain *e, cJSON *path, const struct explain_gate *gate,
			    const struct datapath_world *world, const struct route *route)
{
	if (gate->open || (route->encapsulates && !backstop_sees_routes(e->in->bpf_dir)))
		return end(path, "clear", REASON_COUNT, "leaves IN CLEAR: %s",
			   gate->open ? "'detach' has opened the gate" : BACKSTOP_BLIND);
	return end_backstop(e, world, path, true);
}

cJSON *explain_out(const struct explain *e)
{
	cJSON *path = new_path("out", "clear");
	struct datapath_world world;
	struct datapath_rule rule;
	struct explain_gate gate;
	struct route route;

	if (!find_route(e, path, &route))
		return end(path, "dropped", REASON_COUNT, "the kernel has no way for it");
	if (route.type == RTN_LOCAL)
		return end(path, "clear", REASON_COUNT, "stays on this host: nothing protects what is on no wire");
	if (firewall_stops(e, path, &route))
		return end_firewall(path);
	gate = explain_gate_step(path, e->maps, e->in->bpf_dir, route.ifindex, HOOK_EGRESS);
	rule = explain_policy_step(path, e->maps, &e->packet, true, e->names, e->status);
	world = world_of(e, &gate);
	world.ingress = (uint32_t)e->arrives;
	if (!gate.closed || route.encapsulates)
		return end_unguarded(e, path, &gate, &world, &route);
	return end_out(e, path, &world, &rule);
}

/* ---- in ---- */

/* The step of where it comes in. False: it does not, and the path has ended. */
static bool begin_in(const struct explain *e, cJSON *path, struct explain_gate *gate)
{
	char dev[IF_NAMESIZE];

	if (!e->arrives || !if_indextoname((unsigned)e->arrives, dev)) {
		explain_step(path, "route", "no way to the source is known: give the 'dev' that it comes in by");
		end(path, "dropped", REASON_COUNT, "it is not known where it comes in");
		return false;
	}
	explain_step(path, "comes in", "by %s%s", dev, e->dev ? "" : ", by which what is for its source leaves");
	*gate = explain_gate_step(path, e->maps, e->in->bpf_dir, e->arrives, HOOK_XDP);
	return true;
}

cJSON *explain_in_clear(const struct explain *e)
{
	cJSON *path = new_path("in", "clear");
	struct datapath_world world;
	struct datapath_outcome o;
	struct explain_gate gate;

	if (!begin_in(e, path, &gate))
		return path;
	explain_policy_step(path, e->maps, &e->packet, false, e->names, e->status);
	world = world_of(e, &gate);
	if (gate.open)
		return firewall_stops_in(e, path, 0)
			       ? end_firewall(path)
			       : end(path, "clear", REASON_COUNT, "comes in IN CLEAR: 'detach' has opened the gate");
	if (!gate.closed)
		return end_backstop(e, &world, path, false);
	o = datapath_ingress(&world, &e->packet);
	return o.verdict == DATAPATH_PASSES ? end_passed_in(e, path, &o) : end_dropped(path, o.reason);
}

/* The worker's part: what comes out of the SA has to be what the SA is for; and the TAP's program looks at the rest. */
static cJSON *end_opened(const struct explain *e, cJSON *path, struct datapath_world *world, const struct sa_state *sa)
{
	struct datapath_outcome o;

	explain_worker_step(path, e->status);
	if (!explain_sa_takes(sa, &e->packet))
		return end_dropped(path, REASON_SELECTOR_MISMATCH);
	world->ifindex = gates_get(e->maps, world->ifindex).tap;
	o = datapath_opened(world, &e->packet);
	if (o.verdict != DATAPATH_TO_HOST)
		return end_dropped(path, o.reason);
	if (firewall_stops_in(e, path, world->config.mark))
		return end_firewall(path);
	return end(path, "protected", REASON_OPENED, "comes in, opened");
}

static cJSON *end_esp(const struct explain *e, cJSON *path, struct datapath_world *world)
{
	struct datapath_packet esp = {.proto = IPPROTO_ESP};
	struct datapath_outcome o;
	struct sa_state sa;
	bool found;

	memcpy(esp.src, e->packet.src, sizeof(esp.src));
	memcpy(esp.dst, e->packet.dst, sizeof(esp.dst));
	found = explain_inbound_sa(e->maps, &e->packet, e->spi, &sa);
	esp.spi = found ? sa.spi : e->spi ? e->spi : UINT32_MAX;
	esp.seq = found ? (uint32_t)sa.seq + 1 : 1;
	o = datapath_ingress(world, &esp);
	if (o.found_sa)
		explain_sa_step(path, e->maps, &o.sa);
	else
		explain_step(path, "SA", "none: no SPI is this host's from there%s", e->spi ? ", nor is that one" : "");
	if (o.verdict == DATAPATH_TO_WORKER)
		return found ? end_opened(e, path, world, &sa)
			     : end(path, "protected", REASON_PARKED, "comes in, and is held until its SA has its key");
	return o.verdict == DATAPATH_PASSES ? end_passed(path, &o, "comes in") : end_dropped(path, o.reason);
}

cJSON *explain_in_esp(const struct explain *e)
{
	cJSON *path = new_path("in", "esp");
	struct datapath_world world;
	struct explain_gate gate;

	if (!begin_in(e, path, &gate))
		return path;
	world = world_of(e, &gate);
	if (!gate.program)
		return end(path, "dropped", REASON_COUNT, "nobody opens ESP there: the interface is not attached");
	return end_esp(e, path, &world);
}
