/* SPDX-License-Identifier: BSD-2-Clause */
/* The key holder's threads that sign, beside the one that answers all else. */
#ifndef IKE_KEYHOLDER_SIGNERS_H
#define IKE_KEYHOLDER_SIGNERS_H

#include <pthread.h>

#include "keyholder.h"

struct signers {
	int socket;
	const struct keyring *ring;
	pthread_mutex_t lock; /* held by who changes the ring, and while a key is taken out of it */
};

/* One of them: answers questions for signatures until the socket is closed. */
void signers_work(void *signers);

#endif
