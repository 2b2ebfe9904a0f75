/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "ike_config.h"
#include "lib/json.h"

void connection_config_free(struct connection_config *c)
{
	if (!c)
		return;
	credentials_free(c->credentials);
	trust_free(c->trust);
	free(c);
}

void ike_config_free(struct ike_config *c)
{
	for (unsigned i = 0; i < c->count; i++)
		connection_config_free(c->connections[i]);
	free(c->connections);
	free(c->kept);
	*c = (struct ike_config){0};
}

/* ---- values ---- */

static const char *text(const cJSON *o, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));
}

static bool flag(const cJSON *o, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, name));
}

static bool copy(char *to, size_t size, const char *from)
{
	return (size_t)snprintf(to, size, "%s", from ? from : "") < size;
}

static int missing(const cJSON *o, const char *what, struct fault *f)
{
	const char *name = text(o, "name");

	return fault(f, EINVAL, "%.64s: %s is missing or makes no sense", name ? name : "connection", what);
}

static int no_memory(struct fault *f)
{
	return fault(f, ENOMEM, "%s", strerror(ENOMEM));
}

static void add_name(const cJSON *o, struct fault *f)
{
	char copied[sizeof(f->text)];

	memcpy(copied, f->text, sizeof(copied));
	fault(f, EINVAL, "%.64s: %.400s", text(o, "name"), copied);
}

/* ---- parts ---- */

static int read_ends(struct connection_config *c, const cJSON *o, struct fault *f)
{
	const char *local = text(o, "local"), *remote = text(o, "remote");

	c->remote_bits = (uint8_t)json_u64(o, "remote_bits");
	if (!copy(c->name, sizeof(c->name), text(o, "name")) || !c->name[0])
		return missing(o, "name", f);
	if (!local || inet_pton(AF_INET, local, c->local) != 1)
		return missing(o, "local", f);
	if (!remote || inet_pton(AF_INET, remote, c->remote) != 1 || c->remote_bits > 32)
		return missing(o, "remote", f);
	return 0;
}

static int read_certificates(struct connection_config *c, const cJSON *o, struct file_store *files, struct fault *f)
{
	const uint32_t cert = (uint32_t)json_u64(o, "cert"), ca = (uint32_t)json_u64(o, "ca");
	int err;

	if (!cert || !ca || !c->private_key)
		return missing(o, "cert, key or ca", f);
	err = file_store_credentials(files, cert, &c->credentials, f);
	if (!err)
		err = file_store_trust(files, ca, (uint32_t)json_u64(o, "crl"), &c->trust, f);
	if (err)
		add_name(o, f);
	return err;
}

static int read_auth(struct connection_config *c, const cJSON *o, struct file_store *files, struct fault *f)
{
	const char *auth = text(o, "auth");

	if (!auth)
		return missing(o, "auth", f);
	c->cert = strcmp(auth, "cert") == 0;
	c->psk_key = (uint32_t)json_u64(o, "psk");
	c->private_key = (uint32_t)json_u64(o, "private");
	c->ppk_key = (uint32_t)json_u64(o, "ppk");
	c->ppk_required = flag(o, "ppk_required");
	if (!copy(c->ppk_id, sizeof(c->ppk_id), text(o, "ppk_id")) || (c->ppk_key && !c->ppk_id[0]))
		return missing(o, "ppk-id", f);
	if (!c->cert && !c->psk_key)
		return missing(o, "psk-file", f);
	return c->cert ? read_certificates(c, o, files, f) : 0;
}

