/* SPDX-License-Identifier: BSD-2-Clause */
#include "hooks_stray.h"

#include <bpf/bpf.h>
#include <string.h>
#include <unistd.h>

#include "clsact.h"
#include "hooks.h"
#include "xdp_running.h"

static bool has_name(uint32_t program, const char *name)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);
	const int fd = bpf_prog_get_fd_by_id(program);
	bool same;

	if (fd < 0)
		return false;
	same = bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && strcmp(info.name, name) == 0;
	close(fd);
	return same;
}

/* One that cannot be asked may have one. */
static bool may_have_xdp(int ifindex)
{
	struct xdp_running running;

	return xdp_running(ifindex, &running) || running.program;
}

static bool remove_one(const struct hook_place *at, enum hook_point point, const char *name)
{
	const bool egress = point == HOOK_EGRESS;
	struct clsact_view view;

	if (clsact_look(at->ifindex, egress, &view) || !view.handle)
		return false;
	if (!has_name(view.program, name) || hooks_hold(at, point, view.program))
		return false;
	return clsact_remove(at->ifindex, egress, view.program);
}

/* There are two where a replacement was interrupted. */
static bool remove_each(const struct hook_place *at, enum hook_point point, const char *name)
{
	bool any = false;

	while (remove_one(at, point, name))
		any = true;
	return any;
}

bool hooks_remove_stray(const struct hook_place *at)
{
	bool any;

	if (!at->ifindex || may_have_xdp(at->ifindex))
		return false;
	any = remove_each(at, HOOK_EGRESS, "tc_egress");
	return remove_each(at, HOOK_INGRESS, "nic_ingress") || any;
}
