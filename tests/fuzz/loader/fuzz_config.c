/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration file, any bytes of it. What must hold: what is wrong is told by file and line; what is read is
 * within the bounds that others rely on, has each name once, and reads the same a second time.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/config_changes.h"
#include "config/config_file.h"
#include "config/ike_files.h"
#include "fuzz.h"
#include "quiet.h"

static char path[40];
static int file;

static void open_file(void)
{
	file = memfd_create("config", MFD_CLOEXEC);
	require(file >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
}

static void check_fault(const struct fault *f)
{
	require(strncmp(f->text, path, strlen(path)) == 0 && !strchr(f->text, '\n'));
}

static void check_connection(const struct config *c, const struct connection_config *one)
{
	struct fault f;

	require(one->name[0] && config_connection(c, one->name) == one);
	require(one->has_local && one->has_remote && one->has_auth);
	require(one->protect_count >= 1 && one->protect_count <= PROTECTS_MAX);
	require(one->replay_window >= 64 && one->replay_window <= 8192);
	require(!one->rekey_s || !one->lifetime_s || one->rekey_s < one->lifetime_s);
	require(ike_blame(path, c, "x: psk-file: wrong", &f) < 0 && ike_blame(path, c, one->name, &f) < 0);
}

static void check(const struct config *c)
{
	require(c->interface_count <= PORTS_MAX && c->sa_max >= SLOTS_MIN && c->sa_max <= SLOTS_MAX);
	for (unsigned i = 0; i < c->connection_count; i++)
		check_connection(c, &c->connections[i]);
	for (unsigned i = 0; i < c->policy_count; i++)
		require(config_policy(c, c->policies[i].name) == &c->policies[i]);
}

static void read_again(const struct config *first)
{
	struct config again;
	struct fault f;

	require(config_read(&again, path, &f) == 0);
	require(again.connection_count == first->connection_count && again.policy_count == first->policy_count);
	for (unsigned i = 0; i < again.connection_count; i++)
		require(memcmp(&again.connections[i], &first->connections[i], sizeof(again.connections[i])) == 0);
	config_free(&again);
}

static void run(const uint8_t *data, size_t size)
{
	struct config c;
	struct fault f = {""};
	int err;

	require(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
	quiet_begin();
	err = config_read(&c, path, &f);
	quiet_end();
	if (err) {
		check_fault(&f);
		return;
	}
	check(&c);
	read_again(&c);
	config_free(&c);
}

/* ---- seeds: what there is, each line also alone ---- */

static const char *const lines[] = {
	"[interface eth0]\nmode = auto\nqueues = all\nhook = tcx\nthreaded-napi = yes\nbusy-poll = no\nsteering = rss\n"
	"packet-memory = 64\npath-mtu-min = 576\nmss-clamp = 1400\n",
	"[interface eth1]\nmode = generic\nqueues = 4\npath-mtu-min = ignore\nmss-clamp = yes\n",
	"[daemon]\nmark = 0x1b5ec\nunknown-spi = drop\naead = openssl\nlanes = 2\nsa-max = 4096\ncpus = 0,2-3\nlatency "
	"= "
	"low\nkeylog = no\nlog-level = debug\nevent-script = /bin/true\nike-dscp = 48\ncookie-threshold = 32\n",
	"[connection a]\nlocal = 192.0.2.1\nremote = 192.0.2.2\nauth = psk\npsk-file = a.psk\nlocal-id = a.example\n"
	"remote-id = b.example\nprotect = tcp/179, udp/6081-6082, icmp, gre, sctp/dport 5\nstart = initiate\nesn = "
	"no\nreplay-window = 64\nrekey-time = 1h\nlifetime = 70m\nrekey-bytes = 1G\nrekey-packets = 1000000\n"
	"ike-rekey-time = 8h\nreauth-time = 1d\ndpd-interval = 10s\nmonitor = 100ms\nthreshold = 5\ngre = yes\n"
	"per-queue-sas = yes\nppk-id = p\nppk-file = p.ppk\nppk-required = yes\n",
	"[connection b]\nlocal = 192.0.2.1\nremote = 198.51.100.0/24\nauth = cert\ncert = h.crt\nkey = h.key\nca = "
	"ca.crt\ncrl "
	"= ca.crl\nremote-id = *.example\nstart = respond\nprotect = all\n",
	"[policy p]\ndst = 192.0.2.0/24\nsrc = 192.0.2.1\nproto = tcp\nsport = 1-5\ndport = 22\nprio = 3\naction = "
	"bypass\n",
	"[connection c]\nlocal = 127.0.0.1\nremote = ::1\nmode = tunnel\ndh-group = 14\nnat-t = yes\nikev1 = yes\n",
	"\xef\xbb\xbf[interface eth0] ; all\n  mode = 'auto'\n",
	"fail-open = yes\n[daemon\n",
};

static void seeds(void)
{
	struct seed all = {0};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		fuzz_seed(lines[i], strlen(lines[i]));
		if (i != 6 && i < 7)
			seed_bytes(&all, lines[i], strlen(lines[i]));
	}
	fuzz_seed(all.data, all.size);
}

FUZZER(.name = "config", .open = open_file, .run = run, .seeds = seeds)