/* Without local-id: the certificate's subject, or the address. */
static int read_ids(struct connection_config *c, const cJSON *o, struct fault *f)
{
	const char *local_id = text(o, "local_id");
	int err = 0;

	if (!copy(c->remote_id, sizeof(c->remote_id), text(o, "remote_id")))
		return missing(o, "remote-id", f);
	if (local_id) {
		err = identity_from_text(&c->local_id, local_id, f);
	} else if (c->cert) {
		err = credentials_identity(c->credentials, &c->local_id);
		if (err)
			fault(f, -err,
			      "cert: its subject is too long to be said: give a local-id of its subjectAltName");
	} else {
		c->local_id = (struct identity){.type = ID_IPV4_ADDR, .size = 4};
		memcpy(c->local_id.data, c->local, 4);
	}
	if (!err && c->cert && !credentials_name(c->credentials, &c->local_id))
		err = fault(f, EINVAL,
			    "local-id '%.100s' is not in its certificate, so no peer would believe it: take one of its "
			    "subjectAltName, or leave local-id out for its subject",
			    local_id ? local_id : "(the subject)");
	if (err)
		add_name(o, f);
	return err;
}

static int read_selectors(struct connection_config *c, const cJSON *o, struct fault *f)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(o, "protect"), *item;

	cJSON_ArrayForEach(item, list) {
		if (c->selector_count == SELECTORS_MAX)
			return fault(f, EINVAL, "%s: more than %d selectors in protect", c->name, SELECTORS_MAX);
		c->selectors[c->selector_count++] = (struct selector){
			.proto = (uint8_t)json_u64(item, "proto"),
			.local_port_min = (uint16_t)json_u64(item, "local_port_min"),
			.local_port_max = (uint16_t)json_u64(item, "local_port_max"),
			.remote_port_min = (uint16_t)json_u64(item, "remote_port_min"),
			.remote_port_max = (uint16_t)json_u64(item, "remote_port_max"),
		};
	}
	return c->selector_count ? 0 : missing(o, "protect", f);
}

static int read_life(struct connection_config *c, const cJSON *o, struct fault *f)
{
	const char *start = text(o, "start");

	if (!start)
		return missing(o, "start", f);
	c->start = strcmp(start, "initiate") == 0  ? START_INITIATE
		   : strcmp(start, "respond") == 0 ? START_RESPOND
						   : START_TRAP;
	c->esn = flag(o, "esn") ? ESN_OFFERED : ESN_NEVER;
	c->gre = flag(o, "gre");
	c->per_queue = flag(o, "per_queue");
	c->replay_window = (uint16_t)json_u64(o, "replay_window");
	c->rekey_ms = json_u64(o, "rekey_ms");
	c->lifetime_ms = json_u64(o, "lifetime_ms");
	c->rekey_bytes = json_u64(o, "rekey_bytes");
	c->rekey_packets = json_u64(o, "rekey_packets");
	c->ike_rekey_ms = json_u64(o, "ike_rekey_ms");
	c->reauth_ms = json_u64(o, "reauth_ms");
	c->dpd_ms = json_u64(o, "dpd_ms");
	return 0;
}

static int digest(const cJSON *o, uint8_t out[32])
{
	char *printed = cJSON_PrintUnformatted(o);
	const bool ok = printed && EVP_Q_digest(NULL, "SHA256", NULL, printed, strlen(printed), out, NULL);

	cJSON_free(printed);
	return ok ? 0 : -ENOMEM;
}

/* A copy of that member, if there is one. False: no memory. */
static bool copy_member(cJSON *to, const cJSON *o, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, name);
	cJSON *copied = cJSON_Duplicate(item, false);
	const bool there = copied && cJSON_AddItemToObject(to, name, copied);

	if (!there)
		cJSON_Delete(copied);
	return !item || there;
}

/* Of those members alone, or of all others. */
static int digest_some(const cJSON *o, const char *const *names, size_t count, bool others, uint8_t out[32])
{
	cJSON *some = others ? cJSON_Duplicate(o, true) : cJSON_CreateObject();
	int err = 0;

	for (size_t i = 0; i < count && !err; i++) {
		if (others)
			cJSON_DeleteItemFromObjectCaseSensitive(some, names[i]);
		else if (!copy_member(some, o, names[i]))
			err = -ENOMEM;
	}
	if (!err)
		err = digest(some, out);
	cJSON_Delete(some);
	return err;
}

#define COUNT(names) (sizeof(names) / sizeof((names)[0]))

/* What the file says of the connection, as numbers to compare. Of keys, certificates, CAs and CRLs these are of the
 * files' numbers, which change with what is in them. */
