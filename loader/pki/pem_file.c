/* SPDX-License-Identifier: BSD-2-Clause */
#include "pem_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <unistd.h>

#include "config/key_file.h"
#include "new_file.h"

int openssl_fault(struct fault *f, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return fault(f, EIO, "%s: OpenSSL: %s", what, reason ? reason : "failed");
}

/* ---- out ---- */

typedef int writer(const char *path, mode_t mode, const void *data, size_t size, struct fault *f);

/* bio is freed, and with it what was in it is wiped. */
static int write_out(BIO *bio, bool filled, writer *write_file, const char *path, mode_t mode, struct fault *f)
{
	char *data;
	const long size = filled ? BIO_get_mem_data(bio, &data) : 0;
	const int err = filled ? write_file(path, mode, data, (size_t)size, f) : openssl_fault(f, path);

	BIO_free(bio);
	return err;
}

int pem_write_key(const char *path, EVP_PKEY *key, struct fault *f)
{
	BIO *bio = BIO_new(BIO_s_mem());

	return write_out(bio, bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), new_file_write,
			 path, MODE_SECRET, f);
}

int pem_write_cert(const char *path, X509 *cert, struct fault *f)
{
	BIO *bio = BIO_new(BIO_s_mem());

	return write_out(bio, bio && PEM_write_bio_X509(bio, cert), new_file_write, path, MODE_PUBLIC, f);
}

int pem_write_pair(const char *cert_path, X509 *cert, const char *key_path, EVP_PKEY *key, struct fault *f)
{
	int err = pem_write_key(key_path, key, f);

	if (err)
		return err;
	err = pem_write_cert(cert_path, cert, f);
	if (err)
		unlink(key_path);
	return err;
}

int pem_replace_crl(const char *path, X509_CRL *crl, struct fault *f)
{
	BIO *bio = BIO_new(BIO_s_mem());

	return write_out(bio, bio && PEM_write_bio_X509_CRL(bio, crl), new_file_replace, path, MODE_PUBLIC, f);
}

/* ---- in ---- */

/* Without this, OpenSSL would ask on the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

int pem_read_key(const char *path, EVP_PKEY **key, struct fault *f)
{
	const int fd = key_file_open(path, f);
	BIO *bio = fd < 0 ? NULL : BIO_new_fd(fd, BIO_CLOSE);

	*key = NULL;
	if (fd < 0)
		return fd;
	if (bio)
		*key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	else
		close(fd);
	BIO_free(bio);
	ERR_clear_error();
	return *key ? 0
		    : fault(f, EINVAL, "%s: there is no private key in it: PEM without a passphrase is expected", path);
}

static int open_file(const char *path, BIO **bio, struct fault *f)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return fault(f, errno, "%s: %s", path, strerror(errno));
	*bio = BIO_new_fd(fd, BIO_CLOSE);
	if (*bio)
		return 0;
	close(fd);
	return openssl_fault(f, path);
}

int pem_read_cert(const char *path, X509 **cert, struct fault *f)
{
	BIO *bio;
	const int err = open_file(path, &bio, f);

	*cert = NULL;
	if (err)
		return err;
	*cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	ERR_clear_error();
	return *cert ? 0 : fault(f, EINVAL, "%s: there is no certificate in it: PEM is expected", path);
}

int pem_read_crl(const char *path, X509_CRL **crl, struct fault *f)
{
	BIO *bio;
	const int err = open_file(path, &bio, f);

	*crl = NULL;
	if (err)
		return err;
	*crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
	BIO_free(bio);
	ERR_clear_error();
	return *crl ? 0 : fault(f, EINVAL, "%s: there is no CRL in it: PEM is expected", path);
}
