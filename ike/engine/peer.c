/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdlib.h>

#include "child.h"
#include "ike_sa.h"
#include "orders.h"
#include "orphans.h"
#include "renew.h"
#include "task.h"

#define TIMERS_OF_PEER 2
/* Between attempts that fail: 1, 2, 4 ... 60 s, less up to a quarter. */
#define RETRY_FIRST_MS 1000
#define RETRY_MAX_MS   60000
#define RETRY_JITTER   25
/* The first wish after an IKE SA without a child: most peers ask themselves, a round trip later. */
#define CHILDLESS_MS 200
/* Between attempts beside an IKE SA that does not answer. */
#define DOUBT_AGAIN_MS 500

uint64_t peer_key(const uint8_t local[4], const uint8_t remote[4])
{
	uint64_t key = 0;

	for (unsigned i = 0; i < 4; i++)
		key = key << 8 | local[i];
	for (unsigned i = 0; i < 4; i++)
		key = key << 8 | remote[i];
	return key;
}

static struct peer *peer_of(struct table_node *node)
{
	return node ? container_of(node, struct peer, by_addresses) : NULL;
}

struct peer *peer_first(const struct engine *e, uint64_t key)
{
	return peer_of(table_find(&e->peers, key));
}

struct peer *peer_next(const struct peer *p)
{
	return peer_of(table_next(&p->by_addresses));
}

static bool is_mesh(const struct connection *c)
{
	return c->config->remote_bits < 32;
}

void peer_log_line(const struct peer *p, bool remote, const char *line)
{
	const struct connection_config *config = p->connection->config;
	char addr[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, p->remote, addr, sizeof(addr));
	if (is_mesh(p->connection))
		engine_log(p->connection->engine, remote, "%s[%s]: %s", config->name, addr, line);
	else
		engine_log(p->connection->engine, remote, "%s: %s", config->name, line);
}

void peer_log(const struct peer *p, const char *format, ...)
{
	char line[500];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	peer_log_line(p, false, line);
}

/* ---- finding and making ---- */

static uint32_t as_number(const uint8_t addr[4])
{
	return (uint32_t)addr[0] << 24 | (uint32_t)addr[1] << 16 | (uint32_t)addr[2] << 8 | addr[3];
}

static uint32_t mask_of(unsigned bits)
{
	return bits ? ~0U << (32 - bits) : 0;
}

bool connection_covers(const struct connection *c, const uint8_t local[4], const uint8_t remote[4])
{
	const struct connection_config *config = c->config;

	return !c->gone && memcmp(config->local, local, 4) == 0 && memcmp(local, remote, 4) != 0 &&
	       ((as_number(config->remote) ^ as_number(remote)) & mask_of(config->remote_bits)) == 0;
}

/* Of a prefix: its length is spread over the bits of the two addresses, which others may have, too. */
static uint64_t net_key(const uint8_t local[4], const uint8_t remote[4], unsigned bits)
{
	return ((uint64_t)as_number(local) << 32 | (as_number(remote) & mask_of(bits))) ^
	       (32 - bits) * 0x9e3779b97f4a7c15ULL;
}

void connection_enter(struct connection *c)
{
	const struct connection_config *config = c->config;

	c->engine->prefixes[config->remote_bits]++;
	table_append(&c->engine->nets, &c->by_net, net_key(config->local, config->remote, config->remote_bits));
}

void connection_leave(struct connection *c)
{
	if (!c->by_net.back)
		return;
	c->engine->prefixes[c->config->remote_bits]--;
	table_remove(&c->by_net);
}

static struct connection *first_that_covers(struct table_node *node, const uint8_t local[4], const uint8_t remote[4],
					    unsigned bits)
{
	for (; node; node = table_next(node)) {
		struct connection *c = container_of(node, struct connection, by_net);

		if (c->config->remote_bits == bits && connection_covers(c, local, remote))
			return c;
	}
	return NULL;
}

/* The longest prefix goes first, as with policies; among equal ones the order of the file. One look-up for each length
 * that there is, however many connections there are. */
struct connection *connection_for(struct engine *e, const uint8_t local[4], const uint8_t remote[4],
				  const struct connection *after)
{
	unsigned bits = after ? after->config->remote_bits : 32;
	struct connection *c = after ? first_that_covers(table_next(&after->by_net), local, remote, bits) : NULL;

	for (bits += !after; !c && bits-- > 0;)
		if (e->prefixes[bits])
			c = first_that_covers(table_find(&e->nets, net_key(local, remote, bits)), local, remote, bits);
	return c;
}

