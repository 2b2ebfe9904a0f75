/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "nics.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gates.h"
#include "hooks.h"
#include "hooks_away.h"
#include "lib/log.h"
#include "maps/packet_memory.h"
#include "maps/tap_pairs.h"
#include "nic_kind.h"
#include "steering_undo.h"
#include "tap_drops.h"

unsigned nics_index(const struct nics *nics, const struct nic *nic)
{
	return (unsigned)(nic - nics->nic);
}

struct hook_place nic_place(const struct nics *nics, const struct nic *nic)
{
	return (struct hook_place){
		.dir = nics->bpf_dir,
		.dev = nic->config.name,
		.ifindex = nic->dev.ifindex,
	};
}

struct port *nics_port(const struct nics *nics, const struct nic *nic)
{
	return &nics->maps->port[nics_index(nics, nic)];
}

/* ---- what was left ---- */

static struct nic_left *find_left(const struct nics *nics, const char *name)
{
	for (unsigned i = 0; nics->left && i < nics->left->count; i++)
		if (!nics->left->nic[i].over && strcmp(nics->left->nic[i].name, name) == 0)
			return &nics->left->nic[i];
	return NULL;
}

static bool is_left_tap(const void *arg, int ifindex)
{
	const struct nics_left *left = arg;

	for (unsigned i = 0; left && i < left->count; i++)
		if (left->nic[i].tap.ifindex == ifindex)
			return true;
	return false;
}

static void close_left(struct nic_left *left)
{
	tap_remove(&left->tap);
	if (left->tap_link >= 0)
		close(left->tap_link);
	left->tap_link = -1;
	left->over = true;
}

void nics_left_close(struct nics_left *left)
{
	while (left->count)
		close_left(&left->nic[--left->count]);
}

void nics_init(struct nics *nics, const struct instance *instance, struct maps *maps, struct programs *programs,
	       struct nics_left *left)
{
	*nics = (struct nics){
		.bpf_dir = instance->bpf_dir,
		.run_dir = instance->run_dir,
		.maps = maps,
		.programs = programs,
		.left = left,
	};
	gates_keep_attached(maps, is_left_tap, left);
	for (unsigned i = 0; i < PORTS_MAX; i++) {
		char name[sizeof(maps->port[i].name)];

		nics->nic[i] = (struct nic){.tap_link = -1};
		memcpy(name, maps->port[i].name, sizeof(name));
		if (name[0] && find_left(nics, name))
			continue;
		maps->port[i] = (struct port){0};
		memcpy(maps->port[i].name, name, sizeof(name));
	}
}

bool nics_any(const struct nics *nics)
{
	for (unsigned i = 0; i < PORTS_MAX; i++)
		if (nics->nic[i].used)
			return true;
	return false;
}

struct nic *nics_find(struct nics *nics, const char *name)
{
	for (unsigned i = 0; i < PORTS_MAX; i++)
		if (nics->nic[i].used && strcmp(nics->nic[i].config.name, name) == 0)
			return &nics->nic[i];
	return NULL;
}

/* The index it had in an earlier run, where the programs that are still attached look, or a free one. */
static struct nic *choose(struct nics *nics, const char *name)
{
	struct nic *free = NULL;

	for (unsigned i = PORTS_MAX; i-- > 0;) {
		if (nics->nic[i].used)
			continue;
		if (strcmp(nics->maps->port[i].name, name) == 0)
			return &nics->nic[i];
		if (!free || !nics->maps->port[i].name[0])
			free = &nics->nic[i];
	}
	return free;
}

/* ---- the ports entry ---- */

/* Between two looks a NIC may be given more than it had. */
uint32_t nic_queues(const struct interface_config *config, const struct netdev *dev)
{
	const uint32_t queues = config->queues ? config->queues : netdev_queues(dev);

	return queues < QUEUES_MAX ? queues : QUEUES_MAX;
}

