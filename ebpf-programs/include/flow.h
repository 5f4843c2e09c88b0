/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Whose packet it is, and between whom: network namespace and 5-tuple of a packet or a socket. */
#ifndef NETLENS_FLOW_H
#define NETLENS_FLOW_H

#include "hook.h"
#include "room.h"
#include <bpf/bpf_endian.h>

/* Byte 13 of the TCP header. */
#define TCP_FLAG_FIN 0x01
#define TCP_FLAG_SYN 0x02
#define TCP_FLAG_RST 0x04
#define TCP_FLAG_ACK 0x10

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
	__u32 inum; /* 0: the kernel does not tell */
	__u32 cookie;
	bool rootless; /* any user of the node can make such ones */
};

/*
 * Numbers of namespaces begin here (include/uapi/linux/nsfs.h, include/linux/proc_ns.h). Below: what was followed was
 * no device. TCP keeps tree links in that field while a segment is out of order.
 */
#define FIRST_INODE 0xeffffff0

/* An unset pointer, or one of the small numbers that protocols park in skb->dev (UDP's dev_scratch). */
static __always_inline bool is_kernel_pointer(const void *p)
{
	return (long)p < 0;
}

/* How far its user namespace is from the node's, where alone root is needed to make network namespaces. */
static __always_inline int level_of(const struct net *net, bool typed)
{
	const struct user_namespace *owner = GET(typed, net, user_ns);

	return GET(typed, owner, level);
}

static __always_inline struct netns netns_of_net(const struct net *net, bool typed)
{
	struct netns ns = {};
	__u32 inum;

	if (!is_kernel_pointer(net))
		return ns;
	inum = GET(typed, net, ns.inum);
	if (inum < FIRST_INODE)
		return ns;
	ns.inum = inum;
	if (bpf_core_field_exists(net->net_cookie))
		ns.cookie = (__u32)GET(typed, net, net_cookie);
	ns.rootless = level_of(net, typed) && !is_vouched(ns.inum, ns.cookie);
	return ns;
}

static __always_inline struct netns netns_of_dev(const struct net_device *dev)
{
	return netns_of_net(BPF_CORE_READ(dev, nd_net.net), false);
}

/* Full, request and TIME_WAIT sockets alike: all begin with struct sock_common. */
static __always_inline struct netns netns_of_sock(const struct sock *sk)
{
	return netns_of_net(BPF_CORE_READ(sk, __sk_common.skc_net.net), false);
}

static __always_inline struct netns netns_of_route(unsigned long refdst)
{
	struct dst_entry *dst = (struct dst_entry *)(refdst & ~1UL); /* SKB_DST_NOREF */
	struct net_device *dev = NULL;
	struct netns none = {};

	if (is_kernel_pointer(dst))
		dev = BPF_CORE_READ(dst, dev);
	return is_kernel_pointer(dev) ? netns_of_dev(dev) : none;
}

/*
 * The socket that is to receive it knows the namespace, then the device that it is on: what protocols keep in that
 * field once a socket owns the packet is none. A sender's socket may be in another namespace by now, so it and the
 * route come last.
 */
static __always_inline struct netns netns_of_skb(const struct sk_buff *skb, const struct sock *rx_sk, bool typed)
{
	struct net_device *dev;
	struct netns ns = {};
	struct sock *sk;

	/* By helper: kernels before 6.13 believe that this argument is never NULL, and would not catch its fault. */
	if (rx_sk)
		ns = netns_of_sock(rx_sk);
	if (ns.inum)
		return ns;
	dev = GET(typed, skb, dev);
	if (is_kernel_pointer(dev))
		ns = netns_of_net(GET(typed, dev, nd_net.net), typed);
	if (ns.inum)
		return ns;
	sk = BPF_CORE_READ(skb, sk);
	if (is_kernel_pointer(sk))
		ns = netns_of_sock(sk);
	return ns.inum ? ns : netns_of_route(GET(typed, skb, _skb_refdst));
}

/* 4, 6, or -1: a socket of no IP. */
static __always_inline int family_of_sock(const struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	return family == AF_INET ? 4 : family == AF_INET6 ? 6 : -1;
}

/* A driver's buffer, made ready for the next packet: nothing is in it, and no header that was read before it. */
static __always_inline bool is_blank(const struct sk_buff *skb, bool typed)
{
	__u16 header;

	if (GET(typed, skb, len))
		return false;
	header = GET(typed, skb, network_header);
	return !header || GET(typed, skb, head) + header >= GET(typed, skb, data);
}

/*
 * 4, 6, 0 for other packets, -1 for what is none: buffers of unix, netlink and vsock sockets have neither protocol nor
 * device. What an IP socket gives up before it has a header counts by the socket.
 */
static __always_inline int family_of_skb(const struct sk_buff *skb, bool typed)
{
	__be16 protocol = GET(typed, skb, protocol);
	struct sock *sk;

	if (protocol == bpf_htons(ETH_P_IP))
		return 4;
	if (protocol == bpf_htons(ETH_P_IPV6))
		return 6;
	if (protocol || is_kernel_pointer(GET(typed, skb, dev)))
		return 0;
	sk = BPF_CORE_READ(skb, sk);
	return is_kernel_pointer(sk) ? family_of_sock(sk) : -1;
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

static __always_inline void flow_of_ipv4(struct flow *flow, const unsigned char *ip, __u8 header_words)
{
	__be16 fragment = 0;

	flow->family = 4;
	bpf_probe_read_kernel(&flow->protocol, 1, ip + 9);
	bpf_probe_read_kernel(flow->saddr, 4, ip + 12);
	bpf_probe_read_kernel(flow->daddr, 4, ip + 16);
	bpf_probe_read_kernel(&fragment, 2, ip + 6);
	/* A later fragment has no ports. */
	if (!(fragment & bpf_htons(0x1fff)))
		flow_ports(flow, ip + header_words * 4);
}

static __always_inline void flow_of_ipv6(struct flow *flow, const unsigned char *ip)
{
	const unsigned char *next = ip + 40;
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
	if (version >> 4 == 4)
		flow_of_ipv4(flow, ip, version & 15);
	else if (version >> 4 == 6)
		flow_of_ipv6(flow, ip);
}

/* Byte 13 of the TCP header, for packets that TCP has taken in; 0 for others. */
static __always_inline __u8 tcp_flags_of(const struct sk_buff *skb, int family, bool typed)
{
	const unsigned char *ip = GET(typed, skb, head) + GET(typed, skb, network_header);
	__u8 begin[10] = {}, flags = 0;

	if (!family || bpf_probe_read_kernel(begin, sizeof(begin), ip))
		return 0;
	if ((family == 4 ? begin[9] : begin[6]) != IPPROTO_TCP)
		return 0;
	bpf_probe_read_kernel(&flags, 1, ip + (family == 4 ? (begin[0] & 15) * 4 : 40) + 13);
	return flags;
}

/* The packet that answers it goes the other way. */
static __always_inline void flow_of_answer(struct flow *flow, const struct sk_buff *skb)
{
	struct flow packet = {};

	flow_of_skb(&packet, skb);
	*flow = packet;
	__builtin_memcpy(flow->saddr, packet.daddr, sizeof(flow->saddr));
	__builtin_memcpy(flow->daddr, packet.saddr, sizeof(flow->daddr));
	flow->sport = packet.dport;
	flow->dport = packet.sport;
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
