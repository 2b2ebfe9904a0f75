/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is told as an event: each kind is a line here, which has its name, how much it matters (syslog(3)), and a number
 * by which journald knows it. People's scripts know the names and numbers: none changes.
 */
#ifndef LOADER_EVENTS_KINDS_H
#define LOADER_EVENTS_KINDS_H

#include <syslog.h>

enum kind_flag {
	KIND_OF_IKE = 1 << 0,	 /* IKE tells it */
	KIND_OF_OTHERS = 1 << 1, /* others can cause it at will: a remote host, or packets */
};

/* clang-format off */
#define EVENT_KINDS(X) \
	X(DAEMON_STARTED, "daemon_started", LOG_INFO, 0, "7dbecfdd3bdd4aaf99ae89e820a23de8") \
	X(DAEMON_STOPS, "daemon_stops", LOG_INFO, 0, "7c988fecafa946ff87f28a08e08cb027") \
	X(CONNECTION_UP, "connection_up", LOG_INFO, KIND_OF_IKE, "8551f54eba2f492f8d2af2f6e358a67d") \
	X(CONNECTION_DOWN, "connection_down", LOG_WARNING, KIND_OF_IKE, "df8e87d167284f27bc5632dc802a0567") \
	X(CONNECTION_FAILED, "connection_failed", LOG_WARNING, KIND_OF_IKE, "ec1e802d8fa646bfa4db9ae405c7aa0c") \
	X(CONNECTION_REFUSED, "connection_refused", LOG_WARNING, KIND_OF_IKE | KIND_OF_OTHERS, "d9f3034579c9441996474521f76e28ed") \
	X(CERTIFICATE_ENDS, "certificate_ends", LOG_WARNING, KIND_OF_IKE, "9d8ffe63e6644a3dbefcd2cb00907f49") \
	X(IKE_SA_MADE, "ike_sa_made", LOG_INFO, KIND_OF_IKE, "659217f7c6af4306aa4151fb225044b8") \
	X(IKE_SA_REKEYED, "ike_sa_rekeyed", LOG_INFO, KIND_OF_IKE, "eed73aa02fbe46bca37af15c482970bd") \
	X(IKE_SA_DELETED, "ike_sa_deleted", LOG_INFO, KIND_OF_IKE, "92cd3d577bbc4579b9a1374458c5c641") \
	X(CHILD_SA_MADE, "child_sa_made", LOG_INFO, KIND_OF_IKE, "71455b6515874e81b21443ffd53964af") \
	X(CHILD_SA_REKEYED, "child_sa_rekeyed", LOG_INFO, KIND_OF_IKE, "4a7ae8548e1346b5b4320b1469e7ba0b") \
	X(CHILD_SA_DELETED, "child_sa_deleted", LOG_INFO, KIND_OF_IKE, "fccff4bb70dc4484bbc9388b0fec4a2e") \
	X(INTERFACE_ATTACHED, "interface_attached", LOG_INFO, 0, "590468fd13314fda94ab5f9fa1dc39d5") \
	X(INTERFACE_DETACHED, "interface_detached", LOG_WARNING, 0, "d682b48df9034da6a7cd021f74d242b1") \
	X(INTERFACE_GONE, "interface_gone", LOG_WARNING, 0, "23c475fd0f284c589022b98570fda0fc") \
	X(INTERFACE_BACK, "interface_back", LOG_INFO, 0, "ea7252c2706d4d479b3a0a9c4155cf55") \
	X(GATE_CLOSED, "gate_closed", LOG_INFO, 0, "798494277793441196966a430942ea6e") \
	X(GATE_OPENED, "gate_opened", LOG_WARNING, 0, "ee49a129bca4447fad3bc0cb7a11fee3") \
	X(WORKER_STARTED, "worker_started", LOG_INFO, 0, "00c6adcfddaa4fe9b43cc51c668325a0") \
	X(WORKER_DIED, "worker_died", LOG_ERR, 0, "a8b5a9cc73c94e86866f554cf7fe4f04") \
	X(IKE_STARTED, "ike_started", LOG_INFO, 0, "3efac71867a548398e27bcd507ba27ba") \
	X(IKE_DIED, "ike_died", LOG_ERR, 0, "a47ab9f721ae4df9af97e2f38b2b6abb") \
	X(KEY_HOLDER_DIED, "key_holder_died", LOG_ERR, 0, "0fdd45458255436c935071576e3d055d") \
	X(ACQUIRE, "acquire", LOG_INFO, KIND_OF_OTHERS, "ecc68ff3a4d345beb0cdca298e7ba62c") \
	X(UNKNOWN_SPI, "unknown_spi", LOG_WARNING, KIND_OF_OTHERS, "a871e88df48b40529ec27a7a3fe6d8a7") \
	X(SA_SOFT_LIMIT, "sa_soft_limit", LOG_INFO, 0, "6802f7ab6959407f9a30dfa69b2c5c20") \
	X(SA_HARD_LIMIT, "sa_hard_limit", LOG_WARNING, 0, "70f2ad1ac18145c699a6b278eb93b681") \
	X(SA_SEQUENCE_SPENT, "sa_sequence_spent", LOG_WARNING, 0, "e6616b1007c44dbd80e267fe3cb7d8a3") \
	X(DROPS, "drops", LOG_WARNING, KIND_OF_OTHERS, "12d27b5294f44162a1de47ac49bc250b") \
	X(MONITOR_UP, "monitor_up", LOG_INFO, 0, "ab7db098c5a7464c8e648bce88d73afe") \
	X(MONITOR_DOWN, "monitor_down", LOG_WARNING, 0, "799685d8a5634bd7b68877368fcdf448") \
	X(RELOADED, "reloaded", LOG_INFO, 0, "194b9571e21545d6aaf1ed867a0cee6b") \
	X(RELOAD_REFUSED, "reload_refused", LOG_ERR, 0, "447891252e7d4f1f9082ddb45b1dfa11") \
	X(MISSED, "missed", LOG_WARNING, 0, "4adb5f2174834ab3806bb06371e5085b")
/* clang-format on */

enum event_kind {
#define X(id, name, priority, flags, number) KIND_##id,
	EVENT_KINDS(X)
#undef X
		KINDS,
};

struct kind {
	const char *name;
	int priority;
	unsigned flags; /* enum kind_flag */
	const char *number;
};

extern const struct kind kinds[KINDS];

/* The kind of that name; KINDS: there is none. name may be NULL. */
enum event_kind kind_find(const char *name);

#endif
