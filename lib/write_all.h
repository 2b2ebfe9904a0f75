/* SPDX-License-Identifier: BSD-2-Clause */
/* What write() does in part, or not because of a signal, it is asked for until it is done. */
#ifndef LIB_WRITE_ALL_H
#define LIB_WRITE_ALL_H

#include <stddef.h>

/* 0 when all of it is written, or -errno when an unknown part is. */
int write_all(int fd, const void *data, size_t size);

#endif