static uint32_t tap_queues_of(const struct nic *nic)
{
	return tap_pairs(nic->queues, netdev_tx_queues(&nic->dev));
}

static void update_port(struct port *p, const struct netdev *dev)
{
	p->mtu = dev->mtu < p->mtu_room ? dev->mtu : p->mtu_room;
	memcpy(p->mac, dev->mac, sizeof(p->mac));
}

/* ifindex last: with it the entry is in use. */
static void publish_port(const struct nics *nics, const struct nic *nic)
{
	struct port *p = nics_port(nics, nic);

	if (p->tap_ifindex != (uint32_t)nic->tap.ifindex)
		p->tap_dropped = 0;
	p->tap_ifindex = (uint32_t)nic->tap.ifindex;
	p->mtu_room = nic->dev.mtu;
	update_port(p, &nic->dev);
	p->queues = nic->queues;
	p->tx_queues = netdev_tx_queues(&nic->dev);
	p->ring = packet_ring(p->queues, p->mtu_room, nic->config.packet_memory);
	p->mode = (uint8_t)nic->mode;
	p->zero_copy = 0;
	p->busy_poll = nic->config.busy_poll;
	p->path_mtu_min = nic->config.path_mtu_min;
	p->mss_clamp = nic->config.mss_clamp;
	memset(p->name, 0, sizeof(p->name));
	memcpy(p->name, nic->config.name, strlen(nic->config.name));
	__atomic_store_n(&p->ifindex, (uint32_t)nic->dev.ifindex, __ATOMIC_RELEASE);
}

static void clear_port(const struct nics *nics, const struct nic *nic)
{
	struct port *p = nics_port(nics, nic);

	tap_drops_count(nics->maps, p);
	__atomic_store_n(&p->ifindex, 0, __ATOMIC_RELEASE);
	*p = (struct port){0};
	bpf_map_delete_elem(nics->maps->gre, &(uint32_t){nics_index(nics, nic)});
}

/* ---- attaching ---- */

size_t nic_packet_memory(const struct interface_config *config, const struct netdev *dev)
{
	const uint32_t queues = nic_queues(config, dev);

	return queues * packet_stride(packet_ring(queues, dev->mtu, config->packet_memory), dev->mtu);
}

static size_t tap_queues(const struct interface_config *config, const struct netdev *dev)
{
	return 2 * tap_pairs(nic_queues(config, dev), netdev_tx_queues(dev));
}

size_t nic_host_memory(const struct interface_config *config, const struct netdev *dev)
{
	return tap_queues(config, dev) * TAP_QUEUE_MEMORY;
}

size_t nic_fragment_memory(const struct interface_config *config, const struct netdev *dev, uint32_t lanes)
{
	const uint32_t queues = nic_queues(config, dev), assemblers = queues < lanes ? queues : lanes;

	return (assemblers * DATAGRAMS_IN + tap_queues(config, dev) * DATAGRAMS_OUT) * DATAGRAM_MEMORY;
}

