/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "sa.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "locals.h"
#include "lib/log.h"
#include "lib/spi_format.h"
#include "maps/keylog.h"
#include "maps/publish.h"
#include "maps/replay_memory.h"
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

/* By its key, which its owner has stored: sa_state tells of another one while IKE is about to fill a slot. */
static bool is_manual(const struct sa_database *db, uint32_t slot)
{
	const uint32_t generation = slot_generation(db->maps->sa, slot);

	return slot_in_use(generation) && vault_is_of(db->vault, slot, generation, OWNER_MANUAL);
}

static bool is_it(const struct maps *maps, uint32_t slot, uint32_t spi, const uint8_t dst[4])
{
	return slot < maps->slots && in_use(maps, slot) && maps->sa[slot].spi == spi &&
	       memcmp(maps->sa[slot].dst, dst, 4) == 0;
}

/* The slot of an SA by what names it on the wire; SLOT_NONE if there is none. */
static uint32_t find(const struct maps *maps, uint32_t spi, const uint8_t dst[4])
{
	struct sad_key key = {.spi = spi};
	struct sad_out_value out;
	struct sad_value in;

	memcpy(key.dst, dst, sizeof(key.dst));
	if (bpf_map_lookup_elem(maps->sad, &key, &in) == 0 && is_it(maps, in.slot, spi, dst))
		return in.slot;
	if (bpf_map_lookup_elem(maps->sad_sent, &key, &out) == 0 && is_it(maps, out.slot, spi, dst))
		return out.slot;
	return SLOT_NONE;
}

/* The same, first of those added by hand: IKE's SA with the same name may have taken the place of one in sad_sent, and
 * one that is being made is not entered yet. */
