/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that holds private keys, PSKs and PPKs, and writes the keys of SAs
 * into the vault. It answers three questions, takes two orders, and gives
 * nothing else away:
 *
 *   psk_auth   prf(prf(PSK, "Key Pad for IKEv2"), octets)      RFC 7296 section 2.15
 *   sign       a signature over octets                          RFC 7427
 *   ppk        prf+(PPK, SK_x), as long as SK_x                 RFC 8784 section 3
 *   store      a key, left on a page that both share, into a slot of the vault
 *   wipe       a slot; neither where a key is that people have handed in
 *
 *   supervisor --key id and an open file--> keyholder <--questions-- protocol process
 *
 * Keys have numbers that the supervisor gives; the protocol process knows only
 * these. Octets are those of AUTH alone (real_message.h). RSA signs by PSS, which
 * whoever takes RFC 7427 takes; PKCS#1 v1.5 is only ever checked.
 */
#ifndef IKE_KEYHOLDER_KEYHOLDER_H
#define IKE_KEYHOLDER_KEYHOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/sig_scheme.h"
#include "lib/fault.h"

#define SECRET_MAX    4096  /* of a PSK or PPK */
#define KEY_FILE_MAX  65536 /* of a private key in PEM */
#define OCTETS_MAX    65536 /* of what is to be signed: an IKE_SA_INIT message, a nonce and a PRF output */
#define SIGNATURE_MAX 1024  /* RSA-8192 */

enum key_kind {
	KEY_PSK = 1,
	KEY_PRIVATE = 2,
	KEY_PPK = 3,
};

/* The questions, as the engine asks them: by way of the other process, or in tests by a call. 0 or -errno (-ENOENT: no
 * such key). */
struct keyholder_ops {
	int (*psk_auth)(void *arg, uint32_t key, uint16_t prf, const uint8_t *octets, size_t size, uint8_t *out);
	/* *out_size: room, then size. ECDSA: DER of r and s, as RFC 7427 has it. */
	int (*sign)(void *arg, uint32_t key, enum sig_scheme scheme, const uint8_t *octets, size_t size, uint8_t *out,
		    size_t *out_size);
	int (*ppk)(void *arg, uint32_t key, uint16_t prf, const uint8_t *in, size_t size, uint8_t *out);
	void *arg;
};

/* Where the keys of SAs go: to be written, never to be read again. In tests by a call, too. 0 or -errno. */
struct vault_ops {
	int (*store)(void *arg, uint32_t slot, uint32_t generation, const uint8_t *keymat);
	int (*wipe)(void *arg, uint32_t slot);
	void *arg;
};

/* ---- the keys themselves (in the keyholder process, and in tests) ---- */

struct keyring;

struct keyring *keyring_new(void);
/*
 * Takes a key as its file has it. PSK and PPK: text, one trailing newline ignored, or 0x and hex. Private key: PEM,
 * unencrypted, EC (P-256, P-384) or RSA of at least 2048 bits. content stays the caller's to wipe. Replaces a key of
 * that number. 0, -EINVAL with what is wrong with it, -ENOMEM.
 */
int keyring_add(struct keyring *ring, uint32_t id, enum key_kind kind, const void *content, size_t size,
		struct fault *f);
void keyring_remove(struct keyring *ring, uint32_t id);
/* Wipes and frees all. */
void keyring_free(struct keyring *ring);
/* Why that PSK can be found by trying; NULL: it does not look so. */
const char *keyring_weakness(const struct keyring *ring, uint32_t id);
/* Whether that PSK is text with a blank or a carriage return at its end, which nobody sees and the peer has not. */
bool keyring_has_tail(const struct keyring *ring, uint32_t id);
/* Whether the private key belongs to that certificate's public key (SubjectPublicKeyInfo in DER). */
bool keyring_matches(const struct keyring *ring, uint32_t id, const uint8_t *spki, size_t size);
/* A private key, the caller's to EVP_PKEY_free(); NULL: there is none of that number. */
EVP_PKEY *keyring_private(const struct keyring *ring, uint32_t id);
/* As keyholder_ops.sign, with a key that was taken out. */
int keyring_sign(EVP_PKEY *key, enum sig_scheme scheme, const uint8_t *octets, size_t size, uint8_t *out,
		 size_t *out_size);
/* The questions answered from this ring by a call. */
struct keyholder_ops keyring_ops(struct keyring *ring);

/* ---- the process ---- */

/* What it is given. */
struct keyholder_ends {
	int control;
	int questions;
	int ready;	  /* where the line goes that it is there (lib/child.h) */
	int vault;	  /* -1: none, and no key of an SA is taken */
	uint8_t *keymat;  /* a vault_page() that it shares with the client; NULL without a vault */
	unsigned signers; /* 0: none, and */
	int signatures;	  /* this is nothing */
};

/*
 * Runs the keyholder until both sockets (SOCK_SEQPACKET) are closed: keys come on `control` from the supervisor as
 * {"command": "key", "id": N, "kind": "psk|private|ppk"} with the file by SCM_RIGHTS (also
 * {"command":"forget","id":N}), each answered by {"ok": true}, with a "note" perhaps, or {"error": ...}; questions come
 * on `questions`, answered in their order. On `signatures` come questions for signatures alone, each answered when it
 * is done, by so many threads of their own: a signature takes so long that nobody shall wait for one, and one process
 * with several threads has each key once. Sandboxes itself first, and then writes the line KEYHOLDER_READY; without
 * that it has said why. Returns an exit status.
 */
#define KEYHOLDER_READY "ready\n"
int keyholder_run(const struct keyholder_ends *ends);

/*
 * The protocol process' end: ops that ask over the socket and wait. *client is the caller's to free by
 * keyholder_client_free. keymat: as above. on_lost (may be NULL) is called when there will be no answer any more, as
 * the other end is closed or has taken ten seconds; it may return. 0 or -errno.
 */
struct keyholder_client;
int keyholder_client_new(struct keyholder_client **client, int questions, uint8_t *keymat, void (*on_lost)(void));
struct keyholder_ops keyholder_client_ops(struct keyholder_client *client);
struct vault_ops keyholder_client_vault(struct keyholder_client *client);
void keyholder_client_free(struct keyholder_client *client);

/* Its end of the socket, to be watched for the other's: the end of that tells that there is no key holder any more. */
int keyholder_client_socket(const struct keyholder_client *client);

/* To be called every ten seconds, for a key holder that hangs while nobody asks it: asks whether it is there, without
 * waiting. False: it has not answered since the call before. */
bool keyholder_client_watch(struct keyholder_client *client);

#endif
