/* SPDX-License-Identifier: BSD-2-Clause */
#include "judge.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "file_times.h"
#include "lib/channel.h"

/* ---- times ---- */

static const char *time_text(const ASN1_TIME *t, char *buf, size_t size)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1 || strftime(buf, size, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		snprintf(buf, size, "?");
	return buf;
}

/* key: "cert", "ca". */
static enum judgement judge_times(const char *key, const X509 *cert, int64_t now, struct fault *f)
{
	const ASN1_TIME *begin = X509_get0_notBefore(cert), *end = X509_get0_notAfter(cert);
	time_t t = (time_t)now;
	char text[32];

	if (X509_cmp_time(begin, &t) > 0)
		fault(f, EINVAL, "%s: it is valid from %s on: compare the clock", key,
		      time_text(begin, text, sizeof(text)));
	else if (X509_cmp_time(end, &t) < 0)
		fault(f, EINVAL, "%s: it expired on %s: get a new one", key, time_text(end, text, sizeof(text)));
	else
		return JUDGED_GOOD;
	return JUDGED_BAD;
}

/* Of the first that is to be renewed. */
static enum judgement judge_soon(const struct connection_config *c, int64_t now, struct fault *f)
{
	struct file_times t;

	for (enum dated_file file = 0; file < DATED_FILES; file++) {
		if (!file_times(c, file, &t) || !file_ends_soon(file, &t, now))
			continue;
		file_end_tell(file, &t, now, f);
		return JUDGED_DOUBTFUL;
	}
	return JUDGED_GOOD;
}

/* One that is valid is enough: others may be of the past or the future. */
static enum judgement judge_anchors(const struct trust *t, int64_t now, struct fault *f)
{
	for (int i = 0; i < sk_X509_num(t->anchors); i++)
		if (judge_times("ca", sk_X509_value(t->anchors, i), now, f) == JUDGED_GOOD)
			return JUDGED_GOOD;
	return JUDGED_BAD;
}

static enum judgement judge_crls(const struct connection_config *c, int64_t now, struct fault *f)
{
	struct file_times t;

	if (!file_times(c, DATED_CRL, &t) || t.end > now)
		return JUDGED_GOOD;
	file_end_tell(DATED_CRL, &t, now, f);
	return JUDGED_BAD;
}

/* The peer may trust another CA than the one that vouches for it here. */
static enum judgement judge_chain(const struct connection_config *c, int64_t now, struct fault *f)
{
	struct fault why;
	const int err = credentials_verify(c->credentials, c->trust, now, &why);

	if (!err)
		return JUDGED_GOOD;
	if (err == -EKEYREJECTED || err == -EKEYREVOKED) {
		fault(f, EINVAL, "cert: %.400s", why.text);
		return JUDGED_BAD;
	}
	fault(f, EINVAL, "cert: %.300s: the peer must trust another CA", why.text);
	return JUDGED_DOUBTFUL;
}

enum judgement judge(const struct connection_config *c, int64_t now, struct fault *f)
{
	enum judgement j;

	if (!c->cert)
		return JUDGED_GOOD;
	j = judge_times("cert", c->credentials->cert, now, f);
	if (j == JUDGED_GOOD)
		j = judge_anchors(c->trust, now, f);
	if (j == JUDGED_GOOD)
		j = judge_crls(c, now, f);
	if (j == JUDGED_GOOD)
		j = judge_chain(c, now, f);
	return j == JUDGED_GOOD ? judge_soon(c, now, f) : j;
}

enum judgement judge_next(struct judged *last, const struct connection_config *c, int64_t now, struct fault *f)
{
	if (!c->cert)
		return JUDGED_GOOD;
	if (last->credentials != c->credentials || last->trust != c->trust) {
		last->credentials = c->credentials;
		last->trust = c->trust;
		last->judgement = judge(c, now, &last->why);
	}
	if (last->judgement != JUDGED_GOOD)
		*f = last->why;
	return last->judgement;
}

/* ---- for 'xdp-ipsec check' ---- */

/* What it has heard so far. No file is dropped, so what was judged last is there still. */
struct court {
	struct file_store *files;
	struct judged last;
};

/* Of the first that is not good. */
static enum judgement judge_all(struct court *court, const struct ike_config *config, struct fault *f)
{
	const int64_t now = (int64_t)time(NULL);
	enum judgement j = JUDGED_GOOD;
	struct fault why;

	for (unsigned i = 0; i < config->count && j == JUDGED_GOOD; i++) {
		const struct connection_config *c = config->connections[i];

		j = judge_next(&court->last, c, now, &why);
		if (j != JUDGED_GOOD)
			fault(f, EINVAL, "%s: %.400s", c->name, why.text);
	}
	return j;
}

static enum judgement judge_document(struct court *court, int fd, struct fault *f)
{
	char *text = channel_unpack(fd);
	struct ike_config config;
	enum judgement j = JUDGED_BAD;

	fault(f, EINVAL, "the configuration could not be read");
	if (text && ike_config_parse(&config, text, court->files, f) == 0) {
		j = judge_all(court, &config, f);
		ike_config_free(&config);
	}
	free(text);
	return j;
}

static bool answer(struct court *court, int control)
{
	static const char *const words[] = {"ok", "note", "error"};
	cJSON *message, *reply;
	struct fault f;
	int fd = -1;

	if (channel_receive(control, &message, &fd))
		return false;
	reply = cJSON_CreateObject();
	cJSON_AddStringToObject(reply, "reply", "configure");
	cJSON_AddStringToObject(reply, words[judge_document(court, fd, &f)], f.text);
	channel_send(control, reply, -1);
	cJSON_Delete(reply);
	cJSON_Delete(message);
	if (fd >= 0)
		close(fd);
	return true;
}

void judge_run(int control)
{
	struct court court = {.files = file_store_new()};

	while (court.files && answer(&court, control))
		continue;
	file_store_free(court.files);
}
