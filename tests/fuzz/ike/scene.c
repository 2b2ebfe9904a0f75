/* SPDX-License-Identifier: BSD-2-Clause */
#include "scene.h"

#include <string.h>

#include "cheap_dh.h"
#include "pki.h"

/* So much of one input, that each is over soon. */
#define STEPS_MAX   48
#define TOTAL_MS    (40 * 60000ULL)
#define TRAFFIC_MS  100
#define CHANGES_MAX 8
#define NOW	    1800000000
#define TEN_YEARS   (3650 * 86400LL)
#define PPK_KEY	    3

/* What is to become of the next datagram to a host. */
struct change {
	enum scene_step step;
	uint8_t how;
	uint16_t at;
	size_t size;
	uint8_t *data;
};

struct scene {
	struct world world;
	bool with_keys;
	uint64_t left_ms;
	unsigned sent[2]; /* to each host */
	struct change changes[2][CHANGES_MAX];
	unsigned change_count[2];
};

static struct scene scene;
static struct connection_config *by_cert[2][2]; /* short, split; host */
static struct keyring *rings[2][2];
static void (*watcher)(const struct world_packet *p, const struct sealed *inside, unsigned number);
static unsigned watched;

/* ---- once ---- */

/* Making keys and certificates would be most of what an input costs. */
static void make_certificates(bool split)
{
	struct world w;
	struct pki pki;

	world_init(&w);
	pki_init(&pki, NOW);
	pki.padding = split ? 1500 : 0;
	for (int host = 0; host < 2; host++) {
		by_cert[split][host] = world_connection(&w, host);
		pki_use(&pki, &w, host, by_cert[split][host], NOW - 86400, NOW + TEN_YEARS);
		require(keyring_add(w.hosts[host].ring, PPK_KEY, KEY_PPK, "another secret", 14, NULL) == 0);
		rings[split][host] = w.hosts[host].ring;
		w.hosts[host].ring = NULL;
	}
	world_free(&w);
	pki_free(&pki);
}

void scene_open(void)
{
	if (by_cert[0][0])
		return;
	make_certificates(false);
	make_certificates(true);
}

/* ---- what is between the two ---- */

static struct connection_config *connection_of(struct world *w, int host, uint8_t kind)
{
	struct connection_config *c = world_connection(w, host);
	const struct connection_config *cert = by_cert[kind & SCENE_SPLIT ? 1 : 0][host];

	if (kind & SCENE_CERT) {
		c->cert = true;
		c->private_key = cert->private_key;
		c->credentials = credentials_share(cert->credentials);
		c->trust = trust_share(cert->trust);
		c->local_id = cert->local_id;
		strcpy(c->remote_id, cert->remote_id);
	}
	if (kind & SCENE_PPK) {
		c->ppk_key = PPK_KEY;
		strcpy(c->ppk_id, "ppk");
	}
	if (kind & SCENE_MESH && host == 1)
		c->remote_bits = 24;
	if (kind & SCENE_SEVERAL) {
		c->selectors[0] = (struct selector){0, 65535, 179, 179, 6};
		c->selectors[1] = (struct selector){179, 179, 0, 65535, 6};
		c->selectors[2] = (struct selector){SELECTOR_ANY_PORT, .proto = 17};
		c->selector_count = 3;
	}
	c->rekey_ms = 300000;
	c->lifetime_ms = 350000;
	c->ike_rekey_ms = 700000;
	c->reauth_ms = 1500000;
	c->dpd_ms = 20000;
	c->per_queue = kind & SCENE_PER_QUEUE;
	c->start = kind & SCENE_BOTH ? START_INITIATE : START_TRAP;
	return c;
}

static void use_ring(struct world_host *h, struct keyring *ring)
{
	keyring_free(h->ring);
	h->ring = ring;
	h->hands.keys = keyring_ops(ring);
	world_restart(h->world, h->number);
	h->orphans_ms = 0;
}

static enum fate filter(struct world *w, struct world_packet *p, void *arg);

static void begin(uint8_t kind, bool with_keys)
{
	struct world *w = &scene.world;

	cheap_dh_again();
	world_init(w);
	for (int host = 0; host < 2; host++)
		use_ring(&w->hosts[host], rings[kind & SCENE_SPLIT ? 1 : 0][host]);
	w->cookie_threshold = kind & SCENE_COOKIES ? 1 : 0;
	world_configure(w, 1, connection_of(w, 1, kind));
	world_configure(w, 0, connection_of(w, 0, kind));
	w->filter = filter;
	scene.with_keys = with_keys;
	scene.left_ms = TOTAL_MS;
	scene.sent[0] = scene.sent[1] = 0;
}

