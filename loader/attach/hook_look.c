/* SPDX-License-Identifier: BSD-2-Clause */
#include "hook_look.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#include "clsact.h"
#include "hook_pins.h"
#include "xdp_running.h"

static struct hook_finding found(enum hook_state state, uint32_t other)
{
	return (struct hook_finding){.state = state, .other = other};
}

/* ---- tc ---- */

struct tcx_view {
	uint32_t ids[TCX_MAX]; /* in the order in which they run */
	uint32_t count;
};

static int look_tcx(int ifindex, bool egress, struct tcx_view *view)
{
	view->count = TCX_MAX;
	return bpf_prog_query(ifindex, egress ? ATTACH_TCX_EGRESS : ATTACH_TCX_INGRESS, 0, NULL, view->ids,
			      &view->count);
}

static struct hook_finding find_in_tcx(int ifindex, bool egress, uint32_t running)
{
	struct tcx_view view;

	if (look_tcx(ifindex, egress, &view))
		return found(HOOK_UNKNOWN, 0);
	if (view.count && view.ids[0] == running)
		return found(HOOK_FIRST, 0);
	for (uint32_t i = 1; i < view.count; i++)
		if (view.ids[i] == running)
			return found(HOOK_BEHIND, view.ids[0]);
	return found(HOOK_GONE, view.count ? view.ids[0] : 0);
}

/* All of tcx runs before any filter of clsact. */
static struct hook_finding find_in_clsact(int ifindex, bool egress, uint32_t ours)
{
	struct clsact_view view;
	struct tcx_view tcx;

	if (clsact_look(ifindex, egress, &view))
		return found(HOOK_UNKNOWN, 0);
	if (!view.handle)
		return found(HOOK_GONE, view.in_front);
	if (view.program != ours)
		return found(HOOK_REPLACED, view.program);
	if (look_tcx(ifindex, egress, &tcx) == 0 && tcx.count)
		return (struct hook_finding){.state = HOOK_BEHIND, .other = tcx.ids[0], .tcx_above = true};
	return view.first ? found(HOOK_FIRST, 0) : found(HOOK_BEHIND, view.in_front);
}

/* A link that was detached has no interface. */
static struct hook_finding find_link(const struct hook_pin *p, int ifindex, bool egress, uint32_t ours)
{
	if (p->ifindex != (uint32_t)ifindex)
		return found(HOOK_GONE, 0);
	return p->prog_id == ours ? find_in_tcx(ifindex, egress, ours) : found(HOOK_REPLACED, p->prog_id);
}

static struct hook_finding look_tc(const struct hook_place *at, enum hook_point point, enum hook_kind kind,
				   uint32_t ours)
{
	struct hook_pin p = hook_pin_open(at, point);
	struct hook_finding f = found(HOOK_GONE, 0);

	if (p.fd >= 0 && p.is_link)
		f = find_link(&p, at->ifindex, point == HOOK_EGRESS, ours);
	else if (p.fd >= 0 || kind == HOOK_CLSACT)
		f = find_in_clsact(at->ifindex, point == HOOK_EGRESS, ours);
	/* A filter stays without its pin, but nothing would find it again. */
	if (p.fd < 0 && f.state != HOOK_UNKNOWN)
		f.state = HOOK_GONE;
	hook_pin_close(&p);
	return f;
}

struct hook_finding hook_look_tap(int ifindex, enum hook_kind kind, int link, uint32_t ours)
{
	struct hook_pin p;

	if (kind == HOOK_CLSACT)
		return find_in_clsact(ifindex, false, ours);
	if (link < 0)
		return found(HOOK_GONE, 0);
	p = hook_pin_of_link(link);
	return find_link(&p, ifindex, false, ours);
}

/* ---- XDP ---- */

static struct hook_finding look_xdp(const struct hook_place *at, uint32_t ours)
{
	struct hook_pin p = hook_pin_open(at, HOOK_XDP);
	const bool linked = p.fd >= 0 && p.ifindex == (uint32_t)at->ifindex;
	struct xdp_running running;

	hook_pin_close(&p);
	if (xdp_running(at->ifindex, &running))
		return found(HOOK_UNKNOWN, 0);
	if (!linked)
		return found(HOOK_GONE, running.program);
	if (p.prog_id != ours)
		return found(HOOK_REPLACED, p.prog_id);
	return running.program == ours ? found(HOOK_FIRST, 0) : found(HOOK_GONE, running.program);
}

struct hook_finding hook_look(const struct hook_place *at, enum hook_point point, enum hook_kind kind, uint32_t ours)
{
	return point == HOOK_XDP ? look_xdp(at, ours) : look_tc(at, point, kind, ours);
}
