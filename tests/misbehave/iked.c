/* SPDX-License-Identifier: BSD-2-Clause */
/* Where each process of IKE is at work: it hears the supervisor, signs, or does a key exchange. */
#include "hands/job.h"
#include "keyholder/keyholder.h"
#include "lib/channel.h"
#include "misbehave/misbehave.h"
#include "sandbox/sandbox.h"

int __real_sandbox_enter(enum sandbox_of who, sandbox_last *last, void *arg, struct fault *f);
int __wrap_sandbox_enter(enum sandbox_of who, sandbox_last *last, void *arg, struct fault *f);
int __real_channel_receive(int socket, cJSON **message, int *fd);
int __wrap_channel_receive(int socket, cJSON **message, int *fd);
EVP_PKEY *__real_keyring_private(const struct keyring *ring, uint32_t id);
EVP_PKEY *__wrap_keyring_private(const struct keyring *ring, uint32_t id);
void __real_hand_do(struct hand *hand, uint32_t kind, struct chunk data, struct job_answer *answer);
void __wrap_hand_do(struct hand *hand, uint32_t kind, struct chunk data, struct job_answer *answer);

static const char *hears = "protocol";

int __wrap_sandbox_enter(enum sandbox_of who, sandbox_last *last, void *arg, struct fault *f)
{
	hears = "keyholder";
	return __real_sandbox_enter(who, last, arg, f);
}

int __wrap_channel_receive(int socket, cJSON **message, int *fd)
{
	misbehave(hears, NULL);
	return __real_channel_receive(socket, message, fd);
}

EVP_PKEY *__wrap_keyring_private(const struct keyring *ring, uint32_t id)
{
	misbehave("signer", NULL);
	return __real_keyring_private(ring, id);
}

void __wrap_hand_do(struct hand *hand, uint32_t kind, struct chunk data, struct job_answer *answer)
{
	misbehave("hands", NULL);
	__real_hand_do(hand, kind, data, answer);
}
