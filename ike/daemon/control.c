/* SPDX-License-Identifier: BSD-2-Clause */
/* The supervisor's messages, and what is answered (docs/architecture.md has the list). */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/channel.h"
#include "lib/json.h"
#include "daemon.h"

struct order_message {
	const cJSON *words;
	int fd;
};

/* ---- words ---- */

static bool addr_word(const cJSON *o, const char *name, uint8_t addr[4])
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));

	return text && inet_pton(AF_INET, text, addr) == 1;
}

static bool flag_word(const cJSON *o, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, name));
}

static const char *text_word(const cJSON *o, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));

	return text ? text : "";
}

/* ---- replies ---- */

static cJSON *reply_new(const char *to, uint64_t ticket)
{
	cJSON *reply = cJSON_CreateObject();

	cJSON_AddStringToObject(reply, "reply", to);
	if (ticket)
		cJSON_AddNumberToObject(reply, "ticket", (double)ticket);
	return reply;
}

static void reply_send(struct ike_daemon *d, cJSON *reply, const char *error, int fd)
{
	if (error)
		cJSON_AddStringToObject(reply, "error", error);
	else
		cJSON_AddBoolToObject(reply, "ok", true);
	channel_send(d->control, reply, fd);
	cJSON_Delete(reply);
}

void control_done(struct ike_daemon *d, uint64_t ticket, const char *error)
{
	reply_send(d, reply_new("done", ticket), error, -1);
}

void control_gre_changed(struct ike_daemon *d)
{
	cJSON *reply = reply_new("gre", 0);

	channel_send(d->control, reply, -1);
	cJSON_Delete(reply);
}

void control_changed(struct ike_daemon *d, const char *name, const char *how)
{
	cJSON *change = cJSON_CreateObject();

	cJSON_AddStringToObject(change, "name", name);
	cJSON_AddStringToObject(change, "change", how);
	cJSON_AddItemToArray(d->changes, change);
}

bool control_tell(struct ike_daemon *d, const char *event, const char *connection, cJSON *values, unsigned lost)
{
	cJSON *message = reply_new("event", 0);
	int err;

	cJSON_AddStringToObject(message, "event", event);
	if (connection)
		cJSON_AddStringToObject(message, "name", connection);
	if (lost)
		cJSON_AddNumberToObject(message, "lost", lost);
	cJSON_AddItemToObject(message, "values", values);
	err = channel_send_now(d->control, message);
	cJSON_Delete(message);
	return !err;
}

/* ---- messages ---- */

/* Also what they are may be more than fits a message. */
static void reply_configured(struct ike_daemon *d, const char *error)
{
	const int fd = error ? -1 : channel_pack(d->changes);

	reply_send(d, reply_new("configure", 0), error, fd);
	if (fd >= 0)
		close(fd);
	cJSON_Delete(d->changes);
	d->changes = NULL;
}

static void on_configure(struct ike_daemon *d, const struct order_message *m)
{
	struct fault f = {"the configuration could not be read"};
	char *text = channel_unpack(m->fd);
	struct ike_config config;
	int err = text ? ike_config_parse(&config, text, d->files, &f) : -EINVAL;

	free(text);
	d->changes = cJSON_CreateArray();
	if (!err) {
		d->sockets.tos = (int)(config.dscp << 2);
		err = engine_configure(d->engine, &config);
		if (err)
			fault(&f, -err, "the configuration cannot be taken: %s", strerror(-err));
	}
	if (!err)
		err = daemon_listen(d, &f);
	reply_configured(d, err ? f.text : NULL);
}

static void on_acquire(struct ike_daemon *d, const struct order_message *m)
{
	const uint8_t proto = (uint8_t)json_u64(m->words, "proto");
	const uint16_t local_port = (uint16_t)json_u64(m->words, "local_port");
	const uint16_t remote_port = (uint16_t)json_u64(m->words, "remote_port");
	const unsigned lane = (unsigned)json_u64(m->words, "lane");
	uint8_t local[4], remote[4];

	if (!addr_word(m->words, "local", local) || !addr_word(m->words, "remote", remote))
		return;
	if (lane)
		engine_acquire_for_lane(d->engine, local, remote, proto, local_port, remote_port, lane);
	else
		engine_acquire(d->engine, local, remote, proto, local_port, remote_port);
}

