/* SPDX-License-Identifier: BSD-2-Clause */
#include "nic_hooks.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "hooks.h"

static uint32_t id_of(int program, char *name, size_t size)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);

	if (program < 0 || bpf_obj_get_info_by_fd(program, &info, &len))
		return 0;
	if (name)
		snprintf(name, size, "%s", info.name);
	return info.id;
}

/* ---- looking ---- */

/* What was attached for more than fits one buffer stays that, also when the MTU has become less. */
static bool takes_jumbo(const struct nics *nics, const struct nic *nic)
{
	return nics->maps->port[nic - nics->nic].mtu_room > PORT_MTU_FRAME;
}

static bool look_at_tap(const struct nics *nics, const struct nic *nic, struct nic_hook *h)
{
	h->tap = true;
	h->point = HOOK_INGRESS;
	h->clsact = nic->clsact;
	h->program = programs_tap_fd(nics->programs);
	h->id = id_of(h->program, NULL, 0);
	if (!nic->tap.count)
		return false;
	h->finding = hook_look_tap(nic->tap.ifindex, h->clsact ? HOOK_CLSACT : HOOK_TCX, nic->tap_link, h->id);
	return h->finding.state != HOOK_UNKNOWN;
}

bool nic_hook_find(const struct nics *nics, const struct nic *nic, unsigned i, struct nic_hook *out)
{
	const struct hook_place at = nic_place(nics, nic);

	*out = (struct nic_hook){.point = i};
	if (i > HOOK_INGRESS)
		return look_at_tap(nics, nic, out);
	/* XDP alone guards what comes in in native mode. */
	if (i == HOOK_INGRESS && nic->mode == PORT_NATIVE)
		return false;
	out->clsact = nic->clsact;
	out->program = programs_fd(nics->programs, out->point, nic->mode, takes_jumbo(nics, nic));
	out->id = id_of(out->program, NULL, 0);
	out->finding = hook_look(&at, out->point, out->clsact ? HOOK_CLSACT : HOOK_TCX, out->id);
	return out->finding.state != HOOK_UNKNOWN;
}

static bool is_bare(const struct nics *nics, const struct nic *nic, enum hook_point point)
{
	struct nic_hook h;

	return nic_hook_find(nics, nic, point, &h) && h.finding.state == HOOK_GONE && !h.finding.other;
}

bool nic_is_another(const struct nics *nics, const struct nic *nic)
{
	return is_bare(nics, nic, HOOK_XDP) && is_bare(nics, nic, HOOK_EGRESS);
}

/* ---- saying ---- */

static void who_text(uint32_t id, char *text, size_t size)
{
	const int program = bpf_prog_get_fd_by_id(id);
	char name[32] = "";

	id_of(program, name, sizeof(name));
	if (program >= 0)
		close(program);
	snprintf(text, size, "program id %u%s%s%s", id, name[0] ? " '" : "", name, name[0] ? "'" : "");
}

static const char *hook_name(const struct nic_hook *h)
{
	if (h->tap)
		return "its TAP";
	return h->point == HOOK_XDP ? "XDP" : h->point == HOOK_EGRESS ? "egress" : "ingress";
}

void nic_hook_text(const struct nic_hook *h, char *text)
{
	const bool filter = h->clsact && h->point != HOOK_XDP;
	char who[64] = "another's filter";

	if (h->finding.other)
		who_text(h->finding.other, who, sizeof(who));
	if (h->finding.state == HOOK_GONE)
		snprintf(text, NIC_HOOK_TEXT, "somebody took the program off %s%s%s%s", hook_name(h),
			 filter ? ", the filter or its clsact qdisc" : "", h->finding.other ? ", where now is " : "",
			 h->finding.other ? who : "");
	else
		snprintf(text, NIC_HOOK_TEXT, "somebody put %s %s on %s", who,
			 h->finding.state == HOOK_BEHIND ? "in front of ours" : "in place of ours", hook_name(h));
}

bool nic_hook_is_needed(const struct nic_hook *h)
{
	return !h->tap && h->finding.state != HOOK_FIRST && h->finding.state != HOOK_BEHIND;
}

/* ---- putting right ---- */

/* An XDP hook has room for one program, and is not taken from anybody. */
static int put_xdp(const struct hook_place *at, const struct nic *nic, const struct nic_hook *h, struct fault *f)
{
	bool made;

	if (h->finding.state == HOOK_GONE && h->finding.other)
		return fault(
			f, EBUSY,
			"what is protected is dropped until that is taken off: 'ip link set dev %s xdp off', or detach "
			"its link",
			nic->dev.name);
	return hook_put_xdp(at, h->program, nic->mode, &made, f);
}

/* Taken off, too: the worker holds the link as well. */
static int put_tap(struct nic *nic, const struct nic_hook *h, struct fault *f)
{
	if (nic->tap_link >= 0) {
		bpf_link_detach(nic->tap_link);
		close(nic->tap_link);
	}
	nic->tap_link = -1;
	return hook_put_tap(nic->tap.ifindex, h->program, h->clsact ? HOOK_CLSACT : HOOK_TCX, &nic->tap_link, f);
}

int nic_hook_put_right(struct nics *nics, struct nic *nic, const struct nic_hook *h, struct fault *f)
{
	const struct hook_place at = nic_place(nics, nic);

	if (h->finding.tcx_above)
		return fault(f, EEXIST, "it decides first, for no filter gets in front of tcx: 'hook = tcx' does");
	if (h->point == HOOK_XDP)
		return put_xdp(&at, nic, h, f);
	if (h->tap)
		return put_tap(nic, h, f);
	return hook_put_first(&at, h->point, h->program, h->clsact ? HOOK_CLSACT : HOOK_TCX, f);
}
