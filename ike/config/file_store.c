/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "file_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* Numbers are given one after the other, so these are filled alike: with 10,000 files ten in each. */
#define CHAINS 1024

/* A CA's certificates together with one CRL, or none. */
struct anchors {
	LIST_ENTRY(anchors) of_file;
	uint32_t crl;
	struct trust *trust;
};

struct file {
	LIST_ENTRY(file) of_chain;
	uint32_t number;
	char *pem;
	bool is_crl;			 /* somebody has asked for it as one; */
	struct credentials *credentials; /* as a certificate; */
	LIST_HEAD(, anchors) anchors;	 /* as a CA's */
};

struct file_store {
	LIST_HEAD(, file) chains[CHAINS];
};

struct file_store *file_store_new(void)
{
	return calloc(1, sizeof(struct file_store));
}

static struct file *find(const struct file_store *store, uint32_t number)
{
	struct file *file;

	LIST_FOREACH(file, &store->chains[number % CHAINS], of_chain)
		if (file->number == number)
			return file;
	return NULL;
}

static void anchors_free(struct anchors *a)
{
	LIST_REMOVE(a, of_file);
	trust_free(a->trust);
	free(a);
}

static void file_free(struct file *file)
{
	LIST_REMOVE(file, of_chain);
	while (!LIST_EMPTY(&file->anchors))
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): LIST_REMOVE() has put the next one there */
		anchors_free(LIST_FIRST(&file->anchors));
	credentials_free(file->credentials);
	free(file->pem);
	free(file);
}

void file_store_free(struct file_store *store)
{
	for (size_t i = 0; store && i < CHAINS; i++)
		while (!LIST_EMPTY(&store->chains[i]))
			/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): LIST_REMOVE() has put the next one there */
			file_free(LIST_FIRST(&store->chains[i]));
	free(store);
}

int file_store_add(struct file_store *store, uint32_t number, const char *pem)
{
	struct file *file;

	if (find(store, number))
		return 0;
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->number = number;
	file->pem = strdup(pem);
	LIST_INIT(&file->anchors);
	LIST_INSERT_HEAD(&store->chains[number % CHAINS], file, of_chain);
	if (file->pem)
		return 0;
	file_free(file);
	return -ENOMEM;
}

/* Nobody can ask for it together with a CA's any more. */
static void drop_crl(struct file_store *store, uint32_t number)
{
	struct file *file;
	struct anchors *a, *next;

	for (size_t i = 0; i < CHAINS; i++)
		LIST_FOREACH(file, &store->chains[i], of_chain)
			for (a = LIST_FIRST(&file->anchors); a; a = next) {
				next = LIST_NEXT(a, of_file);
				if (a->crl == number)
					anchors_free(a);
			}
}

void file_store_drop(struct file_store *store, uint32_t number)
{
	struct file *file = find(store, number);
	const bool is_crl = file && file->is_crl;

	if (file)
		file_free(file);
	if (is_crl)
		drop_crl(store, number);
}

static int missing(const char *key, struct fault *f)
{
	return fault(f, EINVAL, "%s: the file was not sent", key);
}

int file_store_credentials(struct file_store *store, uint32_t cert, struct credentials **out, struct fault *f)
{
	struct file *file = find(store, cert);
	int err;

	if (!file)
		return missing("cert", f);
	if (!file->credentials) {
		err = credentials_load(&file->credentials, file->pem, f);
		if (err)
			return err;
	}
	*out = credentials_share(file->credentials);
	return 0;
}

static struct anchors *anchors_with(struct file *ca, uint32_t crl)
{
	struct anchors *a;

	LIST_FOREACH(a, &ca->anchors, of_file)
		if (a->crl == crl)
			return a;
	return NULL;
}

static int load_anchors(struct file *ca, struct file *crl, struct anchors **out, struct fault *f)
{
	struct anchors *a = calloc(1, sizeof(*a));
	int err = a ? trust_load(&a->trust, ca->pem, crl ? crl->pem : NULL, f) : -ENOMEM;

	if (err) {
		free(a);
		return err;
	}
	a->crl = crl ? crl->number : 0;
	if (crl)
		crl->is_crl = true;
	LIST_INSERT_HEAD(&ca->anchors, a, of_file);
	*out = a;
	return 0;
}

int file_store_trust(struct file_store *store, uint32_t ca, uint32_t crl, struct trust **out, struct fault *f)
{
	struct file *file = find(store, ca), *list = crl ? find(store, crl) : NULL;
	struct anchors *a;
	int err;

	if (!file || (crl && !list))
		return missing(file ? "crl" : "ca", f);
	a = anchors_with(file, crl);
	if (!a) {
		err = load_anchors(file, list, &a, f);
		if (err)
			return err;
	}
	*out = trust_share(a->trust);
	return 0;
}
