/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_file.h"
#include "unit/temp_file.h"

static struct config config;
static struct fault f;

static int read_bytes(const char *bytes, size_t size)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	fclose(file);
	f.text[0] = '\0';
	return config_read(&config, path, &f);
}

static int read_text(const char *text)
{
	return read_bytes(text, strlen(text));
}

static void test_defaults(void **unused)
{
	(void)unused;
	assert_int_equal(read_text("[interface eth0]\n"), 0);
	assert_int_equal(config.interface_count, 1);
	assert_string_equal(config.interfaces[0].name, "eth0");
	assert_int_equal(config.interfaces[0].mode, MODE_AUTO);
	assert_int_equal(config.interfaces[0].queues, 0);
	assert_int_equal(config.interfaces[0].hook, HOOK_AUTO);
	assert_false(config.interfaces[0].threaded_napi);
	assert_false(config.interfaces[0].busy_poll);
	assert_int_equal(config.interfaces[0].steering, STEER_AUTO);
	assert_int_equal(config.interfaces[0].path_mtu_min, PATH_MTU_MIN);
	assert_int_equal(config.interfaces[0].mss_clamp, 0);
	assert_int_equal(config.ike_dscp, 0);
	assert_int_equal(config.mark, CONFIG_DEFAULT_MARK);
	assert_int_equal(config.unknown_spi, UNKNOWN_SPI_AUTO);
	assert_string_equal(config.aead, "auto");
}

static void test_every_key(void **unused)
{
	(void)unused;
	assert_int_equal(read_text("; a comment\n"
				   "# another\n"
				   "[interface eth0]   ; behind a section\n"
				   "mode = generic     ; behind a value\n"
				   "  queues=3\n"
				   "hook = clsact\n"
				   "threaded-napi = yes\n"
				   "busy-poll = yes\n"
				   "steering = ntuple\n"
				   "path-mtu-min = 1280\n"
				   "mss-clamp = 1300\n"
				   "\n"
				   "[daemon]\n"
				   "mark = 0x10\n"
				   "unknown-spi = pass\n"
				   "aead = openssl\n"
				   "ike-dscp = 48\n"
				   "sa-max = 131009\n"
				   "[interface eth1.7]\n"
				   "mode = native\n"
				   "busy-poll = no\n"
				   "path-mtu-min = ignore\n"
				   "mss-clamp = yes\n"),
			 0);
	assert_int_equal(config.interface_count, 2);
	assert_int_equal(config.interfaces[0].mode, PORT_GENERIC);
	assert_int_equal(config.interfaces[0].queues, 3);
	assert_int_equal(config.interfaces[0].hook, HOOK_CLSACT);
	assert_true(config.interfaces[0].threaded_napi);
	assert_true(config.interfaces[0].busy_poll);
	assert_int_equal(config.interfaces[0].steering, STEER_NTUPLE);
	assert_int_equal(config.interfaces[0].path_mtu_min, 1280);
	assert_int_equal(config.interfaces[0].mss_clamp, 1300);
	assert_false(config.interfaces[1].busy_poll);
	assert_int_equal(config.interfaces[1].path_mtu_min, 0);
	assert_int_equal(config.interfaces[1].mss_clamp, MSS_CLAMP_FIT);
	assert_int_equal(config.ike_dscp, 48);
	assert_int_equal(config.sa_max, 131072); /* whole pages and words of them */
	assert_int_equal(config.mark, 0x10);
	assert_int_equal(config.unknown_spi, UNKNOWN_SPI_PASS);
	assert_string_equal(config.aead, "openssl");
	assert_string_equal(config.interfaces[1].name, "eth1.7");
	assert_int_equal(config.interfaces[1].mode, PORT_NATIVE);
}

