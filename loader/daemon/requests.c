/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "requests.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/nic_words.h"
#include "connection_policies.h"
#include "connections_known.h"
#include "events/events.h"
#include "lane_cpus.h"
#include "lib/channel.h"
#include "lib/log.h"
#include "lib/near_word.h"
#include "net/local_addr.h"
#include "net/route.h"
#include "policy/addr_remedy.h"
#include "policy/policy.h"
#include "policy/spd_store.h"

struct request {
	const cJSON *words;
	int fd;
	cJSON *reply;
};

/* ---- SAs ---- */

/* The key comes in a memfd of its own, never in the message; it is wiped there once it is read. */
static int take_key(int fd, uint8_t keymat[ESP_KEYMAT_SIZE], struct fault *f)
{
	static const uint8_t zeros[ESP_KEYMAT_SIZE];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size != ESP_KEYMAT_SIZE ||
	    pread(fd, keymat, ESP_KEYMAT_SIZE, 0) != ESP_KEYMAT_SIZE)
		return fault(f, EPROTO, "no key came with the request: the command is of another version");
	if (pwrite(fd, zeros, sizeof(zeros), 0) != sizeof(zeros))
		return fault(f, EPROTO, "the key could not be wiped after it was read: %s", strerror(errno));
	return 0;
}

/* An SA alone protects nothing: what is not said to be protected goes by it in clear. */
static int note_no_policy(const struct maps *maps, const struct sa_request *sa, struct fault *f)
{
	enum locality where;
	const bool sends = local_addr_find(sa->src, &where) == 0 && where == ADDR_LOCAL;
	const uint8_t *remote = sends ? sa->dst : sa->src;
	char text[ADDR_TEXT];

	if (spd_protects(maps, sends ? sa->src : sa->dst, remote))
		return 0;
	fault(f, ENOENT,
	      "no policy protects anything with %s, which stays in clear until 'policy add dst %s action protect'",
	      addr_text(remote, text), text);
	return 1;
}

static int on_sa_add(const struct requests *q, const struct request *r, struct fault *f)
{
	uint8_t keymat[ESP_KEYMAT_SIZE];
	struct sa_request wanted;
	int err = take_key(r->fd, keymat, f);

	if (!err)
		err = sa_request_parse(r->words, &wanted, f);
	if (!err)
		err = sa_add(q->guard->sas, &wanted, keymat, f);
	if (!err)
		err = note_no_policy(q->guard->maps, &wanted, f);
	explicit_bzero(keymat, sizeof(keymat));
	if (err > 0)
		cJSON_AddStringToObject(r->reply, "note", f->text);
	return err < 0 ? err : 0;
}

static int on_sa_del(const struct requests *q, const struct request *r, struct fault *f)
{
	uint32_t spi;
	uint8_t dst[4] = {0};
	int err = sa_selector_parse(r->words, &spi, dst, f);

	return err ? err : sa_delete(q->guard->sas, spi, dst, f);
}

static int on_sa_flush(const struct requests *q, const struct request *r, struct fault *f)
{
	(void)r;
	return sa_flush(q->guard->sas, f);
}

/* ---- policies ---- */

/* What is another host's is a mistake: such a policy would be for nothing. A broadcast address is ours, too. */
static int check_source(const struct policy *policy, struct fault *f)
{
	struct route_question q = {0};
	struct route route;
	char text[ADDR_TEXT], question[64];

	if (addr_is_zero(policy->rule.local))
		return 0;
	memcpy(q.dst, policy->rule.local, sizeof(q.dst));
	if (route_get(&q, &route) == 0 && (route.type == RTN_LOCAL || route.type == RTN_BROADCAST))
		return 0;
	addr_text(policy->rule.local, text);
	local_addr_question(text, question, sizeof(question));
	return fault(f, EADDRNOTAVAIL, "src %s: not an address of this host%s dst is the peer", text,
		     *question ? question : ": 'ip address' lists them, and");
}

