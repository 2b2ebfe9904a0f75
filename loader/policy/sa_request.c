/* SPDX-License-Identifier: BSD-2-Clause */
/* The words of 'sa add', 'sa show' and 'sa del'. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr_remedy.h"
#include "lib/spi_format.h"
#include "parse.h"
#include "protect.h"
#include "sa.h"

static int parse_addr(const cJSON *words, const char *name, uint8_t addr[4], struct fault *f)
{
	const char *text = json_text(words, name);

	if (!text || !parse_ipv4(text, addr))
		return bad_address(f, name, text, false, "an IPv4 address");
	return 0;
}

static int parse_spi(const cJSON *words, uint32_t *spi, struct fault *f)
{
	const char *text = json_text(words, "spi");
	uint64_t number;

	if (!text || !parse_number(text, 0, UINT32_MAX, &number))
		return bad_word(f, "spi", text, "a number, decimal or 0x and hexadecimal");
	*spi = (uint32_t)number;
	return 0;
}

static int parse_window(const char *text, uint16_t *window, struct fault *f)
{
	uint64_t number = SA_DEFAULT_REPLAY_WINDOW;

	if (text && !parse_number(text, REPLAY_WINDOW_MIN, REPLAY_WINDOW_MAX, &number))
		return bad_word(f, "replay-window", text, "64 to 8192 packets");
	*window = (uint16_t)number;
	return 0;
}

static int parse_seq(const char *text, bool esn, uint64_t *seq, struct fault *f)
{
	if (text && !parse_number(text, 0, esn ? UINT64_MAX - 1 : UINT32_MAX - 1, seq))
		return bad_word(f, "seq", text, esn ? "the last sequence number used" : "one of 32 bits, or esn on");
	return 0;
}

static int parse_sel(const char *text, struct sa_request *out, struct fault *f)
{
	struct protect p = {.sel = SELECTOR_ALL};
	struct fault why;
	int err = text ? protect_parse(text, &p, &why) : 0;

	if (err)
		return fault(f, -err, "sel %.200s", why.text);
	out->sel = p.sel;
	out->either_end = p.either_end;
	return 0;
}

static int parse_dev(const char *text, char dev[IF_NAMESIZE], struct fault *f)
{
	if (text && (!*text || strlen(text) >= IF_NAMESIZE))
		return bad_word(f, "dev", text, "an interface's name");
	snprintf(dev, IF_NAMESIZE, "%s", text ? text : "");
	return 0;
}

/* What a destination or a source must never be, whoever has it. */
static int check_addr(const char *name, const uint8_t addr[4], struct fault *f)
{
	char text[ADDR_TEXT];

	addr_text(addr, text);
	if (addr_is_loopback(addr))
		return fault(f, ERANGE, "%s %s: an SA on a loopback address is refused: there is no wire to protect",
			     name, text);
	if (addr_is_unusable(addr))
		return fault(f, ERANGE, "%s %s: not the address of one host: an SA is between two hosts", name, text);
	return 0;
}

static int check(const struct sa_request *r, struct fault *f)
{
	int err = check_addr("src", r->src, f);

	if (!err)
		err = check_addr("dst", r->dst, f);
	if (err)
		return err;
	if (r->spi < SA_SPI_MIN)
		return fault(f, ERANGE,
			     "spi " SPI_FORMAT ": reserved by IANA (RFC 4303 section 2.1): use 256 to 0xffffffff",
			     r->spi);
	return 0;
}

int sa_request_parse(const cJSON *words, struct sa_request *out, struct fault *f)
{
	const char *esn = json_text(words, "esn");
	int err;

	*out = (struct sa_request){.esn = true};
	if (esn && !parse_switch(esn, &out->esn))
		return bad_word(f, "esn", esn, "on or off");
	err = parse_addr(words, "src", out->src, f);
	if (!err)
		err = parse_addr(words, "dst", out->dst, f);
	if (!err)
		err = parse_spi(words, &out->spi, f);
	if (!err)
		err = parse_window(json_text(words, "replay-window"), &out->replay_window, f);
	if (!err)
		err = parse_seq(json_text(words, "seq"), out->esn, &out->seq, f);
	if (!err)
		err = parse_sel(json_text(words, "sel"), out, f);
	if (!err)
		err = parse_dev(json_text(words, "dev"), out->dev, f);
	return err ? err : check(out, f);
}

int sa_selector_parse(const cJSON *words, uint32_t *spi, uint8_t dst[4], struct fault *f)
{
	int err = parse_spi(words, spi, f);

	if (!err && json_text(words, "dst"))
		err = parse_addr(words, "dst", dst, f);
	return err;
}
