/* SPDX-License-Identifier: BSD-2-Clause */
/* The files that a connection names: opened, checked, and certificates read; keys are never read here. */
#ifndef LOADER_CONFIG_IKE_FILES_H
#define LOADER_CONFIG_IKE_FILES_H

#include "config.h"
#include "lib/fault.h"

/* Writes the path of a file that the configuration names: a name is relative to the configuration's directory. */
void ike_file_path(const char *config_path, const char *name, char *path, size_t size);

/* Opens a secret, which only its owner may be able to read. The descriptor, or -errno with connection and file in f. */
int ike_file_open(const char *config_path, const struct connection_config *c, const char *name, struct fault *f);

/* Reads a file that is no secret: *text is the caller's to free. key: the word that names it. 0, or -errno with
 * connection and file in f. */
int ike_file_read(const char *key, const char *config_path, const struct connection_config *c, const char *name,
		  char **text, struct fault *f);

/* Puts the configuration's file and line, and the file that the key names, in front of "KEY: what is wrong"; a text
 * with another beginning gets file and line alone. Returns -EINVAL. */
int ike_blame_connection(const char *config_path, const struct connection_config *c, const char *text, struct fault *f);

/* The same of "CONNECTION: KEY: what is wrong", as IKE says it. */
int ike_blame(const char *config_path, const struct config *config, const char *text, struct fault *f);

#endif