static int read_digests(struct connection_config *c, const cJSON *o, struct fault *f)
{
	static const char *const proof[] = {"auth",	"psk",	     "private", "ppk", "ppk_id", "ppk_required",
					    "local_id", "remote_id", "cert",	"ca",  "crl"};
	static const char *const files[] = {"private", "cert", "ca", "crl"};
	int err = digest_some(o, files, COUNT(files), true, c->digest);

	if (!err)
		err = digest_some(o, files, COUNT(files), false, c->files_digest);
	if (!err)
		err = digest_some(o, proof, COUNT(proof), false, c->auth_digest);
	return err ? no_memory(f) : 0;
}

static struct connection_config *read_connection(const cJSON *o, struct file_store *files, struct fault *f)
{
	struct connection_config *c = calloc(1, sizeof(*c));
	int err = c ? read_ends(c, o, f) : no_memory(f);

	if (!err)
		err = read_auth(c, o, files, f);
	if (!err)
		err = read_ids(c, o, f);
	if (!err)
		err = read_selectors(c, o, f);
	if (!err)
		err = read_life(c, o, f);
	if (!err)
		err = read_digests(c, o, f);
	if (!err)
		return c;
	connection_config_free(c);
	return NULL;
}

/* ---- the document ---- */

static const cJSON *list_of(const cJSON *o, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(o, name);
}

static size_t size_of(const cJSON *list)
{
	return (size_t)cJSON_GetArraySize(list);
}

static int read_files(const cJSON *o, struct file_store *files, struct fault *f)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, list_of(o, "files")) {
		const char *pem = text(item, "pem");

		if (!pem || !json_u64(item, "id"))
			return fault(f, EINVAL, "not a configuration");
		if (file_store_add(files, (uint32_t)json_u64(item, "id"), pem))
			return no_memory(f);
	}
	return 0;
}

static void drop_files(const cJSON *o, struct file_store *files)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, list_of(o, "dropped"))
		file_store_drop(files, (uint32_t)json_whole(item));
}

static int read_kept(struct ike_config *out, const cJSON *list, struct fault *f)
{
	const cJSON *item;

	out->kept = calloc(size_of(list) + 1, sizeof(*out->kept));
	if (!out->kept)
		return no_memory(f);
	cJSON_ArrayForEach(item, list)
		if (!copy(out->kept[out->kept_count++], sizeof(*out->kept), cJSON_GetStringValue(item)))
			return fault(f, EINVAL, "not a configuration");
	return 0;
}

static int read_connections(struct ike_config *out, const cJSON *list, struct file_store *files, struct fault *f)
{
	const cJSON *item;

	out->connections = calloc(size_of(list) + 1, sizeof(*out->connections));
	if (!out->connections)
		return no_memory(f);
	cJSON_ArrayForEach(item, list) {
		out->connections[out->count] = read_connection(item, files, f);
		if (!out->connections[out->count])
			return -EINVAL;
		out->count++;
	}
	return 0;
}

static int read_all(struct ike_config *out, const cJSON *o, struct file_store *files, struct fault *f)
{
	const cJSON *list = list_of(o, "connections");
	int err;

	if (!cJSON_IsArray(list))
		return fault(f, EINVAL, "not a configuration");
	out->cookie_threshold = (unsigned)json_u64(o, "cookie_threshold");
	out->dscp = (unsigned)json_u64(o, "dscp") & 63;
	err = read_files(o, files, f);
	if (!err)
		err = read_kept(out, list_of(o, "kept"), f);
	if (!err)
		err = read_connections(out, list, files, f);
	if (!err)
		drop_files(o, files);
	return err;
}

int ike_config_parse(struct ike_config *out, const char *json, struct file_store *files, struct fault *f)
{
	cJSON *o = cJSON_Parse(json);
	int err;

	*out = (struct ike_config){0};
	err = read_all(out, o, files, f);
	if (err)
		ike_config_free(out);
	cJSON_Delete(o);
	return err;
}
