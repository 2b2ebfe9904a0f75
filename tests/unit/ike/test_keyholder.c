/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The key holder: what it takes for a key, what it says to questions, and that it says no to all others. By a call,
 * and as the process that it is, over its two sockets.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "lib/channel.h"
#include "lib/child.h"
#include "keyholder/keyholder_wire.h"
#include "ring.h"
#include "crypto/sig_scheme.h"
#include "maps/vault.h"
#include "wire/wire.h"

/* Longer, and it hangs. */
#define START_MS 10000

/* ---- the process ---- */

struct process {
	pid_t pid;
	int control;
	int questions;
	struct vault vault; /* as the supervisor has it */
	uint8_t *keymat;
};

struct ends {
	int control[2];
	int questions[2];
	int vault;
	uint8_t *keymat;
};

static int be(void *arg, int ready)
{
	const struct ends *e = arg;
	const struct keyholder_ends ends = {e->control[1], e->questions[1], ready, e->vault, e->keymat, 0, -1};

	close(e->control[0]);
	close(e->questions[0]);
	/* The address sanitizer does more before _exit() than the sandbox allows. */
	syscall(SYS_exit_group, keyholder_run(&ends));
	return 1;
}

static struct process start(void)
{
	static uint8_t *keymat;
	struct child child = {.name = "key holder"};
	char line[CHILD_LINE_MAX];
	struct vault made;
	struct ends e;
	struct process p;

	if (!keymat)
		keymat = vault_page(NULL);
	assert_non_null(keymat);
	assert_int_equal(vault_create(&made, SLOTS_DEFAULT, NULL), 0);
	assert_int_equal(vault_map(&p.vault, dup(made.fd), true, NULL), 0);
	p.keymat = keymat;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, e.control), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, e.questions), 0);
	e.vault = made.fd;
	e.keymat = keymat;
	fflush(NULL);
	assert_int_equal(child_init(&child), 0);
	assert_int_equal(child_start_copy(&child, be, &e), 0);
	p.pid = child.pid;
	vault_close(&made);
	close(e.control[1]);
	close(e.questions[1]);
	p.control = e.control[0];
	p.questions = e.questions[0];
	child_wait_line(&child, line, START_MS);
	assert_string_equal(line, KEYHOLDER_READY);
	return p;
}

