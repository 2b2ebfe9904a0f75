/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xdp-ipsec, the command: words on the command line -> the supervisor, either
 * this process ('run') or another one asked over its control socket -> maps,
 * programs, processes. The tables below are the command line's grammar.
 */
#include "command/cli.h"
#include "command/commands.h"
#include "command/complete.h"
#include "config/config_file.h"
#include "monitor/monitor_command.h"

#define REQUIRED   WORD_REQUIRED
#define POSITIONAL WORD_POSITIONAL

static const struct word run_words[] = {
	{"-c", "FILE", "configuration, instead of " CONFIG_DEFAULT_PATH, 0},
	{"detach-on-exit", NULL, "open the gate at the end: what is protected then goes in clear", WORD_ALONE},
	{0},
};

static const struct word gate_words[] = {
	{"-c", "FILE", "configuration, instead of " CONFIG_DEFAULT_PATH, 0},
	{0},
};

static const struct word check_words[] = {
	{"-c", "FILE", "configuration, instead of " CONFIG_DEFAULT_PATH, 0},
	{0},
};

static const struct word attach_words[] = {
	{"dev", "DEV", "the interface", REQUIRED | POSITIONAL},
	{"mode", "auto|native|generic", "XDP in the driver, in the stack, or whichever works (auto)", 0},
	{"queues", "N|all", "receive queues to serve (all)", 0},
	{0},
};

static const struct word detach_words[] = {
	{"dev", "DEV|all", "the interface, or all of them and the backstop", REQUIRED | POSITIONAL},
	{0},
};

static const struct word sa_add_words[] = {
	{"src", "IP", "sender; this host's address makes the SA outbound", REQUIRED},
	{"dst", "IP", "receiver; this host's address makes the SA inbound", REQUIRED},
	{"spi", "N", "256 to 0xffffffff", REQUIRED},
	{"key-file", "FILE|-", "72 hex digits, 32-byte key and 4-byte salt; readable by its owner only", REQUIRED},
	{"dev", "DEV", "taken on this interface only", 0},
	{"esn", "on|off", "extended sequence numbers (on)", 0},
	{"replay-window", "N", "64 to 8192 packets (1024)", 0},
	{"seq", "N", "last sequence number sent, or highest received (0)", 0},
	{"sel", "PROTO[/PORT]", "carries only this; PORT, or a range A-B, is either end's", 0},
	{0},
};

static const struct word status_words[] = {
	{"quick", NULL, "without rates, which take a quarter of a second to measure", WORD_ALONE},
	{0},
};

static const struct word sa_show_words[] = {
	{"spi", "N", "which; without it all are listed", 0},
	{0},
};

static const struct word sa_del_words[] = {
	{"spi", "N", "which", REQUIRED},
	{"dst", "IP", "and its receiver", REQUIRED},
	{0},
};

/* clang-format off */
#define POLICY_SELECTOR \
	{"dst", "PREFIX", "remote addresses; the longest prefix decides", REQUIRED}, \
	{"src", "IP", "this host's address (any)", 0}, \
	{"proto", "P|icmp/TYPE", "protocol, name or number (any)", 0}, \
	{"sport", "N|A-B", "this host's port (any)", 0}, \
	{"dport", "N|A-B", "the remote port (any)", 0}, \
	{"prio", "N", "lower goes first among equally specific ones (0)", 0}
/* clang-format on */

static const struct word policy_add_words[] = {
	POLICY_SELECTOR,
	{"action", "protect|bypass|discard", "what is done with it; inbound, the same mirrored", REQUIRED},
	{0},
};

static const struct word policy_del_words[] = {
	POLICY_SELECTOR,
	{"action", "protect|bypass|discard", "may be given, as in 'policy add'", 0},
	{0},
};

static const struct word connection_words[] = {
	{"name", "NAME", "as in [connection NAME]", REQUIRED | POSITIONAL},
	{"remote", "IP", "which peer of a mesh", 0},
	{0},
};

static const struct word connection_rekey_words[] = {
	{"name", "NAME", "as in [connection NAME]", REQUIRED | POSITIONAL},
	{"what", "child|ike", "the ESP SAs (child), or the IKE SA", POSITIONAL},
	{"remote", "IP", "which peer of a mesh", 0},
	{0},
};

static const struct word capture_words[] = {
	{"-w", "FILE|-", "where to; without it to stdout, which is to be a pipe", 0},
	{"clear", NULL, "only what is in ESP, or was to be", WORD_ALONE},
	{"esp", NULL, "only ESP", WORD_ALONE},
	{"both", NULL, "the default", WORD_ALONE},
	{"spi", "N", "only what that SA carries", 0},
	{"drops", NULL, "only what is dropped", WORD_ALONE},
	{"filter", "FILTER", "in pcap's words (pcap-filter(7)), behind all others", POSITIONAL | WORD_REST},
	{0},
};

static const struct word log_level_words[] = {
	{"level", "warning|info|debug", "how much is logged from now on; without it, how much is", POSITIONAL},
	{0},
};

static const struct word keylog_words[] = {
	{"file", "FILE", "where to; a directory gets Wireshark's two tables by their names", REQUIRED | POSITIONAL},
	{0},
};

static const struct word genkey_words[] = {
	{"kind", "psk|manual", "a connection's PSK, or the key and salt of an SA by hand", REQUIRED | POSITIONAL},
	{"file", "FILE|-", "a new file, for its owner alone; without it to stdout, which is to be a pipe", POSITIONAL},
	{0},
};

/* clang-format off */
#define PKI_DIRECTORY \
	{"dir", "DIR", "where the CA is (.)", POSITIONAL}
