/* SPDX-License-Identifier: BSD-2-Clause */
#include "feed.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "event_text.h"

static int send_now(int socket, const char *text)
{
	return send(socket, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* It takes no more: told when it does again. One that is closed is told of by the control socket. */
static void miss(struct feed_reader *reader)
{
	reader->missed++;
	event_add(reader->writable, NULL);
}

static int tell_missed(struct feed_reader *reader)
{
	cJSON *values = cJSON_CreateObject(), *event;
	char *text;
	int err;

	cJSON_AddNumberToObject(values, "count", reader->missed);
	event = happening_new(KIND_MISSED, reader->feed->instance, NULL, values);
	text = cJSON_PrintUnformatted(event);
	err = text ? send_now(reader->fd, text) : -ENOMEM;
	if (!err)
		reader->missed = 0;
	cJSON_free(text);
	cJSON_Delete(event);
	return err;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct feed_reader *reader = arg;

	(void)fd;
	(void)what;
	if (reader->missed && tell_missed(reader) == -EAGAIN)
		event_add(reader->writable, NULL);
}

/* What it has missed goes first, since it was first. */
static void send_to(struct feed_reader *reader, const char *text)
{
	if (reader->missed && tell_missed(reader)) {
		miss(reader);
		return;
	}
	if (send_now(reader->fd, text))
		miss(reader);
}

void feed_init(struct feed *feed, struct event_base *base, const char *instance)
{
	*feed = (struct feed){.base = base, .instance = instance};
	for (unsigned i = 0; i < FEED_READERS_MAX; i++)
		feed->readers[i] = (struct feed_reader){.fd = -1, .feed = feed};
}

int feed_join(struct feed *feed, int socket, struct feed_reader **reader, struct fault *f)
{
	struct feed_reader *r = feed->readers;

	while (r < feed->readers + FEED_READERS_MAX && r->fd >= 0)
		r++;
	if (r == feed->readers + FEED_READERS_MAX)
		return fault(f, EBUSY, "%d others hear the events of this instance: end one of them first",
			     FEED_READERS_MAX);
	r->writable = event_new(feed->base, socket, EV_WRITE, on_writable, r);
	if (!r->writable)
		return fault(f, ENOMEM, "events: %s", strerror(ENOMEM));
	r->fd = socket;
	r->missed = 0;
	*reader = r;
	return 0;
}

void feed_leave(void *arg)
{
	struct feed_reader *reader = arg;

	if (reader->writable)
		event_free(reader->writable);
	reader->writable = NULL;
	reader->fd = -1;
}

bool feed_has_readers(const struct feed *feed)
{
	for (unsigned i = 0; i < FEED_READERS_MAX; i++)
		if (feed->base && feed->readers[i].fd >= 0)
			return true;
	return false;
}

void feed_send(struct feed *feed, const cJSON *event)
{
	char *text = feed_has_readers(feed) ? cJSON_PrintUnformatted(event) : NULL;

	for (unsigned i = 0; text && i < FEED_READERS_MAX; i++)
		if (feed->readers[i].fd >= 0)
			send_to(&feed->readers[i], text);
	cJSON_free(text);
}

void feed_stop(struct feed *feed)
{
	for (unsigned i = 0; feed->base && i < FEED_READERS_MAX; i++)
		feed_leave(&feed->readers[i]);
	feed->base = NULL;
}
