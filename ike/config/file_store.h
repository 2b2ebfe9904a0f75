/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of certificates, CAs and CRLs that the supervisor has sent, by the numbers it has given them: each is sent
 * and read once, however many connections name it, and what is read of it is shared among them. A number stays with its
 * content for ever.
 */
#ifndef IKE_CONFIG_FILE_STORE_H
#define IKE_CONFIG_FILE_STORE_H

#include <stdint.h>

#include "identity/certs.h"

struct file_store;

/* NULL: no memory. */
struct file_store *file_store_new(void);
void file_store_free(struct file_store *store);

/* Takes a copy of the text. One that is there already stays as it is. 0 or -ENOMEM. */
int file_store_add(struct file_store *store, uint32_t number, const char *pem);

/* No connection is to name it any more. What connections share of it lives on with them. */
void file_store_drop(struct file_store *store, uint32_t number);

/*
 * What is in that file, or in those two (crl 0: none), as certs.h has it: the caller's to give back by
 * credentials_free() or trust_free(). 0; -EINVAL with the key of the file and what is wrong, also if there is no such
 * number; -ENOMEM.
 */
int file_store_credentials(struct file_store *store, uint32_t cert, struct credentials **out, struct fault *f);
int file_store_trust(struct file_store *store, uint32_t ca, uint32_t crl, struct trust **out, struct fault *f);

#endif
