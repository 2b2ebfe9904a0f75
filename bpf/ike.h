/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whether a packet may be IKE, which goes in clear: outbound it is from one of the daemon's own two sockets, inbound it
 * is to their ports, while there is a daemon: another process may have the ports afterwards. Any other process's UDP
 * from these ports is UDP. Whether a connection is for the two hosts is policy.h's question.
 */
#ifndef BPF_IKE_H
#define BPF_IKE_H

#include "cfg.h"
#include "parse.h"

/* Whether a socket is the IKE daemon's. cookie: the socket's SO_COOKIE; 0 of a packet that is forwarded, which has
 * none. */
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
	__u32 only = 0;

	return is_ike(p, p->dport) && bpf_map_lookup_elem(&ike_alive, &only);
}

#endif