/* The policy that the words are for, to be put in. */
static int take_policy(const struct request *r, struct policy *out, struct fault *f)
{
	int err = policy_parse(r->words, true, out, f);

	return err ? err : check_source(out, f);
}

static int on_policy_add(const struct requests *q, const struct request *r, struct fault *f)
{
	struct policy policy;
	int err = take_policy(r, &policy, f);

	return err ? err : policy_add(q->guard->maps, &policy, f);
}

static int on_policy_replace(const struct requests *q, const struct request *r, struct fault *f)
{
	struct policy policy;
	int err = take_policy(r, &policy, f);

	return err ? err : policy_replace(q->guard->maps, &policy, f);
}

static int on_policy_del(const struct requests *q, const struct request *r, struct fault *f)
{
	struct policy policy;
	int err = policy_parse(r->words, false, &policy, f);

	return err ? err : policy_delete(q->guard->maps, &policy, f);
}

static int on_policy_flush(const struct requests *q, const struct request *r, struct fault *f)
{
	(void)r;
	return policy_flush(q->guard->maps, f);
}

/* An answer that may be more than a message holds, which is deleted. what: for people. */
static int attach_document(const struct requests *q, cJSON *document, const char *what, struct fault *f)
{
	const int fd = channel_pack(document);

	cJSON_Delete(document);
	if (fd < 0)
		return fault(f, -fd, "%s: %s", what, strerror(-fd));
	control_server_attach(q->control, fd);
	return 0;
}

/* Names are in the file alone: the maps have no room for them. */
static int on_policy_names(const struct requests *q, const struct request *r, struct fault *f)
{
	(void)r;
	return attach_document(q, connection_policies_names(q->guard->config), "names of policies", f);
}

/* ---- NICs ---- */

static int on_attach(const struct requests *q, const struct request *r, struct fault *f)
{
	struct interface_config config;
	int err = nic_words_parse(r->words, &config, f);
	const struct nic *there = err ? NULL : nics_find(q->guard->nics, config.name);

	if (there && there->present)
		return fault(f, EEXIST, "%s: attached already (%s): 'detach' it first to change how", config.name,
			     there->mode == PORT_NATIVE ? "native" : "generic");
	return err ? err : guard_attach(q->guard, &config, f);
}

static int on_detach(const struct requests *q, const struct request *r, struct fault *f)
{
	const char *name = json_text(r->words, "dev");

	if (!name)
		return fault(f, EINVAL, "DEV is missing");
	return strcmp(name, "all") ? guard_detach(q->guard, name, f) : guard_detach_all(q->guard);
}

/* ---- status: what is not in the maps ---- */

static void add_pid(cJSON *json, pid_t pid)
{
	if (pid)
		cJSON_AddNumberToObject(json, "pid", pid);
	else
		cJSON_AddNullToObject(json, "pid");
}

static cJSON *child_json(const struct child *child)
{
	cJSON *json = cJSON_CreateObject();

	add_pid(json, child->pid);
	cJSON_AddNumberToObject(json, "restarts", child->restarts);
	return json;
}

static cJSON *worker_json(const struct worker *w)
{
	cJSON *json = child_json(&w->child);

	if (worker_is_ready(w))
		cJSON_AddStringToObject(json, "aead", w->aead);
	else
		cJSON_AddNullToObject(json, "aead");
	return json;
}

/* Where each lane has run last; what else there is to say of lanes is in the maps. */
static cJSON *lane_cpus_json(const struct worker *w)
{
	const unsigned count = worker_is_ready(w) ? w->lane_count : 0;
	cJSON *json = cJSON_CreateObject(), *cpus = cJSON_AddArrayToObject(json, "cpus");
	int ran_on[LANES_MAX];

	lane_cpus(w->child.pid, ran_on, count);
	for (unsigned i = 0; i < count; i++)
		cJSON_AddItemToArray(cpus, ran_on[i] < 0 ? cJSON_CreateNull() : cJSON_CreateNumber(ran_on[i]));
	cJSON_AddBoolToObject(json, "pinned", w->cpus[0]);
	return json;
}