static void forget(struct change *c)
{
	free(c->data);
	*c = (struct change){0};
}

static void end(void)
{
	for (int host = 0; host < 2; host++) {
		scene.world.hosts[host].ring = NULL;
		for (unsigned i = 0; i < scene.change_count[host]; i++)
			forget(&scene.changes[host][i]);
		scene.change_count[host] = 0;
	}
	world_free(&scene.world);
}

/* ---- changing a datagram ---- */

/* Laid over, put in or cut out of so many bytes that may become more. */
static void change_bytes(uint8_t *data, size_t *size, size_t room, const struct change *c)
{
	const size_t at = c->at < *size ? c->at : *size, rest = *size - at;

	if (c->how == CHANGE_OVERWRITE) {
		memcpy(data + at, c->data, c->size < rest ? c->size : rest);
	} else if (c->how == CHANGE_INSERT && c->size <= room - *size) {
		memmove(data + at + c->size, data + at, rest);
		memcpy(data + at, c->data, c->size);
		*size += c->size;
	} else if (c->how == CHANGE_CUT) {
		const size_t cut = c->size < rest ? c->size : rest;

		memmove(data + at, data + at + cut, rest - cut);
		*size -= cut;
	} else if (c->how == CHANGE_END) {
		*size = at;
	}
}

/* The header's length says what is there, unless it is what was changed. */
static void change_raw(struct world_packet *p, const struct change *c)
{
	const size_t room = p->size + c->size;
	uint8_t *data = malloc(room + 1);
	size_t size = p->size;

	memcpy(data, p->data, p->size);
	change_bytes(data, &size, room, c);
	if (size != p->size && size >= IKE_HEADER_SIZE) {
		put_u16(data + 24, (unsigned)(size >> 16));
		put_u16(data + 26, (unsigned)size);
	}
	free(p->data);
	p->data = realloc(data, size ? size : 1);
	p->size = size;
}

static int nth_payload(const struct sealed *s, unsigned n)
{
	uint8_t type = s->first;
	size_t at = 0;

	for (; type != PAYLOAD_NONE && at + 4 <= s->size; n--) {
		const size_t length = get_u16(s->data + at + 2);

		if (length < 4 || length > s->size - at)
			return -1;
		if (n == 0)
			return (int)at;
		type = s->data[at];
		at += length;
	}
	return -1;
}

static void change_header(struct ike_header *h, const struct change *c)
{
	if (c->size > 0)
		h->exchange = c->data[0];
	if (c->size > 1)
		h->flags = (uint8_t)((h->flags & FLAG_INITIATOR) | (c->data[1] & ~FLAG_INITIATOR));
	if (c->size > 2)
		h->id += (uint32_t)(int8_t)c->data[2];
	if (c->size > 3)
		h->version = c->data[3];
}

static void change_inside(struct sealed *s, const struct change *c)
{
	const int nth = nth_payload(s, c->how == CHANGE_WITHIN ? c->at / 256 : c->at);

	if (c->how == CHANGE_PAYLOAD && nth >= 0) {
		sealed_cut(s, nth);
	} else if (c->how == CHANGE_ADD && s->size + c->size + 4 <= sizeof(s->data)) {
		sealed_add(s, (uint8_t)c->at, c->data, c->size);
	} else if (c->how == CHANGE_HEADER) {
		change_header(&s->header, c);
	} else if (c->how == CHANGE_WITHIN && nth >= 0) {
		struct change within = {.how = CHANGE_OVERWRITE,
					.at = (uint16_t)((unsigned)nth + c->at % 256),
					.size = c->size,
					.data = c->data};

		change_bytes(s->data, &s->size, s->size, &within);
	} else {
		change_bytes(s->data, &s->size, sizeof(s->data), c);
	}
}

/* In fragments of that size; how: the last first, one twice, one left out, or a wrong total. */
static void split(struct world *w, const struct world_packet *p, const struct sealed *s, const struct change *c)
{
	const size_t each = c->at % 2048 + 1;
	const unsigned total = (unsigned)((s->size + each - 1) / each);

	for (unsigned i = 0; i < total && total <= 64; i++) {
		const unsigned n = c->how & 1 ? total - 1 - i : i;
		const size_t from = n * each, left = s->size - from;
		struct world_packet part = *p;

		part.data = NULL;
		if (c->how & 4 && n == 1)
			continue;
		sealed_put_fragment(w, &part, s, from, left < each ? left : each, (uint16_t)(n + 1),
				    (uint16_t)(total + (c->how & 8 && n == 0)));
		for (unsigned times = c->how & 2 && n == 0 ? 2 : 1; times; times--)
			world_inject(w, &part, w->latency_ms);
		free(part.data);
	}
}