static void test_policies(void **unused)
{
	const struct spd_rule *r;

	(void)unused;
	assert_int_equal(read_text("[policy ten]\ndst = 10.0.0.0/8\naction = protect\n"
				   "[policy bastion]\n"
				   "dst = 10.0.0.5\nsrc = 192.0.2.1\nproto = tcp\nsport = 22\ndport = 1024-65535\n"
				   "prio = 3\naction = bypass\n"
				   "[policy ping]\ndst = 10.0.0.0/8\nproto = icmp/8\naction = discard\n"),
			 0);
	assert_int_equal(config.policy_count, 3);
	assert_string_equal(config.policies[1].name, "bastion");
	assert_int_equal(config.policies[0].policy.remote.len, 8);
	r = &config.policies[1].policy.rule;
	assert_int_equal(r->owner, OWNER_FILE);
	assert_int_equal(r->origin, 32);
	assert_int_equal(r->local[3], 1);
	assert_int_equal(r->proto, 6);
	assert_int_equal(r->local_port_min, 22);
	assert_int_equal(r->local_port_max, 22);
	assert_int_equal(r->remote_port_min, 1024);
	assert_int_equal(r->prio, 3);
	assert_int_equal(r->action, SPD_BYPASS);
	assert_int_equal(config.policies[2].policy.rule.local_port_min, 0x0800);
	config_free(&config);
	assert_int_equal(config.policy_count, 0);
}

static void test_empty_file(void **unused)
{
	(void)unused;
	assert_int_equal(read_text(""), 0);
	assert_int_equal(config.sa_max, 8192);
	assert_int_equal(config.interface_count, 0);
}

/* As a file system leaves one whose data never got to the disk: nothing of it may be taken for an empty line. */
static void test_nul(void **unused)
{
	static const char zeros[512], late[] = "[interface a]\nmode = native\0\nqueues = 2\n";

	(void)unused;
	assert_int_equal(read_bytes(zeros, sizeof(zeros)), -EINVAL);
	assert_non_null(strstr(f.text, ":1: a NUL byte"));
	assert_non_null(strstr(f.text, "UTF-16"));
	assert_int_equal(read_bytes(late, sizeof(late) - 1), -EINVAL);
	assert_non_null(strstr(f.text, ":2: a NUL byte"));
}

#define PSK "[connection c]\nlocal = 192.0.2.1\nremote = 192.0.2.2\nauth = psk\npsk-file = k\n"

