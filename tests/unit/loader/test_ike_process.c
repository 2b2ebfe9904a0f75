/* SPDX-License-Identifier: BSD-2-Clause */
/* IKE as a child that is not what it should be. The child is this program again, under the name of the other. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/ike_process.h"
#include "lib/channel.h"
#include "maps/maps.h"

#define IKED "xdp-ipsec-iked"
/* A test that hangs has failed. */
#define SECONDS_MAX 20

/* ---- the child ---- */

static int number_of(int argc, char **argv, const char *option)
{
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], option) == 0)
			return atoi(argv[i + 1]);
	return -1;
}

static void say_with(int control, const char *reply, int fd)
{
	cJSON *message = cJSON_CreateObject();

	cJSON_AddStringToObject(message, "reply", reply);
	channel_send(control, message, fd);
	cJSON_Delete(message);
}

static void say(int control, const char *reply)
{
	say_with(control, reply, -1);
}

#define LONGEST_NAME "a-name-of-47-letters-which-is-the-longest-there"

/* A change of each of so many connections. */
static int changes_of(unsigned count)
{
	cJSON *changes = cJSON_CreateArray();
	int fd;

	for (unsigned i = 0; i < count; i++) {
		cJSON *change = cJSON_CreateObject();

		cJSON_AddStringToObject(change, "name", LONGEST_NAME);
		cJSON_AddStringToObject(change, "change", "changed");
		cJSON_AddItemToArray(changes, change);
	}
	fd = channel_pack(changes);
	cJSON_Delete(changes);
	return fd;
}

/* Takes its configuration, and then is what the environment says. */
static int be_ike(int argc, char **argv)
{
	const char *manner = getenv("MANNER");
	const int control = number_of(argc, argv, "--control");
	const pid_t keyholder = strcmp(manner, "forked") ? getpid() : fork();
	cJSON *message;
	int fd;

	if (!keyholder)
		return pause();
	if (dprintf(number_of(argc, argv, "--ready"), "ready %d\n", keyholder) < 0 ||
	    channel_receive(control, &message, &fd))
		return 1;
	if (strncmp(manner, "changes ", 8) == 0)
		say_with(control, "configure", changes_of((unsigned)atoi(manner + 8)));
	else
		say(control, "configure");
	if (strcmp(manner, "nonsense") == 0)
		send(control, "?", 1, 0);
	while (strcmp(manner, "chatty") == 0) {
		say(control, "gre");
		usleep(20000);
	}
	pause();
	return 0;
}

/* ---- the system, as it can be ---- */

static bool fork_fails;
static pid_t killed;

pid_t fork(void)
{
	pid_t (*real)(void) = dlsym(RTLD_NEXT, "fork");

	errno = EAGAIN;
	return fork_fails ? -1 : real();
}

/* Only a child may be killed: -1 is everybody. */
int kill(pid_t pid, int number)
{
	int (*real)(pid_t, int) = dlsym(RTLD_NEXT, "kill");

	killed = pid;
	return pid > 0 ? real(pid, number) : 0;
}

/* ---- the parent ---- */

static struct ike_process ike;
static struct connection_config connection = {.name = "a"};
static const struct config config = {.connections = &connection, .connection_count = 1};
static struct fault f;
static const struct config nothing;
static unsigned lost, gre, none;
static bool lost_entirely;

static void on_lost(void *arg, bool entirely)
{
	(void)arg;
	lost++;
	lost_entirely = entirely;
}

static void on_gre(void *arg)
{
	(void)arg;
	gre++;
}

static void on_none(void *arg)
{
	(void)arg;
	assert_int_equal(ike.child.pid, 0);
	none++;
}

