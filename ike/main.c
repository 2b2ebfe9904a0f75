/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xdp-ipsec-iked: IKEv2. Started by `xdp-ipsec run`, never by hand.
 *
 *   xdp-ipsec-iked --instance NAME --layout N --map NAME:FD ... --vault FD
 *                  --control FD --keys FD --ready FD [--keylog FD --esp-keylog FD]
 *   xdp-ipsec-iked --judge --control FD --keys FD --ready FD        what is in the files: 'xdp-ipsec check'
 *
 *   supervisor ══control══ protocol process ══questions, signatures══ key holder ══keys══ supervisor
 *                                 ║
 *                                jobs
 *                                 ║
 *                               hands
 *
 * It becomes three processes: one that parses the network and has no key of its host's, one that has the keys and
 * answers three questions, and one that does for the first what takes long, and knows nothing else. What each may touch
 * is given to it open; docs/security.md lists it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "crypto/dh.h"
#include "config/judge.h"
#include "lib/child.h"
#include "lib/landlock.h"
#include "lib/privileges.h"
#include "crypto/prf.h"
#include "hands/hands.h"
#include "sandbox/sandbox.h"
#include "sandbox/threads.h"
#include "maps/vault.h"

/* sad, sad_out, sad_sent, sa_state, replay, replay_wide, turns, free_slots; and ike_sockets and ike_alive, which are
 * written once, before anybody is heard. */
#define MAPS_GIVEN 10
/* To sandbox itself takes milliseconds. Less than the supervisor waits for both, so that the line which says why is
 * out. */
#define PART_START_MS 4000

struct arguments {
	unsigned layout; /* of the maps: LAYOUT_VERSION of who made them */
	unsigned map_count;
	struct {
		char name[16];
		int fd;
	} maps[MAPS_GIVEN];
	int vault_fd;
	int control_fd;
	int keys_fd;
	int ready_fd;
	int keylog_fd; /* -1: no key log */
	int esp_keylog_fd;
	bool judge;
};

static bool parse_map(struct arguments *a, const char *text)
{
	return a->map_count < MAPS_GIVEN &&
	       sscanf(text, "%15[a-z_]:%d", a->maps[a->map_count].name, &a->maps[a->map_count].fd) == 2 &&
	       a->maps[a->map_count++].fd >= 0;
}

/* To judge takes the supervisor's socket, and nothing else. */
static bool is_complete(const struct arguments *a)
{
	return (a->judge || (a->map_count == MAPS_GIVEN && a->vault_fd >= 0)) && a->control_fd >= 0 &&
	       a->keys_fd >= 0 && a->ready_fd >= 0;
}

static int parse(struct arguments *a, int argc, char **argv, struct fault *f)
{
	static const struct option options[] = {
		{"instance", required_argument, NULL, 'i'}, {"layout", required_argument, NULL, 'y'},
		{"map", required_argument, NULL, 'm'}, /* NAME:FD, once for each */
		{"vault", required_argument, NULL, 'v'},    {"control", required_argument, NULL, 'c'},
		{"keys", required_argument, NULL, 'k'},	    {"ready", required_argument, NULL, 'r'},
		{"keylog", required_argument, NULL, 'l'},   {"esp-keylog", required_argument, NULL, 'e'},
		{"judge", no_argument, NULL, 'j'},	    {NULL, 0, NULL, 0},
	};
	bool good = true;
	int c;

	*a = (struct arguments){
		.vault_fd = -1, .control_fd = -1, .keys_fd = -1, .ready_fd = -1, .keylog_fd = -1, .esp_keylog_fd = -1};
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'm')
			good = good && parse_map(a, optarg);
		else if (c == 'y')
			a->layout = (unsigned)atoi(optarg);
		else if (c == 'v')
			a->vault_fd = atoi(optarg);
		else if (c == 'c')
			a->control_fd = atoi(optarg);
		else if (c == 'k')
			a->keys_fd = atoi(optarg);
		else if (c == 'r')
			a->ready_fd = atoi(optarg);
		else if (c == 'l')
			a->keylog_fd = atoi(optarg);
		else if (c == 'e')
			a->esp_keylog_fd = atoi(optarg);
		else if (c == 'j')
			a->judge = true;
	}
	/* The name of the instance is for who looks at the processes. */
	if (!good || !is_complete(a))
		return fault(f, EINVAL, "xdp-ipsec-iked is started by 'xdp-ipsec run'");
	return 0;
}

