/* SPDX-License-Identifier: BSD-2-Clause */
/* The hooks of an attached NIC and its TAP, one by one: what is wrong with each, and putting it right. */
#ifndef LOADER_ATTACH_NIC_HOOKS_H
#define LOADER_ATTACH_NIC_HOOKS_H

#include "hook_look.h"
#include "nics.h"

#define NIC_HOOK_TEXT 256

struct nic_hook {
	enum hook_point point;
	bool tap;    /* the hook is the TAP's ingress */
	bool clsact; /* a filter, not tcx */
	int program; /* that should be there: descriptor, not to be closed */
	uint32_t id; /* of that program */
	struct hook_finding finding;
};

/* Looks at the NIC's hook i (0 ... 3). False: the NIC has no program of ours there, or the hook cannot be looked at. */
bool nic_hook_find(const struct nics *nics, const struct nic *nic, unsigned i, struct nic_hook *out);

/*
 * Whether all of our programs are off the NIC at once. Then it is taken for another NIC with the name and the number of
 * the one that was attached, and the worker's sockets are taken for gone. Who has taken the programs off
 * instead does no more harm by being taken for that.
 */
bool nic_is_another(const struct nics *nics, const struct nic *nic);

/* Writes what is wrong with the hook and who did it. text: NIC_HOOK_TEXT bytes. */
void nic_hook_text(const struct nic_hook *hook, char *text);

/* Whether the gate depends on the hook: if such a hook cannot be put right, the NIC has no gate. */
bool nic_hook_is_needed(const struct nic_hook *hook);

/* Puts our program in front on its hook. 0, or -errno with what is in the way. */
int nic_hook_put_right(struct nics *nics, struct nic *nic, const struct nic_hook *hook, struct fault *f);

#endif
