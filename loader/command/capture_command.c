/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 'capture': asks the supervisor for a capture, and writes what comes to a file or a pipe until it is told to end. The
 * connection to the supervisor is its lease: with that, however it ends, the datapath copies nothing any more.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capture/capture_names.h"
#include "capture/capture_source.h"
#include "capture/packet_filter.h"
#include "capture/pcapng.h"
#include "commands.h"
#include "control_client.h"
#include "lib/spi_format.h"
#include "policy/parse.h"
#include "private_file.h"
#include "session.h"
#include "version.h"

/* How long to sleep when there is nothing. Longer, and the rings have to hold more; shorter costs a CPU. */
#define PAUSE_MS 2
/* So many packets, then it is looked whether it is time to end. */
#define ROUND 1024
/* How often SPIs that nobody knows are asked for. */
#define ASK_NS 1000000000ULL
/* So long the worker may take to hear of it. */
#define BEGUN_NS   1000000000ULL
#define OUT_BUFFER (1 << 20)

static const struct pcapng_interface interfaces[CAPTURE_POINTS] = {
	[CAPTURE_CLEAR] = {"clear", "what is in ESP, or was to be"},
	[CAPTURE_ESP] = {"esp", "ESP, as on the wire"},
};

struct capture_run {
	struct instance in;
	struct maps maps;
	struct capture_source source;
	struct capture_names names;
	struct packet_filter *filter; /* NULL: all packets */
	uint32_t spi;		      /* 0: any */
	bool points[CAPTURE_POINTS];
	bool drops;
	int lease; /* the connection to the supervisor */
	FILE *out;
	const char *path; /* for people */
	uint64_t to_wall; /* what makes CLOCK_BOOTTIME the time of day, ns */
	uint64_t start;	  /* CLOCK_BOOTTIME */
	uint64_t asked;	  /* when names were last asked for */
	uint64_t written[CAPTURE_POINTS];
};

static volatile sig_atomic_t ended;

/* Twice: whoever reads has stopped, and the write that waits for him is not to be waited for. */
static void on_end(int number)
{
	(void)number;
	if (ended)
		_exit(EXIT_FAILURE);
	ended = 1;
}

