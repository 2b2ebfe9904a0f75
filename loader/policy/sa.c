/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "sa.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "locals.h"
#include "lib/log.h"
#include "maps/keylog.h"
#include "maps/publish.h"
#include "maps/selector.h"
#include "maps/slots.h"
#include "net/local_addr.h"
#include "net/netdev.h"
#include "parse.h"

/* ---- looking ---- */

static bool in_use(const struct maps *maps, uint32_t slot)
{
	return slot_in_use(slot_generation(maps->sa, slot));
}

/* The slot of an SA by what names it on the wire; SLOTS_MAX if there is none. */
static uint32_t find(const struct maps *maps, uint32_t spi, const uint8_t dst[4])
{
	uint32_t slot = 0;

	for (; slot < SLOTS_MAX; slot++)
		if (in_use(maps, slot) && maps->sa[slot].spi == spi && memcmp(maps->sa[slot].dst, dst, 4) == 0)
			break;
	return slot;
}

/* ---- which way ---- */

static int local_fault(const char *name, const uint8_t addr[4], enum locality *out, struct fault *f)
{
	char text[ADDR_TEXT];
	int err = local_addr_find(addr, out);

	if (err)
		return fault(f, -err, "addresses of this host: %s", strerror(-err));
	if (*out == ADDR_LOCAL_LOOPBACK)
		return fault(f, EINVAL,
			     "%s %s: an address of a loopback interface, where an SA is refused: "
			     "there is no wire to protect",
			     name, addr_text(addr, text));
	return 0;
}

/* Exactly one end is this host: its src makes an SA outbound, its dst inbound. */
static int find_direction(const struct sa_request *r, enum sa_direction *direction, struct fault *f)
{
	char src[ADDR_TEXT], dst[ADDR_TEXT];
	enum locality from, to;
	int err = local_fault("src", r->src, &from, f);

	if (!err)
		err = local_fault("dst", r->dst, &to, f);
	if (err)
		return err;
	addr_text(r->src, src);
	addr_text(r->dst, dst);
	if (from == ADDR_LOCAL && to == ADDR_LOCAL)
		return fault(f, EINVAL,
			     "src %s and dst %s are both this host's: its traffic with itself never leaves it", src,
			     dst);
	if (from == ADDR_REMOTE && to == ADDR_REMOTE)
		return fault(f, EADDRNOTAVAIL,
			     "neither src %s nor dst %s is an address of this host: give it to the NIC first", src,
			     dst);
	*direction = from == ADDR_LOCAL ? SA_OUTBOUND : SA_INBOUND;
	return 0;
}

static int find_dev(const struct sa_request *r, uint32_t *ifindex, struct fault *f)
{
	struct netdev dev;
	int err;

	*ifindex = 0;
	if (!r->dev[0])
		return 0;
	err = netdev_get(r->dev, &dev, f);
	if (err)
		return err;
	if (dev.flags & IFF_LOOPBACK)
		return fault(f, EINVAL, "dev %s: an SA on a loopback interface is refused", r->dev);
	*ifindex = (uint32_t)dev.ifindex;
	return 0;
}

/* ---- publishing ---- */

static void fill(struct sa_state *sa, const struct sa_request *r, enum sa_direction direction, uint32_t ifindex)
{
	sa->spi = r->spi;
	memcpy(sa->src, r->src, sizeof(sa->src));
	memcpy(sa->dst, r->dst, sizeof(sa->dst));
	sa->direction = (uint8_t)direction;
	sa->flags = (r->esn ? SA_ESN : 0) | (r->either_end ? SA_EITHER_END : 0);
	sa->owner = OWNER_MANUAL;
	sa->sel = r->sel;
	sa->replay_window = r->replay_window;
	sa->ifindex = ifindex;
	sa->created_ns = maps_now();
	sa->seq = r->seq;
}

/* People hand in the same key again, after a restart or for both directions: the nonces must not meet (vault.h). */
static int choose_iv_base(enum sa_direction direction, uint64_t *iv_base, struct fault *f)
{
	*iv_base = 0;
	if (direction == SA_OUTBOUND && getrandom(iv_base, sizeof(*iv_base), 0) != sizeof(*iv_base))
		return fault(f, EIO, "no random numbers: %s", strerror(errno));
	return 0;
}

static int bind_all(const struct maps *maps, uint32_t slot)
{
	struct sad_out_key keys[2];
	const unsigned count = sa_bindings(&maps->sa[slot], keys);
	int err = 0;

	for (unsigned i = 0; i < count && !err; i++)
		err = sa_bind(maps, slot, &keys[i]);
	return err;
}

static int publish(const struct maps *maps, uint32_t slot, struct fault *f)
{
	int err = sa_publish(maps, slot);

	if (!err && maps->sa[slot].direction == SA_OUTBOUND)
		err = bind_all(maps, slot);
	return err ? fault(f, -err, "publishing the SA: %s", strerror(-err)) : 0;
}

static bool has_binding(const struct sa_state *sa, const struct sad_out_key *key)
{
	struct sad_out_key keys[2];
	const unsigned count = sa_bindings(sa, keys);

	return memcmp(&keys[0], key, sizeof(*key)) == 0 || (count == 2 && memcmp(&keys[1], key, sizeof(*key)) == 0);
}

/* The newest other outbound SA that is for this binding too; SLOTS_MAX if there is none. */
static uint32_t find_successor(const struct maps *maps, uint32_t slot, const struct sad_out_key *key)
{
	uint32_t best = SLOTS_MAX;

	for (uint32_t i = 0; i < SLOTS_MAX; i++) {
		const struct sa_state *sa = &maps->sa[i];

		if (i == slot || !in_use(maps, i) || sa->direction != SA_OUTBOUND || !has_binding(sa, key))
			continue;
		if (best == SLOTS_MAX || sa->created_ns > maps->sa[best].created_ns)
			best = i;
	}
	return best;
}

