/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hands, as the process that they are, and the crew, which is the engine's end of the socket to them: what is
 * urgent goes first, who is gone or hangs is found out, and what is no answer is none.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "hands/crew.h"
#include "lib/child.h"
#include "pki.h"
#include "sandbox/threads.h"

#define START_MS 10000
#define HANDS	 2

/* ---- what has come back ---- */

#define DONE_MAX 64

static struct {
	unsigned count;
	uint32_t numbers[DONE_MAX];
	int errors[DONE_MAX];
	uint8_t data[DONE_MAX][1024];
	size_t sizes[DONE_MAX];
} done;

static void on_done(void *arg, uint32_t number, const struct job_answer *answer)
{
	(void)arg;
	assert_true(done.count < DONE_MAX);
	done.numbers[done.count] = number;
	done.errors[done.count] = answer->error;
	done.sizes[done.count] = answer->data.size;
	if (answer->data.size)
		memcpy(done.data[done.count], answer->data.data, answer->data.size < 1024 ? answer->data.size : 1024);
	done.count++;
}

/* ---- the crew, with a test behind the socket ---- */

struct play {
	struct crew *crew;
	int other;
};

static struct play play_new(void)
{
	struct play p;
	int ends[2];

	memset(&done, 0, sizeof(done));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	p.crew = crew_new(ends[0], 1, on_done, NULL);
	p.other = ends[1];
	assert_non_null(p.crew);
	return p;
}

static void play_free(struct play *p)
{
	crew_free(p->crew);
	close(p->other);
}

static int give(struct play *p, uint32_t number, enum job_rank rank, size_t size)
{
	static uint8_t data[JOB_MAX];
	const struct job job = {number, JOB_KEYS, rank, {data, size}};

	return crew_give(p->crew, &job);
}

/* The number of the next job that has come; 0: none has. */
static uint32_t next_job(struct play *p)
{
	static uint8_t job[sizeof(struct job_head) + JOB_MAX];
	const ssize_t n = recv(p->other, job, sizeof(job), MSG_DONTWAIT);

	return n < (ssize_t)sizeof(struct job_head) ? 0 : ((struct job_head *)(void *)job)->number;
}

static void answer(struct play *p, uint32_t number)
{
	const struct answer_head head = {.number = number};

	assert_true(send(p->other, &head, sizeof(head), 0) > 0);
}

/* Few are on their way, so that one of a higher rank that comes later passes all the rest. */
static void urgent_ones_pass(void **state)
{
	struct play p = play_new();
	uint32_t n, number = 0;

	(void)state;
	for (n = 1; n <= 20; n++)
		assert_int_equal(give(&p, n, JOB_OF_ANYBODY, 10), 0);
	assert_int_equal(give(&p, 100, JOB_OF_SERIOUS, 10), 0);
	assert_int_equal(give(&p, 200, JOB_OF_KNOWN, 10), 0);
	for (n = 0; (number = next_job(&p)); n++)
		assert_int_equal(number, n + 1);
	assert_true(n >= 1 && n < 10);
	answer(&p, 1);
	assert_true(crew_hear(p.crew));
	assert_int_equal(next_job(&p), 200);
	answer(&p, 200);
	assert_true(crew_hear(p.crew));
	assert_int_equal(next_job(&p), 100);
	/* They may be done in any order. */
	answer(&p, 100);
	answer(&p, 2);
	assert_true(crew_hear(p.crew));
	assert_int_equal(next_job(&p), n + 1);
	assert_int_equal(done.count, 4);
	play_free(&p);
}

/* An answer to what was not asked, or was answered, or that is cut, ends it: nobody believes the rest. */
static void nonsense_ends_it(void **state)
{
	static const struct answer_head cut = {.number = 1, .size = 5}, wrong = {.number = 1, .error = 3};
	struct play p;

	(void)state;
	for (int i = 0; i < 5; i++) {
		p = play_new();
		assert_int_equal(give(&p, 1, JOB_OF_KNOWN, 10), 0);
		if (i == 0)
			answer(&p, 2);
		else if (i == 1)
			send(p.other, &cut, sizeof(cut), 0);
		else if (i == 2)
			send(p.other, &cut, 3, 0);
		else if (i == 3)
			send(p.other, &wrong, sizeof(wrong), 0);
		else
			answer(&p, 1);
		assert_int_equal(crew_hear(p.crew), i == 4);
		assert_int_equal(done.count, i == 4);
		if (i == 4) {
			answer(&p, 1);
			assert_false(crew_hear(p.crew));
		}
		play_free(&p);
	}
}

