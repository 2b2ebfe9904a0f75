/* SPDX-License-Identifier: BSD-2-Clause */
/* What is in a connection's files, seen before a peer sees it. */
#ifndef IKE_CONFIG_JUDGE_H
#define IKE_CONFIG_JUDGE_H

#include "ike_config.h"

enum judgement {
	JUDGED_GOOD,
	JUDGED_DOUBTFUL, /* it works if the peer is made for it */
	JUDGED_BAD,	 /* no peer will be up with it */
};

/*
 * At that time (seconds since the epoch). Unless it is good, f tells what is wrong, beginning with the file's key in
 * the configuration ("cert: ..."), and the remedy.
 */
enum judgement judge(const struct connection_config *c, int64_t now, struct fault *f);

/* What was said of the files of one connection. A zeroed one is of none. It is good for one moment, and only while
 * that connection is there, whose files it points at. */
struct judged {
	const struct credentials *credentials;
	const struct trust *trust;
	enum judgement judgement;
	struct fault why;
};

/* The same, of one connection after the other: the files of the last one are not looked at again. */
enum judgement judge_next(struct judged *last, const struct connection_config *c, int64_t now, struct fault *f);

/*
 * Answers `configure` with what the connections in it are like, by {"reply": "configure"} and "ok", "note" or "error",
 * until the socket is closed. Nothing is done with them.
 */
void judge_run(int control);

#endif
