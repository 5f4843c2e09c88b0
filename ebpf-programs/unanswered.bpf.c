// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// SYNs that come again, since nobody answered the first: who asks them of a listener that drops handshakes. User space
// attaches it only while one does, and says of which listeners it wants to know.
#include "hook.h"
#include "maps.h"
#include <bpf/bpf_endian.h>

#define SYN 0x02
#define SYN_ACK 0x12
/* Nanoseconds: nobody asks again sooner. A bridge gives the same packet on once more, at once. */
#define SOONEST 100000000ULL

struct asked_listener {
	__u32 netns;
	__u32 port; /* in network order */
};

struct asked_syn {
	__u32 netns;
	__be16 dport;
	__be16 sport;
	__u8 saddr[16]; /* in network order; IPv4 as ::ffff:a.b.c.d */
};

struct asked_times {
	__u64 last; /* CLOCK_MONOTONIC, of the one that came again */
	__u64 seen; /* the same, of any */
	__u32 seq;
	__u32 again;
};

MAP(asked, BPF_MAP_TYPE_HASH, 64, struct asked_listener, __u8);
/* Which are pushed out nobody counts: a sample. */
MAP(syns, BPF_MAP_TYPE_LRU_HASH, 1024, struct asked_syn, struct asked_times);

/* What TCP's header begins with. */
struct segment {
	__be16 sport;
	__be16 dport;
	__be32 seq;
	__be32 ack;
	__u8 words;
	__u8 flags;
};

/* The SYN of a handshake, at its network header; extension headers have none in practice. */
static __always_inline bool read_syn(struct asked_syn *syn, struct segment *segment, const void *ip, bool ipv4)
{
	__u8 begin[40] = {};
	__u32 length = 40;

	if (bpf_probe_read_kernel(begin, ipv4 ? 20 : 40, ip) || begin[ipv4 ? 9 : 6] != IPPROTO_TCP)
		return false;
	if (ipv4)
		length = (begin[0] & 15) * 4;
	if (bpf_probe_read_kernel(segment, sizeof(*segment), ip + length) || (segment->flags & SYN_ACK) != SYN)
		return false;
	if (ipv4) {
		syn->saddr[10] = 0xff;
		syn->saddr[11] = 0xff;
		__builtin_memcpy(syn->saddr + 12, begin + 12, 4);
	} else {
		__builtin_memcpy(syn->saddr, begin + 8, 16);
	}
	syn->sport = segment->sport;
	syn->dport = segment->dport;
	return true;
}

static __always_inline void at_network(const struct sk_buff *skb, bool typed)
{
	const struct net_device *dev = GET(typed, skb, dev);
	__be16 family = GET(typed, skb, protocol);
	struct asked_times fresh = {}, *times;
	struct asked_listener listener = {};
	struct segment segment = {};
	struct asked_syn syn = {};
	const struct net *net;
	__u64 now;

	if (family != bpf_htons(ETH_P_IP) && family != bpf_htons(ETH_P_IPV6))
		return;
	if (!read_syn(&syn, &segment, GET(typed, skb, data), family == bpf_htons(ETH_P_IP)))
		return;
	net = GET(typed, dev, nd_net.net);
	syn.netns = listener.netns = GET(typed, net, ns.inum);
	listener.port = syn.dport;
	if (!bpf_map_lookup_elem(&asked, &listener))
		return;
	now = bpf_ktime_get_ns();
	times = bpf_map_lookup_elem(&syns, &syn);
	if (times && times->seq == segment.seq) {
		if (now - times->seen > SOONEST) {
			times->again++;
			times->last = now;
		}
		times->seen = now;
		return;
	}
	fresh.seq = segment.seq;
	fresh.seen = now;
	bpf_map_update_elem(&syns, &syn, &fresh, BPF_ANY);
}

TRACEPOINT(network, netif_receive_skb, at_network(skb, typed), struct sk_buff *skb)
