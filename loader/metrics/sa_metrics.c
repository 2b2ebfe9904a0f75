/* SPDX-License-Identifier: BSD-2-Clause */
#include "sa_metrics.h"

#include "fold.h"
#include "lib/spi_format.h"

#define SPI_TEXT 12
/* How many there are, with ESN and without (RFC 4303 section 2.2). */
#define SEQUENCE_LONG  18446744073709551615.0
#define SEQUENCE_SHORT 4294967295.0

double sa_sequence_left(const cJSON *sa)
{
	struct fold used = {.way = FOLD_SUM};

	fold_path(&used, sa, "seq");
	return (cJSON_IsTrue(json_item(sa, "esn")) ? SEQUENCE_LONG : SEQUENCE_SHORT) - used.value;
}

static const char *spi_of(const cJSON *sa, char text[SPI_TEXT])
{
	snprintf(text, SPI_TEXT, SPI_FORMAT, (unsigned)json_u64(sa, "spi"));
	return text;
}

#define SA_LABELS(sa, spi, ...) \
	LABELS("spi", spi, "src", json_text(sa, "src"), "dst", json_text(sa, "dst"), "direction", \
	       json_text(sa, "direction"), "connection", json_text(sa, "connection"), ##__VA_ARGS__)

static const struct {
	struct family family;
	const char *name;
} of_sa[] = {
	{{"sa_packets_total", METRIC_COUNTER, "Packets that the SA has carried."}, "packets"},
	{{"sa_bytes_total", METRIC_COUNTER, "Bytes of the packets inside that the SA has carried."}, "bytes"},
	{{"sa_age_seconds", METRIC_GAUGE, "How long ago the SA was made."}, "age_s"},
};

static void drops(struct exposition *e, const cJSON *sas)
{
	static const struct family family = {"sa_drops_total", METRIC_COUNTER,
					     "Packets of the SA that were dropped, by reason."};
	const cJSON *sa, *reason;
	char spi[SPI_TEXT];

	exposition_family(e, &family);
	cJSON_ArrayForEach(sa, sas)
		cJSON_ArrayForEach(reason, json_item(sa, "drops"))
			exposition_add_json(e, SA_LABELS(sa, spi_of(sa, spi), "reason", reason->string), reason);
}

void sa_metrics(struct exposition *e, const cJSON *status)
{
	static const struct family left = {"sa_sequence_numbers_left", METRIC_GAUGE,
					   "How many sequence numbers the SA has left."};
	const cJSON *sas = json_item(status, "sas"), *sa;
	char spi[SPI_TEXT];

	for (size_t i = 0; i < sizeof(of_sa) / sizeof(of_sa[0]); i++) {
		exposition_family(e, &of_sa[i].family);
		cJSON_ArrayForEach(sa, sas)
			exposition_add_json(e, SA_LABELS(sa, spi_of(sa, spi)), json_item(sa, of_sa[i].name));
	}
	drops(e, sas);
	exposition_family(e, &left);
	cJSON_ArrayForEach(sa, sas)
		exposition_add(e, SA_LABELS(sa, spi_of(sa, spi)), sa_sequence_left(sa));
}
