/* SPDX-License-Identifier: BSD-2-Clause */
#include "foreign_keys.h"

#include <stddef.h>

/* Nobody who writes these means what the nearest key of ours is. */

const struct foreign_word connection_foreign_keys[] = {
	/* who */
	{"left|localaddrs|localaddr|localip|localaddress|address|myaddr|src|source|from|saddr", "here it is 'local'"},
	{"right|remoteaddrs|remoteaddr|remoteip|remoteaddress|peer|peeraddr|gateway|host|dst|to|daddr",
	 "here it is 'remote'"},
	{"endpoint", "here it is 'remote', an address without a port: IKE is at UDP port 500"},
	{"leftid|localidentity|myid|myidentifier", "here it is 'local-id'"},
	{"rightid|remoteidentity|peerid|peersidentifier", "here it is 'remote-id'"},
	{"authby|leftauth|rightauth|authmethod|authenticationmethod", "here it is 'auth', for both ends: psk or cert"},
	{"psk|secret|password|passphrase|presharedkey|sharedkey",
	 "a secret stands in a file of its own, which is root's alone: 'psk-file = FILE', made by 'xdp-ipsec genkey "
	 "psk FILE'"},
	{"leftcert|certs|certificate|certfile", "here it is 'cert'"},
	{"privatekey|privkey|keyfile", "here it is 'key', the file of the certificate's private key, or 'psk-file'"},
	{"publickey|pubkey|pubkeys|leftrsasigkey|rightrsasigkey|leftsigkey|rightsigkey|rightcert",
	 "a peer is known by a secret ('psk-file') or by its certificate's CA and name ('ca', 'remote-id'), not by its "
	 "key"},
	{"cacert|cacerts|leftca|rightca|cafile", "here it is 'ca'"},
	{"crluri|crlfile|crls", "here it is 'crl', a file"},
	/* what */
	{"leftsubnet|rightsubnet|leftsubnets|rightsubnets|localts|remotets|allowedips|subnet|networks|sel|ts",
	 "it is transport mode, between 'local' and 'remote' themselves: leave it out, or say by 'protect' which "
	 "protocols and ports"},
	{"leftprotoport|rightprotoport|proto|protocol|port|ports|dport|sport|protoport",
	 "here it is 'protect', as tcp/179 or udp, for either end's port"},
	{"interface|interfaces|dev|device|nic|ifname", "a NIC has a section of its own: [interface NAME]"},
	{"dir|direction", "a connection protects both ways: leave it out"},
	{"action", "a connection always protects; what may be clear, or nothing at all, is a [policy]"},
	{"spi|reqid|enckey|authkey|keymat|tmpl",
	 "keys of a connection are IKE's; an SA by hand is no part of the file: 'xdp-ipsec help sa add'"},
	{"mtu", "the MTU is the NIC's: 'ip link set mtu'; TCP can be told by 'mss-clamp' in [interface NAME]"},
	{"name|conn", "its name stands in the section's: [connection NAME]"},
	{"description|comment", "what is for people begins with ';'"},
	{"also", "each connection has all its keys: there is nothing to take over from another"},
	{"enabled|disabled|enable|disable", "what is not to be is not in the file: ';' in front of its lines"},
	/* when */
	{"auto|startaction|startup|initiate",
	 "here it is 'start': trap (others call it route or ondemand), initiate (start) or respond (add, none)"},
	{"ikelifetime|ikelife|overtime", "here it is 'ike-rekey-time'"},
	{"keylife|salifetime|lifebytes|lifepackets|lifetimes|rekeymargin|margintime|rekeyfuzz|randtime|rekey",
	 "here it is 'rekey-time', 'rekey-bytes' and 'rekey-packets', and 'lifetime' for the end"},
	{"reauth", "here it is 'reauth-time', 0 for never"},
	{"dpddelay|dpd|keepalive|persistentkeepalive|dpdtimeout", "here it is 'dpd-interval'"},
	{"dpdaction|closeaction|dpdfailureaction",
	 "what comes of a dead peer is always the same: it is tried again, and nothing goes in clear: leave it out"},
	{"keyingtries|retransmittries|retransmittimeout", "it is tried until it is up: leave it out"},
	{"window", "here it is 'replay-window'"},
	/* what there is no choice of */
	{"type|encapsulationmode|ipsecmode", "here it is 'mode', and transport is all there is: leave it out"},
	{"keyexchange|version|ikeversion|ikev2|aggressive|exchangemode|ikev1", "IKEv2 is all there is: leave it out"},
	{"esp|espproposals|proposals|ahproposals|ah|phase1|phase2|phase2alg|ciphers|encryption|enc|algorithm|integ|"
	 "integrity|hash|prf|aead",
	 "there is nothing to choose: AES-256-GCM, HMAC-SHA2-384, group 20 (ecp384); docs/peers has the words for the "
	 "other side"},
	{"pfs|pfsgroup|group|dh|keyexchangegroup", "every rekey is by a key exchange of group 20: leave it out"},
	{"encap|encapsulation|forceencaps|nat|nattraversal|natkeepalive|udpencap|nattkeepalive",
	 "transport mode does not go through NAT, and ESP is never in UDP: leave it out"},
	{"mobike", "a connection is between two addresses, and MOBIKE is not offered: leave it out"},
	{"fragmentation|ikefrag", "IKE messages are fragmented where the peer does it, too: leave it out"},
	{"compress|ipcomp", "there is no IPComp: leave it out"},
	{"listenport", "IKE is at UDP port 500: leave it out"},
	{0},
};

