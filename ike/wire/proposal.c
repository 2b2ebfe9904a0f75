/* SPDX-License-Identifier: BSD-2-Clause */
#include "proposal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MORE_PROPOSALS	2
#define MORE_TRANSFORMS 3
#define ADDKES		(TRANSFORM_ADDKE_7 - TRANSFORM_ADDKE_1 + 1)

/* ---- writing ---- */

struct transform {
	uint8_t type;
	uint16_t id;
};

static void write_transform(struct writer *w, const struct transform *t, bool last)
{
	const bool has_key_length = t->type == TRANSFORM_ENCR;

	write_u8(w, last ? 0 : MORE_TRANSFORMS);
	write_u8(w, 0);
	write_u16(w, has_key_length ? 12 : 8);
	write_u8(w, t->type);
	write_u8(w, 0);
	write_u16(w, t->id);
	if (has_key_length) {
		write_u16(w, 0x8000 | KEY_LENGTH_ATTRIBUTE);
		write_u16(w, KEY_LENGTH_BITS);
	}
}

/* An SA payload with one proposal. */
static void write_proposal(struct body *b, uint8_t number, uint8_t protocol, uint64_t spi, uint8_t spi_size,
			   const struct transform *transforms, uint8_t count)
{
	struct writer *w = &b->w;
	size_t begun;

	payload_begin(b, PAYLOAD_SA);
	begun = w->size;
	write_u8(w, 0);
	write_u8(w, 0);
	write_u16(w, 0);
	write_u8(w, number);
	write_u8(w, protocol);
	write_u8(w, spi_size);
	write_u8(w, count);
	if (spi_size == 8)
		write_u64(w, spi);
	else if (spi_size == 4)
		write_u32(w, (uint32_t)spi);
	for (uint8_t i = 0; i < count; i++)
		write_transform(w, &transforms[i], i + 1 == count);
	rewrite_u16(w, begun + 2, (uint16_t)(w->size - begun));
	payload_end(b);
}

void proposal_offer_ike(struct body *b, uint64_t spi)
{
	static const struct transform offer[] = {
		{TRANSFORM_ENCR, ENCR_AES_GCM_16},  {TRANSFORM_PRF, PRF_HMAC_SHA2_384},
		{TRANSFORM_PRF, PRF_HMAC_SHA2_512}, {TRANSFORM_PRF, PRF_HMAC_SHA2_256},
		{TRANSFORM_DH, DH_ECP_384},
	};

	write_proposal(b, 1, PROTOCOL_IKE, spi, spi ? 8 : 0, offer, 5);
}

/* RFC 9370 section 2.2.1: of each type that is offered one transform is taken, NONE among others. */
static uint8_t add_nones(struct transform *taken, uint8_t n, transform_set none)
{
	for (unsigned type = TRANSFORM_ADDKE_1; type <= TRANSFORM_ADDKE_7; type++)
		if (none & 1U << type)
			taken[n++] = (struct transform){(uint8_t)type, ADDKE_NONE};
	return n;
}

void proposal_answer_ike(struct body *b, const struct ike_choice *c, uint64_t spi)
{
	struct transform taken[3 + ADDKES] = {
		{TRANSFORM_ENCR, ENCR_AES_GCM_16}, {TRANSFORM_PRF, c->prf}, {TRANSFORM_DH, DH_ECP_384}};

	write_proposal(b, c->number, PROTOCOL_IKE, spi, spi ? 8 : 0, taken, add_nones(taken, 3, c->none));
}

void proposal_offer_esp(struct body *b, uint32_t spi, enum esn_policy esn, bool dh)
{
	struct transform offer[4];
	uint8_t n = 0;

	offer[n++] = (struct transform){TRANSFORM_ENCR, ENCR_AES_GCM_16};
	if (dh)
		offer[n++] = (struct transform){TRANSFORM_DH, DH_ECP_384};
	if (esn == ESN_OFFERED)
		offer[n++] = (struct transform){TRANSFORM_ESN, ESN_YES};
	offer[n++] = (struct transform){TRANSFORM_ESN, ESN_NO};
	write_proposal(b, 1, PROTOCOL_ESP, spi, 4, offer, n);
}