static void on_retry(struct timer *timer);
static void reap(struct mortal *m);

static struct peer *peer_new(struct connection *c, const uint8_t remote[4])
{
	struct peer *p = calloc(1, sizeof(*p));

	if (!p || !timers_reserve(&c->engine->timers, TIMERS_OF_PEER)) {
		free(p);
		return NULL;
	}
	p->connection = c;
	memcpy(p->remote, remote, 4);
	TAILQ_INIT(&p->sas);
	TAILQ_INIT(&p->children);
	TAILQ_INIT(&p->orders);
	timer_init(&p->retry, on_retry);
	timer_init(&p->orphans, orphans_on_time);
	p->mortal.reap = reap;
	TAILQ_INSERT_TAIL(&c->peers, p, of_connection);
	table_add(&c->engine->peers, &p->by_addresses, peer_key(c->config->local, remote));
	/* Who made it may find that it has no use for it. */
	mortal_end(c->engine, &p->mortal);
	return p;
}

struct peer *peer_get(struct connection *c, const uint8_t remote[4])
{
	struct peer *p = peer_first(c->engine, peer_key(c->config->local, remote));

	for (; p; p = peer_next(p))
		if (p->connection == c)
			return p;
	return peer_new(c, remote);
}

struct ike_sa *peer_ike_up(const struct peer *p)
{
	struct ike_sa *sa;

	TAILQ_FOREACH_REVERSE(sa, &p->sas, ike_sa_list, of_peer)
		if (sa->state == IKE_UP && !task_find(sa, TASK_DELETE_IKE, NULL))
			return sa;
	return NULL;
}

/* A wider child does not carry it: each rule of a connection has an SA of its own (bpf/egress.h). */
static bool child_is_for(const struct child *c, const struct selector *s)
{
	return selector_equal(&c->selector, s) || selector_equal(&c->asked, s);
}

struct child *peer_child_up(const struct peer *p, const struct selector *s)
{
	struct child *c;

	TAILQ_FOREACH(c, &p->children, of_peer)
		if (c->state == CHILD_UP && child_is_wanted(c) && (!s || child_is_for(c, s)))
			return c;
	return NULL;
}

bool peer_has_outlived(const struct peer *p)
{
	const struct ike_sa *sa;
	const struct child *c;

	TAILQ_FOREACH(sa, &p->sas, of_peer)
		if (sa->state != IKE_DEAD && !ike_sa_is_wanted(sa))
			return true;
	TAILQ_FOREACH(c, &p->children, of_peer)
		if (!child_is_wanted(c))
			return true;
	return false;
}

int peer_selector_of(const struct child *c)
{
	const struct connection_config *config = c->peer->connection->config;
	int best = -1;

	for (unsigned i = 0; i < config->selector_count; i++)
		if (selector_contains(&config->selectors[i], &c->asked) &&
		    (best < 0 || selector_compare(&config->selectors[i], &config->selectors[best]) < 0))
			best = (int)i;
	return best;
}

void peer_take_ike(struct peer *p, struct ike_sa *sa)
{
	TAILQ_REMOVE(&sa->peer->sas, sa, of_peer);
	TAILQ_INSERT_TAIL(&p->sas, sa, of_peer);
	mortal_end(sa->engine, &sa->peer->mortal);
	sa->peer = p;
	sa->era = p->era;
}

/* ---- pursuing what is wanted ---- */

bool peer_is_under_way(const struct peer *p)
{
	struct ike_sa *sa;

	TAILQ_FOREACH(sa, &p->sas, of_peer)
		if (sa->state == IKE_INIT_SENT || sa->state == IKE_AUTH_SENT)
			return true;
	return false;
}

static bool child_under_way(const struct ike_sa *sa, unsigned selector)
{
	const struct task *task;

	if (sa->running && sa->running->kind == TASK_CHILD && sa->running->selector == selector)
		return true;
	TAILQ_FOREACH(task, &sa->tasks, of_sa)
		if (task->kind == TASK_CHILD && task->selector == selector)
			return true;
	return false;
}

struct ike_sa *peer_open(struct peer *p, unsigned selector)
{
	struct path path = {.local_port = IKE_PORT, .remote_port = IKE_PORT};
	struct ike_sa *sa;
	struct task *task;

	memcpy(path.local, p->connection->config->local, 4);
	memcpy(path.remote, p->remote, 4);
	sa = ike_sa_new(p->connection->engine, p, &path, true, 0);
	if (!sa)
		return NULL;
	task = task_queue(sa, TASK_INIT);
	if (!task) {
		ike_sa_die(sa, "no memory");
		return NULL;
	}
	task->children = true;
	task->selector = selector;
	return sa;
}

