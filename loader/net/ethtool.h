/* SPDX-License-Identifier: BSD-2-Clause */
/* The ethtool ioctl: what a NIC's driver can be asked, and told. By name, in this process's network namespace. */
#ifndef LOADER_NET_ETHTOOL_H
#define LOADER_NET_ETHTOOL_H

#include <linux/ethtool.h>

/* Carries out the command, one of the structures of linux/ethtool.h. 0 or -errno: -EOPNOTSUPP where the driver does not
 * know it. All that is asked of a driver goes through here, so that tests can play one; for that nothing else is in
 * this file. */
int ethtool_ask(const char *name, void *command);

#endif