void proposal_answer_esp(struct body *b, const struct esp_choice *c, uint32_t spi)
{
	struct transform taken[3 + ADDKES];
	uint8_t n = 0;

	taken[n++] = (struct transform){TRANSFORM_ENCR, ENCR_AES_GCM_16};
	if (c->dh)
		taken[n++] = (struct transform){TRANSFORM_DH, DH_ECP_384};
	taken[n++] = (struct transform){TRANSFORM_ESN, c->esn ? ESN_YES : ESN_NO};
	write_proposal(b, c->number, PROTOCOL_ESP, spi, 4, taken, add_nones(taken, n, c->none));
}

/* ---- reading ---- */

/* What one proposal has of what we know, and how many transforms of each type there are. */
struct offer {
	uint8_t number;
	uint8_t protocol;
	uint64_t spi;
	uint8_t spi_size;
	bool gcm;
	bool integ_none;
	bool dh_20;
	bool dh_none;
	bool prf_256, prf_384, prf_512;
	bool esn, no_esn;
	transform_set addke;		   /* additional key exchanges, */
	transform_set addke_none;	   /* and those of them that may be left out */
	unsigned kinds[TRANSFORM_ADDKE_1]; /* transforms of each other type */
	bool alien; /* a transform type that is not known, so that the proposal as a whole cannot be taken */
};

static void note_transform(struct offer *o, uint8_t type, uint16_t id, bool key_256, bool other_attributes)
{
	if (type >= TRANSFORM_ADDKE_1 && type <= TRANSFORM_ADDKE_7) {
		o->addke |= 1U << type;
		o->addke_none |= id == ADDKE_NONE && !other_attributes ? 1U << type : 0;
		return;
	}
	if (type == 0 || type > TRANSFORM_ESN) {
		o->alien = true;
		return;
	}
	o->kinds[type]++;
	/* RFC 7296 section 3.3.6: a transform with attributes that are not understood is not taken. */
	if (other_attributes)
		return;
	o->gcm |= type == TRANSFORM_ENCR && id == ENCR_AES_GCM_16 && key_256;
	o->integ_none |= type == TRANSFORM_INTEG && id == INTEG_NONE;
	o->dh_20 |= type == TRANSFORM_DH && id == DH_ECP_384;
	o->dh_none |= type == TRANSFORM_DH && id == DH_NONE;
	o->prf_256 |= type == TRANSFORM_PRF && id == PRF_HMAC_SHA2_256;
	o->prf_384 |= type == TRANSFORM_PRF && id == PRF_HMAC_SHA2_384;
	o->prf_512 |= type == TRANSFORM_PRF && id == PRF_HMAC_SHA2_512;
	o->esn |= type == TRANSFORM_ESN && id == ESN_YES;
	o->no_esn |= type == TRANSFORM_ESN && id == ESN_NO;
}

static bool read_attributes(struct reader *r, bool *key_256, bool *other)
{
	*key_256 = *other = false;
	while (reader_left(r)) {
		const uint16_t type = read_u16(r), value = read_u16(r);

		if (type == (0x8000 | KEY_LENGTH_ATTRIBUTE)) {
			*key_256 = value == KEY_LENGTH_BITS;
		} else {
			*other = true;
			if (!(type & 0x8000))
				read_bytes(r, value);
		}
	}
	return !r->bad;
}

static bool read_transform(struct reader *r, struct offer *o, bool last)
{
	const uint8_t more = read_u8(r);
	bool key_256, other;
	struct reader t;
	uint16_t length, id;
	uint8_t type;

	read_u8(r);
	length = read_u16(r);
	if (r->bad || length < 8 || more != (last ? 0 : MORE_TRANSFORMS))
		return false;
	t = read_part(r, length - 4);
	type = read_u8(&t);
	read_u8(&t);
	id = read_u16(&t);
	if (!read_attributes(&t, &key_256, &other))
		return false;
	note_transform(o, type, id, key_256, other);
	return true;
}

static uint64_t read_spi(struct reader *r, uint8_t size)
{
	if (size == 4)
		return read_u32(r);
	if (size == 8)
		return read_u64(r);
	read_bytes(r, size);
	return 0;
}