static void ask_for_children(struct peer *p, struct ike_sa *sa)
{
	for (unsigned i = 0; i < p->connection->config->selector_count; i++) {
		struct task *task;

		if (!(p->wanted & 1U << i) || child_under_way(sa, i))
			continue;
		if (p->no_pfs) {
			renew_for(p, i);
			continue;
		}
		task = task_queue(sa, TASK_CHILD);
		if (task)
			task->selector = i;
	}
}

static unsigned first_wanted(const struct peer *p)
{
	return (unsigned)__builtin_ctz(p->wanted);
}

/* To be up whenever it can. Of a mesh there is nobody to begin with, and who has once been asked for may be nobody. */
bool peer_is_kept_up(const struct peer *p)
{
	return p->connection->config->start == START_INITIATE && !is_mesh(p->connection);
}

bool peer_may_connect(const struct peer *p)
{
	return !p->held && !p->address_gone && !p->connection->gone;
}

void peer_pursue(struct peer *p)
{
	struct ike_sa *up = peer_ike_up(p);

	if (!p->wanted || !peer_may_connect(p))
		return;
	if (up)
		ask_for_children(p, up);
	else if (!peer_is_under_way(p))
		peer_open(p, first_wanted(p));
}

static void on_retry(struct timer *timer)
{
	struct peer *p = container_of(timer, struct peer, retry);
	const struct ike_sa *doubtful = renew_doubtful(p);

	if (doubtful)
		renew_in_doubt(p, doubtful);
	peer_pursue(p);
}

static void retry_later(struct peer *p)
{
	struct engine *e = p->connection->engine;
	uint64_t delay = (uint64_t)RETRY_FIRST_MS << (p->failures < 7 ? p->failures : 7);

	if (delay > RETRY_MAX_MS)
		delay = RETRY_MAX_MS;
	if (!timer_is_set(&p->retry))
		timer_set(&e->timers, &p->retry, engine_now(e) + engine_jitter(e, delay, RETRY_JITTER));
}

void peer_want_all(struct peer *p)
{
	const unsigned count = p->connection->config->selector_count;

	for (unsigned i = 0; i < count; i++)
		if (!peer_child_up(p, &p->connection->config->selectors[i]))
			p->wanted |= 1U << i;
}

/* ---- what happens to it ---- */

static void has_all(struct peer *p)
{
	orphans_replaced(p);
	peer_end_orders(p, ORDER_UP, NULL);
}

void peer_on_child_up(struct peer *p, struct child *child)
{
	const struct connection_config *config = p->connection->config;

	for (unsigned i = 0; i < config->selector_count; i++)
		if (child_is_for(child, &config->selectors[i]))
			p->wanted &= ~(1U << i);
	p->failures = 0;
	ike_sa_end_redundant(child->ike->peer, NULL);
	if (p->wanted) {
		peer_pursue(p);
		return;
	}
	has_all(p);
}

/* Most ask for one next, and what waited for the peer to be there waits no longer. */
void peer_on_childless(struct peer *p)
{
	struct engine *e = p->connection->engine;

	if (peer_is_kept_up(p) && !p->held)
		peer_want_all(p);
	p->failures = 0;
	timer_cancel(&e->timers, &p->retry);
	if (p->wanted && peer_may_connect(p))
		timer_set(&e->timers, &p->retry, engine_now(e) + CHILDLESS_MS);
}

/* Trap waits for the next packet, which does not come to us while SAs of an earlier run take it; initiate tries again
 * by itself. */
void peer_on_failure(struct peer *p, const char *why)
{
	peer_end_orders(p, ORDER_UP, why);
	peer_end_orders(p, ORDER_REKEY, why);
	if (!peer_is_kept_up(p) && !orphans_wait(p))
		p->wanted = 0;
	p->failures++;
	peer_on_loss(p);
}

static bool has_living(const struct peer *p)
{
	const struct ike_sa *sa;

	TAILQ_FOREACH(sa, &p->sas, of_peer)
		if (sa->state != IKE_DEAD)
			return true;
	return !TAILQ_EMPTY(&p->children);
}

static bool is_needed(const struct peer *p)
{
	return !TAILQ_EMPTY(&p->sas) || !TAILQ_EMPTY(&p->children) || p->tasks || p->wanted || orphans_wait(p) ||
	       (!is_mesh(p->connection) && !p->connection->gone);
}

