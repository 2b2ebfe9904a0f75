/* SPDX-License-Identifier: BSD-2-Clause */
#include "nic_driver.h"

#include <errno.h>
#include <string.h>

#include "ethtool.h"

bool nic_driver_flag(const char *name, uint32_t flag)
{
	struct ethtool_value value = {.cmd = ETHTOOL_GFLAGS};

	return ethtool_ask(name, &value) == 0 && value.data & flag;
}

int nic_driver_flag_set(const char *name, uint32_t flag, bool on)
{
	struct ethtool_value value = {.cmd = ETHTOOL_GFLAGS};
	int err = ethtool_ask(name, &value);

	if (err)
		return err;
	value.cmd = ETHTOOL_SFLAGS;
	value.data = on ? value.data | flag : value.data & ~flag;
	err = ethtool_ask(name, &value);
	if (!err && nic_driver_flag(name, flag) != on)
		err = -EOPNOTSUPP;
	return err;
}

bool nic_driver_is(const char *name, const char *driver)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};

	return ethtool_ask(name, &info) == 0 && strncmp(info.driver, driver, sizeof(info.driver)) == 0;
}