/* One proposal; *more: another follows. */
static bool read_proposal(struct reader *r, struct offer *o, bool *more)
{
	const uint8_t marker = read_u8(r);
	struct reader p;
	uint16_t length;
	uint8_t count;

	*o = (struct offer){0};
	read_u8(r);
	length = read_u16(r);
	if (r->bad || length < 8 || (marker != 0 && marker != MORE_PROPOSALS))
		return false;
	p = read_part(r, length - 4);
	o->number = read_u8(&p);
	o->protocol = read_u8(&p);
	o->spi_size = read_u8(&p);
	count = read_u8(&p);
	o->spi = read_spi(&p, o->spi_size);
	for (uint8_t i = 0; i < count; i++)
		if (!read_transform(&p, o, i + 1 == count))
			return false;
	*more = marker == MORE_PROPOSALS;
	return !p.bad && reader_left(&p) == 0 && *more == (reader_left(r) > 0);
}

/* ---- judging ---- */

/* GCM has its own integrity: INTEG must be NONE or not be there (RFC 5282 section 8). */
static bool is_gcm(const struct offer *o)
{
	return o->gcm && !o->alien && (!o->kinds[TRANSFORM_INTEG] || o->integ_none);
}

static uint16_t best_prf(const struct offer *o)
{
	if (o->prf_384)
		return PRF_HMAC_SHA2_384;
	if (o->prf_512)
		return PRF_HMAC_SHA2_512;
	return o->prf_256 ? PRF_HMAC_SHA2_256 : 0;
}

static bool fits_ike(const struct offer *o, bool rekey)
{
	return o->protocol == PROTOCOL_IKE && o->spi_size == (rekey ? 8 : 0) && (!rekey || o->spi) && is_gcm(o) &&
	       best_prf(o) && o->dh_20 && !o->kinds[TRANSFORM_ESN];
}

/* Without dh a group that is offered is passed over, if NONE may stand for it or it is IKE_AUTH, where none counts. Of
 * ESN something has to be said (RFC 7296 section 3.3.3). */
static bool fits_esp(const struct offer *o, enum esn_policy esn, bool dh)
{
	const bool esn_fits = o->no_esn || (o->esn && esn == ESN_OFFERED);

	return o->protocol == PROTOCOL_ESP && o->spi_size == 4 && o->spi && is_gcm(o) && esn_fits &&
	       (!dh || o->dh_20) && !o->kinds[TRANSFORM_PRF];
}

/* What would fit otherwise, but not without an additional key exchange. */
static bool insists(const struct offer *o)
{
	return o->addke != o->addke_none;
}

static struct ike_choice take_ike(const struct offer *o)
{
	return (struct ike_choice){.number = o->number, .prf = best_prf(o), .none = o->addke, .spi = o->spi};
}

static struct esp_choice take_esp(const struct offer *o, enum esn_policy esn, bool dh)
{
	return (struct esp_choice){.number = o->number,
				   .spi = (uint32_t)o->spi,
				   .esn = o->esn && esn == ESN_OFFERED,
				   .dh = dh,
				   .none = o->addke};
}

/* What is wanted of a proposal. */
struct want {
	uint8_t protocol;
	bool rekey;
	enum esn_policy esn;
	bool dh;
};

static bool fits(const struct offer *o, const struct want *want)
{
	return want->protocol == PROTOCOL_IKE ? fits_ike(o, want->rekey) : fits_esp(o, want->esn, want->dh);
}

/* The first that fits, in *taken; all of them must be well-formed. */
static int choose(const struct payload *sa, const struct want *want, struct offer *taken)
{
	struct reader r = reader_of(sa->data, sa->size);
	int err = -ENOPROTOOPT;
	bool more = true;
	struct offer o;

	while (more) {
		if (!read_proposal(&r, &o, &more))
			return -EBADMSG;
		if (!err || !fits(&o, want))
			continue;
		err = insists(&o) ? -EPROTONOSUPPORT : 0;
		*taken = o;
	}
	return err;
}

int proposal_choose_ike(const struct payload *sa, bool rekey, struct ike_choice *out)
{
	const struct want want = {.protocol = PROTOCOL_IKE, .rekey = rekey};
	struct offer taken;
	int err = choose(sa, &want, &taken);

	if (!err)
		*out = take_ike(&taken);
	return err;
}