/* Which of those that wait is for this datagram; -1: none. */
static int change_for(int to, bool sealed)
{
	for (unsigned i = 0; i < scene.change_count[to]; i++) {
		const enum scene_step step = scene.changes[to][i].step;

		if (sealed || (step != STEP_CHANGE && step != STEP_SPLIT))
			return (int)i;
	}
	return -1;
}

static struct change take_change(int to, unsigned i)
{
	const struct change c = scene.changes[to][i];

	scene.change_count[to]--;
	memmove(&scene.changes[to][i], &scene.changes[to][i + 1],
		(scene.change_count[to] - i) * sizeof(scene.changes[to][0]));
	return c;
}

static enum fate change(struct world *w, struct world_packet *p, struct sealed *s, const struct change *c)
{
	switch (c->step) {
	case STEP_CHANGE:
		change_inside(s, c);
		sealed_put(w, p, s);
		return PASS;
	case STEP_SPLIT:
		split(w, p, s, c);
		return DROP;
	case STEP_REPEAT:
		world_inject(w, p, 100);
		return PASS;
	case STEP_DROP:
		return DROP;
	default:
		change_raw(p, c);
		return PASS;
	}
}

static enum fate filter(struct world *w, struct world_packet *p, void *arg)
{
	static struct sealed s;
	enum fate fate = PASS;
	bool open = sealed_open(w, p, &s);
	int i;

	(void)arg;
	scene.sent[p->to]++;
	if (watcher)
		watcher(p, open ? &s : NULL, watched++);
	while (fate == PASS && (i = change_for(p->to, open)) >= 0) {
		struct change c = take_change(p->to, (unsigned)i);

		fate = change(w, p, &s, &c);
		open = open && c.step == STEP_CHANGE;
		forget(&c);
	}
	return fate;
}

/* ---- steps ---- */

static void step_run(struct input *in)
{
	const uint64_t n = input_u16(in), ms = n << input_u8(in) % 12;
	const uint64_t all = ms < scene.left_ms ? ms : scene.left_ms;

	world_run(&scene.world, all);
	scene.left_ms -= all;
}

static void limit(struct world_host *h, bool hard)
{
	for (uint32_t i = 0; i < WORLD_SAS; i++)
		if (h->sas[i].used && !h->sas[i].spec.inbound && !h->sas[i].orphan) {
			engine_limit(h->engine, (struct sa_handle){i, h->sas[i].generation}, hard);
			return;
		}
}

static void obey_of_world(struct world *w, int host, enum scene_order order, unsigned value)
{
	struct world_host *h = &w->hosts[host];
	const uint8_t *peer = w->hosts[!host].addr;

	switch (order) {
	case ORDERED_ACQUIRE:
		engine_acquire(h->engine, h->addr, peer, 6, 40000, (uint16_t)(value & 1 ? 179 : value));
		break;
	case ORDERED_ACQUIRE_FOR_LANE:
		engine_acquire_for_lane(h->engine, h->addr, peer, 6, 40000, 179, value % 4);
		break;
	case ORDERED_UNKNOWN_SPI:
		engine_unknown_spi(h->engine, h->addr, peer, 0x1000 + value);
		break;
	case ORDERED_DEAD:
		engine_dead(h->engine, host ? "c1" : "c0");
		break;
	case ORDERED_ADDRESS_GOES:
	case ORDERED_ADDRESS_COMES:
		engine_address(h->engine, h->addr, order == ORDERED_ADDRESS_COMES);
		break;
	case ORDERED_NO_ROOM:
		h->no_room = value & 1;
		break;
	default:
		limit(h, order == ORDERED_HARD_LIMIT);
	}
}

static void step_order(struct input *in, uint8_t kind)
{
	struct world *w = &scene.world;
	const int host = input_u8(in) & 1;
	const unsigned value = input_u8(in), order = value % ORDERS;

	switch (order) {
	case ORDERED_INITIATE:
		world_initiate(w, host);
		break;
	case ORDERED_TERMINATE:
		world_terminate(w, host);
		break;
	case ORDERED_REKEY_CHILD:
	case ORDERED_REKEY_IKE:
		world_rekey(w, host, order == ORDERED_REKEY_IKE);
		break;
	case ORDERED_RESTART:
		world_restart(w, host);
		world_configure(w, host, connection_of(w, host, kind));
		break;
	case ORDERED_TRAFFIC:
		world_run_under_traffic(w, TRAFFIC_MS);
		break;
	default:
		obey_of_world(w, host, (enum scene_order)order, value / ORDERS);
	}
	world_run(w, 0);
}

