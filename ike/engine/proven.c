/* SPDX-License-Identifier: BSD-2-Clause */
#include "proven.h"

#include <stdlib.h>

void proven_drop(struct proven *proven)
{
	if (!proven || --proven->users)
		return;
	peer_certs_free(&proven->certs);
	free(proven);
}