static uint32_t find_manual(const struct sa_database *db, uint32_t spi, const uint8_t dst[4])
{
	uint32_t found = find(db->maps, spi, dst);

	if (found != SLOT_NONE && is_manual(db, found))
		return found;
	for (uint32_t slot = 0; slot < db->maps->slots; slot++) {
		if (!is_it(db->maps, slot, spi, dst))
			continue;
		if (is_manual(db, slot))
			return slot;
		found = slot;
	}
	return found;
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
	sa->seq = sa->seen = r->seq;
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

static bool is_outbound(const struct maps *maps, uint32_t slot)
{
	return in_use(maps, slot) && maps->sa[slot].direction == SA_OUTBOUND;
}

/* The newest other outbound SA that is for this binding too; SLOT_NONE if there is none. */
static uint32_t find_successor(const struct maps *maps, uint32_t slot, const struct sad_out_key *key)
{
	uint32_t best = SLOT_NONE;

	for (uint32_t i = 0; i < maps->slots; i++) {
		const struct sa_state *sa = &maps->sa[i];

		if (i == slot || !is_outbound(maps, i) || !has_binding(sa, key))
			continue;
		if (best == SLOT_NONE || sa->created_ns > maps->sa[best].created_ns)
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
	if (successor == SLOT_NONE || sa_bind(maps, successor, key))
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

static const uint8_t *local_of(const struct sa_state *sa)
{
	return sa->direction == SA_OUTBOUND ? sa->src : sa->dst;
}

static void take_away(struct sa_database *db, uint32_t slot)
{
	sa_sent_note(&db->sent, &db->maps->sa[slot]);
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
	err = locals_add(db->maps, local_of(sa), f);
	if (!err)
		err = publish(db->maps, slot, f);
	if (err) {
		take_away(db, slot);
		locals_sync(db->maps, NULL);
	} else if (keylog_esp(db->keylog, sa->spi, sa->src, sa->dst, keymat)) {
		log_warning("the key log cannot be written: the key of SPI " SPI_FORMAT " is missing in it", sa->spi);
	}
	return err;
}

/* Whether the keys are the same nobody here knows; if they are, the peer takes nothing that it has seen the number of.
 */
static int note_repetition(const struct sa_database *db, const struct sa_request *r, struct fault *f)
{
	const uint64_t sent = sa_sent_by(&db->sent, r->spi, r->src, r->dst);
	char dst[ADDR_TEXT];

	if (sent <= r->seq)
		return 0;
	addr_text(r->dst, dst);
	fault(f, EEXIST,
	      "spi " SPI_FORMAT
	      " dst %s: an SA of this SPI has sent up to number %llu before, and this one begins at %llu: a "
	      "peer "
	      "that has kept its end drops all of it as replay, without a word: take new keys and another SPI, or 'sa "
	      "del' it, and add it with 'seq %llu'",
	      r->spi, dst, (unsigned long long)sent, (unsigned long long)r->seq + 1, (unsigned long long)sent);
	log_warning("%s", f->text);
	return 1;
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
	if (find(maps, r->spi, r->dst) != SLOT_NONE)
		return fault(f, EEXIST,
			     "spi " SPI_FORMAT
			     " dst %s: this SA is there already: 'sa del' it first, or take another SPI",
			     r->spi, addr_text(r->dst, dst));
	if (slot_claim(maps, 0, &slot))
		return fault(f, ENOSPC,
			     "all %u SAs are in use: delete some, or let there be more by sa-max in [daemon]",
			     maps->slots);
	if (direction == SA_INBOUND && replay_make_room(maps, slot, r->replay_window)) {
		give_back(db, slot);
		return fault(f, ENOSPC, "all %u replay windows of more than %d packets are in use: take a smaller one",
			     replay_wides(maps->slots), REPLAY_NARROW);
	}
	fill(&maps->sa[slot], r, direction, ifindex);
	if (direction == SA_INBOUND)
		replay_take_for_seen(maps, slot, r->replay_window, r->seq);
	err = install(db, slot, keymat, iv_base, f);
	return err || direction == SA_INBOUND ? err : note_repetition(db, r, f);
}

int sa_delete(struct sa_database *db, uint32_t spi, const uint8_t dst[4], struct fault *f)
{
	const uint32_t slot = find_manual(db, spi, dst);
	char text[ADDR_TEXT];
	uint8_t local[4];

	addr_text(dst, text);
	if (slot == SLOT_NONE)
		return fault(f, ENOENT, "spi " SPI_FORMAT " dst %s: no such SA: 'sa list' shows what there is", spi,
			     text);
	if (!is_manual(db, slot))
		return fault(f, EPERM, "spi " SPI_FORMAT " dst %s: belongs to a connection: 'connection terminate' it",
			     spi, text);
	memcpy(local, local_of(&db->maps->sa[slot]), sizeof(local));
	take_away(db, slot);
	return locals_remove(db->maps, local, f);
}

/* ---- all at once: of a hundred thousand, none looks for who is to come after it ---- */

/* What a manual SA carries goes to this one. */
static void take_over(const struct sa_database *db, uint32_t slot)
{
	struct sad_out_key keys[2];
	const unsigned count = sa_bindings(&db->maps->sa[slot], keys);
	struct sad_out_value there;

	for (unsigned i = 0; i < count; i++)
		if (bpf_map_lookup_elem(db->maps->sad_out, &keys[i], &there) == 0 && there.slot < db->maps->slots &&
		    is_manual(db, there.slot))
			sa_bind(db->maps, slot, &keys[i]);
}

struct by_age {
	uint64_t created_ns;
	uint32_t slot;
};

static int newest_first(const void *a, const void *b)
{
	const uint64_t x = ((const struct by_age *)a)->created_ns, y = ((const struct by_age *)b)->created_ns;

	return (x < y) - (x > y);
}

/* The newest of those that stay is what a single 'sa del' would have left in the place of what goes. */
static int take_over_all(const struct sa_database *db)
{
	struct by_age *staying = calloc(db->maps->slots, sizeof(*staying));
	size_t count = 0;

	if (!staying)
		return -ENOMEM;
	for (uint32_t slot = 0; slot < db->maps->slots; slot++)
		if (is_outbound(db->maps, slot) && !is_manual(db, slot))
			staying[count++] = (struct by_age){db->maps->sa[slot].created_ns, slot};
	qsort(staying, count, sizeof(*staying), newest_first);
	for (size_t i = 0; i < count; i++)
		take_over(db, staying[i].slot);
	free(staying);
	return 0;
}

static void take_away_alone(struct sa_database *db, uint32_t slot)
{
	struct sad_out_key keys[2];
	const unsigned count = sa_bindings(&db->maps->sa[slot], keys);

	sa_sent_note(&db->sent, &db->maps->sa[slot]);
	for (unsigned i = 0; i < count && db->maps->sa[slot].direction == SA_OUTBOUND; i++)
		sa_unbind(db->maps, slot, &keys[i]);
	sa_withdraw(db->maps, slot);
	give_back(db, slot);
}

int sa_flush(struct sa_database *db, struct fault *f)
{
	if (take_over_all(db))
		return fault(f, ENOMEM, "SAs: %s", strerror(ENOMEM));
	for (uint32_t slot = 0; slot < db->maps->slots; slot++)
		if (is_manual(db, slot))
			take_away_alone(db, slot);
	return locals_sync(db->maps, f);
}

void sa_rebind_dev(struct sa_database *db, uint32_t old_ifindex, uint32_t ifindex)
{
	for (uint32_t slot = 0; slot < db->maps->slots; slot++) {
		struct sa_state *sa = &db->maps->sa[slot];

		if (!in_use(db->maps, slot) || !old_ifindex || sa->ifindex != old_ifindex)
			continue;
		sa->ifindex = ifindex;
		if (sa->direction == SA_INBOUND)
			sa_publish_again(db->maps, slot);
	}
}
