/* SPDX-License-Identifier: BSD-2-Clause */
#include "closing.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "attach/backstop.h"
#include "attach/gates.h"
#include "attach/hooks_away.h"
#include "connection_policies.h"
#include "instance/pinned_maps.h"
#include "lib/log.h"
#include "lib/near_word.h"
#include "policy/spd_store.h"

static struct prog_config prog_config_of(const struct config *config)
{
	return (struct prog_config){.mark = config->mark, .unknown_spi = config->unknown_spi};
}

/* ---- maps, of an earlier run, or new ones ---- */

/* Those added by hand are in the old map alone; those of the file come anew. Without all of them nothing goes on: what
 * is attached is closed by the old maps. spd is the caller's to free, also after an error. */
static int read_old_policies(const struct closing *c, struct spd *spd, struct fault *f)
{
	char path[PIN_MAX];
	int old, err;

	*spd = (struct spd){0};
	snprintf(path, sizeof(path), "%s/spd", c->instance->bpf_dir);
	old = bpf_obj_get(path);
	if (old < 0)
		return errno == ENOENT ? 0 : fault(f, errno, "%s: %s", path, strerror(errno));
	err = spd_read_earlier(old, spd, f);
	close(old);
	if (err == -EPROTO)
		fault(f, EPROTO,
		      "%s: another version's policies, which cannot be read here: run that version, or open the gate "
		      "and give them up by 'xdp-ipsec --instance %s detach all'",
		      path, c->instance->name);
	return err;
}

/* What is attached goes on with the old maps, by which it is closed, until it gets programs with the new ones. */
static int open_beside(struct closing *c, const char *why, char *beside, struct fault *f)
{
	const char *dir = c->instance->bpf_dir;
	struct spd spd;
	int err = read_old_policies(c, &spd, f);

	if (!err) {
		log_line("%s: made %s: new maps take their place, and what is attached stays closed meanwhile", dir,
			 why);
		err = pinned_maps_make_beside(dir, c->config->sa_max, beside, f);
	}
	if (!err)
		err = maps_open(c->maps, beside, f);
	if (!err)
		err = spd_write(c->maps, &spd, f);
	spd_free(&spd);
	return err;
}

/* dir: PIN_MAX; where the maps are. */
static int open_maps(struct closing *c, char *dir, struct fault *f)
{
	int err = maps_open(c->maps, c->instance->bpf_dir, f);

	snprintf(dir, PIN_MAX, "%s", c->instance->bpf_dir);
	/* A directory without maps, but perhaps with links. */
	if (err == -ENOENT && access(dir, F_OK) == 0)
		err = -EPROTO;
	if (err == -ENOENT) {
		err = pinned_maps_make(dir, c->config->sa_max, f);
		if (!err)
			err = maps_open(c->maps, dir, f);
	}
	if (err == -EPROTO)
		return open_beside(c, "by another version", dir, f);
	if (err || c->maps->slots == c->config->sa_max)
		return err;
	maps_close(c->maps);
	return open_beside(c, "with another sa-max", dir, f);
}

static int take_place(const struct closing *c, const char *dir, struct fault *f)
{
	return strcmp(dir, c->instance->bpf_dir) ? pinned_maps_take_place(c->instance->bpf_dir, dir, f) : 0;
}

/* ---- the walls ---- */

int closing_put_backstop(const char *dir, const struct maps *maps, const struct config *config, struct fault *f)
{
	const struct prog_config cfg = prog_config_of(config);

	return backstop_put(dir, dir, maps->slots, &cfg, f);
}

/* A kernel without a backstop has the gates on the NICs, which is less, and said. */
static int put_backstop(struct closing *c, const char *maps_dir, struct fault *f)
{
	const struct prog_config cfg = prog_config_of(c->config);
	int err = backstop_put(c->instance->bpf_dir, maps_dir, c->maps->slots, &cfg, f);

	if (err == -ENOTSUP) {
		log_warning("no backstop: %s", f->text);
		return 0;
	}
	c->closed = !err;
	if (!err && !backstop_sees_routes(c->instance->bpf_dir))
		log_warning("backstop: %s", BACKSTOP_BLIND);
	return err;
}

/* It may come yet. Or it is another one that is meant. */
static void tell_absent(const char *dev)
{
	struct if_nameindex *all = if_nameindex();
	struct near_word near = near_word_of(dev);
	char question[IF_NAMESIZE + 24];

	for (const struct if_nameindex *i = all; i && i->if_name; i++)
		near_word_offer(&near, i->if_name);
	log_line("%s: is not there%s%s 'run' attaches it the moment it appears", dev,
		 near_word_question(&near, question, sizeof(question)), near.nearest ? "" : ";");
	if_freenameindex(all);
}

