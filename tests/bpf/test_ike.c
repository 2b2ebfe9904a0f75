/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bpf/ike.h: whose UDP from port 500 and 4500 is IKE. BPF_PROG_TEST_RUN has a socket of its own, so here tc_egress is
 * attached, in a network namespace of the test's own, and real sockets send:
 *
 *   socket -> NIC 192.0.2.1: tc_egress -> peer
 *   packet socket -> second: forwarded -> NIC: tc_egress -> peer
 */
#define _GNU_SOURCE
#include "fixture.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath.skel.h"

#define VETH 7

/* Long enough for the slowest machine; reached only by a failure. */
#define PATIENCE_MS 10000

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

static int a_host(void **state)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = VETH, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1);
	struct fixture *fx;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fixture_native(state);
	fx = *state;
	put_gate(fx, VETH, PORT_NATIVE);
	run("echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6; echo 1 >/proc/sys/net/ipv4/ip_forward");
	run("ip link add nic index 7 type veth peer name peer index 9 && ip addr add 192.0.2.1/24 dev nic && "
	    "ip addr add 192.0.2.9/24 dev nic && ip link add second index 11 type veth peer name far index 12 && "
	    "ip addr add 203.0.113.1/24 dev second && for i in nic peer second far; do ip link set $i up; done && "
	    "ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev nic && "
	    "ip neigh add 192.0.2.3 lladdr 02:00:00:00:00:03 dev nic");
	opts.prog_fd = bpf_program__fd(fx->skel->progs.tc_egress);
	assert_int_equal(bpf_tc_hook_create(&hook), 0);
	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
	return 0;
}

/* On all addresses, as the daemon's. */
static int bound(uint16_t port)
{
	const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), yes = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)), 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof(any)), 0);
	return fd;
}

static uint64_t cookie_of(int fd)
{
	socklen_t size = sizeof(uint64_t);
	uint64_t cookie;

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), 0);
	return cookie;
}

static void are_the_daemons(struct fixture *fx, uint64_t first, uint64_t second)
{
	const struct ike_cookies cookies = {{first, second}};
	const uint32_t only = 0;

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(fx->skel->maps.ike_sockets), &only, &cookies, BPF_ANY), 0);
}

/* Sent to REMOTE, or what is given. A veth's egress has decided when the call returns. */
static void sends(struct fixture *fx, int fd, const char *to, int reason)
{
	struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(500)};

	inet_pton(AF_INET, to, &there.sin_addr);
	sendto(fd, "ike", 3, 0, (struct sockaddr *)&there, sizeof(there));
	if (reason < 0)
		assert_nothing_counted(fx);
	else
		assert_counted_only(fx, reason);
}

static void connection_with_remote(struct fixture *fx)
{
	PUT_RULES(fx, REMOTE "/32",
		  {.local = {192, 0, 2, 1}, ANY_PORT, .action = SPD_PROTECT, .owner = OWNER_IKE, .origin = 32},
		  {ANY_PORT, .action = SPD_DISCARD});
	PUT_RULES(fx, "192.0.2.3/32", {ANY_PORT, .action = SPD_PROTECT});
}

static void only_the_daemons_sockets_send_ike(void **state)
{
	struct fixture *fx = *state;
	int ours = bound(500), nat = bound(4500), third = bound(500);

	connection_with_remote(fx);
	/* Before there is a daemon. A packet without a socket has no cookie, which is 0 too. */
	sends(fx, ours, REMOTE, REASON_NO_SA);
	are_the_daemons(fx, cookie_of(ours), cookie_of(nat));
	sends(fx, ours, REMOTE, REASON_IKE);
	sends(fx, nat, REMOTE, REASON_IKE);
	sends(fx, third, REMOTE, REASON_NO_SA);
	/* Where there is no connection. */
	sends(fx, ours, "192.0.2.3", REASON_NO_SA);
	PUT_RULES(fx, "192.0.2.3/32", {ANY_PORT, .action = SPD_DISCARD});
	sends(fx, ours, "192.0.2.3", REASON_DISCARD);
	/* Another run of the daemon. */
	are_the_daemons(fx, cookie_of(third), cookie_of(nat));
	sends(fx, ours, REMOTE, REASON_NO_SA);
	sends(fx, third, REMOTE, REASON_IKE);
	close(ours);
	close(nat);
	close(third);
}

static void by_other_ports_nothing_is_ike(void **state)
{
	struct fixture *fx = *state;
	int other = bound(501);

	connection_with_remote(fx);
	are_the_daemons(fx, cookie_of(other), cookie_of(other));
	sends(fx, other, REMOTE, REASON_NO_SA);
	close(other);
}

static void by_other_addresses_nothing_is_ike(void **state)
{
	const struct sockaddr_in other = {
		.sin_family = AF_INET, .sin_port = htons(500), .sin_addr.s_addr = inet_addr("192.0.2.9")};
	struct fixture *fx = *state;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&other, sizeof(other)), 0);
	PUT_RULES(fx, REMOTE "/32",
		  {.local = {192, 0, 2, 1}, ANY_PORT, .action = SPD_PROTECT, .owner = OWNER_IKE, .origin = 32});
	are_the_daemons(fx, cookie_of(fd), 0);
	sends(fx, fd, REMOTE, REASON_NO_SA);
	close(fd);
}

static void put_ip_checksum(struct frame *f)
{
	uint8_t *ip = f->data + f->l3;
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += ip[i] << 8 | ip[i + 1];
	sum = ~((sum >> 16) + (sum & 0xffff));
	ip[10] = sum >> 8;
	ip[11] = sum;
}

/* Nothing of what is forwarded is ours, whatever it looks like. */
static void what_is_forwarded_is_not_ike(void **state)
{
	struct fixture *fx = *state;
	struct sockaddr_ll on = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = 12};
	struct frame f = FRAME(.src = "203.0.113.7", .dst = REMOTE, .sport = 500, .dport = 500);
	static const uint8_t second[] = {2, 0, 0, 0, 0, 1};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	uint64_t seen = 0;

	PUT_RULES(fx, REMOTE "/32", {ANY_PORT, .action = SPD_PROTECT, .owner = OWNER_IKE});
	are_the_daemons(fx, 0, 0);
	put_ip_checksum(&f);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&on, sizeof(on)), 0);
	memcpy(f.data, second, sizeof(second));
	run("ip link set second address 02:00:00:00:00:01");
	assert_int_equal(write(fd, f.data, f.len), f.len);
	for (int i = 0; i < PATIENCE_MS && !seen; i++, usleep(1000))
		seen = counted_in_all(fx);
	assert_counted_only(fx, REASON_NO_SA);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_the_daemons_sockets_send_ike, a_host, fixture_free),
		cmocka_unit_test_setup_teardown(by_other_ports_nothing_is_ike, a_host, fixture_free),
		cmocka_unit_test_setup_teardown(by_other_addresses_nothing_is_ike, a_host, fixture_free),
		cmocka_unit_test_setup_teardown(what_is_forwarded_is_not_ike, a_host, fixture_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