static void set_signals(void)
{
	const struct sigaction end = {.sa_handler = on_end, .sa_flags = SA_RESTART}, ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGHUP, &end, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

static uint64_t wall_minus_boot(void)
{
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	return (uint64_t)wall.tv_sec * 1000000000 + (uint64_t)wall.tv_nsec - maps_now();
}

/* ---- a packet ---- */

static void ask_names(struct capture_run *r)
{
	cJSON *status = NULL;
	struct fault f;

	r->asked = maps_now();
	if (control_ask(&r->in, "status", NULL, -1, &status, &f) == 0)
		capture_names_take(&r->names, json_item(status, "document"));
	cJSON_Delete(status);
}

static const char *name_of(struct capture_run *r, uint32_t spi, const struct captured_headers *h)
{
	const char *name = capture_name_by_spi(&r->names, spi, h);

	if (!name && spi && maps_now() - r->asked > ASK_NS) {
		ask_names(r);
		name = capture_name_by_spi(&r->names, spi, h);
	}
	return name ? name : capture_name_by_addresses(&r->names, h);
}

/* "core out, SPI 0x00001001: dropped: replay (sequence number seen before, or behind the window)" */
static void comment_on(struct capture_run *r, const struct captured *c, const struct captured_headers *h, uint32_t spi,
		       char *text, size_t size)
{
	const char *name = name_of(r, spi, h);
	const enum reason reason = c->record.reason;
	FILE *to = fmemopen(text, size, "w");

	if (!to)
		return;
	fprintf(to, "%s%s%s", name ? name : "", name ? " " : "", c->record.direction == SA_INBOUND ? "in" : "out");
	if (spi)
		fprintf(to, ", SPI " SPI_FORMAT, spi);
	if (reason != REASON_COUNT)
		fprintf(to, ": %s%s (%s)", reason_is_drop(reason) ? "dropped: " : "", reason_name(reason),
			reason_text(reason));
	fclose(to);
}

static bool is_wanted(const struct capture_run *r, const struct captured *c, uint32_t spi)
{
	const enum reason reason = c->record.reason;

	if (!r->points[c->record.point] || (r->spi && spi != r->spi))
		return false;
	if (r->drops && (reason == REASON_COUNT || !reason_is_drop(reason)))
		return false;
	return !r->filter || packet_filter_takes(r->filter, c);
}

static void take(struct capture_run *r, const struct captured *c)
{
	struct captured_headers h = {0};
	char comment[400] = "";
	uint32_t spi;

	captured_headers_of(c, &h);
	spi = c->record.spi ? c->record.spi : h.spi;
	if (!is_wanted(r, c, spi))
		return;
	comment_on(r, c, &h, spi, comment, sizeof(comment));
	pcapng_write(r->out, &(struct pcapng_packet){
				     .interface = c->record.point,
				     .time_ns = c->record.time_ns + r->to_wall,
				     .len = c->record.len,
				     .caplen = c->record.caplen,
				     .frame = c->frame,
				     .direction = c->record.direction,
				     .comment = comment,
			     });
	r->written[c->record.point]++;
}

/* ---- the loop ---- */

static bool drain(struct capture_run *r)
{
	struct captured c;
	unsigned n = 0;

	for (; n < ROUND && capture_source_next(&r->source, &c); n++)
		take(r, &c);
	return n == ROUND;
}

static int out_fault(const struct capture_run *r, struct fault *f)
{
	const int err = errno;

	if (err == EPIPE)
		return fault(f, EPIPE, "%s: whoever read it has closed it", r->path);
	return fault(f, err, "%s: %s: what was written up to there can be read", r->path, strerror(err));
}

/* Whether the supervisor is still there; sleeps for a moment. */
static bool rest(const struct capture_run *r)
{
	struct pollfd p = {.fd = r->lease, .events = POLLIN};

	return poll(&p, 1, PAUSE_MS) <= 0;
}

static int run(struct capture_run *r, struct fault *f)
{
	while (!ended) {
		if (drain(r))
			continue;
		r->to_wall = wall_minus_boot();
		if (fflush(r->out) || ferror(r->out))
			return out_fault(r, f);
		if (!rest(r))
			return fault(f, ECONNRESET, "the daemon has ended, and the capture with it");
	}
	return 0;
}

/* What is in the rings when it is told to end, and the figures. */
static int finish(struct capture_run *r, struct fault *f)
{
	uint64_t missed[CAPTURE_POINTS];

	for (unsigned rounds = 0; drain(r) && rounds < 1000; rounds++)
		;
	capture_source_missed(&r->source, missed);
	for (unsigned i = 0; i < CAPTURE_POINTS; i++)
		pcapng_write_statistics(r->out, &(struct pcapng_statistics){
							.interface = i,
							.start_ns = r->start + r->to_wall,
							.end_ns = maps_now() + r->to_wall,
							.received = r->written[i] + missed[i],
							.missed = missed[i],
						});
	fprintf(stderr,
		"%llu packets in clear, %llu of ESP; missed, for they came faster than they were taken: %llu and "
		"%llu\n",
		(unsigned long long)r->written[CAPTURE_CLEAR], (unsigned long long)r->written[CAPTURE_ESP],
		(unsigned long long)missed[CAPTURE_CLEAR], (unsigned long long)missed[CAPTURE_ESP]);
	if (r->source.nonsense)
		fprintf(stderr, "the worker has written what is no packet: some are missing\n");
	return fflush(r->out) || ferror(r->out) ? out_fault(r, f) : 0;
}

/* ---- beginning and end ---- */

/* Whoever reads the line may send: what he sends is captured, unless nobody is there to do it. */
static void wait_for_worker(const struct capture_run *r)
{
	const struct capture_wants *wants = &r->source.memory->wants;
	const uint64_t until = maps_now() + BEGUN_NS;
	bool begun;

	while (!(begun = __atomic_load_n(&wants->begun, __ATOMIC_ACQUIRE)) && maps_now() < until && rest(r))
		;
	fprintf(stderr, "capturing to %s, until it is ended by Ctrl-C%s\n", r->path,
		begun ? "" : "; the worker does not capture: only what is dropped before it is seen");
}

static int open_out(struct capture_run *r, const char *path, struct fault *f)
{
	const bool to_stdout = !path || strcmp(path, "-") == 0;
	const int fd = to_stdout ? dup(STDOUT_FILENO) : private_file_open(AT_FDCWD, path, f);

	if (fd < 0)
		return to_stdout ? fault(f, errno, "stdout: %s", strerror(errno)) : fd;
	r->path = to_stdout ? "stdout" : path;
	r->out = fdopen(fd, "w");
	if (!r->out)
		return fault(f, ENOMEM, "%s: %s", r->path, strerror(ENOMEM));
	setvbuf(r->out, NULL, _IOFBF, OUT_BUFFER);
	return 0;
}

static int open_source(struct capture_run *r, const struct invocation *inv, struct fault *f)
{
	int memory, err = session_maps(inv, &r->in, &r->maps, f);

	if (err)
		return err;
	r->lease = control_hold(&r->in, "capture", inv->words, &memory, f);
	if (r->lease < 0)
		return r->lease;
	err = capture_source_open(&r->source, memory, &r->maps, f);
	close(memory);
	return err;
}

static int start(struct capture_run *r, const struct invocation *inv, struct fault *f)
{
	int err = open_source(r, inv, f);

	if (!err)
		err = open_out(r, word(inv, "-w"), f);
	if (err)
		return err;
	r->start = maps_now();
	r->to_wall = wall_minus_boot();
	ask_names(r);
	pcapng_begin(r->out, "xdp-ipsec " XDP_IPSEC_VERSION, interfaces, CAPTURE_POINTS, word(inv, "filter"));
	if (fflush(r->out))
		return out_fault(r, f);
	wait_for_worker(r);
	return 0;
}

static void end(struct capture_run *r)
{
	if (r->lease >= 0)
		close(r->lease);
	if (r->out)
		fclose(r->out);
	if (r->source.memory)
		capture_source_close(&r->source);
	capture_names_free(&r->names);
	packet_filter_free(r->filter);
	maps_close(&r->maps);
}

/* What is wrong with the words alone. */
static int read_words(struct capture_run *r, const struct invocation *inv, struct fault *f)
{
	const char *spi = word(inv, "spi");
	uint64_t number = 0;

	if (!!word(inv, "clear") + !!word(inv, "esp") + !!word(inv, "both") > 1)
		return fault(f, EINVAL, "'clear', 'esp' and 'both' exclude each other");
	if (spi && !parse_number(spi, 1, UINT32_MAX, &number))
		return bad_word(f, "spi", spi, "1 to 0xffffffff");
	if (!word(inv, "-w") && isatty(STDOUT_FILENO))
		return fault(f, EINVAL, "stdout is a terminal: give '-w FILE', or pipe it to 'wireshark -k -i -'");
	r->spi = (uint32_t)number;
	r->points[CAPTURE_CLEAR] = !word(inv, "esp");
	r->points[CAPTURE_ESP] = !word(inv, "clear");
	r->drops = word(inv, "drops");
	return word(inv, "filter") ? packet_filter_new(&r->filter, word(inv, "filter"), f) : 0;
}

int capture_command(const struct invocation *inv)
{
	static struct capture_run r = {.lease = -1};
	struct fault f, late;
	int err = read_words(&r, inv, &f);

	maps_none(&r.maps);
	if (err)
		return err == -EINVAL ? cli_usage(inv, f.text) : cli_fail(inv, f.text);
	set_signals();
	err = start(&r, inv, &f);
	if (!err) {
		err = run(&r, &f);
		if (finish(&r, &late) && !err)
			err = fault(&f, EIO, "%s", late.text);
	}
	end(&r);
	return err ? cli_fail(inv, f.text) : EXIT_SUCCESS;
}