static int make_ike(void **unused)
{
	(void)unused;
	ike = (struct ike_process){
		.base = event_base_new(),
		.instance = "test",
		.vault_fd = -1,
		.keylog = {-1, -1},
		.config_path = "/nowhere/test.conf",
		.on_lost = on_lost,
		.on_gre = on_gre,
		.on_none = on_none,
	};
	fork_fails = false;
	killed = 0;
	lost = none = 0;
	connection.psk_file[0] = '\0';
	alarm(SECONDS_MAX);
	return ike_init(&ike);
}

static int free_ike(void **unused)
{
	(void)unused;
	ike_fini(&ike);
	event_base_free(ike.base);
	alarm(0);
	return 0;
}

static void run_as(const char *manner)
{
	setenv("MANNER", manner, 1);
	assert_int_equal(ike_run(&ike, &config, &f), 0);
	assert_true(ike.child.pid > 0);
}

/* As SIGCHLD does. */
static void reap(void)
{
	siginfo_t end;

	assert_int_equal(waitid(P_PID, (id_t)ike.child.pid, &end, WEXITED | WNOWAIT), 0);
	ike_reap(&ike);
	assert_int_equal(ike.child.pid, 0);
}

static void die(void)
{
	kill(ike.child.pid, SIGKILL);
	reap();
}

/* ---- tests ---- */

static void test_no_process_left(void **unused)
{
	(void)unused;
	fork_fails = true;
	assert_int_equal(ike_run(&ike, &config, &f), -EAGAIN);
	assert_int_equal(killed, 0);
	assert_int_equal(ike.child.pid, 0);
}

static void test_run_before_it_is_started_again(void **unused)
{
	pid_t first;

	(void)unused;
	run_as("good");
	die();
	assert_true(evtimer_pending(ike.child.again, NULL));
	run_as("good");
	first = ike.child.pid;
	event_base_loop(ike.base, EVLOOP_NONBLOCK);
	assert_int_equal(ike.child.pid, first);
	assert_false(evtimer_pending(ike.child.again, NULL));
}

/* A bad configuration that comes while it is down does not keep it down. */
static void test_bad_configuration_before_it_is_started_again(void **unused)
{
	(void)unused;
	run_as("good");
	die();
	strcpy(connection.psk_file, "missing.psk");
	assert_int_equal(ike_run(&ike, &config, &f), -ENOENT);
	assert_int_equal(ike.child.pid, 0);
	assert_true(evtimer_pending(ike.child.again, NULL));
}

/* Whatever it was about to do, and whether it was there to be stopped. */
static void test_no_connections_any_more(void **unused)
{
	(void)unused;
	run_as("good");
	assert_int_equal(ike_run(&ike, &nothing, &f), 0);
	assert_int_equal(none, 1);
	run_as("good");
	die();
	assert_int_equal(none, 1);
	assert_int_equal(ike_run(&ike, &nothing, &f), 0);
	assert_int_equal(none, 2);
	assert_false(evtimer_pending(ike.child.again, NULL));
}

static void test_status_among_other_messages(void **unused)
{
	const uint64_t before = maps_now();

	(void)unused;
	run_as("chatty");
	assert_int_equal(ike_status(&ike), -ETIMEDOUT);
	assert_in_range((maps_now() - before) / 1000000, 1900, 4000);
	assert_true(gre > 2);
}

/* A message may have been taken while the event that tells of it was on its way. */
static void test_event_without_a_message(void **unused)
{
	(void)unused;
	run_as("silent");
	event_active(ike.readable, EV_READ, 0);
	assert_int_equal(event_base_loop(ike.base, EVLOOP_NONBLOCK), 0);
	assert_int_equal(killed, 0);
}

/* A flood of acquires must not hold up the supervisor, nor take the place of what is told once. */
static void test_nobody_reads(void **unused)
{
	int err = 0;

	(void)unused;
	run_as("deaf");
	for (unsigned i = 0; i < 100000 && !err; i++)
		err = ike_send_now(&ike, cJSON_CreateObject());
	assert_int_equal(err, -ETIMEDOUT);
	assert_int_equal(ike_send(&ike, cJSON_CreateObject()), -ETIMEDOUT);
}

