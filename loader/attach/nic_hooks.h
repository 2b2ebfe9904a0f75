/* SPDX-License-Identifier: BSD-2-Clause */
/* The hooks of an attached NIC and its TAP, one by one: what is wrong with each, and putting it right. */
#ifndef LOADER_ATTACH_NIC_HOOKS_H
#define LOADER_ATTACH_NIC_HOOKS_H

#include "hook_look.h"
#include "nics.h"

#define NIC_HOOK_TEXT 256

struct nic_hook {
	enum hook_point point;
	bool tap; /* its TAP's */
	bool clsact;
	int program; /* what should be there: a file descriptor, not to be closed, and its id */
	uint32_t id;
	struct hook_finding finding;
};

/* Looks at the i-th, 0 to 3. False if the NIC has none there, or it cannot be looked at. */
bool nic_hook_find(const struct nics *nics, const struct nic *nic, unsigned i, struct nic_hook *out);

/*
 * Whether there is nothing left of ours on it, all at once: then it is another one, with the name and the number of the
 * one that was attached, and the worker's sockets are gone, too. Who has taken off both programs does no more harm by
 * being taken for that.
 */
bool nic_is_another(const struct nics *nics, const struct nic *nic);

/* What is wrong, and who it was; text: NIC_HOOK_TEXT. */
void nic_hook_text(const struct nic_hook *hook, char *text);

/* Whether the gate depends on it: one that is wrong and cannot be put right is then none. */
bool nic_hook_is_needed(const struct nic_hook *hook);

/* Puts our program there, in front. 0 or -errno, with what is in the way. */
int nic_hook_put_right(struct nics *nics, struct nic *nic, const struct nic_hook *hook, struct fault *f);

#endif