int nic_check(const struct interface_config *config, const struct netdev *dev, struct fault *f)
{
	const uint32_t queues = netdev_queues(dev);

	if (dev->flags & IFF_LOOPBACK)
		return fault(f, EINVAL, "%s: the loopback interface is refused: there is no wire to protect",
			     dev->name);
	if (dev->type != ARPHRD_ETHER)
		return fault(f, EINVAL, "%s: not an Ethernet interface (type %u): attach the NIC below it", dev->name,
			     dev->type);
	if (nic_kind_check(dev->name, dev->ifindex, f))
		return -EINVAL;
	if (dev->mtu > PORT_MTU_MAX)
		return fault(f, EMSGSIZE, "%s: MTU %u is more than can be served: 'ip link set dev %s mtu %d' or less",
			     dev->name, dev->mtu, dev->name, PORT_MTU_MAX);
	/* The kernel got packets of several buffers in AF_XDP, and tcx, with the same version. */
	if (dev->mtu > PORT_MTU_FRAME && !hooks_have_tcx())
		return fault(f, EMSGSIZE,
			     "%s: MTU %u: more than %d needs Linux 6.6: 'ip link set dev %s mtu %d' or less", dev->name,
			     dev->mtu, PORT_MTU_FRAME, dev->name, PORT_MTU_FRAME);
	if (config->queues > queues)
		return fault(f, EINVAL, "%s: has %u receive queues, not %u: give 'queues' as all or up to that",
			     dev->name, queues, config->queues);
	if (nic_packet_memory(config, dev) > config->packet_memory)
		return fault(
			f, EINVAL,
			"%s: its queues take %zu MiB of packet memory at least: 'packet-memory = %zu', or fewer queues",
			dev->name, (nic_packet_memory(config, dev) + (1 << 20) - 1) >> 20,
			(nic_packet_memory(config, dev) + (1 << 20) - 1) >> 20);
	if (queues > QUEUES_MAX && !config->queues)
		return fault(f, E2BIG, "%s: %u queues, and %d at most are served: 'ethtool -L %s combined %d'",
			     dev->name, queues, QUEUES_MAX, dev->name, QUEUES_MAX);
	return 0;
}

static void warn_of_unserved_queues(const struct nic *nic)
{
	const uint32_t all = netdev_queues(&nic->dev), served = nic->queues;

	if (served < all)
		log_warning("%s: %u of %u queues are served: ESP that arrives on another is dropped as no_worker; "
			    "steer it with 'ethtool -X %s equal %u'",
			    nic->config.name, served, all, nic->config.name, served);
}

/* What is not asked for is left alone, unless we had been asked for it before. */
static void tune(const struct nic *nic, bool was_threaded)
{
	int err;

	netdev_keep_vlan_tags(nic->config.name);
	if (nic->config.threaded_napi == was_threaded)
		return;
	err = netdev_threaded_napi(nic->config.name, nic->config.threaded_napi);
	if (err)
		log_warning("%s: threaded NAPI: %s%s", nic->config.name, strerror(-err),
			    err == -EIO ? ": the driver has none; going on without" : "");
}

/* The one that was left, or where that cannot go on a new one. */
static int make_tap(const struct nics *nics, struct nic *nic, struct nic_left *left, struct fault *f)
{
	const int steering = programs_steering_fd(nics->programs);

	if (left && tap_resume(&nic->tap, &left->tap, &nic->dev, tap_queues_of(nic), steering, f) == 0) {
		left->resumed = true;
		return 0;
	}
	if (left) {
		log_warning("%s: a new TAP takes the place of the one before", f->text);
		tap_drops_count(nics->maps, nics_port(nics, nic));
		close_left(left);
	}
	return tap_create(&nic->tap, &nic->dev, tap_queues_of(nic), steering, f);
}

/* TAP and programs for a NIC whose config and dev are set. On an error it has neither. */
static int build(struct nics *nics, struct nic *nic, struct fault *f)
{
	const uint32_t room = nics_port(nics, nic)->mtu_room;
	struct nic_left *left = find_left(nics, nic->config.name);
	struct programs_nic wanted = {
		.at = nic_place(nics, nic),
		.kind = nic->config.hook,
		.gate = {.kind = GATE_ATTACHED, .port = nics_index(nics, nic), .nic = (uint32_t)nic->dev.ifindex},
		.jumbo = nic->dev.mtu > PORT_MTU_FRAME,
		.mode = nic->config.mode,
		.tap_link = -1,
	};
	int err = hook_check_foreign(&wanted.at, f);

	nic->queues = nic_queues(&nic->config, &nic->dev);
	if (!err)
		err = make_tap(nics, nic, left, f);
	if (err)
		return err;
	wanted.at.renew_xdp = wanted.jumbo && room && room <= PORT_MTU_FRAME;
	wanted.gate.tap = (uint32_t)nic->tap.ifindex;
	err = programs_attach(nics->programs, &wanted, f);
	nic->mode = wanted.mode;
	nic->tap_link = err ? -1 : wanted.tap_link;
	nic->clsact = nic->tap_link < 0;
	if (err)
		tap_remove(&nic->tap);
	/* The program before, which has done until here. */
	if (left)
		close_left(left);
	return err;
}