static const struct world_keys *keys_of(const struct world *w, bool first)
{
	if (!w->key_count)
		return NULL;
	return &w->keys[(first && w->key_count <= WORLD_KEYS ? 0 : w->key_count - 1) % WORLD_KEYS];
}

static struct world_packet packet_to(const struct world *w, int to, uint16_t port)
{
	struct world_packet p = {.to = to, .path = {.local_port = port, .remote_port = port}};

	memcpy(p.path.local, w->hosts[to].addr, 4);
	memcpy(p.path.remote, w->hosts[!to].addr, 4);
	return p;
}

static void put_u64(uint8_t *at, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> (56 - 8 * i));
}

static void step_raw(struct input *in)
{
	struct world *w = &scene.world;
	const int to = input_u8(in) & 1;
	const unsigned ends = input_u8(in) % ENDS;
	struct world_packet p = packet_to(w, to, ends == ENDS_NAT_PORT ? IKE_PORT_NAT : IKE_PORT);
	const struct world_keys *keys = keys_of(w, ends == ENDS_OF_FIRST);

	p.data = input_part(in, false, &p.size);
	if (p.size >= IKE_HEADER_SIZE) {
		put_u16(p.data + 24, 0);
		put_u16(p.data + 26, (unsigned)p.size);
		if (keys && (ends == ENDS_OF_FIRST || ends == ENDS_OF_LATEST)) {
			put_u64(p.data, keys->spi_i);
			put_u64(p.data + 8, keys->spi_r);
		}
	}
	world_inject(w, &p, 0);
	free(p.data);
	world_run(w, 0);
}

/* Payloads of the input's own, sealed in the latest IKE SA as by the other host. Which number the next message has is
 * how many there were, or about that. */
static void step_seal(struct input *in)
{
	static struct sealed s;
	struct world *w = &scene.world;
	const int to = input_u8(in) & 1;
	struct world_packet p = packet_to(w, to, IKE_PORT);
	const struct world_keys *keys = keys_of(w, false);
	uint8_t *data;

	s.header = (struct ike_header){.version = IKE_VERSION, .exchange = input_u8(in)};
	s.header.flags = input_u8(in) & 1 ? FLAG_RESPONSE : 0;
	s.header.id = input_u8(in);
	s.first = input_u8(in);
	data = input_part(in, false, &s.size);
	if (keys && s.size <= sizeof(s.data)) {
		memcpy(s.data, data, s.size);
		s.header.spi_i = keys->spi_i;
		s.header.spi_r = keys->spi_r;
		/* As if either had begun it: one of the two is not looked at. */
		for (int initiator = 0; initiator < 2; initiator++) {
			s.header.flags ^= FLAG_INITIATOR;
			sealed_put(w, &p, &s);
			world_inject(w, &p, 0);
		}
		free(p.data);
	}
	free(data);
	world_run(w, 0);
}

static void step_change(struct input *in, enum scene_step step)
{
	const int to = input_u8(in) & 1;
	struct change c = {.step = step};

	if (step == STEP_SPLIT) {
		c.at = input_u16(in);
		c.how = input_u8(in);
	} else if (step == STEP_CHANGE || step == STEP_CHANGE_RAW) {
		c.how = input_u8(in) % CHANGES;
		c.at = input_u16(in);
		c.data = input_part(in, false, &c.size);
	}
	if (scene.change_count[to] < CHANGES_MAX)
		scene.changes[to][scene.change_count[to]++] = c;
	else
		forget(&c);
}

static bool takes_keys(enum scene_step step)
{
	return step == STEP_SEAL || step == STEP_CHANGE || step == STEP_SPLIT;
}

static void take_step(struct input *in, uint8_t kind)
{
	const enum scene_step step = (enum scene_step)(input_u8(in) % STEPS);

	if (takes_keys(step) && !scene.with_keys)
		return;
	switch (step) {
	case STEP_RUN:
		step_run(in);
		break;
	case STEP_ORDER:
		step_order(in, kind);
		break;
	case STEP_RAW:
		step_raw(in);
		break;
	case STEP_SEAL:
		step_seal(in);
		break;
	default:
		step_change(in, step);
	}
}

void scene_play(const uint8_t *data, size_t size, bool with_keys)
{
	struct input in = input_of(data, size);
	const uint8_t kind = input_u8(&in);

	begin(kind, with_keys);
	for (unsigned i = 0; i < STEPS_MAX && in.left; i++)
		take_step(&in, kind);
	world_run(&scene.world, 1000);
	end();
}

void scene_watch(const struct seed *s,
		 void (*fn)(const struct world_packet *p, const struct sealed *inside, unsigned number))
{
	watcher = fn;
	watched = 0;
	scene_play(s->data, s->size, true);
	watcher = NULL;
}