/* It has no restarts of its own: with either of the two the other ends. */
static cJSON *keyholder_json(const struct ike_process *ike)
{
	cJSON *json = cJSON_CreateObject();

	add_pid(json, ike->keyholder);
	return json;
}

/* IKE's own word on connections, or what is known without it. The fd of the document, or -errno. */
static int connections_document(const struct requests *q)
{
	int fd = q->ike->child.pid ? ike_status(q->ike) : -ESRCH;
	cJSON *document;

	if (fd >= 0 || !q->guard->config->connection_count)
		return fd;
	document = connections_known(q->guard->config, q->guard->maps,
				     fd == -ESRCH ? "IKE is not running" : "IKE does not answer");
	fd = channel_pack(document);
	cJSON_Delete(document);
	return fd;
}

static int on_status(const struct requests *q, const struct request *r, struct fault *f)
{
	const int fd = connections_document(q);

	(void)f;
	if (fd >= 0)
		control_server_attach(q->control, fd);
	cJSON_AddItemToObject(r->reply, "astray", ways_json(q->guard->ways, q->guard->config));
	cJSON_AddItemToObject(r->reply, "ike", child_json(&q->ike->child));
	cJSON_AddItemToObject(r->reply, "key_holder", keyholder_json(q->ike));
	cJSON_AddNumberToObject(r->reply, "pid", getpid());
	cJSON_AddStringToObject(r->reply, "begun", q->begun);
	cJSON_AddBoolToObject(r->reply, "bpffs_private", q->guard->instance->bpffs.private);
	cJSON_AddBoolToObject(r->reply, "keylog", q->ike->keylog.esp >= 0);
	cJSON_AddItemToObject(r->reply, "worker", worker_json(q->guard->worker));
	cJSON_AddItemToObject(r->reply, "lanes", lane_cpus_json(q->guard->worker));
	return 0;
}

/* Not beside those: of thousands it is more than a message holds. */
static int on_monitors(const struct requests *q, const struct request *r, struct fault *f)
{
	(void)r;
	return attach_document(q, liveness_json(q->liveness), "monitors", f);
}

static int on_reload(const struct requests *q, const struct request *r, struct fault *f)
{
	(void)r;
	return attach_document(q, reload_run(q->reload), "what the reload has done", f);
}

/* The answer goes first, and then whoever asks is to look whether the next one answers. */
static int on_upgrade(const struct requests *q, const struct request *r, struct fault *f)
{
	int err;

	(void)r;
	if (!worker_before_is_gone(&q->guard->worker->before))
		return fault(f, EBUSY, "another upgrade is not at its end yet: try again");
	err = succession_check(q->succession, q->reload->path, f);
	if (!err)
		q->on_upgrade(q->arg);
	return err;
}

/* Without a level it is only told. */
static int on_log_level(const struct requests *q, const struct request *r, struct fault *f)
{
	const char *text = json_text(r->words, "level");
	enum log_level level = log_get_level();

	if (text && !log_level_parse(text, &level))
		return fault(f, EINVAL, "'%.20s' is no level: give warning, info or debug", text);
	if (text) {
		log_set_level(level);
		if (q->ike->child.pid)
			ike_log_level(q->ike);
	}
	cJSON_AddStringToObject(r->reply, "level", log_level_name(level));
	return 0;
}

/* ---- a capture lasts as long as the connection of who asked for it ---- */

static int on_capture(const struct requests *q, const struct request *r, struct fault *f)
{
	const int fd = capture_session_begin(q->capture, r->words, f);

	if (fd < 0)
		return fd;
	control_server_attach(q->control, fd);
	control_server_hold(q->control, capture_session_end, q->capture);
	return 0;
}

/* So do events, which come over that connection. */
static int on_events(const struct requests *q, const struct request *r, struct fault *f)
{
	struct feed_reader *reader;
	int err = events_join(control_server_socket(q->control), &reader, f);

	(void)r;
	if (!err)
		control_server_hold(q->control, feed_leave, reader);
	return err;
}

