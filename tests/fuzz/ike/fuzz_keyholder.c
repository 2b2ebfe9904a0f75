/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process with the secrets, by its own keyholder_run() but for the sandbox: orders of the supervisor with the files
 * that go along, questions of a protocol process that somebody has broken into, and at the other end answers of a key
 * holder that is not what it should be. What must hold: each order and question has an answer; nothing is signed that
 * is no AUTH; a slot with somebody else's key keeps it.
 *
 *   u8 ways, then a part for each: a file, then an order; a question; an answer
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "keyholder/keyholder_wire.h"
#include "keyholder/real_message.h"
#include "keyholder/weak_secret.h"
#include "lib/channel.h"
#include "lib/one_fd.h"
#include "maps/vault.h"
#include "octets.h"
#include "pki.h"

#define ORDERS_MAX 4
#define SLOTS	   SLOTS_MIN
#define MINE	   3 /* the slot of a key that people have handed in */

static struct vault vault;
static uint8_t *page;
static const uint8_t manual[ESP_KEYMAT_SIZE] = {1, 2, 3};
static char *private_key, *certificate;

static void open_all(void)
{
	struct fault f;

	require(vault_create(&vault, SLOTS, &f) == 0);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	require(page != MAP_FAILED);
}

static int file_of(const uint8_t *data, size_t size)
{
	const int fd = memfd_create("key", MFD_CLOEXEC);

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	return fd;
}

static void put(int socket, const void *data, size_t size, int fd)
{
	struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
	struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
	union one_fd control;

	one_fd_add(&packet, &control, fd);
	require(sendmsg(socket, &packet, MSG_NOSIGNAL) == (ssize_t)size);
}

/* ---- its two sockets ---- */

static void put_orders(struct input *in, int control, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		size_t file_size, size;
		uint8_t *file = input_part(in, false, &file_size), *order = input_part(in, false, &size);
		const int fd = file_of(file, file_size);

		weak_secret(file, file_size);
		if (size)
			put(control, order, size, fd);
		close(fd);
		free(file);
		free(order);
	}
}

static void put_questions(struct input *in, int questions, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		size_t size;
		uint8_t *question = input_part(in, false, &size);

		if (size)
			put(questions, question, size, -1);
		free(question);
	}
}

static void check_answers(int questions)
{
	struct key_answer a;
	ssize_t n;

	while ((n = recv(questions, &a, sizeof(a), MSG_DONTWAIT)) > 0) {
		require(n >= (ssize_t)offsetof(struct key_answer, data));
		require(a.size <= SIGNATURE_MAX && (size_t)n == offsetof(struct key_answer, data) + a.size);
		require(a.error <= 0 && (a.error == 0 || a.size == 0));
	}
}

static void hold(struct input *in, unsigned orders, unsigned questions)
{
	int control[2], question[2], ready[2];
	/* It closes that once it is mapped. */
	struct keyholder_ends ends = {.vault = dup(vault.fd), .keymat = page};

	require(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, control) == 0 &&
		socketpair(AF_UNIX, SOCK_SEQPACKET, 0, question) == 0 && pipe(ready) == 0);
	vault_store(&vault, MINE, 5, OWNER_MANUAL, manual, 0);
	put_orders(in, control[1], orders);
	put_questions(in, question[1], questions);
	shutdown(control[1], SHUT_WR);
	ends.control = control[0];
	ends.questions = question[0];
	ends.ready = ready[1];
	require(keyholder_run(&ends) == EXIT_SUCCESS);
	check_answers(question[1]);
	require(vault.entries[MINE].generation == 5 && vault.entries[MINE].owner == OWNER_MANUAL);
	close(ready[0]);
	for (int i = 0; i < 2; i++) {
		close(control[i]);
		close(question[i]);
	}
}

/* ---- the other end ---- */