/* The line is the one that is wrong, and the first of them. */
static const struct {
	const char *text;
	const char *where;
	const char *what;
} mistakes[] = {
	{"[interface a]\nmode = fast\n", ":2: ", "'fast'"},
	{"[interface a]\nmode = \n", ":2: ", "mode"},
	{"[interface a]\nMode = auto\n", ":2: ", "'Mode': did you mean 'mode'?"},
	{"[interface a]\nmode = 'auto'\n", ":2: ", "native or generic, without quotes"},
	{"[interface a]\nmode = auto # the best\n", ":2: ", "what is behind a value begins with ';'"},
	{"[connection c]\npsk-file = \"psk\"\n", ":2: ", "give a file's name, without quotes"},
	{"[connection c]\nprotect = 179\n",
	 ":2: ", "no protocol has this number: if it is a port, give tcp/179, or udp"},
	{"[interface a]\nqueues = 0\n", ":2: ", "queues"},
	{"[interface a]\nqueues = 65\n", ":2: ", "'65'"},
	{"[interface a]\nhook = tc\n", ":2: ", "'tc'"},
	{"[interface a]\nhook = \n", ":2: ", "hook"},
	{"[interface a]\nthreaded-napi = perhaps\n", ":2: ", "'perhaps'"},
	{"[interface a]\nbusy-poll = 50\n", ":2: ", "busy-poll = '50': give yes or no"},
	{"[interface a]\nbusy-poll = \n", ":2: ", "busy-poll"},
	{"[daemon]\nbusy-poll = yes\n", ":2: ", "'busy-poll'"},
	{"[interface a]\nbusy-poll = yes\nbusy-poll = yes\n", ":3: ", "busy-poll is in [interface a] twice"},
	{"[interface a]\nsteering = spi\n", ":2: ", "give auto, rss, ntuple or off"},
	{"[interface a]\npath-mtu-min = 575\n", ":2: ", "give ignore, or 576"},
	{"[interface a]\npath-mtu-min = no\n", ":2: ", "'no'"},
	{"[interface a]\nmss-clamp = 535\n", ":2: ", "give no, yes, or the largest MSS, 536"},
	{"[interface a]\nmss-clamp = 65536\n", ":2: ", "'65536'"},
	{"[daemon]\nsa-max = 63\n", ":2: ", "sa-max = '63': give 64 to 262144"},
	{"[daemon]\nsa-max = 262145\n", ":2: ", "'262145'"},
	{"[daemon]\nsa-max = auto\n", ":2: ", "'auto'"},
	{"[daemon]\nike-dscp = 64\n", ":2: ", "give 0 to 63"},
	{"[daemon]\nike-dscp = ef\n", ":2: ", "'ef'"},
	{"[interface a]\n\n\nspeed = 9\nmode = fast\n", ":4: ", "'speed'"},
	{"[interface a]\nmark = 1\n", ":2: ", "'mark'"},
	{"[daemon]\nmode = auto\n", ":2: ", "'mode'"},
	{"[daemon]\nmark = 0\n", ":2: ", "mark"},
	{"[daemon]\nmark = 0x100000000\n", ":2: ", "mark"},
	{"[daemon]\naead = aes\n", ":2: ", "'aes'"},
	{"[interface a]\n\n[interface a]\n", ":3: ", "twice"},
	{"[interface a]\nmode = auto\nmode = native\n", ":3: ", "mode is in [interface a] twice"},
	{"[daemon]\nmark = 5\n; again\nmark = 5\n", ":4: ", "mark is in [daemon] twice"},
	{"[interface ]\n", ":1: ", "name"},
	{"[interface]\n", ":1: ", "[interface]"},
	{"[interface a/b]\n", ":1: ", "'a/b'"},
	{"[interface sixteen-letters-]\n", ":1: ", "sixteen-letters-"},
	{"[interfaces a]\n", ":1: ", "[interfaces a]"},
	{"[connection core1]\n", ":1: ", "has no 'local'"},
	{"[interface a]\n[connection core1]\nlocal = 192.0.2.1\n", ":2: ", "has no 'remote'"},
	{"[interface a]\nfail-open = yes\n", ":2: ", "there is no such thing"},
	{"[daemon]\nfail-open = no\n", ":2: ", "dropped, never sent"},
	{"[connection c]\nfail-open = yes\n", ":2: ", "there is no such thing"},
	{"[connection c]\nprotect = tcp/80-70\n", ":2: ", "'tcp/80-70'"},
	{"[connection c]\nprotect = tcp/179, icmp/echo\n", ":2: ", "'icmp/echo'"},
	{"[connection c]\nprotect = esp\n", ":2: ", "ESP is not applied"},
	{"[policy p]\naction = bypass\n", ":1: ", "dst"},
	{"[policy p]\ndst = 10.0.0.0/8\n", ":1: ", "[policy p]: action"},
	{"[policy p]\ndst = 10.0.0.1/8\naction = bypass\n",
	 ":2: ", "dst '10.0.0.1/8': give 10.0.0.1 for one host, or 10.0.0.0/8"},
	{"[policy p]\naction = bypass\ndst = 10.0.0.0/8\nsport = 22\n", ":4: ", "needs a protocol"},
	{"[policy p]\naction = fail-open\ndst = 10.0.0.0/8\n", ":2: ", "there is no such thing"},
	{"[policy p]\naction = pass\ndst = 10.0.0.0/8\n[daemon]\n", ":2: ", "'pass'"},
	{"[policy p]\ndst = 10.0.0.0/8\nport = 22\n", ":3: ", "'port'"},
	{"[policy p]\ndst = 10.0.0.0/8\ndst = 10.0.0.0/9\n", ":3: ", "twice"},
	{"[policy p]\ndst = 10.0.0.0/8\naction = bypass\n[policy p]\n", ":4: ", "twice"},
	{"[policy p q]\n", ":1: ", "'p q'"},
	{"mode = auto\n", ":1: ", "stands before any section"},
	{"[interface a]\nmode\n", ":2: ", "key = value"},
	{"[interface a\nmode = auto\n", ":1: ", "']'"},
	{"[daemon]\nmark = \x1b[31m\x07\n", ":2: ", "'?[31m?'"},
	{"[interface a] mode = native\n", ":1: ", "alone on its line"},
	{"[connection c]\nlocal = 192.0.2.1\n[interface a]\n", ":1: ", "[connection c] has no 'remote'"},
	{"[connection c]\nprotect = tcp/179 udp/53\n", ":2: ", "'tcp/179 udp/53'"},
	{"[connection c]\nremote = 224.0.0.0/4\n", ":2: ", "not an address that one host has"},
	{"[connection c]\nrekey-bytes = 18446744074G\n", ":2: ", "rekey-bytes"},
	{"[connection c]\nrekey-packets = 18446744073709551616\n", ":2: ", "rekey-packets"},
	{"[connection c]\nrekey-time = 213503982334602d\n", ":2: ", "rekey-time"},
	/* habits of other files */
	{"[connection c]\nlog-level = debug\n", ":2: ", "'log-level': it stands in [daemon]"},
	{"[daemon]\nlocal = 192.0.2.1\n", ":2: ", "'local': it stands in [connection NAME]"},
	{"[connection c]\nfrobnicate = 1\n", ":2: ", "xdp-ipsec.conf(5) has those that there are"},
	{"[connection c]\nleft = 192.0.2.1\n", ":2: ", "no key 'left': here it is 'local'"},
	{"[connection c]\nPublicKey = x\n", ":2: ", "not by its key"},
	{"[connection c]\nike = aes256gcm16-ecp384\n", ":2: ", "here it is the version"},
	{"[connection c]\nike = 1\n", ":2: ", "IKEv2 is the only version"},
	{"[connection c]\nmode = TRANSPORT\n", ":2: ", "give transport, in small letters"},
	{"[connection c]\ncipher = AES-256-GCM\n", ":2: ", "give aes-256-gcm, in small letters"},
	{"[connection c]\nauth = PSK\n", ":2: ", "give psk or cert, in small letters"},
	{"[connection c]\nlocal-id = @host1\n", ":2: ", ", without '@'"},
	{"[connection c]\nremote-id = %any\n", ":2: ", "or a pattern of them"},
	{"[connection c]\nlocal = 192.0.2.1:500\n", ":2: ", "of this host, without a port"},
	{"[connection c]\nlocal = ::1\n", ":2: ", "IPv6 is not supported"},
	{"[connection c]\nremote = host2\n", ":2: ", "names are not looked up"},
	{"[connection c]\nremote = 192.0.2.7/24\n", ":2: ", "give 192.0.2.7 for one host, or 192.0.2.0/24"},
	{"[connection c]\nprotect = any\n", ":2: ", "'all' is everything"},
	{"[connection c]\nprotect = all, tcp\n", ":2: ", "'all' is everything"},
	{"[connection c]\nprotect = tcp/179,\n", ":2: ", "nothing in front of a ','"},
	{"[connection c]\nprotect = tcp/179;udp/53\n", ":2: ", "items have a ',' between them"},
	{"[connection c]\nprotect = 4789\n", ":2: ", "give tcp/4789, or udp"},
	{PSK "lifetime = 60\n", ":1: ", "rekey-time (3600 s) must be shorter than lifetime (60 s)"},
	{"[interface \"eth0\"]\n", ":1: ", "without quotes"},
	{"[interface eth0,eth1]\n", ":1: ", "each has a section of its own"},
	{"[interface 192.0.2.1]\n", ":1: ", "'192.0.2.1' is an address"},
	{"[interface a]\nmode = auto // best\n", ":2: ", "what is behind a value begins with ';'"},
	{"[interface a]\nmode = auto;\n", ":2: ", "has a blank in front of it"},
	{"[interface a]\nmode =\u00a0auto\n", ":2: ", "not ASCII: type it anew"},
	{"[interface a]\n; it\u2019s\nmode = \u201cauto\u201d\n", ":3: ", "not ASCII: type it anew"},
	{"[interface a]\u00a0\n", ":1: ", "not ASCII: type it anew"},
	{"conn core1\n", ":1: ", "as [connection core1]"},
	{"[interface a]\npath-mtu-min = 9217\n", ":2: ", "give ignore, or 576 to 9216"},
};