static void on_limit(struct ike_daemon *d, const struct order_message *m)
{
	const struct sa_handle sa = {(uint32_t)json_u64(m->words, "slot"), (uint32_t)json_u64(m->words, "generation")};

	engine_limit(d->engine, sa, flag_word(m->words, "hard"));
}

static void on_unknown_spi(struct ike_daemon *d, const struct order_message *m)
{
	uint8_t local[4], remote[4];

	if (addr_word(m->words, "local", local) && addr_word(m->words, "remote", remote))
		engine_unknown_spi(d->engine, local, remote, (uint32_t)json_u64(m->words, "spi"));
}

static void on_address(struct ike_daemon *d, const struct order_message *m)
{
	uint8_t addr[4];

	if (addr_word(m->words, "addr", addr))
		engine_address(d->engine, addr, flag_word(m->words, "present"));
}

static void on_initiate(struct ike_daemon *d, const struct order_message *m)
{
	uint8_t remote[4];
	const bool one = addr_word(m->words, "remote", remote);

	engine_initiate(d->engine, text_word(m->words, "name"), one ? remote : NULL, json_u64(m->words, "ticket"));
}

static void on_terminate(struct ike_daemon *d, const struct order_message *m)
{
	uint8_t remote[4];
	const bool one = addr_word(m->words, "remote", remote);

	engine_terminate(d->engine, text_word(m->words, "name"), one ? remote : NULL, json_u64(m->words, "ticket"));
}

static void on_rekey(struct ike_daemon *d, const struct order_message *m)
{
	uint8_t remote[4];
	const bool one = addr_word(m->words, "remote", remote);

	engine_rekey(d->engine, text_word(m->words, "name"), one ? remote : NULL,
		     strcmp(text_word(m->words, "what"), "ike") == 0, json_u64(m->words, "ticket"));
}

static void on_log_level(struct ike_daemon *d, const struct order_message *m)
{
	const uint64_t level = json_u64(m->words, "level");

	if (level < LOG_LEVELS)
		d->log_level = (enum log_level)level;
}

static void on_dead(struct ike_daemon *d, const struct order_message *m)
{
	engine_dead(d->engine, text_word(m->words, "name"));
}

static void on_ping(struct ike_daemon *d, const struct order_message *m)
{
	(void)m;
	reply_send(d, reply_new("pong", 0), NULL, -1);
}

static void on_status(struct ike_daemon *d, const struct order_message *m)
{
	cJSON *status = engine_status(d->engine);
	const int fd = channel_pack(status);

	reply_send(d, reply_new("status", json_u64(m->words, "ticket")), fd < 0 ? strerror(-fd) : NULL, fd);
	if (fd >= 0)
		close(fd);
	cJSON_Delete(status);
}

static const struct {
	const char *command;
	void (*handle)(struct ike_daemon *d, const struct order_message *m);
} handlers[] = {
	{"configure", on_configure},	 {"acquire", on_acquire}, {"limit", on_limit},
	{"unknown_spi", on_unknown_spi}, {"address", on_address}, {"initiate", on_initiate},
	{"terminate", on_terminate},	 {"rekey", on_rekey},	  {"dead", on_dead},
	{"status", on_status},		 {"ping", on_ping},	  {"log_level", on_log_level},
};

bool control_handle(struct ike_daemon *d)
{
	struct order_message m;
	cJSON *words;
	int err = channel_receive(d->control, &words, &m.fd);

	if (err)
		return err == -EAGAIN || err == -EINTR || err == -EBADMSG;
	m.words = words;
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (strcmp(handlers[i].command, text_word(words, "command")) == 0)
			handlers[i].handle(d, &m);
	if (m.fd >= 0)
		close(m.fd);
	cJSON_Delete(words);
	return true;
}