/* What was to bring a child may have ended without one and without a word, for want of memory; or another way has. */
static void see_to_wishes(struct peer *p)
{
	if (!p->wanted || p->tasks || timer_is_set(&p->retry))
		return;
	for (unsigned i = 0; i < p->connection->config->selector_count; i++)
		if (p->wanted & 1U << i && peer_child_up(p, &p->connection->config->selectors[i]))
			p->wanted &= ~(1U << i);
	if (!p->wanted)
		has_all(p);
	else if (peer_may_connect(p))
		retry_later(p);
}

/* One of a mesh that has nothing and is to get nothing, and any of a connection that is gone. */
static void reap(struct mortal *m)
{
	struct peer *p = container_of(m, struct peer, mortal);
	struct connection *c = p->connection;

	see_to_wishes(p);
	orders_look(p);
	if (is_needed(p))
		return;
	peer_free(p);
	mortal_end(c->engine, &c->mortal);
}

/* Who is to respond asks for children on what the peer has opened, and opens nothing unless it is told to. */
static bool may_begin(const struct peer *p)
{
	const struct order *order;

	TAILQ_FOREACH(order, &p->orders, of_peer)
		if (order->kind == ORDER_UP)
			return true;
	return p->connection->config->start != START_RESPOND || orphans_wait(p);
}

void peer_on_loss(struct peer *p)
{
	struct engine *e = p->connection->engine;

	if (p->connection->gone) {
		p->wanted = 0;
	} else if (peer_is_kept_up(p) && !p->held) {
		peer_want_all(p);
	}
	if (!peer_ike_up(p) && !may_begin(p))
		p->wanted = 0;
	if (p->wanted && !p->held)
		retry_later(p);
	/* What was tried beside it has failed, perhaps since the peer is there, and has not read its configuration yet.
	 */
	if (renew_doubtful(p) && !peer_is_under_way(p) && !timer_is_set(&p->retry))
		timer_set(&e->timers, &p->retry, engine_now(e) + DOUBT_AGAIN_MS);
	mortal_end(p->connection->engine, &p->mortal);
}

/* ---- orders ---- */

void peer_end_order(struct peer *p, struct order *order, const char *error)
{
	const struct engine_ops *ops = &p->connection->engine->ops;

	TAILQ_REMOVE(&p->orders, order, of_peer);
	ops->done(ops->arg, order->ticket, error);
	free(order);
}

void peer_end_orders(struct peer *p, enum order_kind kind, const char *error)
{
	struct order *order, *next;

	for (order = TAILQ_FIRST(&p->orders); order; order = next) {
		next = TAILQ_NEXT(order, of_peer);
		if (order->kind == kind)
			peer_end_order(p, order, error);
	}
}

struct order *peer_add_order(struct peer *p, enum order_kind kind, uint64_t ticket)
{
	const struct engine_ops *ops = &p->connection->engine->ops;
	struct order *order = calloc(1, sizeof(*order));

	if (!order) {
		ops->done(ops->arg, ticket, "no memory");
		return NULL;
	}
	order->kind = kind;
	order->ticket = ticket;
	TAILQ_INSERT_TAIL(&p->orders, order, of_peer);
	return order;
}

/* ---- state, end ---- */

const char *peer_state(const struct peer *p)
{
	if (peer_child_up(p, NULL))
		return "up";
	if (has_living(p))
		return "connecting";
	return p->connection->config->start == START_TRAP && !p->address_gone ? "trap" : "down";
}

void peer_free(struct peer *p)
{
	struct timers *timers = &p->connection->engine->timers;
	struct ike_sa *sa;
	struct child *c;

	while ((c = TAILQ_FIRST(&p->children)))
		child_drop(c);
	while ((sa = TAILQ_FIRST(&p->sas)))
		ike_sa_free(sa);
	for (int kind = ORDER_UP; kind <= ORDER_REKEY; kind++)
		peer_end_orders(p, (enum order_kind)kind, "the connection is gone");
	timer_cancel(timers, &p->retry);
	timer_cancel(timers, &p->orphans);
	mortal_forget(p->connection->engine, &p->mortal);
	table_remove(&p->by_addresses);
	TAILQ_REMOVE(&p->connection->peers, p, of_connection);
	free(p);
}

void connection_free(struct connection *c)
{
	struct peer *p;

	while ((p = TAILQ_FIRST(&c->peers)))
		peer_free(p);
	connection_leave(c);
	mortal_forget(c->engine, &c->mortal);
	TAILQ_REMOVE(&c->engine->connections, c, of_engine);
	connection_config_free(c->config);
	free(c);
}
