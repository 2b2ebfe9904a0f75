/* SPDX-License-Identifier: BSD-2-Clause */
#include "libbpf_fault.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/privileges.h"

static char last_complaint[200];

static int keep_complaint(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN) {
		vsnprintf(last_complaint, sizeof(last_complaint), format, args);
		last_complaint[strcspn(last_complaint, "\n")] = '\0';
	}
	return 0;
}

void libbpf_quiet(void)
{
	libbpf_set_print(keep_complaint);
}

int libbpf_fault(struct fault *f, int err, const char *what)
{
	/* libbpf goes on without a descriptor that was one too many, and then complains of that. */
	if (err == EBADF)
		err = EMFILE;
	return fault(f, err, "%s: %s (%s): %s", what, strerror(err), last_complaint,
		     privileges_remedy(err, err == ENOMEM
						    ? "the kernel has no memory for it: a container may be given more"
						    : "this needs Linux 5.15 or later, with BTF"));
}
