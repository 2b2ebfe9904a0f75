/* SPDX-License-Identifier: BSD-2-Clause */
#include "exposition.h"

#include <math.h>
#include <string.h>

#include "lib/escape.h"
#include "lib/fault.h"

/* Whole numbers below are exact in a double. */
#define EXACT	    9007199254740992.0
#define NUMBER_TEXT 40

void exposition_family(struct exposition *e, const struct family *family)
{
	e->begun = e->begun && e->family.name && strcmp(e->family.name, family->name) == 0;
	e->family = *family;
}

static void begin(struct exposition *e)
{
	static const char *const types[] = {"gauge", "counter", "histogram"};
	const struct family *f = &e->family;

	if (e->begun)
		return;
	fprintf(e->out, "# HELP " EXPOSITION_PREFIX "%s %s\n# TYPE " EXPOSITION_PREFIX "%s %s\n", f->name, f->help,
		f->name, types[f->type]);
	e->begun = true;
}

static void put_escaped(FILE *out, const char *value)
{
	char text[EXPOSITION_LABEL], escaped[2 * EXPOSITION_LABEL];

	snprintf(text, sizeof(text), "%s", value);
	make_one_line(text);
	fputs(escape(text, escaped), out);
}

static void put_label(struct exposition *e, const char **separator, const char *name, const char *value)
{
	if (!value)
		return;
	fprintf(e->out, "%s%s=\"", *separator, name);
	put_escaped(e->out, value);
	fputc('"', e->out);
	*separator = ",";
}

static const char *number_text(double value, char text[NUMBER_TEXT])
{
	if (isnan(value))
		return "NaN";
	if (isinf(value))
		return value > 0 ? "+Inf" : "-Inf";
	if (fabs(value) < EXACT && value == floor(value))
		snprintf(text, NUMBER_TEXT, "%.0f", value);
	else
		snprintf(text, NUMBER_TEXT, "%.15g", value);
	return text;
}

/* le: the bound of a histogram's bucket, or NULL. */
static void put_sample(struct exposition *e, const char *suffix, const char *const *labels, const char *le,
		       const char *value)
{
	const char *separator = "{";

	begin(e);
	fprintf(e->out, EXPOSITION_PREFIX "%s%s", e->family.name, suffix);
	put_label(e, &separator, "xdp_ipsec_instance", e->instance);
	for (; labels && *labels; labels += 2)
		put_label(e, &separator, labels[0], labels[1]);
	put_label(e, &separator, "le", le);
	fprintf(e->out, "%s %s\n", *separator == ',' ? "}" : "", value);
}

void exposition_add(struct exposition *e, const char *const *labels, double value)
{
	char text[NUMBER_TEXT];

	put_sample(e, "", labels, NULL, number_text(value, text));
}

void exposition_add_json(struct exposition *e, const char *const *labels, const cJSON *value)
{
	if (cJSON_IsRaw(value))
		put_sample(e, "", labels, NULL, value->valuestring);
	else if (cJSON_IsNumber(value))
		exposition_add(e, labels, value->valuedouble);
	else if (cJSON_IsBool(value))
		exposition_add(e, labels, cJSON_IsTrue(value));
}

void exposition_histogram(struct exposition *e, const char *const *labels, const double *bounds, const uint64_t *counts,
			  size_t n, double sum)
{
	char bound[NUMBER_TEXT], count[NUMBER_TEXT];
	uint64_t below = 0;

	for (size_t i = 0; i <= n; i++) {
		below += counts[i];
		snprintf(count, sizeof(count), "%" PRIu64, below);
		put_sample(e, "_bucket", labels, i < n ? number_text(bounds[i], bound) : "+Inf", count);
	}
	put_sample(e, "_sum", labels, NULL, number_text(sum, bound));
	put_sample(e, "_count", labels, NULL, count);
}
