/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys, certificates and CRLs as PEM in files. What is read is the caller's to free. All return 0 or -errno. */
#ifndef LOADER_PKI_PEM_FILE_H
#define LOADER_PKI_PEM_FILE_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/fault.h"

/* Makes a new file (new_file.h), the key's for its owner alone. */
int pem_write_key(const char *path, EVP_PKEY *key, struct fault *f);
int pem_write_cert(const char *path, X509 *cert, struct fault *f);

/* Both or neither. */
int pem_write_pair(const char *cert_path, X509 *cert, const char *key_path, EVP_PKEY *key, struct fault *f);

/* In place of the CRL that is there. */
int pem_replace_crl(const char *path, X509_CRL *crl, struct fault *f);

/* A key file that others may read is refused. */
int pem_read_key(const char *path, EVP_PKEY **key, struct fault *f);
/* The first of them. */
int pem_read_cert(const char *path, X509 **cert, struct fault *f);
int pem_read_crl(const char *path, X509_CRL **crl, struct fault *f);

/* "WHAT: what OpenSSL says of its last error", which is forgotten then. Returns -EIO. */
int openssl_fault(struct fault *f, const char *what);

#endif
