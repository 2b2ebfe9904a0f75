/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "journal.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "event_text.h"

bool journal_is_stderr(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;
	int end = 0;

	return stream && sscanf(stream, "%llu:%llu%n", &dev, &ino, &end) == 2 && !stream[end] &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

int journal_open(void)
{
	const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

/* ---- the entry ---- */

struct entry {
	char *text;
	size_t size;
};

static void add_field(struct entry *e, const char *field, const char *value)
{
	const size_t room = JOURNAL_ENTRY_MAX - e->size;
	const int n = snprintf(e->text + e->size, room, "%s=%s\n", field, value);

	if (n > 0 && (size_t)n < room)
		e->size += (size_t)n;
}

static void add_value(struct entry *e, const cJSON *value)
{
	char field[EVENT_NAME_MAX + 16], text[EVENT_VALUE_MAX];

	snprintf(field, sizeof(field), "XDP_IPSEC_%s", value->string);
	for (char *c = field; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	add_field(e, field, event_value_text(value, text));
}

size_t journal_entry(const cJSON *event, char entry[JOURNAL_ENTRY_MAX])
{
	const enum event_kind kind = kind_find(json_text(event, "event"));
	struct entry e = {.text = entry};
	char line[EVENT_LINE_MAX], priority[4];
	const cJSON *value;

	add_field(&e, "MESSAGE", event_line(event, false, line));
	if (kind < KINDS) {
		snprintf(priority, sizeof(priority), "%d", kinds[kind].priority);
		add_field(&e, "PRIORITY", priority);
		add_field(&e, "MESSAGE_ID", kinds[kind].number);
	}
	add_field(&e, "SYSLOG_IDENTIFIER", "xdp-ipsec");
	cJSON_ArrayForEach(value, event)
		add_value(&e, value);
	return e.size;
}

int journal_send(int fd, const char *path, const cJSON *event)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	char entry[JOURNAL_ENTRY_MAX];
	const size_t size = journal_entry(event, entry);

	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	strcpy(to.sun_path, path);
	return sendto(fd, entry, size, MSG_NOSIGNAL, (const struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}