/* What it carries goes to the SA that it took over from, or one that came since. */
static void unbind(const struct maps *maps, uint32_t slot, const struct sad_out_key *key)
{
	uint32_t successor;

	if (!sa_is_bound(maps, slot, key))
		return;
	successor = find_successor(maps, slot, key);
	if (successor == SLOTS_MAX || sa_bind(maps, successor, key))
		sa_unbind(maps, slot, key);
}

static void unpublish(const struct maps *maps, uint32_t slot)
{
	struct sad_out_key keys[2];
	const unsigned count = sa_bindings(&maps->sa[slot], keys);

	for (unsigned i = 0; i < count && maps->sa[slot].direction == SA_OUTBOUND; i++)
		unbind(maps, slot, &keys[i]);
	sa_withdraw(maps, slot);
}

static void give_back(struct sa_database *db, uint32_t slot)
{
	vault_wipe(db->vault, slot);
	slot_release(db->maps, slot, db->maps->sa[slot].generation);
}

static void take_away(struct sa_database *db, uint32_t slot)
{
	unpublish(db->maps, slot);
	give_back(db, slot);
}

/* ---- commands ---- */

static int install(struct sa_database *db, uint32_t slot, const uint8_t *keymat, uint64_t iv_base, struct fault *f)
{
	const struct sa_state *sa = &db->maps->sa[slot];
	int err;

	vault_store(db->vault, slot, sa->generation, OWNER_MANUAL, keymat, iv_base);
	/* The address is protected before the SA is: a cleartext packet must not slip in between. */
	err = locals_sync(db->maps, f);
	if (!err)
		err = publish(db->maps, slot, f);
	if (err) {
		take_away(db, slot);
		locals_sync(db->maps, NULL);
	} else if (keylog_esp(db->keylog, sa->spi, sa->src, sa->dst, keymat)) {
		log_line("the key log could not be written");
	}
	return err;
}

int sa_add(struct sa_database *db, const struct sa_request *r, const uint8_t keymat[ESP_KEYMAT_SIZE], struct fault *f)
{
	const struct maps *maps = db->maps;
	enum sa_direction direction = 0;
	uint32_t slot, ifindex = 0;
	uint64_t iv_base = 0;
	char dst[ADDR_TEXT];
	int err = find_direction(r, &direction, f);

	if (!err)
		err = find_dev(r, &ifindex, f);
	if (!err)
		err = choose_iv_base(direction, &iv_base, f);
	if (err)
		return err;
	if (find(maps, r->spi, r->dst) != SLOTS_MAX)
		return fault(f, EEXIST,
			     "spi 0x%x dst %s: this SA is there already: 'sa del' it first, or take another SPI",
			     r->spi, addr_text(r->dst, dst));
	if (slot_claim(maps, 0, &slot))
		return fault(f, ENOSPC, "all %d SAs are in use: delete some", SLOTS_MAX);
	fill(&maps->sa[slot], r, direction, ifindex);
	return install(db, slot, keymat, iv_base, f);
}

int sa_delete(struct sa_database *db, uint32_t spi, const uint8_t dst[4], struct fault *f)
{
	const uint32_t slot = find(db->maps, spi, dst);
	char text[ADDR_TEXT];

	addr_text(dst, text);
	if (slot == SLOTS_MAX)
		return fault(f, ENOENT, "spi 0x%x dst %s: no such SA: 'sa list' shows what there is", spi, text);
	if (db->maps->sa[slot].owner != OWNER_MANUAL)
		return fault(f, EPERM, "spi 0x%x dst %s: belongs to a connection: 'connection terminate' it", spi,
			     text);
	take_away(db, slot);
	return locals_sync(db->maps, f);
}

int sa_flush(struct sa_database *db, struct fault *f)
{
	for (uint32_t slot = 0; slot < SLOTS_MAX; slot++)
		if (in_use(db->maps, slot) && db->maps->sa[slot].owner == OWNER_MANUAL)
			take_away(db, slot);
	return locals_sync(db->maps, f);
}

unsigned sa_forget_all(struct sa_database *db)
{
	const struct maps *maps = db->maps;
	struct sad_out_key out;
	struct sad_key in;
	unsigned n = 0;

	while (bpf_map_get_next_key(maps->sad_out, NULL, &out) == 0 && bpf_map_delete_elem(maps->sad_out, &out) == 0)
		;
	while (bpf_map_get_next_key(maps->sad, NULL, &in) == 0 && bpf_map_delete_elem(maps->sad, &in) == 0)
		;
	while (bpf_map_get_next_key(maps->sad_sent, NULL, &in) == 0 && bpf_map_delete_elem(maps->sad_sent, &in) == 0)
		;
	for (uint32_t slot = 0; slot < SLOTS_MAX; slot++) {
		if (!in_use(maps, slot))
			continue;
		n += maps->sa[slot].owner == OWNER_MANUAL;
		give_back(db, slot);
	}
	return n;
}

void sa_rebind_dev(struct sa_database *db, uint32_t old_ifindex, uint32_t ifindex)
{
	for (uint32_t slot = 0; slot < SLOTS_MAX; slot++) {
		struct sa_state *sa = &db->maps->sa[slot];

		if (!in_use(db->maps, slot) || !old_ifindex || sa->ifindex != old_ifindex)
			continue;
		sa->ifindex = ifindex;
		if (sa->direction == SA_INBOUND)
			sa_publish_again(db->maps, slot);
	}
}
