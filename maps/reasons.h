/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every way a packet can end, once: a line yields the enum, the name in status
 * and metrics, and the texts for people. No drop without a reason.
 *
 *   X(NAME, name, kind, text, hint)     kind: DROP, or PASS for what is only counted; hint: of a drop, what it mostly
 *                                       comes of, or what to do about it
 */
#ifndef MAPS_REASONS_H
#define MAPS_REASONS_H

#define FOR_EACH_REASON(X) \
	X(OPENED, opened, PASS, "ESP opened and handed to the host", "") \
	X(SEALED, sealed, PASS, "ESP sealed and put on the wire", "") \
	X(BYPASS, bypass, PASS, "a policy lets it by in clear", "") \
	X(IKE, ike, PASS, "IKE, which protects itself", "") \
	X(ESP_PASSED, esp_passed, PASS, "ESP of an unknown SPI, left to the kernel", "") \
	X(GRE_SENT, gre_sent, PASS, "multicast or broadcast put into GRE for a peer", "") \
	X(GRE_RECEIVED, gre_received, PASS, "multicast or broadcast that came in GRE", "") \
	X(PATH_MTU, path_mtu, PASS, "a router's word on ESP of an SA that was too big: it lowers the SA's path MTU", \
	  "") \
	X(ICMP_IGNORED, icmp_ignored, DROP, "a word on ESP that fits no SA or is not to be believed, or on IKE, which needs none", \
	  "harmless in small numbers; many at once are forged") \
	X(NO_SA, no_sa, DROP, "no SA for this SPI, or none yet for what a policy protects", \
	  "out: the connection is not up: 'xdp-ipsec connection list' says why; by hand, 'sa add' has made none; in: " \
	  "the peer has SAs that are gone here") \
	X(NO_POLICY, no_policy, DROP, "reached the worker without a policy that sent it", \
	  "a fault of this program, or policies changed this moment") \
	X(CLEARTEXT_PROTECTED, cleartext_protected, DROP, "came in clear though a policy protects it", \
	  "the peer sends in clear: its end is not up, or protects less than this one") \
	X(POLICY_MISMATCH, policy_mismatch, DROP, "came out of an SA though a policy bypasses or discards it", \
	  "the peer protects more than this end: compare 'policy list' here with what is protected there") \
	X(ICMP_FORGED, icmp_forged, DROP, \
	  "an ICMP error, in clear or of another peer, that quotes what a policy protects", \
	  "in: somebody on the way, or nearer, sends forged errors; out: protect ICMP with the peer, too") \
	X(VLAN_STACK, vlan_stack, DROP, "tagged more often than is looked behind", \
	  "only two tags are looked behind: terminate the outer ones before this NIC") \
	X(BACKSTOP_OUT, backstop_out, DROP, \
	  "left by an interface without our gate or a route that encapsulates, and a policy protects or discards it", \
	  "before 'run' has attached its interfaces: as it should be; later: a route leads by another interface: " \
	  "attach " \
	  "it, or set the route right") \
	X(BACKSTOP_IN, backstop_in, DROP, \
	  "came in by an interface without our gate or out of IPv6, and a policy protects or discards it", \
	  "before 'run' has attached its interfaces: as it should be; later: attach the one that the peer's packets " \
	  "come " \
	  "in by") \
	X(DISCARD, discard, DROP, "a policy discards it", "as told: 'xdp-ipsec policy list'") \
	X(REPLAY, replay, DROP, "sequence number seen before, or behind the window", \
	  "a few: reordered on the way, raise replay-window; all: the peer has begun its SA anew with the same key: " \
	  "take new keys") \
	X(AUTH_FAILED, auth_failed, DROP, "ICV wrong: forged, damaged, or another key", \
	  "all of an SA: the keys differ; some: damaged on the way, or forged") \
	X(MALFORMED, malformed, DROP, "not a well-formed packet", "a broken sender, or an attacker") \
	X(SELECTOR_MISMATCH, selector_mismatch, DROP, "inner packet is not what the SA is for", \
	  "the peer sends by the wrong SA: compare 'protect' and its traffic selectors") \
	X(SEQ_OVERFLOW, seq_overflow, DROP, "the SA has no sequence number left", \
	  "rekey, or add a new SA by hand; esn = yes makes it rare") \
	X(LIFETIME_EXPIRED, lifetime_expired, DROP, "the SA is past its hard limit", \
	  "the rekey did not come: 'xdp-ipsec connection list' says why") \
	X(NO_WORKER, no_worker, DROP, "the worker is not running", \
	  "it is starting, or has died: the log says why; or ESP came on a queue that is not served") \
	X(TOO_BIG, too_big, DROP, "does not fit the MTU with ESP around it", \
	  "the sender has been told by ICMP; where that is lost, set mss-clamp or a smaller MTU") \
	X(FRAG_TIMEOUT, frag_timeout, DROP, "a fragment whose datagram was not complete in time", \
	  "fragments are lost on the way: lower the MTU of the peer, or path MTU discovery fails") \
	X(FRAG_OVERLAP, frag_overlap, DROP, \
	  "a fragment at odds with others of its datagram, or that may be another's", \
	  "a broken sender, or an attacker; out: also two sockets' datagrams with one ID: smaller ones leave whole") \
	X(FRAG_INVALID, frag_invalid, DROP, "a fragment that no datagram can have", "a broken sender, or an attacker") \
	X(FRAG_FULL, frag_full, DROP, "a fragment whose datagram made room for newer ones", \
	  "too many datagrams in fragments at once: lower the MTU of the peer, so that it sends whole packets") \
	X(NESTED_ESP, nested_esp, DROP, "ESP inside ESP", \
	  "another IPsec runs over this one: exclude it by a bypass policy") \
	X(GRE_REFUSED, gre_refused, DROP, "GRE for or of a peer that is not as 'gre = yes' has it", \
	  "set gre = yes at both ends") \
	X(GRE_LOOP, gre_loop, DROP, "came out of GRE, or in by this NIC, and would go into GRE again", \
	  "a multicast router or bridge sends back what came in") \
	X(DUMMY, dummy, DROP, "a dummy packet of the peer (next header 59)", "harmless: the peer pads its traffic") \
	X(RX_FULL, rx_full, DROP, "came faster than the worker could take it", \
	  "more lanes or CPUs: 'lanes' in the file; or a larger ring of the NIC (ethtool -G)") \
	X(TX_FULL, tx_full, DROP, "the NIC's transmit ring had no room", \
	  "the NIC or the link is at its limit, or its ring is small (ethtool -G)") \
	X(HOST_FULL, host_full, DROP, "the host did not take the opened packet", \
	  "the host is slower than the peer: more CPU, or flow control above") \
	X(PARKED, parked, PASS, "came before its key, and was held for that", "") \
	X(TAP_FULL, tap_full, DROP, "the host sent faster than the worker could take it", \
	  "more lanes or CPUs: 'lanes' in the file; or what sends is to send less at once")

enum reason {
#define REASON_ENUM(NAME, name, kind, text, hint) REASON_##NAME,
	FOR_EACH_REASON(REASON_ENUM)
#undef REASON_ENUM
		REASON_COUNT,
};

/* Room in struct counts for reasons to come. */
#define REASONS_MAX 40
_Static_assert(REASON_COUNT <= REASONS_MAX, "struct counts has no room for another reason");

#endif