/* Stopped by the supervisor alone; SIGINT of a terminal reaches all of us. */
static void set_signals(void)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* The three processes, and what they share. Of each pair of sockets this one's end is the first. */
struct parts {
	const struct arguments *arguments;
	unsigned threads; /* of the hands, and of those who sign */
	int jobs[2];
	int questions[2];
	int signatures[2];
	uint8_t *keymat;
	struct child keyholder, hands;
};

static int open_pair(int ends[2], struct fault *f)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return fault(f, errno, "socketpair: %s", strerror(errno));
	return 0;
}

/* What only the protocol process is to have. Both others end when their sockets do. */
static void leave_to_protocol(const struct arguments *a)
{
	set_signals();
	signal(SIGTERM, SIG_IGN);
	close(a->control_fd);
	close(a->ready_fd);
	close_if_open(a->keylog_fd);
	close_if_open(a->esp_keylog_fd);
	for (unsigned i = 0; i < a->map_count; i++)
		close(a->maps[i].fd);
}

static int start_part(struct child *child, int (*be)(void *arg, int ready), struct parts *p, struct fault *f)
{
	char line[CHILD_LINE_MAX];
	int err = child_init(child);

	if (!err)
		err = child_start_copy(child, be, p);
	if (err)
		return fault(f, -err, "starting the %s: %s", child->name, strerror(-err));
	child_wait_line(child, line, PART_START_MS);
	return strcmp(line, KEYHOLDER_READY) == 0 ? 0 : fault(f, EIO, "the %s did not start", child->name);
}

/* The hands have nothing of this process but a socket. */
static int be_hands(void *arg, int ready)
{
	const struct parts *p = arg;
	const struct arguments *a = p->arguments;

	leave_to_protocol(a);
	close(p->jobs[0]);
	close(a->keys_fd);
	close_if_open(a->vault_fd);
	return hands_run(p->jobs[1], ready, p->threads);
}

/* Before there is anything else that they could have. */
static int start_hands(struct parts *p, struct fault *f)
{
	int err = open_pair(p->jobs, f);

	if (err)
		return err;
	err = start_part(&p->hands, be_hands, p, f);
	close(p->jobs[1]);
	return err;
}

/* The key holder has its sockets, the vault and a page. */
static int be_keyholder(void *arg, int ready)
{
	const struct parts *p = arg;
	const struct arguments *a = p->arguments;
	const struct keyholder_ends ends = {.control = a->keys_fd,
					    .questions = p->questions[1],
					    .ready = ready,
					    .vault = a->vault_fd,
					    .keymat = p->keymat,
					    .signatures = p->signatures[1],
					    .signers = a->judge ? 0 : p->threads};

	leave_to_protocol(a);
	close_if_open(p->jobs[0]);
	close(p->questions[0]);
	close_if_open(p->signatures[0]);
	return keyholder_run(&ends);
}

static int start_keyholder(struct parts *p, struct fault *f)
{
	const struct arguments *a = p->arguments;
	int err = open_pair(p->questions, f);

	if (err)
		return err;
	err = start_part(&p->keyholder, be_keyholder, p, f);
	close(p->questions[1]);
	close_if_open(p->signatures[1]);
	close(a->keys_fd);
	/* From here on nobody reads the vault in this process, whatever comes over the network. */
	close_if_open(a->vault_fd);
	return err;
}