static void test_nonsense(void **unused)
{
	const pid_t *const pid = &ike.child.pid;

	(void)unused;
	run_as("nonsense");
	event_base_loop(ike.base, EVLOOP_ONCE);
	assert_int_equal(killed, *pid);
	reap();
	assert_true(evtimer_pending(ike.child.again, NULL));
}

/* One that tells of more changes than there are connections is not listened to. */
static void test_more_changes_than_there_can_be(void **unused)
{
	const pid_t *const pid = &ike.child.pid;

	(void)unused;
	run_as("changes 1");
	assert_int_equal(cJSON_GetArraySize(ike.changes), 1);
	assert_int_equal(killed, 0);
	die();
	killed = 0;
	run_as("changes 10000");
	assert_null(ike.changes);
	assert_int_equal(killed, *pid);
	reap();
}

static void test_lost(void **unused)
{
	(void)unused;
	run_as("good");
	assert_int_equal(lost, 0);
	die();
	assert_int_equal(lost, 1);
	assert_true(lost_entirely);
}

/* As long as the key holder is there a key may come. */
static void test_lost_without_its_key_holder(void **unused)
{
	pid_t keyholder;

	(void)unused;
	run_as("forked");
	keyholder = ike.keyholder;
	assert_int_not_equal(keyholder, ike.child.pid);
	die();
	assert_int_equal(lost, 1);
	assert_false(lost_entirely);
	kill(keyholder, SIGKILL);
}

/* ---- signals ---- */

static void on_child(int number)
{
	(void)number;
}

/* A child that ends after a while, for which there is a signal; victim: whom it kills before that, or 0. */
static pid_t end_later(useconds_t us, pid_t victim)
{
	const pid_t pid = fork();

	if (pid)
		return pid;
	usleep(us);
	if (victim)
		kill(victim, SIGKILL);
	_exit(0);
}

/* Those of others that end meanwhile, as an event's script does, do not end the wait for the key holder. */
static void test_lost_among_signals(void **unused)
{
	const struct sigaction heard = {.sa_handler = on_child};
	struct sigaction before;
	pid_t first, second;

	(void)unused;
	run_as("forked");
	sigaction(SIGCHLD, &heard, &before);
	first = end_later(100000, 0);
	second = end_later(250000, ike.keyholder);
	die();
	assert_int_equal(lost, 1);
	assert_true(lost_entirely);
	while (waitpid(second, NULL, 0) < 0 && errno == EINTR)
		;
	waitpid(first, NULL, 0);
	sigaction(SIGCHLD, &before, NULL);
}

/* ---- all ---- */

/* The name under which the loader looks for it, beside this program. */
static void make_link(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - sizeof(IKED));

	if (n < 0)
		abort();
	path[n] = '\0';
	strcpy(strrchr(path, '/') + 1, IKED);
	unlink(path);
	if (symlink("/proc/self/exe", path) < 0)
		abort();
}

#define WITH_IKE(test) cmocka_unit_test_setup_teardown(test, make_ike, free_ike)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WITH_IKE(test_no_process_left),
		WITH_IKE(test_run_before_it_is_started_again),
		WITH_IKE(test_bad_configuration_before_it_is_started_again),
		WITH_IKE(test_no_connections_any_more),
		WITH_IKE(test_status_among_other_messages),
		WITH_IKE(test_event_without_a_message),
		WITH_IKE(test_nobody_reads),
		WITH_IKE(test_nonsense),
		WITH_IKE(test_more_changes_than_there_can_be),
		WITH_IKE(test_lost),
		WITH_IKE(test_lost_without_its_key_holder),
		WITH_IKE(test_lost_among_signals),
	};
	char path[512];
	int failed;

	if (strcmp(argv[0], IKED) == 0)
		return be_ike(argc, argv);
	make_link(path, sizeof(path));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
