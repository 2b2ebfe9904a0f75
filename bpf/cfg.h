/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The configuration of this NIC's programs: read-only data that the loader fills before it loads them. */
#ifndef BPF_CFG_H
#define BPF_CFG_H

#include "config.bpf.h"
#include "maps.bpf.h"

const volatile struct prog_config cfg = {};

#endif