int proposal_choose_esp(const struct payload *sa, enum esn_policy esn, bool dh, struct esp_choice *out)
{
	const struct want want = {.protocol = PROTOCOL_ESP, .esn = esn, .dh = dh};
	struct offer taken;
	int err = choose(sa, &want, &taken);

	if (!err)
		*out = take_esp(&taken, esn, dh);
	return err;
}

/* ---- the answer: one of each, and nothing that was not asked ---- */

static int read_answer(const struct payload *sa, struct offer *o)
{
	struct reader r = reader_of(sa->data, sa->size);
	bool more;

	if (!read_proposal(&r, o, &more))
		return -EBADMSG;
	if (more || o->number != 1 || o->kinds[TRANSFORM_ENCR] != 1 || o->kinds[TRANSFORM_INTEG] > 1 || o->addke)
		return -ENOPROTOOPT;
	return 0;
}

int proposal_accept_ike(const struct payload *sa, bool rekey, struct ike_choice *out)
{
	struct offer o;
	int err = read_answer(sa, &o);

	if (err)
		return err;
	if (!fits_ike(&o, rekey) || o.kinds[TRANSFORM_PRF] != 1 || o.kinds[TRANSFORM_DH] != 1)
		return -ENOPROTOOPT;
	*out = take_ike(&o);
	return 0;
}

int proposal_accept_esp(const struct payload *sa, enum esn_policy esn, bool dh, struct esp_choice *out)
{
	struct offer o;
	int err = read_answer(sa, &o);
	bool no_group;

	if (err)
		return err;
	no_group = !o.kinds[TRANSFORM_DH] || (o.dh_none && o.kinds[TRANSFORM_DH] == 1);
	if (!fits_esp(&o, esn, dh) || o.kinds[TRANSFORM_ESN] > 1 || (dh ? o.kinds[TRANSFORM_DH] != 1 : !no_group))
		return -ENOPROTOOPT;
	*out = take_esp(&o, esn, dh);
	return 0;
}

/* ---- for people ---- */

struct text {
	char *buf;
	size_t size;
	size_t at;
};

static void add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	if (t->at >= t->size)
		return;
	va_start(args, format);
	n = vsnprintf(t->buf + t->at, t->size - t->at, format, args);
	va_end(args);
	t->at += n > 0 ? (size_t)n : 0;
}

static const char *const kind_names[] = {"?",	   "ENCR",   "PRF",    "INTEG",	 "DH",	   "ESN",   "ADDKE1",
					 "ADDKE2", "ADDKE3", "ADDKE4", "ADDKE5", "ADDKE6", "ADDKE7"};

static void add_transform(struct text *t, struct reader *r, bool first)
{
	uint16_t length, id;
	struct reader p;
	uint8_t type;

	read_u16(r);
	length = read_u16(r);
	p = read_part(r, length >= 8 ? length - 4U : 0);
	type = read_u8(&p);
	read_u8(&p);
	id = read_u16(&p);
	if (r->bad || p.bad)
		return;
	add(t, "%s%s-%u", first ? "" : "/", kind_names[type <= TRANSFORM_ADDKE_7 ? type : 0], id);
	read_u16(&p);
	id = read_u16(&p);
	if (!p.bad)
		add(t, "(%u)", id);
}

void proposal_text(const struct payload *sa, char *buf, size_t size)
{
	struct reader r = reader_of(sa->data, sa->size);
	struct text t = {.buf = buf, .size = size};

	if (size)
		buf[0] = '\0';
	while (reader_left(&r) && t.at < size) {
		struct reader p;
		uint16_t length;
		uint8_t spi_size, count;

		read_u16(&r);
		length = read_u16(&r);
		p = read_part(&r, length >= 8 ? length - 4U : 0);
		read_u16(&p);
		spi_size = read_u8(&p);
		count = read_u8(&p);
		read_bytes(&p, spi_size);
		add(&t, "%s", t.at ? ", " : "");
		for (uint8_t i = 0; i < count && !p.bad; i++)
			add_transform(&t, &p, i == 0);
		if (p.bad)
			break;
	}
}
