/* SPDX-License-Identifier: BSD-2-Clause */
/* Which driver a NIC has, and what features of it are turned on. */
#ifndef LOADER_NET_NIC_DRIVER_H
#define LOADER_NET_NIC_DRIVER_H

#include <linux/ethtool.h>
#include <stdbool.h>
#include <stdint.h>

/* Whether the driver has the feature, one of enum ethtool_flags, turned on; false also where it cannot be asked. */
bool nic_driver_flag(const char *name, uint32_t flag);

/* Turns it on or off. 0, or -errno, also where the driver leaves it as it was. */
int nic_driver_flag_set(const char *name, uint32_t flag, bool on);

/* Whether the driver is called that. */
bool nic_driver_is(const char *name, const char *driver);

#endif
