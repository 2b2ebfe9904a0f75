/* SPDX-License-Identifier: BSD-2-Clause */
/* The file: INI, one section per thing; whatever is not understood is an error with file and line. */
#ifndef LOADER_CONFIG_CONFIG_FILE_H
#define LOADER_CONFIG_CONFIG_FILE_H

#include "config.h"
#include "lib/fault.h"

#define CONFIG_DEFAULT_PATH "/etc/xdp-ipsec/xdp-ipsec.conf"
#define CONFIG_DEFAULT_MARK 0x1be5

/* Reads the file; config_free ends it. 0 or -errno with "FILE:LINE: ..." in f. */
int config_read(struct config *config, const char *path, struct fault *f);

#endif