/* ---- connections: IKE answers, when there is an end to tell ---- */

static int no_connection(const struct config *config, const char *name, struct fault *f)
{
	struct near_word near = near_word_of(name);
	char question[CONNECTION_NAME_MAX + 24];

	for (unsigned i = 0; i < config->connection_count; i++)
		near_word_offer(&near, config->connections[i].name);
	return fault(f, ENOENT, "'%.60s': there is no connection of that name%s", name,
		     near.nearest ? near_word_question(&near, question, sizeof(question))
				  : ": 'xdp-ipsec connection list' has those that there are");
}

/* What can be seen from here; IKE knows the rest. */
static int check_connection(const struct config *config, const cJSON *words, struct fault *f)
{
	const char *name = json_text(words, "name"), *remote = json_text(words, "remote");
	const struct connection_config *c = name ? config_connection(config, name) : NULL;
	char prefix[PREFIX_TEXT];
	uint8_t addr[4];

	if (!c)
		return no_connection(config, name ? name : "", f);
	if (!remote)
		return 0;
	if (!parse_ipv4(remote, addr))
		return bad_address(f, "remote", remote, false, "an IPv4 address");
	return prefix_covers(&c->remote, addr) ? 0
					       : fault(f, EINVAL, "remote %s: not within its 'remote', %s", remote,
						       prefix_text(&c->remote, prefix));
}

static int pass_to_ike(const struct requests *q, const struct request *r, const char *command, struct fault *f)
{
	cJSON *message;
	int err;

	if (!q->ike->child.pid)
		return fault(f, ENOENT,
			     q->guard->config->connection_count ? "IKE is not running: the log says why"
								: "there is no [connection] in the file");
	err = check_connection(q->guard->config, r->words, f);
	if (err)
		return err;
	message = cJSON_Duplicate(r->words, true);
	cJSON_AddStringToObject(message, "command", command);
	cJSON_AddNumberToObject(message, "ticket", (double)control_server_defer(q->control));
	return ike_send(q->ike, message) ? fault(f, EPIPE, "IKE does not answer") : -EINPROGRESS;
}

static int on_initiate(const struct requests *q, const struct request *r, struct fault *f)
{
	return pass_to_ike(q, r, "initiate", f);
}

static int on_terminate(const struct requests *q, const struct request *r, struct fault *f)
{
	return pass_to_ike(q, r, "terminate", f);
}

static int on_rekey(const struct requests *q, const struct request *r, struct fault *f)
{
	return pass_to_ike(q, r, "rekey", f);
}

static const struct {
	const char *command;
	int (*handle)(const struct requests *q, const struct request *r, struct fault *f);
} handlers[] = {
	{"sa add", on_sa_add},
	{"sa del", on_sa_del},
	{"sa flush", on_sa_flush},
	{"policy add", on_policy_add},
	{"policy replace", on_policy_replace},
	{"policy del", on_policy_del},
	{"policy flush", on_policy_flush},
	{"policy names", on_policy_names},
	{"connection initiate", on_initiate},
	{"connection terminate", on_terminate},
	{"connection rekey", on_rekey},
	{"attach", on_attach},
	{"detach", on_detach},
	{"capture", on_capture},
	{"events", on_events},
	{"reload", on_reload},
	{"log-level", on_log_level},
	{"upgrade", on_upgrade},
	{"status", on_status},
	{"monitors", on_monitors},
};

int requests_handle(void *arg, const cJSON *request, int fd, cJSON *reply, struct fault *f)
{
	const char *command = json_text(request, "command");
	const struct request r = {
		.words = cJSON_GetObjectItemCaseSensitive(request, "words"),
		.fd = fd,
		.reply = reply,
	};

	log_debug("asked for: %s", command ? command : "?");
	for (size_t i = 0; command && i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (strcmp(command, handlers[i].command) == 0)
			return handlers[i].handle(arg, &r, f);
	return fault(f, EPROTO, "the daemon does not know '%.40s': it is of another version", command ? command : "");
}