static void who_hangs_is_found_out(void **state)
{
	struct play p = play_new();

	(void)state;
	assert_true(crew_watch(p.crew));
	assert_int_equal(give(&p, 1, JOB_OF_KNOWN, 10), 0);
	assert_int_equal(give(&p, 2, JOB_OF_KNOWN, 10), 0);
	assert_int_equal(next_job(&p), 1);
	assert_int_equal(next_job(&p), 2);
	assert_true(crew_watch(p.crew));
	answer(&p, 1);
	assert_true(crew_hear(p.crew));
	assert_false(crew_watch(p.crew));
	answer(&p, 2);
	assert_true(crew_hear(p.crew));
	assert_true(crew_watch(p.crew));
	/* What only waits is not to blame. */
	for (uint32_t n = 3; n < 30; n++)
		assert_int_equal(give(&p, n, JOB_OF_KNOWN, 10), 0);
	assert_true(crew_watch(p.crew));
	for (uint32_t n; (n = next_job(&p));) {
		answer(&p, n);
		assert_true(crew_hear(p.crew));
	}
	assert_true(crew_watch(p.crew));
	close(p.other);
	assert_false(crew_hear(p.crew));
	p.other = -1;
	crew_free(p.crew);
}

/* As much as may wait; then whoever needs it does it. */
static void room_is_bounded(void **state)
{
	struct play p = play_new();
	uint32_t n = 1;

	(void)state;
	while (give(&p, n, JOB_OF_ANYBODY, JOB_MAX) == 0)
		assert_true(++n < 1000);
	assert_true(n > 50);
	assert_true(give(&p, n, JOB_OF_KNOWN, JOB_MAX) < 0);
	play_free(&p);
}

/* ---- the process ---- */

struct process {
	pid_t pid;
	struct crew *crew;
	int ends[2];
};

static int be(void *arg, int ready)
{
	const struct process *p = arg;

	close(p->ends[0]);
	/* The address sanitizer does more before _exit() than the sandbox allows. */
	threads_end(hands_run(p->ends[1], ready, HANDS));
	return 1;
}

static void start(struct process *p)
{
	struct child child = {.name = "hands"};
	char line[CHILD_LINE_MAX];

	memset(&done, 0, sizeof(done));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p->ends), 0);
	assert_int_equal(child_init(&child), 0);
	assert_int_equal(child_start_copy(&child, be, p), 0);
	close(p->ends[1]);
	child_wait_line(&child, line, START_MS);
	assert_string_equal(line, KEYHOLDER_READY);
	p->pid = child.pid;
	p->crew = crew_new(p->ends[0], HANDS, on_done, NULL);
}