/* Neither an empty value nor what stands elsewhere has quotes. */
static void test_no_habit(void **unused)
{
	static const char *const texts[] = {
		"[interface a]\nmode = \n",
		"[connection c]\nlocal-id = \n",
		"; \u201cthe best\u201d\n[interface a]\nmode = fast\n",
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(read_text(texts[i]), -EINVAL);
		assert_null(strstr(f.text, "quote"));
	}
}

static void test_mistakes(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		assert_int_equal(read_text(mistakes[i].text), -EINVAL);
		if (strncmp(f.text, path, strlen(path)) != 0 || !strstr(f.text, mistakes[i].where) ||
		    !strstr(f.text, mistakes[i].what) || strchr(f.text, '\n'))
			fail_msg("%zu: '%s' gave '%s'", i, mistakes[i].text, f.text);
	}
}

/* What libinih takes for the beginning of a section is one to us, too: it would have no interface else. */
static void test_beginning_of_a_section(void **unused)
{
	static const char *const texts[] = {"\xef\xbb\xbf[interface eth0]\n", "\f[interface eth0]\n",
					    " \t[interface eth0] ; comment\r\n", "\v[interface eth0] # comment\n"};

	(void)unused;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(read_text(texts[i]), 0);
		assert_int_equal(config.interface_count, 1);
	}
}

