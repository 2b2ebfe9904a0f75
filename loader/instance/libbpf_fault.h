/* SPDX-License-Identifier: BSD-2-Clause */
/* What libbpf has to say, in our faults instead of on stderr. */
#ifndef LOADER_INSTANCE_LIBBPF_FAULT_H
#define LOADER_INSTANCE_LIBBPF_FAULT_H

#include "lib/fault.h"

/* From now on libbpf's complaints are kept for libbpf_fault(). Once, at start. */
void libbpf_quiet(void);

/* Fills f with what was tried, the error (errno, above 0) and libbpf's last complaint. Returns -err. */
int libbpf_fault(struct fault *f, int err, const char *what);

#endif
