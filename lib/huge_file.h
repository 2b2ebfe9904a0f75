/* SPDX-License-Identifier: BSD-2-Clause */
/* A file without a name in memory, on huge pages where the kernel has some. */
#ifndef LIB_HUGE_FILE_H
#define LIB_HUGE_FILE_H

#include <stddef.h>

/* Makes one of that size, all zeros, and has its memory: -ENOMEM where there is none, be it by the limit of a control
 * group. Its descriptor, the caller's to close, or -errno. */
int huge_file_make(size_t size);

#endif
