/* SPDX-License-Identifier: BSD-2-Clause */
#include "judge.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

/* One that is valid is enough: others may be of the past or the future. */
static enum judgement judge_anchors(const struct trust *t, int64_t now, struct fault *f)
{
	for (int i = 0; i < sk_X509_num(t->anchors); i++)
		if (judge_times("ca", sk_X509_value(t->anchors, i), now, f) == JUDGED_GOOD)
			return JUDGED_GOOD;
	return JUDGED_BAD;
}

static enum judgement judge_crls(const struct trust *t, int64_t now, struct fault *f)
{
	const STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(t->store);
	time_t at = (time_t)now;
	char text[32];

	for (int i = 0; t->has_crl && i < sk_X509_OBJECT_num(all); i++) {
		const X509_CRL *crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(all, i));
		const ASN1_TIME *next = crl ? X509_CRL_get0_nextUpdate(crl) : NULL;

		if (!next || X509_cmp_time(next, &at) > 0)
			continue;
		fault(f, EINVAL, "crl: it is out of date since %s, and every peer would be refused: get a new one",
		      time_text(next, text, sizeof(text)));
		return JUDGED_BAD;
	}
	return JUDGED_GOOD;
}

/* The peer may trust another CA than the one that vouches for it here. */
static enum judgement judge_chain(const struct connection_config *c, int64_t now, struct fault *f)
{
	struct fault why;
	const int err = credentials_verify(&c->credentials, &c->trust, now, &why);

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
	j = judge_times("cert", c->credentials.cert, now, f);
	if (j == JUDGED_GOOD)
		j = judge_anchors(&c->trust, now, f);
	if (j == JUDGED_GOOD)
		j = judge_crls(&c->trust, now, f);
	return j == JUDGED_GOOD ? judge_chain(c, now, f) : j;
}

/* ---- for 'xdp-ipsec check' ---- */

/* Of the first that is not good. */
static enum judgement judge_all(const struct ike_config *config, struct fault *f)
{
	enum judgement j = JUDGED_GOOD;
	struct fault why;

	for (unsigned i = 0; i < config->count && j == JUDGED_GOOD; i++) {
		const struct connection_config *c = config->connections[i];

		j = judge(c, (int64_t)time(NULL), &why);
		if (j != JUDGED_GOOD)
			fault(f, EINVAL, "%s: %.400s", c->name, why.text);
	}
	return j;
}

static enum judgement judge_document(int fd, struct fault *f)
{
	char *text = channel_unpack(fd);
	struct ike_config config;
	enum judgement j = JUDGED_BAD;

	fault(f, EINVAL, "the configuration could not be read");
	if (text && ike_config_parse(&config, text, f) == 0) {
		j = judge_all(&config, f);
		ike_config_free(&config);
	}
	free(text);
	return j;
}

static bool answer(int control)
{
	static const char *const words[] = {"ok", "note", "error"};
	cJSON *message, *reply;
	struct fault f;
	int fd = -1;

	if (channel_receive(control, &message, &fd))
		return false;
	reply = cJSON_CreateObject();
	cJSON_AddStringToObject(reply, "reply", "configure");
	cJSON_AddStringToObject(reply, words[judge_document(fd, &f)], f.text);
	channel_send(control, reply, -1);
	cJSON_Delete(reply);
	cJSON_Delete(message);
	if (fd >= 0)
		close(fd);
	return true;
}

void judge_run(int control)
{
	while (answer(control))
		continue;
}
