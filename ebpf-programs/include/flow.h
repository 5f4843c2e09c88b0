/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Whose packet it is, and between whom: network namespace and 5-tuple of a packet or a socket. */
#ifndef NETLENS_FLOW_H
#define NETLENS_FLOW_H

#include "netlens.h"
#include <bpf/bpf_endian.h>

/* Mirrored by Flow in C#. Addresses and ports are in network order; an IPv4 address is in the first four bytes. */
struct flow {
	__u8 saddr[16];
	__u8 daddr[16];
	__be16 sport;
	__be16 dport;
	__u8 family; /* 4, 6, or 0: no IP header */
	__u8 protocol;
	__u8 tcp_flags; /* byte 13 of the TCP header; 0 for sockets */
	__u8 state; /* of the socket, where there is one */
};

struct netns {
	__u32 inum;
	__u32 cookie;
};

/* An unset pointer, or one of the small numbers that protocols park in skb->dev (UDP's dev_scratch). */
static __always_inline bool is_kernel_pointer(const void *p)
{
	return (long)p < 0;
}

static __always_inline struct netns netns_of_net(struct net *net)
{
	struct netns ns = {};

	if (is_kernel_pointer(net)) {
		ns.inum = BPF_CORE_READ(net, ns.inum);
		if (bpf_core_field_exists(net->net_cookie))
			ns.cookie = (__u32)BPF_CORE_READ(net, net_cookie);
	}
	return ns;
}

static __always_inline struct netns netns_of_dev(struct net_device *dev)
{
	return netns_of_net(BPF_CORE_READ(dev, nd_net.net));
}

/* Full, request and TIME_WAIT sockets alike: all begin with struct sock_common. */
static __always_inline struct netns netns_of_sock(const struct sock *sk)
{
	return netns_of_net(BPF_CORE_READ(sk, __sk_common.skc_net.net));
}

/*
 * The device says where the packet is; what protocols keep in that field once a socket owns the packet is no pointer,
 * then the socket says it, and without one the route.
 */
static __always_inline struct netns netns_of_skb(const struct sk_buff *skb, const struct sock *rx_sk)
{
	struct net_device *dev = BPF_CORE_READ(skb, dev);
	struct netns none = {};
	struct sock *sk;
	unsigned long dst;

	if (is_kernel_pointer(dev))
		return netns_of_dev(dev);
	sk = BPF_CORE_READ(skb, sk);
	if (is_kernel_pointer(sk))
		return netns_of_sock(sk);
	if (rx_sk)
		return netns_of_sock(rx_sk);
	dst = BPF_CORE_READ(skb, _skb_refdst) & ~1UL; /* SKB_DST_NOREF */
	if (is_kernel_pointer((void *)dst)) {
		dev = BPF_CORE_READ((struct dst_entry *)dst, dev);
		if (is_kernel_pointer(dev))
			return netns_of_dev(dev);
	}
	return none;
}

/* Family of the packet: 4, 6, or 0 for everything that is not IP. */
static __always_inline __u8 family_of_skb(const struct sk_buff *skb)
{
	__be16 protocol = BPF_CORE_READ(skb, protocol);

	return protocol == bpf_htons(ETH_P_IP) ? 4 : protocol == bpf_htons(ETH_P_IPV6) ? 6 : 0;
}

static __always_inline void flow_ports(struct flow *flow, const void *l4)
{
	struct {
		__be16 sport;
		__be16 dport;
		__u8 tcp_rest[10];
	} ports = {};

	switch (flow->protocol) {
	case IPPROTO_TCP:
		bpf_probe_read_kernel(&ports, sizeof(ports), l4);
		flow->tcp_flags = ports.tcp_rest[9];
		break;
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
		bpf_probe_read_kernel(&ports, 4, l4);
		break;
	default:
		return;
	}
	flow->sport = ports.sport;
	flow->dport = ports.dport;
}

/*
 * From the packet's own headers. The transport header's offset is not trusted: it is not set yet for packets dropped
 * in the IP layer, so it is computed. IPv6 extension headers that packets carry in practice are stepped over.
 */
static __always_inline void flow_of_skb(struct flow *flow, const struct sk_buff *skb)
{
	unsigned char *head = BPF_CORE_READ(skb, head);
	unsigned char *ip = head + BPF_CORE_READ(skb, network_header);
	__u8 version = 0;

	bpf_probe_read_kernel(&version, 1, ip);
	if (version >> 4 == 4) {
		__be16 fragment = 0;

		flow->family = 4;
		bpf_probe_read_kernel(&flow->protocol, 1, ip + 9);
		bpf_probe_read_kernel(flow->saddr, 4, ip + 12);
		bpf_probe_read_kernel(flow->daddr, 4, ip + 16);
		bpf_probe_read_kernel(&fragment, 2, ip + 6);
		/* A later fragment has no ports. */
		if (!(fragment & bpf_htons(0x1fff)))
			flow_ports(flow, ip + (version & 15) * 4);
	} else if (version >> 4 == 6) {
		unsigned char *next = ip + 40;
		__u8 ext[2];

		flow->family = 6;
		bpf_probe_read_kernel(&flow->protocol, 1, ip + 6);
		bpf_probe_read_kernel(flow->saddr, 16, ip + 8);
		bpf_probe_read_kernel(flow->daddr, 16, ip + 24);
#pragma unroll
		for (int i = 0; i < 3; i++) {
			/* hop-by-hop, routing, destination options */
			if (flow->protocol != 0 && flow->protocol != 43 && flow->protocol != 60)
				break;
			if (bpf_probe_read_kernel(ext, 2, next))
				break;
			flow->protocol = ext[0];
			next += (ext[1] + 1) * 8;
		}
		flow_ports(flow, next);
	}
}

/* From a socket: source is the local end. An IPv4 connection of an IPv6 socket is shown as IPv4. */
static __always_inline void flow_of_sock(struct flow *flow, const struct sock *sk, __u8 protocol)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	flow->protocol = protocol;
	flow->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	flow->sport = bpf_htons(BPF_CORE_READ(sk, __sk_common.skc_num));
	flow->dport = BPF_CORE_READ(sk, __sk_common.skc_dport);
	if (family == AF_INET6) {
		__u32 *words = (__u32 *)flow->daddr;

		flow->family = 6;
		BPF_CORE_READ_INTO(&flow->saddr, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
		BPF_CORE_READ_INTO(&flow->daddr, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
		if (words[0] || words[1] || words[2] != bpf_htonl(0xffff))
			return;
		__builtin_memset(flow->saddr, 0, sizeof(flow->saddr));
		__builtin_memset(flow->daddr, 0, sizeof(flow->daddr));
	} else if (family != AF_INET) {
		return;
	}
	flow->family = 4;
	BPF_CORE_READ_INTO((__be32 *)flow->saddr, sk, __sk_common.skc_rcv_saddr);
	BPF_CORE_READ_INTO((__be32 *)flow->daddr, sk, __sk_common.skc_daddr);
}

#endif