/* It ends when its sockets do. */
static void end(struct process *p)
{
	int status;

	close(p->control);
	if (p->questions >= 0)
		close(p->questions);
	vault_close(&p->vault);
	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int file_of(const char *text, size_t size)
{
	const int fd = memfd_create("key", MFD_CLOEXEC);

	assert_int_equal(write(fd, text, size), size);
	return fd;
}

/* The error, or "" if it said ok. Of static storage. */
static const char *command(const struct process *p, const char *what, unsigned id, const char *kind, const char *text,
			   size_t size)
{
	static char error[300];
	cJSON *message = cJSON_CreateObject(), *reply;
	const int file = text ? file_of(text, size) : -1;
	int unused;

	cJSON_AddStringToObject(message, "command", what);
	cJSON_AddNumberToObject(message, "id", id);
	if (kind)
		cJSON_AddStringToObject(message, "kind", kind);
	assert_int_equal(channel_send(p->control, message, file), 0);
	cJSON_Delete(message);
	if (file >= 0)
		close(file);
	assert_int_equal(channel_receive(p->control, &reply, &unused), 0);
	for (size_t i = 0; i < 2; i++) {
		static const char *const words[] = {"note", "error"};
		const char *said = cJSON_GetStringValue(cJSON_GetObjectItem(reply, words[i]));

		if (said || i == 0)
			snprintf(error, sizeof(error), "%s", said ? said : "");
	}
	cJSON_Delete(reply);
	return error;
}

/* With octets as they should be, or as many zeros. */
static int ask_over(const struct process *p, uint32_t what, uint32_t key, uint32_t how, const void *over, size_t size)
{
	static struct key_question q;
	static struct key_answer a;
	ssize_t n;

	q = (struct key_question){.what = what, .key = key, .how = how};
	if (over)
		memcpy(q.octets, over, size);
	assert_true(send(p->questions, &q, offsetof(struct key_question, octets) + size, 0) > 0);
	n = recv(p->questions, &a, sizeof(a), 0);
	assert_int_equal(n, offsetof(struct key_answer, data) + a.size);
	/* With an error nothing is given away. */
	assert_true(!a.error || a.size == 0);
	return a.error;
}

static int ask(const struct process *p, uint32_t what, uint32_t key, uint32_t how, size_t size)
{
	const bool auth = what == ASK_PSK_AUTH || what == ASK_SIGN;

	return ask_over(p, what, key, how, auth ? octets : NULL, auth ? sizeof(octets) : size);
}

/* It gives up being root, so it must have been. */
static bool may_run(void)
{
	if (geteuid() == 0)
		return true;
	print_message("not root: the key holder's process is not tried\n");
	return false;
}

static void keys_come_by_control(void **state)
{
	static char large[KEY_FILE_MAX];
	char *pem = private_pem("EC", NULL), *other_cert;
	struct process p;
	struct pki pki;

	(void)state;
	if (!may_run())
		skip();
	pki_init(&pki, 1800000000);
	other_cert = pki_pem(pki.ca, NULL);
	pki_free(&pki);
	p = start();
	assert_string_equal(command(&p, "key", PSK, "psk", "a secret 0f many", 16), "");
	/* Bytes count, not what stands in the file: one newline is the editor's, and hex is half as many. */
	assert_non_null(strstr(command(&p, "key", PSK, "psk", "a secret of few\n", 16), "shorter than 16 bytes"));
	assert_non_null(strstr(command(&p, "key", PSK, "psk", "0x00112233445566778899aabbccddee", 32), "shorter than"));
	assert_string_equal(command(&p, "key", PSK, "psk", "0x00112233445566778899aabbccddeeff", 34), "");
	assert_string_equal(command(&p, "key", KEY, "private", pem, strlen(pem)), "");
	assert_non_null(strstr(command(&p, "key", 4, "psk", "", 0), "empty"));
	assert_string_equal(command(&p, "key", 4, "other", "secret", 6), "not a key file");
	assert_string_equal(command(&p, "key", 4, NULL, "secret", 6), "not a key file");
	assert_string_equal(command(&p, "key", 4, "psk", large, sizeof(large)), "not a key file");
	assert_string_equal(command(&p, "key", 4, "psk", NULL, 0), "Bad file descriptor");
	assert_string_equal(command(&p, "key", 0, "psk", "secret", 6), "not a command");
	assert_string_equal(command(&p, "tell", PSK, NULL, NULL, 0), "not a command");
	assert_non_null(strstr(command(&p, "matches", KEY, NULL, "no PEM", 6), "cert: there is no certificate in it"));
	assert_non_null(strstr(command(&p, "matches", KEY, NULL, other_cert, strlen(other_cert)),
			       "key: the private key is not that of the certificate"));
	assert_int_equal(ask(&p, ASK_PSK_AUTH, PSK, PRF_HMAC_SHA2_384, 10), 0);
	assert_string_equal(command(&p, "forget", PSK, NULL, NULL, 0), "");
	assert_int_equal(ask(&p, ASK_PSK_AUTH, PSK, PRF_HMAC_SHA2_384, 10), -ENOENT);
	end(&p);
	free(other_cert);
	free(pem);
}

/* Each key answers its own question; numbers, PRFs, schemes and sizes that are none are refused, and it lives on. */
static void bad_questions_are_refused(void **state)
{
	char *pem = private_pem("EC", NULL);
	struct process p;

	(void)state;
	if (!may_run())
		skip();
	p = start();
	command(&p, "key", PSK, "psk", "secret", 6);
	command(&p, "key", KEY, "private", pem, strlen(pem));
	command(&p, "key", PPK, "ppk", "quantum", 7);
	assert_int_equal(ask(&p, 0, PSK, 6, 10), -EINVAL);
	assert_int_equal(ask(&p, ASK_NOTHING + 1, PSK, 6, 10), -EINVAL);
	assert_int_equal(ask(&p, ASK_PSK_AUTH, 77, 6, 0), -ENOENT);
	assert_int_equal(ask(&p, ASK_PSK_AUTH, PPK, 6, 0), -ENOENT);
	assert_int_equal(ask(&p, ASK_PSK_AUTH, KEY, 6, 0), -ENOENT);
	assert_int_equal(ask(&p, ASK_PSK_AUTH, PSK, 4, 0), -EINVAL);
	assert_int_equal(ask(&p, ASK_PSK_AUTH, PSK, 99, 0), -EINVAL);
	assert_int_equal(ask(&p, ASK_SIGN, 77, SIG_ECDSA_SHA384, 0), -ENOENT);
	assert_int_equal(ask(&p, ASK_SIGN, PSK, SIG_ECDSA_SHA384, 0), -ENOENT);
	assert_int_equal(ask(&p, ASK_SIGN, KEY, SIG_NONE, 0), -EINVAL);
	assert_int_equal(ask(&p, ASK_SIGN, KEY, SIG_RSA_PKCS1_SHA512 + 1, 0), -EINVAL);
	assert_int_equal(ask(&p, ASK_SIGN, KEY, UINT32_MAX, 0), -EINVAL);
	assert_int_equal(ask(&p, ASK_SIGN, KEY, SIG_RSA_PSS_SHA256, 0), -EINVAL);
	assert_int_equal(ask(&p, ASK_PPK, PSK, 6, 48), -ENOENT);
	assert_int_equal(ask(&p, ASK_PPK, PPK, 6, PRF_SIZE_MAX + 1), -EINVAL);
	assert_int_equal(ask(&p, ASK_PPK, PPK, 6, 47), -EINVAL);
	assert_int_equal(ask(&p, ASK_PPK, PPK, 6, 64), -EINVAL);
	assert_int_equal(ask(&p, ASK_PPK, PPK, 6, 0), -EINVAL);
	assert_int_equal(ask(&p, ASK_PPK, PPK, 4, 48), -EINVAL);
	assert_int_equal(ask(&p, ASK_PSK_AUTH, PSK, 6, 0), 0);
	assert_int_equal(ask(&p, ASK_SIGN, KEY, SIG_ECDSA_SHA384, 0), 0);
	assert_int_equal(ask(&p, ASK_PPK, PPK, 6, 48), 0);
	end(&p);
	free(pem);
}

/* What IKE leaves on the page goes into the slot, and not a trace of it is left there; nothing of the vault comes back.
 */
static void keys_go_into_the_vault(void **state)
{
	static const uint8_t none[ESP_KEYMAT_SIZE];
	struct keyholder_client *client;
	uint8_t keymat[ESP_KEYMAT_SIZE];
	struct vault_ops ops;
	struct vault_entry e;
	struct process p;

	(void)state;
	if (!may_run())
		skip();
	p = start();
	assert_int_equal(keyholder_client_new(&client, p.questions, p.keymat, NULL), 0);
	ops = keyholder_client_vault(client);
	memset(keymat, 0xaa, sizeof(keymat));
	assert_int_equal(ops.store(ops.arg, SLOTS_DEFAULT - 1, 3, keymat), 0);
	assert_memory_equal(p.keymat, none, sizeof(none));
	assert_true(vault_load(&p.vault, SLOTS_DEFAULT - 1, 3, &e));
	assert_memory_equal(e.key, keymat, ESP_KEY_SIZE);
	assert_memory_equal(e.salt, keymat + ESP_KEY_SIZE, ESP_SALT_SIZE);
	assert_int_equal(e.iv_base, 0);
	assert_int_equal(ops.store(ops.arg, SLOTS_DEFAULT, 3, keymat), -EINVAL);
	assert_int_equal(ops.wipe(ops.arg, SLOTS_DEFAULT), -EINVAL);
	assert_int_equal(ops.wipe(ops.arg, UINT32_MAX), -EINVAL);
	assert_memory_equal(p.keymat, none, sizeof(none));
	assert_true(vault_load(&p.vault, SLOTS_DEFAULT - 1, 3, &e));
	assert_int_equal(ops.wipe(ops.arg, SLOTS_DEFAULT - 1), 0);
	assert_false(vault_load(&p.vault, SLOTS_DEFAULT - 1, 3, &e));
	keyholder_client_free(client);
	p.questions = -1;
	end(&p);
}

/* A question that is cut short is none of ours: it is over with who sends such. */
static void half_a_question_ends_it(void **state)
{
	struct process p;
	char byte;

	(void)state;
	if (!may_run())
		skip();
	p = start();
	assert_int_equal(send(p.questions, "x", 1, 0), 1);
	assert_true(recv(p.questions, &byte, 1, 0) <= 0);
	end(&p);
}

/* ---- the client ---- */

/* Over the sockets it is as by a call. */
static void client_is_as_a_call(void **state)
{
	struct keyholder_client *client;
	struct keyholder_ops ops, direct = keyring_ops(ring);
	uint8_t a[SIGNATURE_MAX], b[SIGNATURE_MAX];
	size_t size = sizeof(a);
	struct process p;
	EVP_PKEY *key;
	char *pem;

	(void)state;
	if (!may_run())
		skip();
	pem = private_pem("EC", &key);
	p = start();
	command(&p, "key", PSK, "psk", "secret", 6);
	command(&p, "key", KEY, "private", pem, strlen(pem));
	command(&p, "key", PPK, "ppk", "0x00112233", 10);
	keyring_add(ring, PSK, KEY_PSK, "secret", 6, NULL);
	keyring_add(ring, PPK, KEY_PPK, "0x00112233", 10, NULL);
	assert_int_equal(keyholder_client_new(&client, p.questions, p.keymat, NULL), 0);
	ops = keyholder_client_ops(client);
	p.questions = -1;
	assert_int_equal(ops.psk_auth(ops.arg, PSK, 6, octets, sizeof(octets), a), 0);
	assert_int_equal(direct.psk_auth(direct.arg, PSK, 6, octets, sizeof(octets), b), 0);
	assert_memory_equal(a, b, 48);
	assert_int_equal(ops.ppk(ops.arg, PPK, 6, octets, 48, a), 0);
	assert_int_equal(direct.ppk(direct.arg, PPK, 6, octets, 48, b), 0);
	assert_memory_equal(a, b, 48);
	assert_int_equal(ops.sign(ops.arg, KEY, SIG_ECDSA_SHA384, octets, sizeof(octets), a, &size), 0);
	assert_true(sig_verify(key, SIG_ECDSA_SHA384, octets, sizeof(octets), a, size));
	size = 10;
	assert_int_equal(ops.sign(ops.arg, KEY, SIG_ECDSA_SHA384, octets, sizeof(octets), a, &size), -EPROTO);
	assert_int_equal(ops.sign(ops.arg, 77, SIG_ECDSA_SHA384, octets, sizeof(octets), a, &size), -ENOENT);
	assert_int_equal(ops.psk_auth(ops.arg, PSK, 6, octets, OCTETS_MAX + 1, a), -EMSGSIZE);
	keyholder_client_free(client);
	end(&p);
	EVP_PKEY_free(key);
	free(pem);
}

/* What the client makes of answers that are none, of nobody there: an error, and no key of chance. */
static void client_believes_no_nonsense(void **state)
{
	static struct key_answer a;
	struct keyholder_client *client;
	struct keyholder_ops ops;
	uint8_t out[SIGNATURE_MAX];
	size_t room = 100;
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	assert_int_equal(keyholder_client_new(&client, ends[0], NULL, NULL), 0);
	ops = keyholder_client_ops(client);
	a = (struct key_answer){.number = 1, .size = 32};
	send(ends[1], &a, offsetof(struct key_answer, data) + 32, 0);
	assert_int_equal(ops.psk_auth(ops.arg, 1, 6, octets, 4, out), -EPROTO);
	a.number = 2;
	a.size = 101;
	send(ends[1], &a, offsetof(struct key_answer, data) + 101, 0);
	assert_int_equal(ops.sign(ops.arg, 1, SIG_ECDSA_SHA384, octets, 4, out, &room), -EPROTO);
	a.number = 3;
	a.size = 47;
	send(ends[1], &a, offsetof(struct key_answer, data) + 47, 0);
	assert_int_equal(ops.ppk(ops.arg, 1, 6, octets, 48, out), -EPROTO);
	a.size = 48;
	send(ends[1], &a, offsetof(struct key_answer, data) + 40, 0);
	assert_int_equal(ops.ppk(ops.arg, 1, 6, octets, 48, out), -EPIPE);
	send(ends[1], &a, 3, 0);
	assert_int_equal(ops.ppk(ops.arg, 1, 6, octets, 48, out), -EPIPE);
	close(ends[1]);
	assert_true(ops.ppk(ops.arg, 1, 6, octets, 48, out) < 0);
	keyholder_client_free(client);
}

static unsigned lost;

static void on_lost(void)
{
	lost++;
}

/* An error is an answer; nobody there, and nonsense, are none, and then there will be no other. */
static void client_tells_of_the_end(void **state)
{
	struct key_answer a = {.number = 1, .error = -ENOENT};
	struct keyholder_client *client;
	struct keyholder_ops ops;
	uint8_t out[SIGNATURE_MAX];
	int ends[2];

	(void)state;
	lost = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	assert_int_equal(keyholder_client_new(&client, ends[0], NULL, on_lost), 0);
	ops = keyholder_client_ops(client);
	send(ends[1], &a, offsetof(struct key_answer, data), 0);
	assert_int_equal(ops.ppk(ops.arg, 1, 6, octets, 48, out), -ENOENT);
	assert_int_equal(lost, 0);
	send(ends[1], &a, 3, 0);
	assert_int_equal(ops.ppk(ops.arg, 1, 6, octets, 48, out), -EPIPE);
	assert_int_equal(lost, 1);
	close(ends[1]);
	assert_true(ops.ppk(ops.arg, 1, 6, octets, 48, out) < 0);
	assert_int_equal(lost, 2);
	keyholder_client_free(client);
}

/* Its answer comes after it was given up: the next question waits for its own. */
static void late_answer_is_not_the_next_ones(void **state)
{
	static struct key_answer a = {.size = 48};
	struct keyholder_client *client;
	struct keyholder_ops ops;
	uint8_t out[SIGNATURE_MAX];
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	assert_int_equal(keyholder_client_new(&client, ends[0], NULL, NULL), 0);
	ops = keyholder_client_ops(client);
	for (a.number = 0; a.number < 2; a.number++) {
		memset(a.data, (int)(0xa0 + a.number), 48);
		send(ends[1], &a, offsetof(struct key_answer, data) + 48, 0);
	}
	assert_int_equal(ops.ppk(ops.arg, 1, 6, octets, 48, out), 0);
	for (int i = 0; i < 48; i++)
		assert_int_equal(out[i], 0xa1);
	keyholder_client_free(client);
	close(ends[1]);
}

static void answer(int socket, uint32_t number)
{
	const struct key_answer a = {.number = number};

	assert_true(send(socket, &a, offsetof(struct key_answer, data), 0) > 0);
}

/* Who does not answer is not waited for, and found out the next time, whatever else was asked meanwhile. */
static void watch_tells_of_who_hangs(void **state)
{
	struct keyholder_client *client;
	struct keyholder_ops ops;
	uint8_t out[SIGNATURE_MAX];
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	assert_int_equal(keyholder_client_new(&client, ends[0], NULL, NULL), 0);
	ops = keyholder_client_ops(client);
	assert_true(keyholder_client_watch(client));
	answer(ends[1], 1);
	assert_true(keyholder_client_watch(client));
	/* The answer to the second is passed over by who waits for that to the third. */
	answer(ends[1], 2);
	answer(ends[1], 3);
	assert_int_equal(ops.ppk(ops.arg, 1, 6, octets, 48, out), -EPROTO);
	assert_true(keyholder_client_watch(client));
	assert_false(keyholder_client_watch(client));
	answer(ends[1], 3);
	assert_false(keyholder_client_watch(client));
	answer(ends[1], 4);
	assert_true(keyholder_client_watch(client));
	close(ends[1]);
	assert_false(keyholder_client_watch(client));
	keyholder_client_free(client);
}

/* Also by the process itself, again and again. */
static void process_answers_the_watch(void **state)
{
	struct keyholder_client *client;
	struct process p;

	(void)state;
	if (!may_run())
		skip();
	p = start();
	assert_int_equal(keyholder_client_new(&client, p.questions, p.keymat, NULL), 0);
	for (int i = 0; i < 3; i++) {
		assert_true(keyholder_client_watch(client));
		/* It answers in order. */
		assert_int_equal(keyholder_client_vault(client).wipe(client, SLOTS_DEFAULT), -EINVAL);
	}
	keyholder_client_free(client);
	p.questions = -1;
	end(&p);
}

/* A key that people have handed in is theirs, until they have taken it away. */
static void keys_of_people_stay(void **state)
{
	static const uint8_t theirs[ESP_KEYMAT_SIZE] = {1}, ours[ESP_KEYMAT_SIZE] = {2};
	struct keyholder_client *client;
	struct vault_ops ops;
	struct vault_entry e;
	struct process p;

	(void)state;
	if (!may_run())
		skip();
	p = start();
	assert_int_equal(keyholder_client_new(&client, p.questions, p.keymat, NULL), 0);
	ops = keyholder_client_vault(client);
	vault_store(&p.vault, 5, 3, OWNER_MANUAL, theirs, 0);
	assert_int_equal(ops.store(ops.arg, 5, 3, ours), -EPERM);
	assert_int_equal(ops.wipe(ops.arg, 5), -EPERM);
	assert_true(vault_load(&p.vault, 5, 3, &e));
	assert_memory_equal(e.key, theirs, ESP_KEY_SIZE);
	vault_wipe(&p.vault, 5);
	assert_int_equal(ops.store(ops.arg, 5, 5, ours), 0);
	assert_true(vault_load(&p.vault, 5, 5, &e));
	assert_int_equal(ops.wipe(ops.arg, 5), 0);
	keyholder_client_free(client);
	p.questions = -1;
	end(&p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keys_come_by_control),
		TEST(bad_questions_are_refused),
		TEST(keys_go_into_the_vault),
		TEST(keys_of_people_stay),
		TEST(client_tells_of_the_end),
		TEST(half_a_question_ends_it),
		TEST(client_is_as_a_call),
		TEST(client_believes_no_nonsense),
		TEST(late_answer_is_not_the_next_ones),
		TEST(watch_tells_of_who_hangs),
		TEST(process_answers_the_watch),
	};

	return cmocka_run_group_tests_name("IKE key holder", tests, NULL, NULL);
}
