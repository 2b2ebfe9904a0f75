/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who may speak IKE in clear: this host's daemon, by its own two sockets, and who speaks to them. Everybody else's UDP
 * of these ports is UDP. That there is a connection for the two is policy.h's to ask.
 */
#ifndef BPF_IKE_H
#define BPF_IKE_H

#include "cfg.h"
#include "parse.h"

/* cookie: of the socket that sends, 0 if there is none, as of what is forwarded. */
static __always_inline bool is_daemons_socket(__u64 cookie)
{
	__u32 only = 0;
	const struct ike_cookies *s = bpf_map_lookup_elem(&ike_sockets, &only);

	return cookie && s && (cookie == s->cookies[0] || cookie == s->cookies[1]);
}

static __always_inline bool is_ike_outbound(struct __sk_buff *skb, const struct packet *p)
{
	return is_ike(p, p->sport) && is_daemons_socket(bpf_get_socket_cookie(skb));
}

static __always_inline bool is_ike_inbound(const struct packet *p)
{
	return is_ike(p, p->dport);
}

#endif