/* An answer is waiting before anything is asked. */
static void ask(struct input *in)
{
	uint8_t out[SIGNATURE_MAX], octets[100] = {0};
	size_t size, out_size = 96;
	uint8_t *answer = input_part(in, false, &size);
	struct keyholder_client *client;
	struct keyholder_ops ops;
	int ends[2];

	require(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
	require(keyholder_client_new(&client, ends[0], page, NULL) == 0);
	if (size)
		put(ends[1], answer, size, -1);
	shutdown(ends[1], SHUT_WR);
	ops = keyholder_client_ops(client);
	ops.sign(ops.arg, 2, SIG_ECDSA_SHA384, octets, sizeof(octets), out, &out_size);
	require(out_size <= 96);
	ops.psk_auth(ops.arg, 1, PRF_HMAC_SHA2_384, octets, sizeof(octets), out);
	ops.ppk(ops.arg, 3, PRF_HMAC_SHA2_384, octets, 48, out);
	keyholder_client_watch(client);
	keyholder_client_free(client);
	close(ends[1]);
	free(answer);
}

/* The low two bits: orders, the next two: questions, then: an answer. */
static void run(const uint8_t *data, size_t size)
{
	struct input in = input_of(data, size);
	const uint8_t ways = input_u8(&in);

	hold(&in, ways & 3, ways >> 2 & 3);
	if (ways & 0x10)
		ask(&in);
}

/* ---- seeds ---- */

static void seed_order(struct seed *s, const char *file, const char *order)
{
	seed_part(s, file, strlen(file));
	seed_part(s, order, strlen(order));
}

static void seed_question(struct seed *s, uint32_t what, uint32_t key, uint32_t how, const void *octets, size_t size)
{
	const uint32_t head[4] = {1, what, key, how};

	seed_u16(s, (unsigned)(sizeof(head) + size));
	seed_bytes(s, head, sizeof(head));
	seed_bytes(s, octets, size);
}

static void seed_key(const char *file, const char *order, uint32_t what, uint32_t key, uint32_t how, size_t tail)
{
	struct seed s = {0};
	uint8_t octets[OCTETS_MESSAGE_SIZE + 256];
	const size_t size = octets_make(octets, false, tail);

	seed_u8(&s, 1 | 1 << 2);
	seed_order(&s, file, order);
	seed_question(&s, what, key, how, octets, what == ASK_PPK ? 48 : size);
	fuzz_seed(s.data, s.size);
}

static void seed_answer(uint32_t number, int32_t error, uint32_t size)
{
	struct seed s = {0};
	struct key_answer a = {number, error, size, {0}};

	seed_u8(&s, 0x10);
	seed_part(&s, &a, offsetof(struct key_answer, data) + size);
	fuzz_seed(s.data, s.size);
}

static void seed_private(const char *kind)
{
	EVP_PKEY *key = strcmp(kind, "EC") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
						: EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	struct seed s = {0};

	private_key = pki_pem(NULL, key);
	seed_key(private_key, "{\"command\":\"key\",\"id\":2,\"kind\":\"private\"}", ASK_SIGN, 2,
		 kind[0] == 'E' ? SIG_ECDSA_SHA256 : SIG_RSA_PSS_SHA256, OCTETS_NONCE_SIZE + 32);
	seed_u8(&s, 3);
	seed_order(&s, private_key, "{\"command\":\"key\",\"id\":2,\"kind\":\"private\"}");
	seed_order(&s, certificate, "{\"command\":\"matches\",\"id\":2}");
	seed_order(&s, "", "{\"command\":\"forget\",\"id\":2}");
	fuzz_seed(s.data, s.size);
	free(private_key);
	EVP_PKEY_free(key);
}

static void seeds(void)
{
	struct pki pki;

	pki_init(&pki, 1800000000);
	certificate = pki_pem(pki.ca, NULL);
	seed_key("a long secret of many words", "{\"command\":\"key\",\"id\":1,\"kind\":\"psk\"}", ASK_PSK_AUTH, 1,
		 PRF_HMAC_SHA2_384, OCTETS_NONCE_SIZE + 48);
	seed_key("0x00112233445566778899aabbccddeeff0011223344556677",
		 "{\"command\":\"key\",\"id\":3,\"kind\":\"ppk\"}", ASK_PPK, 3, PRF_HMAC_SHA2_384, 48);
	seed_key("short", "{\"command\":\"key\",\"id\":1,\"kind\":\"psk\"}", ASK_STORE, 1, 7, 0);
	seed_key("x", "{\"command\":\"what\",\"id\":1}", ASK_WIPE, MINE, 7, 0);
	seed_key("x", "[]", ASK_NOTHING, MINE, 7, 0);
	seed_private("EC");
	seed_answer(1, 0, 48);
	seed_answer(1, 0, 500);
	seed_answer(2, 0, 48);
	seed_answer(3, -1, 0);
	free(certificate);
	pki_free(&pki);
}

FUZZER(.name = "keyholder", .open = open_all, .run = run, .seeds = seeds)