/* What cannot be read is no empty file, which would protect nothing. */
static void test_directory(void **unused)
{
	(void)unused;
	assert_int_equal(config_read(&config, "/tmp", &f), -EIO);
	assert_string_equal(f.text, "/tmp: cannot be read: Is a directory");
}

/* A line longer than the reader's buffer is not taken for two: what ends a comment here would be a key. */
static void test_long_line(void **unused)
{
	char text[600] = "[interface a]\n";

	(void)unused;
	for (unsigned length = 180; length < 220; length++) {
		sprintf(text, "[interface a]\n;%*s", (int)length, "mode = native\n");
		if (read_text(text) == 0)
			assert_int_equal(config.interfaces[0].mode, MODE_AUTO);
		else
			assert_non_null(strstr(f.text, ":2: "));
	}
	assert_int_equal(read_text(text), -EINVAL);
}

static void test_more_interfaces_than_ports(void **unused)
{
	char text[PORTS_MAX * 32 + 64] = "";

	(void)unused;
	for (int i = 0; i < PORTS_MAX; i++)
		sprintf(text + strlen(text), "[interface eth%d]\n", i);
	assert_int_equal(read_text(text), 0);
	strcat(text, "[interface more]\n");
	assert_int_equal(read_text(text), -EINVAL);
	assert_non_null(strstr(f.text, ":17: "));
}

#define CONNECTION "[connection c]\nlocal = 192.0.2.1\nremote = 192.0.2.2\nauth = psk\npsk-file = x\n"

static void assert_monitor(const char *lines, uint64_t ms, unsigned threshold)
{
	char text[400];

	snprintf(text, sizeof(text), CONNECTION "%s", lines);
	assert_int_equal(read_text(text), 0);
	assert_int_equal(config.connections[0].monitor_ms, ms);
	assert_int_equal(config.connections[0].threshold, threshold);
	config_free(&config);
}

static void assert_no_monitor(const char *lines, const char *what)
{
	char text[400];

	snprintf(text, sizeof(text), CONNECTION "%s", lines);
	assert_int_equal(read_text(text), -EINVAL);
	if (!strstr(f.text, what))
		fail_msg("'%s' gave '%s'", lines, f.text);
	config_free(&config);
}

