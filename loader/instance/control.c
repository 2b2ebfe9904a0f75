/* SPDX-License-Identifier: BSD-2-Clause */
#include "control.h"

#include <stdio.h>
#include <sys/socket.h>

void control_address(const struct instance *in, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address->sun_path, sizeof(address->sun_path), "%s/control", in->run_dir);
}