/* To judge files takes nobody who signs, or does anything for peers. */
static int start_parts(struct parts *p, const struct arguments *a, struct fault *f)
{
	int err;

	*p = (struct parts){.arguments = a,
			    .threads = threads_useful(),
			    .jobs = {-1, -1},
			    .signatures = {-1, -1},
			    .keyholder = {.name = "key holder"},
			    .hands = {.name = "hands"}};
	if (a->judge)
		return start_keyholder(p, f);
	err = start_hands(p, f);
	if (err)
		return err;
	p->keymat = vault_page(f);
	if (!p->keymat)
		return -EPERM;
	err = open_pair(p->signatures, f);
	return err ? err : start_keyholder(p, f);
}

static int take_maps(struct maps *maps, const struct arguments *a, struct fault *f)
{
	int err = 0;

	maps_none(maps);
	if (a->layout != LAYOUT_VERSION)
		return fault(f, EPROTO, "maps of layout %u, this program has %u: start 'xdp-ipsec run' again",
			     a->layout, LAYOUT_VERSION);
	for (unsigned i = 0; i < a->map_count && !err; i++)
		err = maps_take(maps, a->maps[i].name, a->maps[i].fd, f);
	return err;
}

static int open_sockets(struct ike_daemon *d, struct fault *f)
{
	struct maps *maps = &d->sad.maps;
	int err = sockets_open(&d->sockets, f);

	if (!err)
		err = sockets_publish(&d->sockets, maps, f);
	/* Who could write it later could let any process's packets by what protects. */
	close(maps->ike_sockets);
	close(maps->ike_alive);
	maps->ike_sockets = maps->ike_alive = -1;
	return err;
}

/* What the libraries open or load at first use must be done before the doors close. */
static void warm_up(void)
{
	uint8_t secret[DH_SECRET_SIZE], out[PRF_SIZE_MAX];
	const struct chunk in = CHUNK(secret);
	struct dh dh = {0};

	memset(secret, 0, sizeof(secret));
	if (dh_generate(&dh) == 0)
		dh_derive(&dh, dh.public, secret);
	dh_wipe(&dh);
	for (uint16_t prf = 5; prf <= 7; prf++)
		prf_compute(prf, in, &in, 1, out);
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(out, sizeof(out));
}

static int make_daemon(struct ike_daemon *d, const struct parts *p, struct fault *f)
{
	const struct daemon_ends ends = {p->questions[0], p->keymat, p->signatures[0], p->jobs[0], p->threads};

	return daemon_init(d, &ends, f);
}

static int prepare(struct ike_daemon *d, struct parts *p, const struct arguments *a, struct fault *f)
{
	/* All three together: they end with one another. */
	int err = landlock_leave_others(f);

	if (!err)
		err = start_parts(p, a, f);
	d->control = a->control_fd;
	d->keylog = a->keylog_fd;
	d->esp_keylog = a->esp_keylog_fd;
	if (a->judge)
		return err ? err : sandbox_enter_protocol(-1, f);
	if (!err)
		err = take_maps(&d->sad.maps, a, f);
	if (!err)
		err = open_sockets(d, f);
	if (!err)
		err = make_daemon(d, p, f);
	return err ? err : sandbox_enter_protocol(d->sad.maps.sad, f);
}

/* Who looks at the processes is told which is the key holder. */
static bool tell_ready(int fd, pid_t keyholder)
{
	char line[32];
	const int n = snprintf(line, sizeof(line), "ready %d\n", keyholder);
	const bool told = write(fd, line, (size_t)n) == n;

	close(fd);
	return told;
}

int main(int argc, char **argv)
{
	static struct ike_daemon daemon;
	struct arguments arguments;
	static struct parts parts;
	struct fault f = {""};

	privileges_harden();
	set_signals();
	warm_up();
	if (parse(&arguments, argc, argv, &f) < 0 || prepare(&daemon, &parts, &arguments, &f) < 0) {
		fprintf(stderr, "xdp-ipsec-iked: %s\n", f.text);
		return EXIT_FAILURE;
	}
	if (!tell_ready(arguments.ready_fd, parts.keyholder.pid))
		return EXIT_FAILURE;
	if (arguments.judge)
		judge_run(arguments.control_fd);
	else
		daemon_run(&daemon);
	return EXIT_SUCCESS;
}
