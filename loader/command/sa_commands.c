/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "commands.h"
#include "config/key_file.h"
#include "connection_names.h"
#include "connection_view.h"
#include "control_client.h"
#include "lib/privileges.h"
#include "lib/spi_format.h"
#include "policy/sa.h"
#include "sa_view.h"
#include "session.h"

/* ---- add ---- */

/*
 * The key travels in memory that is passed by fd: it is never in the message,
 * in argv or in the environment. Its size is sealed; its content is not, so that
 * the supervisor can wipe it. As long as it is mapped here it is locked, as all
 * memory of this process is.
 */
struct sent_key {
	int fd;
	uint8_t *keymat;
};

static void lock_memory(void)
{
	uint64_t kept = 0;

	if (!privileges_lock_memory(&kept))
		fprintf(stderr,
			"xdp-ipsec sa add: its memory cannot be locked, the key may get to a swap device: raise "
			"'ulimit -l', or run with CAP_IPC_LOCK\n");
}

/* Whatever became of the request: a daemon that has ended has not wiped it. */
static void wipe_key(const struct sent_key *key)
{
	explicit_bzero(key->keymat, ESP_KEYMAT_SIZE);
	munmap(key->keymat, ESP_KEYMAT_SIZE);
	close(key->fd);
}

static int make_room_for_key(struct sent_key *key, struct fault *f)
{
	void *p = MAP_FAILED;
	int err;

	key->fd = memfd_create("xdp-ipsec-key", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (key->fd < 0)
		return fault(f, errno, "memfd: %s", strerror(errno));
	if (ftruncate(key->fd, ESP_KEYMAT_SIZE) == 0 &&
	    fcntl(key->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		p = mmap(NULL, ESP_KEYMAT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, key->fd, 0);
	if (p != MAP_FAILED) {
		key->keymat = p;
		return 0;
	}
	err = fault(f, errno, "memfd: %s", strerror(errno));
	close(key->fd);
	return err;
}

static int read_key(const char *path, struct sent_key *key, struct fault *f)
{
	int err = make_room_for_key(key, f);

	if (err)
		return err;
	err = key_file_read(path, key->keymat, f);
	if (err)
		wipe_key(key);
	return err;
}

int sa_add_command(const struct invocation *inv)
{
	struct sa_request request;
	struct sent_key key = {.fd = -1};
	struct fault f;
	int status, err = sa_request_parse(inv->words, &request, &f);

	if (err == -EINVAL)
		return cli_usage(inv, f.text);
	if (err)
		return cli_fail(inv, f.text);
	privileges_harden();
	lock_memory();
	if (read_key(word(inv, "key-file"), &key, &f))
		return cli_fail(inv, f.text);
	status = session_ask(inv, key.fd);
	wipe_key(&key);
	return status;
}

/* ---- del, flush ---- */

int sa_del_command(const struct invocation *inv)
{
	uint8_t dst[4];
	uint32_t spi;
	struct fault f;

	return sa_selector_parse(inv->words, &spi, dst, &f) ? cli_usage(inv, f.text) : session_ask(inv, -1);
}

int sa_flush_command(const struct invocation *inv)
{
	return session_ask(inv, -1);
}

/* ---- list, show ---- */

/* Without a daemon nobody knows whose they are. */
static cJSON *known_connections(const struct instance *in)
{
	cJSON *status = NULL, *connections;

	control_ask(in, "status", NULL, -1, &status, NULL);
	connections = connections_json(status);
	cJSON_Delete(status);
	return connections;
}

enum form { AS_TEXT, AS_JSON, AS_PRETTY_JSON };

/* spi: 0 for all; returns whether there are any. */
static bool print_sas(const struct instance *in, const struct maps *maps, uint32_t spi, enum form form)
{
	cJSON *connections = known_connections(in), *json;
	struct connection_names *names = connection_names_new(connections);
	bool found = true;

	if (form != AS_TEXT) {
		json = sa_view_json(maps, spi, names, NULL);
		json_print(json, form == AS_PRETTY_JSON);
		cJSON_Delete(json);
	} else if (spi) {
		found = sa_view_print_details(maps, spi, names, stdout) > 0;
	} else {
		sa_view_print(maps, names, stdout);
	}
	connection_names_free(names);
	cJSON_Delete(connections);
	return found;
}

static enum form form_of(const struct invocation *inv)
{
	return inv->pretty ? AS_PRETTY_JSON : inv->json ? AS_JSON : AS_TEXT;
}

int sa_list_command(const struct invocation *inv)
{
	struct instance in;
	struct maps maps;
	struct fault f;

	if (session_maps(inv, &in, &maps, &f))
		return cli_fail(inv, f.text);
	print_sas(&in, &maps, 0, form_of(inv));
	maps_close(&maps);
	return EXIT_SUCCESS;
}

int sa_show_command(const struct invocation *inv)
{
	struct instance in;
	struct maps maps;
	struct fault f;
	uint8_t dst[4];
	uint32_t spi;
	bool found;

	/* As 'show' is understood elsewhere. */
	if (!word(inv, "spi"))
		return sa_list_command(inv);
	if (sa_selector_parse(inv->words, &spi, dst, &f))
		return cli_usage(inv, f.text);
	if (session_maps(inv, &in, &maps, &f))
		return cli_fail(inv, f.text);
	found = print_sas(&in, &maps, spi, form_of(inv));
	maps_close(&maps);
	if (found)
		return EXIT_SUCCESS;
	fault(&f, ENOENT, "spi " SPI_FORMAT ": no such SA: 'sa list' shows what there is", spi);
	return cli_fail(inv, f.text);
}