static void drop_tap(const struct nics *nics, struct nic *nic)
{
	if (nic->tap.count) {
		tap_drops_count(nics->maps, nics_port(nics, nic));
		gates_remove(nics->maps, (uint32_t)nic->tap.ifindex);
	}
	if (nic->tap_link >= 0)
		close(nic->tap_link);
	nic->tap_link = -1;
	tap_remove(&nic->tap);
}

/*
 * A NIC that is attached gives up its TAP first, for the name is the same; the
 * programs stay, so the gate does too. If the new settings fail the old ones
 * come back.
 */
static int attach_again(struct nics *nics, struct nic *nic, const struct nic *wanted, struct fault *f)
{
	const struct nic before = *nic;
	struct fault inner;
	int err;

	drop_tap(nics, nic);
	nic->config = wanted->config;
	nic->dev = wanted->dev;
	err = build(nics, nic, f);
	if (!err || !before.present)
		return err;
	nic->dev = before.dev;
	nic->config = before.config;
	if (build(nics, nic, &inner)) {
		nic->present = false;
		log_warning("%s; and the settings from before do not come back either: %s", f->text, inner.text);
	} else {
		publish_port(nics, nic);
	}
	return err;
}

static bool is_our_tap(const struct nics *nics, int ifindex)
{
	for (unsigned i = 0; i < PORTS_MAX; i++)
		if (nics->nic[i].tap.count && nics->nic[i].tap.ifindex == ifindex)
			return true;
	return false;
}

static int check_apart(const struct nics *nics, int ifindex, struct fault *f)
{
	int err = 0;

	for (unsigned i = 0; i < PORTS_MAX && !err; i++)
		if (nics->nic[i].used && nics->nic[i].present)
			err = nic_kind_check_apart(ifindex, nics->nic[i].dev.ifindex, f);
	return err;
}

static int no_place(const struct interface_config *config, struct fault *f)
{
	return fault(f, ENOSPC,
		     "%s: %d NICs are attached or expected already, which is the most: 'detach' gives one up",
		     config->name, PORTS_MAX);
}

int nic_attach(struct nics *nics, const struct interface_config *config, struct fault *f)
{
	struct nic wanted = {.config = *config, .tap_link = -1};
	struct nic *nic = nics_find(nics, config->name);
	const bool was_threaded = nic && nic->present && nic->config.threaded_napi;
	int err = netdev_get(config->name, &wanted.dev, f);

	if (!err)
		err = nic_check(config, &wanted.dev, f);
	if (!err && is_our_tap(nics, wanted.dev.ifindex))
		err = fault(f, EINVAL, "%s: a TAP of this program's own: attach the NIC beside it", config->name);
	if (!err)
		err = check_apart(nics, wanted.dev.ifindex, f);
	if (err)
		return err;
	if (nic) {
		err = attach_again(nics, nic, &wanted, f);
	} else {
		nic = choose(nics, config->name);
		if (!nic)
			return no_place(config, f);
		*nic = wanted;
		err = build(nics, nic, f);
		nic->used = !err;
	}
	if (err)
		return err;
	nic->present = true;
	nic->queues_seen = netdev_queues(&nic->dev);
	publish_port(nics, nic);
	warn_of_unserved_queues(nic);
	tune(nic, was_threaded);
	return 0;
}

void nic_log_attached(const struct nic *nic)
{
	log_line("%s: attached (%s, %u queue%s, MTU %u)", nic->config.name,
		 nic->mode == PORT_NATIVE ? "native" : "generic", nic->queues, nic->queues == 1 ? "" : "s",
		 nic->dev.mtu);
}