static void test_monitor(void **unused)
{
	(void)unused;
	assert_monitor("", 0, 5);
	assert_monitor("monitor = no\n", 0, 5);
	assert_monitor("monitor = 3s\n", 3000, 5);
	assert_monitor("monitor = 200ms\nthreshold = 7\nprotect = tcp/179, icmp\n", 200, 7);
	assert_monitor("monitor = 1h\n", 3600000, 5);
	assert_no_monitor("monitor = 0\n", "'0'");
	assert_no_monitor("monitor = 49ms\n", "50ms to 1h");
	assert_no_monitor("monitor = ms\n", "'ms'");
	assert_no_monitor("monitor = 61m\n", "'61m'");
	assert_no_monitor("monitor = yes\n", "'yes'");
	assert_no_monitor("threshold = 0\n", "threshold");
	assert_no_monitor("monitor = 3s\nprotect = icmp/echo-request\n", "protect must be all or have icmp in it");
	assert_no_monitor("monitor = 3s\nprotect = tcp/179\n", "protect must be all or have icmp in it");
}

static void test_monitor_of_a_mesh(void **unused)
{
	(void)unused;
	assert_int_equal(read_text("[connection c]\nlocal = 192.0.2.1\nremote = 192.0.2.0/24\nauth = psk\n"
				   "psk-file = x\nmonitor = 3s\n"),
			 -EINVAL);
	assert_non_null(strstr(f.text, "monitor is for one peer"));
	config_free(&config);
}

static void test_per_queue_sas(void **unused)
{
	(void)unused;
	assert_int_equal(read_text(PSK), 0);
	assert_false(config.connections[0].per_queue);
	config_free(&config);
	assert_int_equal(read_text(PSK "per-queue-sas = yes\n"), 0);
	assert_true(config.connections[0].per_queue);
	config_free(&config);
	assert_int_equal(read_text(PSK "per-queue-sas = 4\n"), -EINVAL);
	assert_non_null(strstr(f.text, "yes or no"));
}

/* gre = yes protects GRE where not all is protected, once. */
static void test_gre(void **unused)
{
	static const struct {
		const char *text;
		bool gre;
		unsigned protects; /* the last of them GRE, if gre */
	} files[] = {
		{PSK, false, 1},
		{PSK "gre = no\nprotect = tcp/179\n", false, 1},
		{PSK "gre = yes\n", true, 1},
		{PSK "gre = yes\nprotect = all\n", true, 1},
		{PSK "gre = yes\nprotect = tcp/179\n", true, 2},
		{PSK "protect = tcp/179, gre\ngre = yes\n", true, 2},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		const struct connection_config *c;

		assert_int_equal(read_text(files[i].text), 0);
		c = &config.connections[0];
		assert_int_equal(c->gre, files[i].gre);
		assert_int_equal(c->protect_count, files[i].protects);
		if (c->protect_count > 1)
			assert_int_equal(c->protects[c->protect_count - 1].sel.proto, 47);
		config_free(&config);
	}
	assert_int_equal(read_text(PSK "gre = yes\nprotect = 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16\n"), -EINVAL);
	assert_non_null(strstr(f.text, ":1: "));
	assert_non_null(strstr(f.text, "take one out"));
	assert_int_equal(read_text(PSK "gre = perhaps\n"), -EINVAL);
}

static void test_no_file(void **unused)
{
	(void)unused;
	assert_int_equal(config_read(&config, "/nonexistent/conf", &f), -ENOENT);
	assert_non_null(strstr(f.text, "/nonexistent/conf"));
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, make_file, remove_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FILE(test_defaults),
		WITH_FILE(test_every_key),
		WITH_FILE(test_empty_file),
		WITH_FILE(test_nul),
		WITH_FILE(test_policies),
		WITH_FILE(test_mistakes),
		WITH_FILE(test_no_habit),
		WITH_FILE(test_long_line),
		WITH_FILE(test_more_interfaces_than_ports),
		WITH_FILE(test_monitor),
		WITH_FILE(test_monitor_of_a_mesh),
		WITH_FILE(test_gre),
		WITH_FILE(test_per_queue_sas),
		WITH_FILE(test_beginning_of_a_section),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
