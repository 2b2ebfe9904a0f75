/* SPDX-License-Identifier: BSD-2-Clause */
#include "host_look.h"

#include <stdarg.h>
#include <string.h>

#include "attach/backstop.h"
#include "connection_text.h"
#include "connection_view.h"
#include "instance/worker_place.h"
#include "nic_view.h"
#include "units.h"

int host_look_take(struct host_look *l, const struct instance *in, const struct maps *maps, cJSON *daemon,
		   struct fault *f)
{
	*l = (struct host_look){.in = in, .maps = maps, .daemon = daemon, .connections = connections_json(daemon)};
	l->names = connection_names_new(l->connections);
	return counts_read(maps, &l->counts, f);
}

void host_look_free(struct host_look *l)
{
	connection_names_free(l->names);
	cJSON_Delete(l->connections);
	cJSON_Delete(l->daemon);
	*l = (struct host_look){.in = NULL};
}

bool host_bpffs_is_private(const struct host_look *l)
{
	const cJSON *private = json_item(l->daemon, "bpffs_private");

	return private ? cJSON_IsTrue(private) : l->in->bpffs.private;
}

bool host_keys_are_logged(const struct host_look *l)
{
	return cJSON_IsTrue(json_item(l->daemon, "keylog"));
}

/* ---- lines ---- */

#define LINE_TEXT 512

struct teller {
	text_line *line;
	void *arg;
};

static void tell(const struct teller *t, enum tint tint, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void tell(const struct teller *t, enum tint tint, const char *format, ...)
{
	char text[LINE_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	t->line(t->arg, tint, text);
}

static const char *restarts_of(const cJSON *process, char text[UNITS_TEXT])
{
	return count_text(json_u64(process, "restarts"), "restart", "restarts", text);
}

static void tell_worker(const struct host_look *l, const struct teller *t)
{
	const cJSON *worker = json_item(l->daemon, "worker");
	const char *aead = json_text(worker, "aead");
	const pid_t alone = l->daemon ? 0 : worker_place_holder(l->in->run_dir);
	char restarts[UNITS_TEXT];

	if (!l->daemon && alone)
		tell(t, TINT_BAD,
		     "instance %s: NOT RUNNING; its worker %d goes on alone with the SAs that there are, two minutes "
		     "at "
		     "the most: start 'xdp-ipsec run'",
		     l->in->name, alone);
	else if (!l->daemon)
		tell(t, TINT_BAD,
		     "instance %s: NOT RUNNING: protected traffic stays blocked%s; start 'xdp-ipsec run', or 'detach' "
		     "to "
		     "open the gate",
		     l->in->name, instance_gate_limit(l->in));
	else if (!json_has_number(worker, "pid"))
		tell(t, TINT_BAD, "instance %s: running, no worker", l->in->name);
	else
		tell(t, TINT_NONE, "instance %s: running, worker %d (%s), %s", l->in->name,
		     (int)json_u64(worker, "pid"), aead ? aead : "starting", restarts_of(worker, restarts));
}

/* Nothing where there are no connections, and so no IKE. */
static void tell_ike(const struct host_look *l, const struct teller *t)
{
	const cJSON *ike = json_item(l->daemon, "ike");
	const cJSON *keyholder = json_item(l->daemon, "key_holder");
	char restarts[UNITS_TEXT];

	restarts_of(ike, restarts);
	if (json_has_number(ike, "pid"))
		tell(t, TINT_NONE, "IKE %d, key holder %d, %s", (int)json_u64(ike, "pid"),
		     (int)json_u64(keyholder, "pid"), restarts);
	else if (ike && restarts[0] != '0')
		tell(t, TINT_BAD, "IKE has ended, and its key holder with it: about to be started again, %s", restarts);
}

/* A kernel without a backstop has been told so when the daemon started: not an open gate, but less of a wall. */
static void tell_backstop(const struct host_look *l, const struct teller *t)
{
	if (!backstop_is_up(l->in->bpf_dir))
		tell(t, TINT_WARN, "backstop MISSING: interfaces that are not attached are not guarded");
	else if (!backstop_sees_routes(l->in->bpf_dir))
		tell(t, TINT_NONE, "backstop up, but " BACKSTOP_BLIND);
	else
		tell(t, TINT_NONE, "backstop up");
}

void host_lines(const struct host_look *l, text_line *line, void *arg)
{
	const struct teller t = {line, arg};

	tell_worker(l, &t);
	tell_ike(l, &t);
	if (host_keys_are_logged(l))
		tell(&t, TINT_WARN, "WARNING: keylog = yes: every key of IKE and ESP is written to a file");
	if (host_bpffs_is_private(l))
		tell(&t, TINT_WARN, "WARNING: %s", bpffs_private_warning);
	tell_backstop(l, &t);
	open_gates_tell(l->maps, line, arg);
	stranger_tell(json_item(json_item(l->daemon, "document"), "stranger"), line, arg);
}