int nic_expect(struct nics *nics, const struct interface_config *config, struct fault *f)
{
	struct nic *nic = nics_find(nics, config->name);
	struct port *p;

	if (nic) {
		nic->config = *config;
		return 0;
	}
	nic = choose(nics, config->name);
	if (!nic)
		return no_place(config, f);
	*nic = (struct nic){.used = true, .config = *config, .tap_link = -1};
	p = nics_port(nics, nic);
	memset(p->name, 0, sizeof(p->name));
	memcpy(p->name, config->name, strlen(config->name));
	return 0;
}

void nic_detach(struct nics *nics, struct nic *nic)
{
	const struct hook_place at = nic_place(nics, nic);

	hooks_remove_all(&at);
	hooks_remove_away(&at);
	if (nic->present)
		gates_open(nics->maps, (uint32_t)nic->dev.ifindex);
	if (nic->config.threaded_napi && nic->present)
		netdev_threaded_napi(nic->config.name, false);
	steering_undo(nics->run_dir, nic->config.name);
	clear_port(nics, nic);
	drop_tap(nics, nic);
	*nic = (struct nic){.tap_link = -1};
}

/* ---- what happens to an interface ---- */

void nic_gone(struct nics *nics, struct nic *nic)
{
	const struct hook_place at = nic_place(nics, nic);

	if (hooks_left_filters(&at))
		log_warning("%s: WARNING: is in another network namespace, where its clsact filters are not: what it "
			    "sends there is in "
			    "clear; with 'hook = tcx' its gate goes along",
			    nic->config.name);
	hooks_put_away(&at);
	gates_remove(nics->maps, (uint32_t)nic->dev.ifindex);
	__atomic_store_n(&nics_port(nics, nic)->ifindex, 0, __ATOMIC_RELEASE);
	drop_tap(nics, nic);
	nic->present = false;
	nic->last_ifindex = (uint32_t)nic->dev.ifindex;
	nic->dev.ifindex = 0;
}

bool nic_has_outgrown(const struct nics *nics, const struct nic *nic, const struct netdev *dev)
{
	return dev->mtu != nic->dev.mtu && dev->mtu <= PORT_MTU_MAX && dev->mtu > nics_port(nics, nic)->mtu_room;
}

bool nic_is_requeued(struct nic *nic)
{
	const uint32_t before = nic->queues_seen;

	nic->queues_seen = netdev_queues(&nic->dev);
	return nic->queues_seen != before && !nic->config.queues;
}

void nic_changed(struct nics *nics, struct nic *nic, const struct netdev *dev)
{
	struct port *p = nics_port(nics, nic);
	struct fault f;

	nic->dev.flags = dev->flags;
	if (dev->mtu == nic->dev.mtu && memcmp(dev->mac, nic->dev.mac, sizeof(dev->mac)) == 0)
		return;
	if (dev->mtu > p->mtu_room)
		log_warning("%s: MTU %u: what is larger than %u bytes is not protected but dropped: "
			    "'ip link set dev %s mtu %u'",
			    dev->name, dev->mtu, p->mtu_room, dev->name, p->mtu_room);
	nic->dev.mtu = dev->mtu;
	memcpy(nic->dev.mac, dev->mac, sizeof(nic->dev.mac));
	update_port(p, dev);
	if (netdev_set(nic->tap.ifindex, dev->mac, dev->mtu, &f))
		log_warning("%s: %s", nic->tap.name, f.text);
}

void nics_count_drops(struct nics *nics)
{
	for (unsigned i = 0; i < PORTS_MAX; i++)
		if (nics->nic[i].tap.count)
			tap_drops_count(nics->maps, &nics->maps->port[i]);
}

void nics_close(struct nics *nics)
{
	for (unsigned i = 0; i < PORTS_MAX; i++) {
		if (!nics->nic[i].used)
			continue;
		__atomic_store_n(&nics->maps->port[i].ifindex, 0, __ATOMIC_RELEASE);
		drop_tap(nics, &nics->nic[i]);
	}
}
