/* SPDX-License-Identifier: BSD-2-Clause */
/* Secrets that can be found by trying: who has seen one exchange tries as many a second as there is silicon for. */
#ifndef IKE_KEYHOLDER_WEAK_SECRET_H
#define IKE_KEYHOLDER_WEAK_SECRET_H

#include <stddef.h>
#include <stdint.h>

/* Why it is weak, in words that tell nothing of what is in it; NULL: it does not look so. */
const char *weak_secret(const uint8_t *secret, size_t size);

#endif
