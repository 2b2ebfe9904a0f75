/* SPDX-License-Identifier: BSD-2-Clause */
#include "file_times.h"

#include <errno.h>
#include <time.h>

#include "identity/cert_time.h"

#define DAY_S 86400

static const struct {
	const char *name;
	int days; /* before its end that it is to be renewed */
	const char *ended, *ends;
	const char *then;
} files[DATED_FILES] = {
	[DATED_CERT] = {"cert", 30, "expired on", "expires on", ""},
	[DATED_CA] = {"ca", 30, "expired on", "expires on", ""},
	[DATED_CRL] = {"crl", 7, "is out of date since", "is out of date from", ", and every peer would be refused"},
};

const char *dated_file_name(enum dated_file file)
{
	return files[file].name;
}

static struct file_times cert_times(const X509 *cert)
{
	return (struct file_times){time_seconds(X509_get0_notBefore(cert)), time_seconds(X509_get0_notAfter(cert))};
}

static void keep_first(struct file_times *t, struct file_times other)
{
	if (!t->end || other.end < t->end)
		*t = other;
}

static void keep_last(struct file_times *t, struct file_times other)
{
	if (!t->end || other.end > t->end)
		*t = other;
}

static void chain_times(const struct credentials *c, struct file_times *t)
{
	keep_first(t, cert_times(c->cert));
	for (unsigned i = 1; i < c->count; i++) {
		const uint8_t *at = c->der[i];
		X509 *cert = d2i_X509(NULL, &at, c->der_size[i]);

		if (cert)
			keep_first(t, cert_times(cert));
		X509_free(cert);
	}
}

static void anchor_times(const struct trust *trust, struct file_times *t)
{
	for (int i = 0; i < sk_X509_num(trust->anchors); i++)
		keep_last(t, cert_times(sk_X509_value(trust->anchors, i)));
}

static void crl_times(const struct trust *trust, struct file_times *t)
{
	const STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(trust->store);

	for (int i = 0; trust->has_crl && i < sk_X509_OBJECT_num(all); i++) {
		const X509_CRL *crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(all, i));
		const ASN1_TIME *next = crl ? X509_CRL_get0_nextUpdate(crl) : NULL;

		if (next)
			keep_first(t, (struct file_times){time_seconds(X509_CRL_get0_lastUpdate(crl)),
							  time_seconds(next)});
	}
}

bool file_times(const struct connection_config *c, enum dated_file file, struct file_times *t)
{
	*t = (struct file_times){0};
	if (!c->cert)
		return false;
	if (file == DATED_CERT)
		chain_times(c->credentials, t);
	else if (file == DATED_CA)
		anchor_times(c->trust, t);
	else
		crl_times(c->trust, t);
	return t->end != 0;
}

int file_days_left(const struct file_times *t, int64_t now)
{
	return t->end > now ? (int)((t->end - now) / DAY_S) : 0;
}

bool file_ends_soon(enum dated_file file, const struct file_times *t, int64_t now)
{
	const int64_t third = (t->end - t->begin) / DAY_S / 3;

	return t->end <= now || file_days_left(t, now) < (third < files[file].days ? third : files[file].days);
}

static const char *time_text(int64_t seconds, char *buf, size_t size)
{
	const time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(buf, size, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		snprintf(buf, size, "?");
	return buf;
}

void file_end_tell(enum dated_file file, const struct file_times *t, int64_t now, struct fault *f)
{
	const bool ended = t->end <= now;
	const int left = file_days_left(t, now);
	char text[32], in[32] = "";

	if (!ended)
		snprintf(in, sizeof(in), ", in %d day%s", left, left == 1 ? "" : "s");
	fault(f, EINVAL, "%s: it %s %s%s%s: get a new one", files[file].name,
	      ended ? files[file].ended : files[file].ends, time_text(t->end, text, sizeof(text)), in,
	      files[file].then);
}
