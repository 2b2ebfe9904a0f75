/* SPDX-License-Identifier: BSD-2-Clause */
#include "inherit.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "instance/worker_place.h"
#include "lib/log.h"
#include "policy/locals.h"
#include "service.h"

/* ---- NICs and worker ---- */

static void end_before(struct inheritance *i)
{
	left_end(i->worker, i->orders);
	close(i->orders);
	i->orders = -1;
}

/*
 * The last supervisor was killed while one worker took the other's place: the next worker may be at work already,
 * unknown to the manager, while the one before has not quite ended. Nothing says which, and beside either of them no
 * third one may begin (tests/model/succession.pml), so both are ended.
 */
int inherit_datapath(struct inheritance *i, const struct instance *in, struct fault *f)
{
	left_take_taps(&i->nics);
	i->orders = left_take_orders(&i->worker);
	if (i->orders >= 0 && worker_place_has_other(in->run_dir, i->worker))
		end_before(i);
	/* It has the NICs that the next one is to have. */
	return i->orders >= 0 ? 0 : worker_place_clear(in->run_dir, f);
}

void inherit_no_more_nics(struct inheritance *i)
{
	left_drop_taps(&i->nics);
	nics_left_close(&i->nics);
}

static void inherit_sockets(struct worker *worker, unsigned index, const char *nic)
{
	struct worker_sockets sockets;

	left_take_sockets(nic, &sockets);
	if (sockets.count)
		worker_inherit(worker, index, &sockets);
}

void inherit_worker(struct inheritance *i, struct worker *worker, const struct nics *nics)
{
	const int orders = i->orders;

	i->orders = -1;
	if (orders < 0 || worker_follow(worker, i->worker, orders))
		return;
	for (unsigned n = 0; n < PORTS_MAX; n++)
		if (nics->nic[n].used && nics->nic[n].present)
			inherit_sockets(worker, n, nics->nic[n].config.name);
}

/* ---- the vault ---- */

static int when_made(const struct maps *maps, uint64_t *maps_ns, struct fault *f)
{
	const uint32_t zero = 0;
	struct layout layout;

	if (bpf_map_lookup_elem(maps->layout, &zero, &layout) < 0)
		return fault(f, errno, "map layout: %s", strerror(errno));
	*maps_ns = layout.made_ns;
	return 0;
}

/* Whether a vault was kept, and is ours. */
static bool take_over(struct vault *vault, const char *instance, uint32_t slots, uint64_t maps_ns)
{
	const int fd = service_take_fd(INHERIT_VAULT);
	struct fault f;

	if (fd < 0)
		return false;
	if (vault_take_over(vault, fd, instance, slots, maps_ns, &f) == 0)
		return true;
	log_line("%s: it is given up", f.text);
	close(fd);
	service_drop_fd(INHERIT_VAULT);
	return false;
}

int inherit_vault(struct inheritance *i, struct vault *vault, const struct instance *in, const struct maps *maps,
		  struct fault *f)
{
	uint64_t maps_ns = 0;
	int err = when_made(maps, &maps_ns, f);

	if (err)
		return err;
	i->had = take_over(vault, in->name, maps->slots, maps_ns);
	if (!i->had) {
		err = vault_create(vault, maps->slots, f);
		if (err)
			return err;
		vault_mark(vault, in->name, maps_ns);
	}
	/* One that it keeps already it keeps once. */
	i->kept = service_store_fd(INHERIT_VAULT, vault->fd);
	return 0;
}

/* ---- SAs ---- */

void inherit_sas(const struct inheritance *i, struct sa_database *sas, bool connections)
{
	struct sa_kept kept = {0};
	unsigned forgotten;

	if (i->had)
		forgotten = sa_keep(sas, connections, &kept);
	else
		forgotten = sa_forget_all(sas);
	locals_sync(sas->maps, NULL);
	if (kept.manual + kept.ike)
		log_line("the keys of an earlier run were kept: %u SAs go on that were added by hand, and %u of IKE",
			 kept.manual, kept.ike);
	if (forgotten)
		log_warning("%u SAs added by hand in an earlier run are forgotten, for their keys are: add them again",
			    forgotten);
}
