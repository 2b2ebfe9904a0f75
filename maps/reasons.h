/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every way a packet can end, once: a line yields the enum, the name in status
 * and metrics, and the text for people. No drop without a reason.
 *
 *   X(NAME, name, kind, text)     kind: DROP, or PASS for what is only counted
 */
#ifndef MAPS_REASONS_H
#define MAPS_REASONS_H

#define FOR_EACH_REASON(X) \
	X(OPENED, opened, PASS, "ESP opened and handed to the host") \
	X(SEALED, sealed, PASS, "ESP sealed and put on the wire") \
	X(BYPASS, bypass, PASS, "a policy lets it by in clear") \
	X(IKE, ike, PASS, "IKE, which protects itself") \
	X(ESP_PASSED, esp_passed, PASS, "ESP of an unknown SPI, left to the kernel") \
	X(GRE_SENT, gre_sent, PASS, "multicast or broadcast put into GRE for a peer") \
	X(GRE_RECEIVED, gre_received, PASS, "multicast or broadcast that came in GRE") \
	X(PATH_MTU, path_mtu, PASS, "a router's word on ESP of an SA that was too big: it lowers the SA's path MTU") \
	X(ICMP_IGNORED, icmp_ignored, DROP, "a router's word on ESP that fits no SA or is not to be believed") \
	X(NO_SA, no_sa, DROP, "no SA for this SPI, or none yet for what a policy protects") \
	X(NO_POLICY, no_policy, DROP, "reached the worker without a policy that sent it") \
	X(CLEARTEXT_PROTECTED, cleartext_protected, DROP, "came in clear though a policy protects it") \
	X(POLICY_MISMATCH, policy_mismatch, DROP, "came out of an SA though a policy bypasses or discards it") \
	X(ICMP_FORGED, icmp_forged, DROP, "an ICMP error in clear about what nobody has seen in clear") \
	X(VLAN_STACK, vlan_stack, DROP, "tagged more often than is looked behind") \
	X(BACKSTOP_OUT, backstop_out, DROP, \
	  "left by an interface without our gate or a route that encapsulates, and a policy protects or discards it") \
	X(BACKSTOP_IN, backstop_in, DROP, \
	  "came in by an interface without our gate or out of IPv6, and a policy protects or discards it") \
	X(DISCARD, discard, DROP, "a policy discards it") \
	X(REPLAY, replay, DROP, "sequence number seen before, or behind the window") \
	X(AUTH_FAILED, auth_failed, DROP, "ICV wrong: forged, damaged, or another key") \
	X(MALFORMED, malformed, DROP, "not a well-formed packet") \
	X(SELECTOR_MISMATCH, selector_mismatch, DROP, "inner packet is not what the SA is for") \
	X(SEQ_OVERFLOW, seq_overflow, DROP, "the SA has no sequence number left") \
	X(LIFETIME_EXPIRED, lifetime_expired, DROP, "the SA is past its hard limit") \
	X(NO_WORKER, no_worker, DROP, "the worker is not running") \
	X(TOO_BIG, too_big, DROP, "does not fit the MTU with ESP around it") \
	X(FRAG_TIMEOUT, frag_timeout, DROP, "a fragment whose datagram was not complete in time") \
	X(FRAG_OVERLAP, frag_overlap, DROP, "a fragment at odds with others of its datagram") \
	X(FRAG_INVALID, frag_invalid, DROP, "a fragment that no datagram can have") \
	X(FRAG_FULL, frag_full, DROP, "a fragment whose datagram made room for newer ones") \
	X(NESTED_ESP, nested_esp, DROP, "ESP inside ESP") \
	X(GRE_REFUSED, gre_refused, DROP, "GRE for or of a peer that is not as 'gre = yes' has it") \
	X(GRE_LOOP, gre_loop, DROP, "came out of GRE, or in by this NIC, and would go into GRE again") \
	X(DUMMY, dummy, DROP, "a dummy packet of the peer (next header 59)") \
	X(RX_FULL, rx_full, DROP, "came faster than the worker could take it") \
	X(TX_FULL, tx_full, DROP, "the NIC's transmit ring had no room") \
	X(HOST_FULL, host_full, DROP, "the host did not take the opened packet") \
	X(PARKED, parked, PASS, "came before its key, and was held for that")

enum reason {
#define REASON_ENUM(NAME, name, kind, text) REASON_##NAME,
	FOR_EACH_REASON(REASON_ENUM)
#undef REASON_ENUM
		REASON_COUNT,
};

/* Room in struct counts for reasons to come. */
#define REASONS_MAX 40
_Static_assert(REASON_COUNT <= REASONS_MAX, "struct counts has no room for another reason");

#endif