const struct foreign_word interface_foreign_keys[] = {
	{"name|dev|device|ifname", "its name stands in the section's: [interface NAME]"},
	{"address|ip|ipaddress|addr", "addresses are the NIC's own, by 'ip addr'; a [connection] has 'local'"},
	{"mtu", "the MTU is the NIC's own: 'ip link set mtu'; TCP can be told by 'mss-clamp'"},
	{"privatekey|publickey|presharedkey|listenport",
	 "keys are a [connection]'s ('psk-file'), and IKE is at UDP port 500"},
	{"xdp|xdpmode|driver|flags", "here it is 'mode': auto, native or generic"},
	{"rss|flowsteering", "here it is 'steering'"},
	{"workers|threads|cores", "here it is 'lanes' in [daemon]"},
	{0},
};

const struct foreign_word policy_foreign_keys[] = {
	{"remote|peer|right|to|daddr|destination|network|subnet", "here it is 'dst'"},
	{"local|left|from|saddr|source", "here it is 'src', an address of this host"},
	{"protocol|protect", "here it is 'proto', with 'sport' and 'dport'"},
	{"port|ports", "here it is 'dport', the remote end's, or 'sport', this host's"},
	{"dir|direction", "a policy acts both ways, inbound mirrored: leave it out"},
	{"priority|order|index", "here it is 'prio'; the most specific policy decides anyway"},
	{"interface|dev|iface", "a policy is for every NIC: leave it out"},
	{"type|target|verdict|policy", "here it is 'action': protect, bypass or discard"},
	{"spi|tmpl|reqid|mode|level", "which SA it takes comes of the addresses: leave it out"},
	{0},
};

const struct foreign_word daemon_foreign_keys[] = {
	{"workers|threads|cores", "here it is 'lanes'"},
	{"affinity|cpu", "here it is 'cpus', with 'lanes'"},
	{"loglevel|verbose|debug|charondebug|plutodebug|level", "here it is 'log-level': warning, info or debug"},
	{"logfile|syslog|logto", "the log goes to standard error, which systemd puts into the journal"},
	{"pidfile|pid", "it is always /run/xdp-ipsec/INSTANCE/pid: leave it out"},
	{"user|group|chroot", "the worker and IKE give up root by themselves: leave it out"},
	{"listen|port|bind|interfaces|interface|dev",
	 "NICs are [interface NAME]; IKE is at UDP port 500 of each 'local'"},
	{"instance|name", "it is --instance NAME in front of every command, or XDP_IPSEC_INSTANCE"},
	{"daemonize|daemon|background|foreground|fork",
	 "'xdp-ipsec run' stays in the foreground, for systemd: leave it out"},
	{0},
};
