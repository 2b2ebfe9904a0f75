/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libpcap is loaded when somebody gives a filter: it brings nine libraries more, which the daemon, the same program,
 * should not have in it, and which cost every other command two milliseconds.
 */
#include "packet_filter.h"

#include <dlfcn.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

struct libpcap {
	void *handle;
	__typeof__(pcap_open_dead) *open_dead;
	__typeof__(pcap_compile) *compile;
	__typeof__(pcap_geterr) *geterr;
	__typeof__(pcap_offline_filter) *offline_filter;
	__typeof__(pcap_freecode) *freecode;
	__typeof__(pcap_close) *close;
};

struct packet_filter {
	struct libpcap lib;
	pcap_t *pcap;
	struct bpf_program program;
	bool compiled;
};

static bool find(const struct libpcap *lib, const char *name, void *function)
{
	void *found = dlsym(lib->handle, name);

	memcpy(function, &found, sizeof(found));
	return found;
}

static int load(struct libpcap *lib, struct fault *f)
{
	/* Debian's name, and everybody else's. */
	lib->handle = dlopen("libpcap.so.0.8", RTLD_NOW | RTLD_LOCAL);
	if (!lib->handle)
		lib->handle = dlopen("libpcap.so.1", RTLD_NOW | RTLD_LOCAL);
	if (lib->handle && find(lib, "pcap_open_dead", &lib->open_dead) && find(lib, "pcap_compile", &lib->compile) &&
	    find(lib, "pcap_geterr", &lib->geterr) && find(lib, "pcap_offline_filter", &lib->offline_filter) &&
	    find(lib, "pcap_freecode", &lib->freecode) && find(lib, "pcap_close", &lib->close))
		return 0;
	return fault(f, ENOENT, "a filter takes libpcap, which is not installed: 'apt install libpcap0.8'");
}

static int compile(struct packet_filter *filter, const char *words, struct fault *f)
{
	filter->pcap = filter->lib.open_dead(DLT_EN10MB, CAPTURED_MAX);
	if (!filter->pcap)
		return fault(f, ENOMEM, "libpcap: not enough memory");
	if (filter->lib.compile(filter->pcap, &filter->program, words, 1, PCAP_NETMASK_UNKNOWN) < 0)
		return fault(f, EINVAL, "filter '%s': %s%s", words, filter->lib.geterr(filter->pcap),
			     strchr(words, ' ') ? "" : "; a file to write to is '-w FILE'");
	filter->compiled = true;
	return 0;
}

int packet_filter_new(struct packet_filter **to, const char *words, struct fault *f)
{
	struct packet_filter *filter = calloc(1, sizeof(*filter));
	int err = filter ? load(&filter->lib, f) : fault(f, ENOMEM, "not enough memory");

	if (!err)
		err = compile(filter, words, f);
	if (err)
		packet_filter_free(filter);
	else
		*to = filter;
	return err;
}

bool packet_filter_takes(const struct packet_filter *filter, const struct captured *c)
{
	const struct pcap_pkthdr header = {.caplen = c->record.caplen, .len = c->record.len};

	return filter->lib.offline_filter(&filter->program, &header, c->frame);
}

void packet_filter_free(struct packet_filter *filter)
{
	if (!filter)
		return;
	if (filter->compiled)
		filter->lib.freecode(&filter->program);
	if (filter->pcap)
		filter->lib.close(filter->pcap);
	if (filter->lib.handle)
		dlclose(filter->lib.handle);
	free(filter);
}
