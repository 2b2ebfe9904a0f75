/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's helpers as the programs of bpf/ call them, when these are compiled for this host (datapath.c): each name
 * stands for a function of ours. Included in front of the first of their headers.
 */
#ifndef LOADER_EXPLAIN_HELPERS_H
#define LOADER_EXPLAIN_HELPERS_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

static void *native_lookup(const void *map, const void *key);
static long native_update(const void *map, const void *key, const void *value, uint64_t flags);
static long native_ringbuf_output(const void *map, const void *data, uint64_t size, uint64_t flags);
static uint64_t native_socket_cookie(const void *skb);
static long native_fib_lookup(const void *ctx, const struct bpf_fib_lookup *way, int size, uint32_t flags);
static long native_redirect(uint32_t ifindex, uint64_t flags);
static long native_redirect_map(const void *map, uint64_t key, uint64_t flags);
static long native_redirect_neigh(uint32_t ifindex, const void *params, int size, uint64_t flags);
static long native_clone_redirect(const struct __sk_buff *skb, uint32_t ifindex, uint64_t flags);
static long native_skb_load_bytes(const struct __sk_buff *skb, uint32_t offset, void *to, uint32_t size);
static long native_skb_store_bytes(struct __sk_buff *skb, uint32_t offset, const void *from, uint32_t size,
				   uint64_t flags);
static long native_skb_pull_data(const struct __sk_buff *skb, uint32_t size);
static long native_skb_change_type(struct __sk_buff *skb, uint32_t type);
static long native_skb_adjust_room(struct __sk_buff *skb, int32_t size, uint32_t mode, uint64_t flags);
static long native_xdp_adjust_meta(struct xdp_md *ctx, int delta);
static uint64_t native_xdp_get_buff_len(const struct xdp_md *ctx);

#define bpf_map_lookup_elem(...)   native_lookup(__VA_ARGS__)
#define bpf_map_update_elem(...)   native_update(__VA_ARGS__)
#define bpf_ringbuf_output(...)	   native_ringbuf_output(__VA_ARGS__)
#define bpf_ktime_get_boot_ns(...) clock_now(__VA_ARGS__)
#define bpf_get_socket_cookie(...) native_socket_cookie(__VA_ARGS__)
#define bpf_fib_lookup(...)	   native_fib_lookup(__VA_ARGS__)
#define bpf_redirect(...)	   native_redirect(__VA_ARGS__)
#define bpf_redirect_map(...)	   native_redirect_map(__VA_ARGS__)
#define bpf_redirect_neigh(...)	   native_redirect_neigh(__VA_ARGS__)
#define bpf_clone_redirect(...)	   native_clone_redirect(__VA_ARGS__)
#define bpf_skb_load_bytes(...)	   native_skb_load_bytes(__VA_ARGS__)
#define bpf_skb_store_bytes(...)   native_skb_store_bytes(__VA_ARGS__)
#define bpf_skb_pull_data(...)	   native_skb_pull_data(__VA_ARGS__)
#define bpf_skb_change_type(...)   native_skb_change_type(__VA_ARGS__)
#define bpf_skb_adjust_room(...)   native_skb_adjust_room(__VA_ARGS__)
#define bpf_xdp_adjust_meta(...)   native_xdp_adjust_meta(__VA_ARGS__)
#define bpf_xdp_get_buff_len(...)  native_xdp_get_buff_len(__VA_ARGS__)

#endif
