/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LOADER_COMMAND_VERSION_H
#define LOADER_COMMAND_VERSION_H

#define XDP_IPSEC_VERSION "0.1.0"

#endif
