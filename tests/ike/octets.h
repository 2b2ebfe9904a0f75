/* SPDX-License-Identifier: BSD-2-Clause */
/* What AUTH is over, made by hand: an IKE_SA_INIT request or response as ours are, a nonce, a PRF's output. */
#ifndef TESTS_IKE_OCTETS_H
#define TESTS_IKE_OCTETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OCTETS_MESSAGE_SIZE 84
#define OCTETS_NONCE_SIZE   32

/* Its first OCTETS_MESSAGE_SIZE bytes are the message. tail: nonce and MAC, zeros. out has room for all. Its size. */
size_t octets_make(uint8_t *out, bool response, size_t tail);

#endif
