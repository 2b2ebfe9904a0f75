/* SPDX-License-Identifier: BSD-2-Clause */
#include "foreign_commands.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lib/foreign_word.h"

static const struct foreign_word commands[] = {
	{"up|initiate|connect|load",
	 "'xdp-ipsec run' starts the daemon, 'xdp-ipsec connection initiate NAME' opens a connection"},
	{"down|terminate|disconnect",
	 "'xdp-ipsec connection terminate NAME' closes a connection; the daemon ends by SIGTERM, and its gate stays "
	 "closed until 'xdp-ipsec detach all'"},
	{"start|enable|daemon|serve|install", "'xdp-ipsec run', or 'systemctl start xdp-ipsec'"},
	{"stop|kill|quit|exit|disable", "'systemctl stop xdp-ipsec', or SIGTERM to 'xdp-ipsec run'; the gate stays "
					"closed until 'xdp-ipsec detach all'"},
	{"restart", "'systemctl restart xdp-ipsec'; 'xdp-ipsec reload' reads the file again, 'xdp-ipsec upgrade' takes "
		    "the program "
		    "that is installed now"},
	{"rekey", "'xdp-ipsec connection rekey NAME'"},
	{"update|rereadall|rereadsecrets|purge|loadall|loadconns|loadcreds|syncconf|setconf", "'xdp-ipsec reload'"},
	{"state|xfrm|spi", "'xdp-ipsec sa add', 'sa list' ..., and 'policy add', 'policy list' ..."},
	{"statusall|list|ls|show|listall|listsas|listconns|info|stats|statistics|counters|wg|sas|conns|connections",
	 "'xdp-ipsec status' shows all of it; 'sa list', 'policy list', 'connection list' a part"},
	{"add|set|del|delete|flush", "of what: 'xdp-ipsec sa add', 'policy add', 'sa del', 'sa flush' ..."},
	{"route|trap|get", "'xdp-ipsec explain SRC DST' tells what becomes of a packet; 'start = trap' is in the file"},
	{"conn|peer|tunnel", "'xdp-ipsec connection list', 'connection initiate NAME' ..."},
	{"rule|spd|filter|firewall", "'xdp-ipsec policy list', 'policy add' ..."},
	{"psk|secret|genpsk|keygen|newhostkey|pubkey", "'xdp-ipsec genkey psk FILE', or 'genkey manual FILE'"},
	{"ca|cert|certificate|x509|gencert|issue|listcerts",
	 "'xdp-ipsec pki ca', 'pki host NAME', 'pki show FILE' ..."},
	{"logs|debug|verbose|loglevel|journal",
	 "'xdp-ipsec log-level debug' logs more; 'xdp-ipsec events' tells what happens"},
	{"tcpdump|dump|sniff|record|pcap", "'xdp-ipsec capture | wireshark -k -i -', or 'capture -w FILE'"},
	{"ping|trace|traceroute|test|verify|diagnose",
	 "'xdp-ipsec check' looks what is missing, 'xdp-ipsec explain SRC DST' what becomes of a packet"},
	{"config|conf|edit|checkconfig|addconn|validate",
	 "the file is /etc/xdp-ipsec/xdp-ipsec.conf; 'xdp-ipsec check' reads it"},
	{"top|watch", "'xdp-ipsec monitor'"},
	{"version|v", "'xdp-ipsec -V'"},
	{"c|f|file", "it stands behind the command: 'xdp-ipsec run -c FILE'"},
	{"i|n|name|netns|instance",
	 "'xdp-ipsec --instance NAME COMMAND'; a namespace's is 'ip netns exec NAME xdp-ipsec ...'"},
	{0},
};

/* Behind every command. */
static const struct foreign_word arguments[] = {
	{"f|file|config|configfile|conf", "a file is '-c FILE'"},
	{"i|name|instance", "an instance is '--instance NAME'"},
	{"v|verbose|d|debug", "'xdp-ipsec log-level debug' logs more"},
	{0},
};

static const struct foreign_word sa_arguments[] = {
	{"from|saddr|source|left|local", "here it is 'src IP'"},
	{"to|daddr|destination|right|remote|peer", "here it is 'dst IP'"},
	{"key|enc|auth|aead|keymat|secret|psk|authtrunc|crypt",
	 "the key is in a file, never an argument, and the cipher is AES-256-GCM: 'key-file FILE', made by 'xdp-ipsec "
	 "genkey manual FILE'"},
	{"proto|protocol|ah|esp", "an SA is ESP's; what it carries alone is 'sel PROTO[/PORT]'"},
	{"mode|transport|tunnel", "transport mode is all there is: leave it out"},
	{"dir|direction|in|out", "this host's address as 'src' or 'dst' tells which way it is: leave it out"},
	{"reqid|mark|encap|flag|ifid|offload|output", "there is no such thing here: leave it out"},
	{"port|dport|sport", "here it is 'sel PROTO/PORT'"},
	{"window|replay", "here it is 'replay-window N'"},
	{"lifetime|limit", "an SA by hand has no limit but its sequence numbers: leave it out"},
	{0},
};

static const struct foreign_word policy_arguments[] = {
	{"from|saddr|source|left|local", "here it is 'src IP', an address of this host"},
	{"to|daddr|destination|right|remote|peer", "here it is 'dst PREFIX', the other end"},
	{"dir|direction|in|out|fwd", "a policy acts both ways, inbound mirrored: leave it out"},
	{"tmpl|reqid|spi|mode|esp|mark|level", "which SA it takes comes of the addresses: leave it out"},
	{"port|ports", "here it is 'dport N', the remote end's, or 'sport N', this host's"},
	{"priority|index|pref", "here it is 'prio N'"},
	{"protocol", "here it is 'proto P'"},
	{"allow|accept|pass|none", "here it is 'action bypass'"},
	{"block|drop|deny|reject", "here it is 'action discard'"},
	{"ipsec|encrypt|require", "here it is 'action protect'"},
	{"dev|iface|interface", "a policy is for every NIC: leave it out"},
	{0},
};

/* tcpdump's and tshark's. */
static const struct foreign_word capture_arguments[] = {
	{"i|interface|dev|any", "it is of all NICs of the instance: leave it out; 'clear' or 'esp' is one side of the "
				"cipher, and a filter picks hosts and ports"},
	{"o|output|out|file|f", "where to is '-w FILE'"},
	{"n|nn|v|vv|e|x|xx|a|s|l|u|p|t|q", "it writes packets and shows none: 'xdp-ipsec capture | tcpdump -n -r -'"},
	{"c|g|duration|count", "it goes on until Ctrl-C: 'timeout 10 xdp-ipsec capture -w FILE'"},
	{"r|read", "what was captured is read by 'tcpdump -r FILE', tshark or wireshark"},
	{0},
};

const char *foreign_command(const char *typed)
{
	char first[64];

	snprintf(first, sizeof(first), "%.*s", (int)strcspn(typed, " "), typed);
	return foreign_word_answer(commands, first);
}

const char *foreign_argument(const char *command, const char *typed)
{
	const char *answer = NULL;

	if (strncmp(command, "sa ", 3) == 0)
		answer = foreign_word_answer(sa_arguments, typed);
	else if (strncmp(command, "policy ", 7) == 0)
		answer = foreign_word_answer(policy_arguments, typed);
	else if (strcmp(command, "capture") == 0)
		answer = foreign_word_answer(capture_arguments, typed);
	return answer ? answer : foreign_word_answer(arguments, typed);
}
