/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* TCP listeners that were closed: whoever asks for one shortly after is told so. */
#ifndef NETLENS_LISTENER_H
#define NETLENS_LISTENER_H

#include "tcp.h"

#define NS_PER_MS 1000000
#define SHORTLY (600ULL * 1000 * NS_PER_MS) /* what was closed before that has nothing to do with it */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sock_common___listener {
	unsigned char skc_ipv6only : 1;
};

#pragma clang attribute pop

struct listener_key {
	__u32 netns;
	__u32 netns_cookie;
	__u32 port; /* in network order */
};

struct listener {
	__u64 closed; /* bpf_ktime_get_ns */
	__u32 addr[4]; /* 0: any */
	__u32 family;
	__u32 ipv6only;
};

/*
 * Listeners that were closed, the last of each port. Few are, so that this costs connections nothing. Any user can
 * close as many as he likes in namespaces of his own: those push out each other only.
 */
MAP(listeners, BPF_MAP_TYPE_LRU_HASH, 1024, struct listener_key, struct listener);
MAP(rootless_listeners, BPF_MAP_TYPE_LRU_HASH, 256, struct listener_key, struct listener);

static __always_inline void listener_closed(const struct sock *sk)
{
	const struct sock_common___listener *common = (const void *)sk;
	const struct sock___tcp *tcp = (const void *)sk;
	struct netns ns = netns_of_sock(sk);
	struct listener_key key = { .netns = ns.inum, .netns_cookie = ns.cookie };
	struct listener listener = {};
	struct flow flow = {};

	/* SCTP and DCCP have the same states. */
	if (BPF_CORE_READ_BITFIELD_PROBED(tcp, sk_protocol) != IPPROTO_TCP)
		return;
	flow_of_connection(&flow, sk);
	key.port = flow.sport;
	listener.closed = bpf_ktime_get_ns();
	listener.family = flow.family;
	listener.ipv6only = BPF_CORE_READ_BITFIELD_PROBED(common, skc_ipv6only);
	__builtin_memcpy(listener.addr, flow.saddr, sizeof(listener.addr));
	if (ns.rootless)
		bpf_map_update_elem(&rootless_listeners, &key, &listener, BPF_ANY);
	else
		bpf_map_update_elem(&listeners, &key, &listener, BPF_ANY);
}

/* One of IPv6 at any address takes IPv4 too, unless it does not want to. */
static __always_inline bool listened_at(const struct listener *listener, const struct flow *flow)
{
	const __u32 *addr = listener->addr, *asked = (const __u32 *)flow->saddr;

	if (!addr[0] && !addr[1] && !addr[2] && !addr[3])
		return listener->family == flow->family || (listener->family > flow->family && !listener->ipv6only);
	return listener->family == flow->family && addr[0] == asked[0] && addr[1] == asked[1] && addr[2] == asked[2] &&
	       addr[3] == asked[3];
}

/* Milliseconds since somebody listened at the local end; 0: not known, or long ago. */
static __always_inline __u32 closed_ms(const struct tcp_key *tcp, const struct flow *flow)
{
	struct listener_key key = { .netns = tcp->netns, .netns_cookie = tcp->netns_cookie, .port = flow->sport };
	struct listener *listener;
	__u64 since;

	listener =
		tcp->rootless ? bpf_map_lookup_elem(&rootless_listeners, &key) : bpf_map_lookup_elem(&listeners, &key);

	if (!listener || !listened_at(listener, flow))
		return 0;
	since = bpf_ktime_get_ns() - listener->closed;
	return since < SHORTLY ? since / NS_PER_MS + 1 : 0;
}

#endif
