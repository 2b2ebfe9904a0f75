/* SPDX-License-Identifier: BSD-2-Clause */
#include "xdp_running.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>

/* Of an interface that is not there libbpf says that it has no program. */
static bool is_there(int ifindex)
{
	char name[IF_NAMESIZE];

	return if_indextoname((unsigned)ifindex, name);
}

int xdp_running(int ifindex, struct xdp_running *out)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	const int err = bpf_xdp_query(ifindex, 0, &query);

	*out = (struct xdp_running){
		.program = query.drv_prog_id   ? query.drv_prog_id
			   : query.skb_prog_id ? query.skb_prog_id
					       : query.hw_prog_id,
		.mode = query.drv_prog_id   ? PORT_NATIVE
			: query.skb_prog_id ? PORT_GENERIC
					    : 0,
	};
	if (err < 0)
		return err;
	return out->program || is_there(ifindex) ? 0 : -ENODEV;
}
