/* SPDX-License-Identifier: BSD-2-Clause */
#include "pin_watch.h"

#include <errno.h>
#include <string.h>

#include "closing.h"
#include "instance/pin_move.h"
#include "lib/log.h"

static const struct timeval PERIOD = {.tv_sec = 1};

/* Not where people have taken it down, or the kernel has none. The links of the one whose pins are gone are held until
 * there is another. */
static int renew_backstop(const struct pin_watch *w, struct fault *f)
{
	struct guard *g = w->guard;
	const char *dir = g->instance->bpf_dir;
	int err;

	if (!w->backstop || g->opened)
		return 0;
	if (backstop_is_up(dir)) {
		if (!backstop_is_held(&g->backstop))
			backstop_hold(&g->backstop, dir);
		return 0;
	}
	err = closing_put_backstop(dir, g->maps, g->config, f);
	if (err)
		return err;
	backstop_hold(&g->backstop, dir);
	log_warning("%s: somebody took the backstop's pins away; up again", g->instance->bpffs.shown);
	return 0;
}

static int follow(const struct guard *g, struct fault *f)
{
	const int moved = pins_move(g->instance, f);

	if (moved > 0)
		log_warning("%s: somebody unmounted the BPF file system, or mounted another over it: all that is "
			    "pinned is in the one that is there now",
			    g->instance->bpffs.shown);
	return moved < 0 ? moved : 0;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct pin_watch *w = arg;
	struct fault f;
	int err = guard_renew_pins(w->guard, &f);

	(void)fd;
	(void)what;
	if (!err)
		err = renew_backstop(w, &f);
	if (!err)
		err = follow(w->guard, &f);
	if (err && !w->told)
		log_warning("%s; tried again until it is put right", f.text);
	w->told = err;
}

int pin_watch_start(struct pin_watch *w, struct event_base *base, struct guard *guard, struct fault *f)
{
	int err = pins_hold(guard->instance, f);

	if (err)
		return err;
	*w = (struct pin_watch){.guard = guard, .backstop = backstop_is_up(guard->instance->bpf_dir)};
	backstop_hold(&guard->backstop, guard->instance->bpf_dir);
	w->timer = event_new(base, -1, EV_PERSIST, on_timer, w);
	if (w->timer && event_add(w->timer, &PERIOD) == 0)
		return 0;
	pin_watch_stop(w);
	return fault(f, ENOMEM, "pins: %s", strerror(ENOMEM));
}

/* What is pinned is to outlive this process. */
void pin_watch_stop(struct pin_watch *w)
{
	struct fault f;

	if (w->timer) {
		event_free(w->timer);
		if (follow(w->guard, &f))
			log_warning("%s: THE GATE OPENS WHEN THIS PROCESS ENDS", f.text);
	}
	if (w->guard)
		backstop_let_go(&w->guard->backstop);
	w->timer = NULL;
}
