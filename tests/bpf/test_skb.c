/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bpf/skb.h: an skb whose linear part ends within the headers. BPF_PROG_TEST_RUN
 * makes none, so here the programs are attached, in a network namespace of the
 * test's own:
 *
 *   packet socket -> NIC: tc_egress -> TAP
 *   packet socket -> peer -> NIC: nic_ingress
 *
 * A packet socket lets its user say how much of a packet larger than a page is linear.
 */
#define _GNU_SOURCE
#include "fixture.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "datapath.skel.h"

#define VETH		 7
#define PEER		 9
#define MORE_THAN_A_PAGE 5000
/* Long enough for the slowest machine; reached only by a failure. */
#define PATIENCE_MS 10000

static int tap = -1;

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

static int open_tap(void)
{
	struct ifreq ifr = {.ifr_name = "tap", .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	unsigned int ifindex = TAP;
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, TUNSETIFINDEX, &ifindex), 0);
	assert_int_equal(ioctl(fd, TUNSETIFF, &ifr), 0);
	return fd;
}

static void attach(struct bpf_program *prog, enum bpf_tc_attach_point where)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = VETH, .attach_point = where);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bpf_program__fd(prog), .handle = 1, .priority = 1);

	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
}

static int two_hosts(void **state)
{
	LIBBPF_OPTS(bpf_tc_hook, clsact, .ifindex = VETH, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	struct fixture *fx;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fixture_native(state);
	fx = *state;
	put_gate(fx, VETH, PORT_NATIVE);
	/* Or the kernel would greet its IPv6 neighbours on every link. */
	run("echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6");
	run("ip link add nic index 7 mtu 9000 type veth peer name peer index 9 mtu 9000");
	tap = open_tap();
	run("ip link set nic up && ip link set peer up && ip link set tap mtu 9000 up");
	assert_int_equal(bpf_tc_hook_create(&clsact), 0);
	attach(fx->skel->progs.tc_egress, BPF_TC_EGRESS);
	attach(fx->skel->progs.nic_ingress, BPF_TC_INGRESS);
	return 0;
}

static int alone_again(void **state)
{
	close(tap);
	return fixture_free(state);
}

/* Sends the frame with that many bytes of it linear, on one link or the other. */
static void send_paged(uint32_t ifindex, const struct frame *f, uint16_t linear)
{
	struct virtio_net_hdr header = {.hdr_len = linear};
	struct iovec parts[] = {{&header, sizeof(header)}, {(void *)f->data, f->len}};
	struct sockaddr_ll on = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = ifindex};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), yes = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof(yes)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&on, sizeof(on)), 0);
	assert_int_equal(writev(fd, parts, 2), sizeof(header) + f->len);
	close(fd);
}

static void assert_on_the_tap(const struct fixture *fx, const struct frame *f, uint32_t slot)
{
	struct pollfd in = {.fd = tap, .events = POLLIN};
	uint8_t got[sizeof(struct virtio_net_hdr) + MORE_THAN_A_PAGE + 200],
		*frame = got + sizeof(struct virtio_net_hdr);
	struct tx_tag tag;

	assert_int_equal(poll(&in, 1, PATIENCE_MS), 1);
	assert_int_equal(read(tap, got, sizeof(got)), sizeof(struct virtio_net_hdr) + f->len);
	memcpy(&tag, frame + 6, sizeof(tag));
	assert_int_equal(tx_tag_slot(&tag), slot);
	assert_true(tx_tag_is_of(&tag, fx->sa[slot].generation));
	assert_memory_equal(frame, f->data, 6);
	assert_memory_equal(frame + 12, f->data + 12, f->len - 12);
}

/* Of all rules only one with a port is for the packet, and so all headers have to be read. */
static void put_rule_with_port(struct fixture *fx)
{
	PUT_RULES(fx, REMOTE "/32", TO_PORT(IPPROTO_TCP, 178, SPD_PROTECT), TO_PORT(IPPROTO_TCP, 179, SPD_BYPASS),
		  TO_PORT(IPPROTO_TCP, 180, SPD_PROTECT));
}

static void egress_reads_headers_wherever_they_are(void **state)
{
	struct fixture *fx = *state;

	put_rule_with_port(fx);
	put_outbound(fx, 6, IPPROTO_TCP, 180);
	for (int tags = 0; tags <= 2; tags++) {
		struct frame f = FRAME_OUT(.tags = tags, .options = 40, .proto = IPPROTO_TCP, .dport = 180,
					   .payload = MORE_THAN_A_PAGE);

		for (uint16_t linear = ETH_HLEN; linear <= f.l4 + 8; linear += 3) {
			send_paged(VETH, &f, linear);
			assert_on_the_tap(fx, &f, 6);
		}
	}
	assert_nothing_counted(fx);
}

/* A veth hands its packets over before the sender returns or soon after: the counter tells when. */
static void assert_counted_soon(struct fixture *fx, enum reason reason, uint64_t n)
{
	for (int i = 0; i < PATIENCE_MS && counted(fx, reason) < n; i++)
		usleep(1000);
	assert_int_equal(counted(fx, reason), n);
	assert_int_equal(counted_in_all(fx), n);
}

static void ingress_reads_headers_wherever_they_are(void **state)
{
	struct fixture *fx = *state;
	uint64_t sent = 0;

	put_rule_with_port(fx);
	for (int options = 0; options <= 40; options += 40) {
		struct frame f =
			FRAME(.options = options, .proto = IPPROTO_TCP, .sport = 179, .payload = MORE_THAN_A_PAGE);

		for (uint16_t linear = ETH_HLEN; linear <= f.l4 + 8; linear += 3) {
			send_paged(PEER, &f, linear);
			assert_counted_soon(fx, REASON_BYPASS, ++sent);
		}
	}
}

static void errors_about(struct fixture *fx, uint16_t dport, enum reason reason)
{
	uint64_t sent = 0;

	PUT_RULES(fx, REMOTE "/32", TO_PORT(IPPROTO_TCP, 179, SPD_PROTECT));
	PUT_RULES(fx, STRANGER "/32", {ANY_PORT, .action = SPD_BYPASS});
	for (int options = 0; options <= 40; options += 40) {
		struct frame quoted = FRAME_OUT(.options = options, .proto = IPPROTO_TCP, .dport = dport),
			     f = FRAME(.src = STRANGER, .options = options, .proto = IPPROTO_ICMP, .sport = 0x0303,
				       .payload = MORE_THAN_A_PAGE);
		const size_t end = f.l4 + 8 + quoted.l4 - quoted.l3 + 4;

		memcpy(f.data + f.l4 + 8, quoted.data + quoted.l3, quoted.len - quoted.l3);
		for (size_t linear = ETH_HLEN; linear <= end + 4; linear += 3) {
			send_paged(PEER, &f, (uint16_t)linear);
			assert_counted_soon(fx, reason, ++sent);
		}
	}
}

/* Of the quoted packet only the last bytes that are read tell whether a policy protects it. */
static void ingress_reads_what_errors_quote(void **state)
{
	errors_about(*state, 179, REASON_ICMP_FORGED);
}

static void ingress_reads_that_it_is_nothing_to_us(void **state)
{
	errors_about(*state, 180, REASON_BYPASS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(egress_reads_headers_wherever_they_are, two_hosts, alone_again),
		cmocka_unit_test_setup_teardown(ingress_reads_headers_wherever_they_are, two_hosts, alone_again),
		cmocka_unit_test_setup_teardown(ingress_reads_what_errors_quote, two_hosts, alone_again),
		cmocka_unit_test_setup_teardown(ingress_reads_that_it_is_nothing_to_us, two_hosts, alone_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
