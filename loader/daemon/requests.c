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
#include "lane_cpus.h"
#include "lib/channel.h"
#include "net/route.h"
#include "policy/parse.h"
#include "policy/policy.h"

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

static int on_sa_add(const struct requests *q, const struct request *r, struct fault *f)
{
	uint8_t keymat[ESP_KEYMAT_SIZE];
	struct sa_request wanted;
	int err = take_key(r->fd, keymat, f);

	if (!err)
		err = sa_request_parse(r->words, &wanted, f);
	if (!err)
		err = sa_add(q->guard->sas, &wanted, keymat, f);
	explicit_bzero(keymat, sizeof(keymat));
	return err;
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
	char text[ADDR_TEXT];

	if (addr_is_zero(policy->rule.local))
		return 0;
	memcpy(q.dst, policy->rule.local, sizeof(q.dst));
	if (route_get(&q, &route) == 0 && (route.type == RTN_LOCAL || route.type == RTN_BROADCAST))
		return 0;
	return fault(f, EADDRNOTAVAIL,
		     "src %s: not an address of this host: 'ip address' lists them, and dst is the peer",
		     addr_text(policy->rule.local, text));
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

/* Names are in the file alone: the maps have no room for them. */
static int on_policy_names(const struct requests *q, const struct request *r, struct fault *f)
{
	cJSON *names = connection_policies_names(q->guard->config);
	const int fd = channel_pack(names);

	(void)r;
	cJSON_Delete(names);
	if (fd < 0)
		return fault(f, -fd, "names of policies: %s", strerror(-fd));
	control_server_attach(q->control, fd);
	return 0;
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
	cJSON_AddBoolToObject(r->reply, "bpffs_private", q->guard->instance->bpffs.private);
	cJSON_AddBoolToObject(r->reply, "keylog", q->ike->keylog.esp >= 0);
	cJSON_AddItemToObject(r->reply, "monitors", liveness_json(q->liveness));
	cJSON_AddItemToObject(r->reply, "worker", worker_json(q->guard->worker));
	cJSON_AddItemToObject(r->reply, "lanes", lane_cpus_json(q->guard->worker));
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

/* ---- connections: IKE answers, when there is an end to tell ---- */

static int pass_to_ike(const struct requests *q, const struct request *r, const char *command, struct fault *f)
{
	cJSON *message;

	if (!q->ike->child.pid)
		return fault(f, ENOENT,
			     q->guard->config->connection_count ? "IKE is not running: the log says why"
								: "there is no [connection] in the file");
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
	{"status", on_status},
};

int requests_handle(void *arg, const cJSON *request, int fd, cJSON *reply, struct fault *f)
{
	const char *command = json_text(request, "command");
	const struct request r = {
		.words = cJSON_GetObjectItemCaseSensitive(request, "words"),
		.fd = fd,
		.reply = reply,
	};

	for (size_t i = 0; command && i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (strcmp(command, handlers[i].command) == 0)
			return handlers[i].handle(arg, &r, f);
	return fault(f, EPROTO, "the daemon does not know '%.40s': it is of another version", command ? command : "");
}
