/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Next hops whose hardware address nobody answers for. */
#ifndef NETLENS_NEXTHOP_H
#define NETLENS_NEXTHOP_H

#include "flow.h"
#include "maps.h"
#include "neighbour.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct rtable {
	__u8 rt_gw_family;
	union {
		__be32 rt_gw4;
		struct in6_addr rt_gw6;
	};
};

struct rt6_info {
	struct in6_addr rt6i_gateway;
};

#pragma clang attribute pop

struct neighbour_key {
	__u64 dev;
	__u8 address[16];
};

struct neighbour_note {
	__u64 time;
	__u64 state;
};

/* Any user can ask for as many as he likes in namespaces of his own: those push out each other only. */
MAP(neighbours, BPF_MAP_TYPE_LRU_HASH, 1024, struct neighbour_key, struct neighbour_note);
MAP(rootless_neighbours, BPF_MAP_TYPE_LRU_HASH, 256, struct neighbour_key, struct neighbour_note);

/* What happened to a next hop; a namespace that root has vouched for meanwhile may have them in either. */
static __always_inline struct neighbour_note *note_of_neighbour(const struct neighbour_key *hop)
{
	return bpf_map_lookup_elem(&neighbours, hop) ?: bpf_map_lookup_elem(&rootless_neighbours, hop);
}

/* Where packets to the peer go first: false where nobody can tell. */
static __always_inline bool find_next_hop(struct neighbour_key *hop, __u8 *family, const struct dst_entry *dst,
					  const struct flow *flow)
{
	const struct rt6_info *rt6 = (const void *)dst;
	const struct rtable *rt = (const void *)dst;
	const __u32 *words = (const __u32 *)hop->address;
	__u8 gateway;

	if (!is_kernel_pointer(dst))
		return false;
	hop->dev = (__u64)BPF_CORE_READ(dst, dev);
	*family = flow->family;
	if (flow->family == 4) {
		gateway = BPF_CORE_READ(rt, rt_gw_family);
		if (gateway == AF_INET)
			BPF_CORE_READ_INTO((__be32 *)hop->address, rt, rt_gw4);
		else if (gateway == AF_INET6)
			BPF_CORE_READ_INTO(&hop->address, rt, rt_gw6.in6_u.u6_addr8);
		if (gateway == AF_INET6)
			*family = 6;
	} else {
		BPF_CORE_READ_INTO(&hop->address, rt6, rt6i_gateway.in6_u.u6_addr8);
	}
	if (!words[0] && !words[1] && !words[2] && !words[3])
		__builtin_memcpy(hop->address, flow->daddr, sizeof(hop->address));
	return true;
}

/* Runs a second after the first question for an address without an answer, and every second from then on. */
static __always_inline void note_neighbour(const struct neighbour *neighbour)
{
	__u8 state = BPF_CORE_READ(neighbour, nud_state);
	struct neighbour_note note = { .state = state };
	struct neighbour_key key = {};

	if (!(state & (NUD_INCOMPLETE | NUD_FAILED)))
		return;
	key.dev = (__u64)BPF_CORE_READ(neighbour, dev);
	address_of_neighbour(key.address, neighbour);
	note.time = bpf_ktime_get_ns();
	if (netns_of_dev(BPF_CORE_READ(neighbour, dev)).rootless)
		bpf_map_update_elem(&rootless_neighbours, &key, &note, BPF_ANY);
	else
		bpf_map_update_elem(&neighbours, &key, &note, BPF_ANY);
}

#endif