/* clang-format on */

static const struct word pki_ca_words[] = {
	{"dir", "DIR", "where to, made if it is not there (.)", POSITIONAL},
	{"name", "NAME", "of the CA (one that no other has)", 0},
	{"days", "N", "how long it is valid (3650)", 0},
	{0},
};

static const struct word pki_host_words[] = {
	{"names", "NAME[,NAME...]", "its host name, IPv4 address or email address, and others", REQUIRED | POSITIONAL},
	PKI_DIRECTORY,
	{"days", "N", "how long it is valid (365)", 0},
	{0},
};

static const struct word pki_revoke_words[] = {
	{"cert", "CERT", "the certificate's file", REQUIRED | POSITIONAL},
	PKI_DIRECTORY,
	{"days", "N", "how long the CRL is good (365)", 0},
	{0},
};

static const struct word pki_crl_words[] = {
	PKI_DIRECTORY,
	{"days", "N", "how long it is good (365)", 0},
	{0},
};

static const struct word pki_show_words[] = {
	{"file", "FILE", "a certificate or a CRL", REQUIRED | POSITIONAL},
	{0},
};

static const struct word explain_words[] = {
	{"src", "SRC", "the packet's source", REQUIRED | POSITIONAL},
	{"dst", "DST", "its destination", REQUIRED | POSITIONAL},
	{"proto", "PROTO", "its protocol, name or number (icmp)", POSITIONAL},
	{"port", "PORT", "its destination port, or ICMP's type (one that no server has; echo-request)", POSITIONAL},
	{"sport", "N", "its source port", 0},
	{"dev", "DEV", "it leaves or comes in by this interface (by the routes)", 0},
	{"spi", "N", "the ESP that it comes in as has this SPI (of the newest SA for it)", 0},
	{0},
};

static const struct word metrics_words[] = {
	{"listen", "ADDR:PORT", "serve it by HTTP, in the foreground, as /metrics", 0},
	{"textfile", "PATH", "into this file, for node_exporter; it is replaced as a whole", 0},
	{"peers", NULL, "each peer of a mesh by itself", WORD_ALONE},
	{"sas", NULL, "series of each SA, too, which live and die with it", WORD_ALONE},
	{0},
};

static const struct command commands[] = {
	{"run", "attach, make the maps, start the worker and stay in the foreground", run_words, run_command},
	{"gate", "close the gate for what the file protects, and end: 'run' opens it to SAs", gate_words, gate_command},
	{"check", "say what 'run' would do, and what keeps it from working", check_words, check_command},
	{"reload", "have the daemon read its file again, and say what changed and what failed", NULL, reload_command},
	{"upgrade", "have the daemon become the program that is installed now; no packet is lost", NULL, upgrade_command},
	{"attach", "attach an interface to the running daemon", attach_words, attach_command},
	{"detach", "take an interface off, which opens its gate", detach_words, detach_command},
	{"sa add", "add an SA; one is needed each way", sa_add_words, sa_add_command},
	{"sa list", "list the SAs", NULL, sa_list_command},
	{"sa show", "show everything about an SA but its key", sa_show_words, sa_show_command},
	{"sa del", "delete an SA", sa_del_words, sa_del_command},
	{"sa flush", "delete all SAs added by hand", NULL, sa_flush_command},
	{"policy add", "say what is to be protected, let by or discarded", policy_add_words, policy_add_command},
	{"policy replace", "the same, in place of the policy with this selector if there is one", policy_add_words,
	 policy_add_command},
	{"policy list", "list the policies in their order", NULL, policy_list_command},
	{"policy del", "delete a policy", policy_del_words, policy_del_command},
	{"policy flush", "delete all policies added by hand", NULL, policy_flush_command},
	{"connection list", "list the connections and their SAs", NULL, connection_list_command},
	{"connection initiate", "open a connection, and wait until it is up", connection_words,
	 connection_order_command},
	{"connection terminate", "take a connection down, and wait until it is", connection_words,
	 connection_order_command},
	{"connection rekey", "give a connection new keys, and wait for them", connection_rekey_words,
	 connection_rekey_command},
	{"capture", "write packets in clear and in ESP for Wireshark (pcapng), with what became of each", capture_words,
	 capture_command},
	{"keylog", "copy the keys of IKE and ESP for Wireshark, where the file says keylog = yes", keylog_words,
	 keylog_command},
	{"genkey", "make a key out of the kernel's random numbers", genkey_words, genkey_command},
	{"pki ca", "make a CA for hosts", pki_ca_words, pki_ca_command},
	{"pki host", "make a host's key and certificate, and show what its file needs", pki_host_words,
	 pki_host_command},
	{"pki revoke", "revoke a host's certificate: the CRL that says so goes to every host", pki_revoke_words,
	 pki_revoke_command},
	{"pki crl", "make the CA's CRL anew, before it is out of date", pki_crl_words, pki_crl_command},
	{"pki show", "show what is in a certificate or a CRL", pki_show_words, pki_show_command},
	{"log-level", "show how much the daemon logs, or change it", log_level_words, log_level_command},
	{"events", "one line for each thing as it happens", NULL, events_command},
	{"explain", "what would happen to a packet, step by step", explain_words, explain_command},
	{"metrics", "what Prometheus collects of the status", metrics_words, metrics_command},
	{"status", "connections, interfaces, SAs, and what was dropped why", status_words, status_command},
	{"monitor", "the same live, on the whole screen: rates, drops, events", NULL, monitor_command},
	{0},
};

int main(int argc, char **argv)
{
	return complete_asked(commands, argc, argv) ? 0 : cli_run(commands, argc, argv);
}
