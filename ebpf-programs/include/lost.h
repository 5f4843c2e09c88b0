/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Lost TCP segments: what sees packets freed leaves them here, and what sees a segment sent again finds its own. One
 * map, which the objects of both share. A slot holds the last one; none is ever made or deleted.
 */
#ifndef NETLENS_LOST_H
#define NETLENS_LOST_H

#include "flow.h"

/*
 * The higher port is the client's as a rule, and address translation mostly keeps it: a segment is looked for by that
 * port alone, and told from others by its numbers and one of its ends. Of each port and direction there are two slots:
 * of what takes a place in the sequence, and of what acknowledges.
 */
#define LOST_PORTS 1024
#define LOST_ROOTLESS_PORTS 128 /* for all namespaces together that any user can make */
#define LOST_OF_PORT 4
#define LOST_HEADS 2
#define LOST_SLOTS (LOST_HEADS + LOST_OF_PORT * (LOST_PORTS + LOST_ROOTLESS_PORTS))

/* The first slots have a time only, written by user space: 0 while it is not done. */
enum lost_head {
	LOST_WATCHED, /* since when freed packets are seen */
	LOST_WANTED, /* since when somebody looks here */
};

/* Mirrored by LostSegment in C#. */
struct lost_segment {
	__u64 check; /* of all that follows: two processors may write one slot at a time */
	__u64 time; /* bpf_ktime_get_ns; 0: none */
	__u64 location;
	__u64 saddr[2];
	__u64 daddr[2];
	__u32 reason;
	__be16 sport;
	__be16 dport;
	__u32 seq;
	__u32 ack;
	__u32 netns;
	__u32 netns_cookie;
};

MAP(lost_segments, BPF_MAP_TYPE_ARRAY, LOST_SLOTS, __u32, struct lost_segment);

static __always_inline __u64 lost_time(__u32 head)
{
	const struct lost_segment *slot = bpf_map_lookup_elem(&lost_segments, &head);

	return slot ? slot->time : 0;
}

static __always_inline struct lost_segment *lost_slot(__be16 sport, __be16 dport, bool rootless, bool acknowledges)
{
	__u32 from = bpf_ntohs(sport), to = bpf_ntohs(dport);
	__u32 at = (from > to ? from : to) * 0x9E3779B1U >> 22; /* ten bits: LOST_PORTS */

	if (rootless)
		at = LOST_PORTS + at % LOST_ROOTLESS_PORTS;
	at = LOST_HEADS + at * LOST_OF_PORT + (from > to) * 2 + acknowledges;
	return bpf_map_lookup_elem(&lost_segments, &at);
}

static __always_inline __u64 lost_check(const struct lost_segment *lost)
{
	const __u64 *words = (const __u64 *)lost;
	__u64 check = 0;

#pragma unroll
	for (__u32 i = 1; i < sizeof(*lost) / sizeof(__u64); i++)
		check = (check ^ words[i]) * 0x9E3779B97F4A7C15ULL;
	return check;
}

struct lost_header {
	__be16 sport;
	__be16 dport;
	__be32 seq;
	__be32 ack;
	__u8 words; /* upper half */
	__u8 flags;
};

/* False: no TCP, or no header of it. IPv6 with extension headers is left out. */
static __always_inline bool lost_of_skb(struct lost_segment *lost, struct lost_header *tcp, bool *takes_place,
					const struct sk_buff *skb, int family, bool typed)
{
	const unsigned char *ip = GET(typed, skb, head) + GET(typed, skb, network_header);
	__u64 begin[5] = {};
	const __u8 *bytes = (const __u8 *)begin;
	__u32 before, all;

	if (bpf_probe_read_kernel(begin, family == 4 ? 20 : 40, ip) || bytes[0] >> 4 != family)
		return false;
	if (family == 4) {
		if (bytes[9] != IPPROTO_TCP || (bytes[6] & 0x1f) || bytes[7])
			return false;
		before = (bytes[0] & 15) * 4;
		all = bytes[2] << 8 | bytes[3];
		__builtin_memcpy(lost->saddr, bytes + 12, 4);
		__builtin_memcpy(lost->daddr, bytes + 16, 4);
	} else {
		if (bytes[6] != IPPROTO_TCP)
			return false;
		before = 40;
		all = bytes[4] << 8 | bytes[5];
		all = all ? all + before : 0;
		__builtin_memcpy(lost->saddr, bytes + 8, 16);
		__builtin_memcpy(lost->daddr, bytes + 24, 16);
	}
	if (bpf_probe_read_kernel(tcp, sizeof(*tcp), ip + before))
		return false;
	lost->sport = tcp->sport;
	lost->dport = tcp->dport;
	lost->seq = bpf_ntohl(tcp->seq);
	lost->ack = bpf_ntohl(tcp->ack);
	/* What is larger than the header's field can tell has none there. */
	*takes_place = tcp->flags & (TCP_FLAG_SYN | TCP_FLAG_FIN) || !all || all > before + (tcp->words >> 4) * 4;
	return true;
}

static __always_inline void leave_in(struct lost_segment *slot, const struct lost_segment *lost)
{
	if (slot)
		*slot = *lost;
}

/* Of a packet of IPv4 or IPv6 that is freed. */
static __always_inline void leave_lost(const struct sk_buff *skb, int family, __u64 location, __u32 reason,
				       const struct netns *ns, bool typed)
{
	struct lost_segment lost = {};
	struct lost_header tcp = {};
	bool takes_place = false;

	if (!lost_time(LOST_WANTED) || !lost_of_skb(&lost, &tcp, &takes_place, skb, family, typed))
		return;
	lost.time = bpf_ktime_get_ns();
	lost.location = location;
	lost.reason = reason;
	lost.netns = ns->inum;
	lost.netns_cookie = ns->cookie;
	lost.check = lost_check(&lost);
	if (takes_place)
		leave_in(lost_slot(lost.sport, lost.dport, ns->rootless, false), &lost);
	if (tcp.flags & TCP_FLAG_ACK)
		leave_in(lost_slot(lost.sport, lost.dport, ns->rootless, true), &lost);
}

#endif