/* It ends when its socket does. */
static void end(struct process *p)
{
	int status;

	crew_free(p->crew);
	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static bool wait_for(struct process *p, unsigned count)
{
	while (done.count < count) {
		char byte;

		/* Until something is there, or nobody. */
		if (recv(p->ends[0], &byte, 1, MSG_PEEK) < 0 || !crew_hear(p->crew))
			return false;
	}
	return true;
}

static bool may_run(void)
{
	if (geteuid() == 0)
		return true;
	print_message("not root: the hands' process is not tried\n");
	return false;
}

static void give_keys(struct process *p, uint32_t number, const struct dh *own, const uint8_t *peer)
{
	struct keys_job keys = {.meets = peer};
	const struct job job = {number, JOB_KEYS, JOB_OF_KNOWN, CHUNK(keys)};

	if (own)
		keys.own = *own;
	if (peer)
		memcpy(keys.peer, peer, DH_PUBLIC_SIZE);
	assert_int_equal(crew_give(p->crew, &job), 0);
}

static const struct keys_done *keys_of(uint32_t number)
{
	for (unsigned i = 0; i < done.count; i++)
		if (done.numbers[i] == number) {
			assert_int_equal(done.errors[i], 0);
			assert_int_equal(done.sizes[i], sizeof(struct keys_done));
			return (const struct keys_done *)(const void *)done.data[i];
		}
	return NULL;
}

/* Pairs that meet, by one hand and another; and no point. */
static void they_do_key_exchanges(void **state)
{
	const uint8_t nowhere[DH_PUBLIC_SIZE] = {1};
	uint8_t secret[DH_SECRET_SIZE];
	struct process p;
	struct dh own;

	(void)state;
	if (!may_run())
		skip();
	start(&p);
	assert_int_equal(dh_generate(&own), 0);
	for (uint32_t n = 1; n <= 20; n++)
		give_keys(&p, n, NULL, own.public);
	give_keys(&p, 21, NULL, nowhere);
	give_keys(&p, 22, &own, own.public);
	assert_true(wait_for(&p, 22));
	for (uint32_t n = 1; n <= 20; n++) {
		const struct keys_done *k = keys_of(n);

		assert_int_equal(k->error, 0);
		assert_int_equal(dh_derive(&own, k->own.public, secret), 0);
		assert_memory_equal(k->secret, secret, sizeof(secret));
		assert_memory_not_equal(k->own.private, keys_of(n % 20 + 1)->own.private, DH_PRIVATE_SIZE);
	}
	assert_int_equal(keys_of(21)->error, -EINVAL);
	assert_int_equal(dh_derive(&own, own.public, secret), 0);
	assert_memory_equal(keys_of(22)->secret, secret, sizeof(secret));
	end(&p);
}

/* What is no job is answered, and they live on. */
static void bad_jobs_are_refused(void **state)
{
	const uint8_t byte = 1;
	struct process p;

	(void)state;
	if (!may_run())
		skip();
	start(&p);
	for (uint32_t n = 1; n <= 4; n++) {
		const enum job_kind kinds[] = {JOB_KEYS, JOB_CHECK, JOB_SIGN, (enum job_kind)77};
		const struct job job = {n, kinds[n - 1], JOB_OF_KNOWN, CHUNK(byte)};

		assert_int_equal(crew_give(p.crew, &job), 0);
	}
	assert_true(wait_for(&p, 4));
	for (int i = 0; i < 4; i++)
		assert_int_equal(done.errors[i], -EINVAL);
	give_keys(&p, 5, NULL, NULL);
	assert_true(wait_for(&p, 5));
	assert_true(keys_of(5)->own.there);
	end(&p);
}

/* One that dies takes the others with it, and who waits for an answer is told. */
static void death_is_noticed(void **state)
{
	struct process p;
	int status;

	(void)state;
	if (!may_run())
		skip();
	start(&p);
	kill(p.pid, SIGSTOP);
	assert_int_equal(waitpid(p.pid, &status, WUNTRACED), p.pid);
	give_keys(&p, 1, NULL, NULL);
	assert_true(crew_watch(p.crew));
	assert_false(crew_watch(p.crew));
	kill(p.pid, SIGKILL);
	assert_false(wait_for(&p, 1));
	assert_int_equal(waitpid(p.pid, &status, 0), p.pid);
	crew_free(p.crew);
}

/* ---- a peer's proof, written and read ---- */

/* Whatever of it is missing: it is none. */
static void what_is_cut_is_no_check(void **state)
{
	static const char auth[] = "signature", octets[] = "octets", cert[] = "\4certificate";
	struct trust *trust;
	struct cert_check check = {.id = {.type = 1, .size = 4, .data = {1, 2, 3, 4}},
				   .auth = {14, {auth, sizeof(auth)}},
				   .octets = {octets, sizeof(octets)},
				   .certs = {{cert, sizeof(cert)}},
				   .count = 1,
				   .now = 1800000000},
			  read;
	struct cert_check_files files;
	size_t about, size;
	struct pki pki;
	uint8_t *data;
	char *ca;

	(void)state;
	pki_init(&pki, 1800000000);
	ca = pki_pem(pki.ca, NULL);
	assert_int_equal(trust_load(&trust, ca, NULL, NULL), 0);
	check.trust = trust;
	data = cert_check_write(&check, &about, &size);
	assert_true(about < size);
	assert_true(cert_check_read(&read, &files, data, size));
	assert_int_equal(read.now, check.now);
	assert_memory_equal(&read.id, &check.id, 8);
	assert_memory_equal(read.certs[0].data, cert, sizeof(cert));
	assert_string_equal(files.ca, ca);
	assert_null(files.crl);
	for (size_t n = 0; n < size; n++) {
		uint8_t *part = malloc(n ? n : 1);

		memcpy(part, data, n);
		assert_false(cert_check_read(&read, &files, part, n));
		free(part);
	}
	free(data);
	free(ca);
	trust_free(trust);
	pki_free(&pki);
}

static void what_is_cut_is_no_verdict(void **state)
{
	struct cert_verdict v = {.certified = true, .certs = {(uint8_t *)"certificates", 12, 1900000000}}, read;
	size_t size;
	uint8_t *data = cert_verdict_write(&v, &size);

	(void)state;
	assert_true(cert_verdict_read(&read, data, size));
	assert_int_equal(read.certs.size, 12);
	assert_int_equal(read.certs.until, 1900000000);
	cert_verdict_free(&read);
	/* Proven by nothing is not proven. */
	assert_false(cert_verdict_read(&read, data, size - 12));
	for (size_t n = 0; n < size - 12; n++)
		assert_false(cert_verdict_read(&read, data, n));
	data[4] = 0;
	assert_false(cert_verdict_read(&read, data, size));
	free(data);
	v = (struct cert_verdict){.err = -EACCES, .why = {"no"}};
	data = cert_verdict_write(&v, &size);
	assert_true(cert_verdict_read(&read, data, size));
	assert_int_equal(read.err, -EACCES);
	assert_string_equal(read.why.text, "no");
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urgent_ones_pass),	     cmocka_unit_test(nonsense_ends_it),
		cmocka_unit_test(who_hangs_is_found_out),    cmocka_unit_test(room_is_bounded),
		cmocka_unit_test(they_do_key_exchanges),     cmocka_unit_test(bad_jobs_are_refused),
		cmocka_unit_test(death_is_noticed),	     cmocka_unit_test(what_is_cut_is_no_check),
		cmocka_unit_test(what_is_cut_is_no_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
