/* SPDX-License-Identifier: BSD-2-Clause */
#include "hook_watch.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "gates.h"
#include "lib/log.h"
#include "nic_hooks.h"

/* tcx tells nobody of what comes in front: this is how long it may stay there. A turn is ten system calls a NIC. */
static const struct timeval PERIOD = {.tv_sec = 1};
/* Who deletes as fast as we put back has a whole CPU of ours otherwise; the backstop holds until the next turn. */
#define LOOKS_A_TURN 100

#define SECOND_NS 1000000000ULL
/* Who goes on is told of after 1, 2, 4 ... seconds, and at least every hour; a minute of peace makes that 1 again. */
#define PAUSE_MAX_NS (3600 * SECOND_NS)
#define PEACE_NS     (60 * SECOND_NS)

/* ---- saying ---- */

/* Whether it may be said now. */
static bool is_time(struct hook_tale *t)
{
	const uint64_t now = clock_now();

	t->untold++;
	if (now < t->next_ns)
		return false;
	if (now > t->next_ns + PEACE_NS)
		t->pause_ns = 0;
	t->pause_ns = t->pause_ns ? t->pause_ns * 2 : SECOND_NS;
	if (t->pause_ns > PAUSE_MAX_NS)
		t->pause_ns = PAUSE_MAX_NS;
	t->next_ns = now + t->pause_ns;
	return true;
}

static void tell(struct hook_tale *t, const char *dev, const struct nic_hook *hook, const char *outcome)
{
	char what[NIC_HOOK_TEXT];

	if (!is_time(t))
		return;
	nic_hook_text(hook, what);
	if (t->untold > 1)
		log_warning("%s: %s; %s (%u times since this was last said)", dev, what, outcome, t->untold);
	else
		log_warning("%s: %s; %s", dev, what, outcome);
	t->untold = 0;
}

/* ---- looking ---- */

/* Without its program, or with somebody else's, it is no gate; behind another it is what that one leaves of it. */
static void mark(struct nics *nics, const struct nic *nic, bool closed)
{
	gates_trust(nics->maps, (uint32_t)nic->dev.ifindex, closed);
}

static void put_right(struct hook_watch *w, struct nic *nic, const struct nic_hook *hook, struct hook_tale *t)
{
	struct fault f;

	if (nic_hook_put_right(w->nics, nic, hook, &f) == 0) {
		tell(t, nic->config.name, hook, "put right again");
		t->wrong = false;
		return;
	}
	t->wrong = true;
	tell(t, nic->config.name, hook, f.text);
}

static void look_closer(struct hook_watch *w, struct nic *nic)
{
	struct hook_tale *tales = w->tales[nic - w->nics->nic];
	bool trusted = true;

	for (unsigned i = 0; i < WATCHED_HOOKS; i++) {
		struct nic_hook hook;

		if (!nic_hook_find(w->nics, nic, i, &hook))
			continue;
		if (hook.finding.state != HOOK_FIRST)
			put_right(w, nic, &hook, &tales[i]);
		else
			tales[i].wrong = false;
		trusted &= !tales[i].wrong || !nic_hook_is_needed(&hook);
	}
	mark(w->nics, nic, trusted);
}

static void look_at(struct hook_watch *w, struct nic *nic)
{
	if (nic_is_another(w->nics, nic))
		w->on_lost(w->arg, nic);
	else if (nic_is_requeued(nic))
		w->on_requeued(w->arg, nic);
	if (nic->present)
		look_closer(w, nic);
}

static void look(struct hook_watch *w)
{
	for (unsigned i = 0; i < PORTS_MAX; i++)
		if (w->nics->nic[i].used && w->nics->nic[i].present)
			look_at(w, &w->nics->nic[i]);
}

/* ---- when ---- */

static bool is_ours(const struct hook_watch *w, int ifindex)
{
	for (unsigned i = 0; i < PORTS_MAX; i++) {
		const struct nic *nic = &w->nics->nic[i];

		if (nic->used && nic->present && (nic->dev.ifindex == ifindex || nic->tap.ifindex == ifindex))
			return true;
	}
	return false;
}

struct heard {
	const struct hook_watch *watch;
	bool ours;
};

static int on_message(const struct nlmsghdr *message, void *arg)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(message);
	struct heard *heard = arg;

	if (mnl_nlmsg_get_payload_len(message) >= sizeof(*tc))
		heard->ours |= is_ours(heard->watch, tc->tcm_ifindex);
	return MNL_CB_OK;
}

/* What the message says does not matter, only of which interface: what is there is looked at anyway. */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct hook_watch *w = arg;
	struct heard heard = {.watch = w};

	(void)fd;
	(void)what;
	if (netlink_watch_read(&w->netlink, on_message, &heard))
		heard.ours = true;
	if (heard.ours && w->looks++ < LOOKS_A_TURN)
		look(w);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct hook_watch *w = arg;

	(void)fd;
	(void)what;
	w->looks = 0;
	look(w);
}

int hook_watch_start(struct hook_watch *w, struct event_base *base, struct fault *f)
{
	int err = netlink_watch_start(&w->netlink, base, RTMGRP_TC, "tc", on_readable, w, f);

	if (err)
		return err;
	w->timer = event_new(base, -1, EV_PERSIST, on_timer, w);
	if (w->timer && event_add(w->timer, &PERIOD) == 0)
		return 0;
	hook_watch_stop(w);
	return fault(f, ENOMEM, "tc: %s", strerror(ENOMEM));
}

void hook_watch_stop(struct hook_watch *w)
{
	netlink_watch_stop(&w->netlink);
	if (w->timer)
		event_free(w->timer);
	w->timer = NULL;
}