static int attach(struct closing *c, const struct interface_config *config, struct fault *f)
{
	const struct nic *nic;
	int err = nic_attach(c->nics, config, f);

	if (!err) {
		nic = nics_find(c->nics, config->name);
		nic_log_attached(nic);
	} else if (err == -ENODEV) {
		err = nic_expect(c->nics, config, f);
		if (!err)
			tell_absent(config->name);
	}
	return err;
}

static int attach_configured(struct closing *c, struct fault *f)
{
	int err, first = 0;

	if (!c->config->interface_count)
		log_line("%s: has no [interface DEV]: no NIC is attached until 'xdp-ipsec attach DEV'", c->config_path);
	for (unsigned i = 0; i < c->config->interface_count; i++) {
		struct fault why;

		err = attach(c, &c->config->interfaces[i], &why);
		if (err && !first) {
			*f = why;
			first = err;
		} else if (err) {
			log_warning("%s", why.text);
		}
	}
	return first;
}

/* A NIC attached by an earlier run that the file does not name: 'attach' did it, and its gate is closed. */
static void take_over(const char *dev, void *arg)
{
	struct closing *c = arg;
	struct interface_config config;
	struct fault f;
	int err;

	if (nics_find(c->nics, dev))
		return;
	interface_config_init(&config, dev);
	err = attach(c, &config, &f);
	if (err)
		log_warning(
			"%s: attached by an earlier run and cannot be taken over: %s; what it protects stays dropped",
			dev, f.text);
	else
		log_line("%s: not in %s, but attached by an earlier run: taken over", dev, c->config_path);
}

static int close_nics(struct closing *c, struct fault *f)
{
	int err = attach_configured(c, f);

	hooks_for_each_device(c->instance->bpf_dir, take_over, c);
	gates_cover(c->maps);
	return err;
}

/* Where there is no room for the file's and an earlier run's side by side, the file's take their place at once. */
static int put_policies(const struct closing *c, struct fault *f)
{
	int err = connection_policies_add(c->maps, c->config, f);

	return err ? connection_policies_sync(c->maps, c->config, f) : 0;
}

/*
 * A NIC that another instance guards is a mistake in the file, and like any other found before anything is closed: our
 * backstop takes that NIC for one without a gate, and would drop what the other instance protects on it.
 */
static int check_owners(const struct closing *c, struct fault *f)
{
	int err = 0;

	for (unsigned i = 0; i < c->config->interface_count && !err; i++) {
		const char *dev = c->config->interfaces[i].name;
		const struct hook_place at = {
			.dir = c->instance->bpf_dir,
			.dev = dev,
			.ifindex = (int)if_nametoindex(dev),
		};
		char owner[INSTANCE_MAX];

		if (at.ifindex && hooks_owner(&at, owner) && strcmp(owner, c->instance->name) != 0)
			err = hook_check_foreign(&at, f);
	}
	return err;
}

int closing_run(struct closing *c, struct fault *f)
{
	const struct prog_config cfg = prog_config_of(c->config);
	char dir[PIN_MAX];
	int err = check_owners(c, f);

	if (!err)
		err = open_maps(c, dir, f);
	if (err)
		return err;
	nics_init(c->nics, c->instance, c->maps, c->programs, c->left);
	err = connection_policies_check(c->maps, c->config, f);
	if (!err)
		err = put_policies(c, f);
	if (!err)
		err = put_backstop(c, dir, f);
	if (!err)
		err = programs_load(c->programs, dir, c->maps, &cfg, f);
	if (!err)
		err = close_nics(c, f);
	if (!err)
		c->closed = true;
	if (!err)
		err = take_place(c, dir, f);
	return err;
}

int closing_settle(const struct closing *c, struct fault *f)
{
	return connection_policies_sync(c->maps, c->config, f);
}

/* ---- at the end ---- */

bool closing_has_policies(const struct maps *maps)
{
	return spd_may_have_any(maps->spd);
}

/* After a start that failed, maps beside these may be the ones that are open. */
static bool pinned_have_policies(const char *dir)
{
	char path[PIN_MAX];
	bool any;
	int spd;

	snprintf(path, sizeof(path), "%s/spd", dir);
	spd = bpf_obj_get(path);
	if (spd < 0)
		return errno != ENOENT;
	any = spd_may_have_any(spd);
	close(spd);
	return any;
}

static void count_device(const char *dev, void *arg)
{
	(void)dev;
	++*(unsigned *)arg;
}

bool closing_undo_unused(const struct closing *c, bool opened)
{
	const char *dir = c->instance->bpf_dir;
	unsigned n = 0;

	if (hooks_for_each_device(dir, count_device, &n) || n || hooks_any_away(dir))
		return false;
	if (!opened && (closing_has_policies(c->maps) || pinned_have_policies(dir)))
		return false;
	pinned_maps_remove(dir);
	return true;
}
