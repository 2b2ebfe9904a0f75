/* SPDX-License-Identifier: BSD-2-Clause */
/* By the linker's --wrap: the key holder runs in the fuzzer's own process, which could not leave a sandbox again. */
#include "sandbox/sandbox.h"

int __wrap_sandbox_enter(enum sandbox_of who, sandbox_last *last, void *arg, struct fault *f);

int __wrap_sandbox_enter(enum sandbox_of who, sandbox_last *last, void *arg, struct fault *f)
{
	(void)who;
	return last(arg, f);
}
