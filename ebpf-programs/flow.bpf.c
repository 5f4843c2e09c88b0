// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// What TCP connections and UDP sockets carried, by namespace, peer, server port and side. Of TCP nothing runs per
// packet: the kernel keeps these figures in each socket. Those of a connection that ends are added to what ended; those
// of all that are open are summed up by a walk over the kernel's table whenever user space asks. The sum of both is
// what was carried. UDP sockets have no such figures: each datagram is counted where it leaves its socket or comes to
// it.
#include "flow.h"
#include "walk.h"

#define CHAIN_PARTS 16 /* of one bucket: 1024 sockets */
#define TCP_LAST_ACK 9
#define TCP_CLOSING 11
#define SOCK_BINDPORT_LOCK 8 /* include/linux/socket.h */
#define FIRST_EPHEMERAL 32768
#define FIRST_UNPRIVILEGED 1024
#define SOCK_DGRAM 2 /* include/linux/net.h */
#define IPPROTO_HOPOPTS 0
#define IPPROTO_ROUTING 43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_DSTOPTS 60
#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define UDP_HEADER 8

/* include/uapi/linux/bpf.h: what programs of cgroups are given, of it what is read, where it is. */
struct bpf_sock {
	__u32 unread;
	__u32 family;
	__u32 type;
	__u32 protocol;
	__u32 unread_too[7];
	__u32 src_port; /* not as in packets */
	__be16 dst_port;
	__be16 zero;
	__u32 dst_ip4;
	__u32 dst_ip6[4];
};

/* In fact the kernel's sk_buff. */
struct __sk_buff {
	__u32 len; /* from the IP header on */
	__u32 unread[18];
	__u32 data;
	__u32 data_end;
	__u32 unread_too[20];
	__u32 gso_segs;
	struct bpf_sock *sk;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sock___flow {
	__u16 sk_protocol;
	__u32 sk_max_ack_backlog;
	__u8 sk_userlocks;
};

struct sk_buff___flow {
	__u16 transport_header;
};

struct inet_sock {
	__be16 inet_sport;
};

struct tcp_sock {
	__u64 bytes_received;
	__u64 bytes_acked;
	__u32 segs_in;
	__u32 segs_out;
	__u32 total_retrans;
	__u32 srtt_us; /* eight times as much */
};

struct nsproxy {
	struct net *net_ns;
};

struct task_struct___flow {
	struct nsproxy *nsproxy;
};

#pragma clang attribute pop

/* Mirrored by FlowSide in C#. */
enum side {
	SIDE_NONE, /* no room for a key of its own */
	SIDE_CLIENT,
	SIDE_SERVER,
};

struct flow_settings {
	__u32 bits4; /* of a peer's address that tell peers apart */
	__u32 bits6;
};

struct flow_key {
	__u32 netns;
	__u32 netns_cookie;
	/* As it is in packets. */
	__u64 peer;
	__u64 peer_rest;
	__be16 port; /* the server's */
	__u8 family; /* 4, 6; 0: no room for a key of its own */
	__u8 bits; /* of the address that are there */
	__u8 side;
	__u8 rootless;
	__u8 protocol;
	__u8 pad;
};

struct flow_figures {
	__u64 connections;
	__u64 sent; /* bytes; of TCP those that the peer has acknowledged */
	__u64 received; /* bytes */
	__u64 segments_out; /* or datagrams */
	__u64 segments_in;
	__u64 retransmitted;
	__u64 rtt; /* microseconds, added up */
	__u64 rtts; /* how many */
};

/* Of open connections. */
struct flow_open {
	struct flow_figures figures;
	__u64 pass; /* figures of an earlier one are void */
};

struct flow_noted {
	struct flow_key key; /* without a namespace: not open */
	struct flow_figures figures;
};

struct flow_prefix {
	__u64 address;
	__u64 address_rest;
	__u64 family;
};

/* In: net, or 0 for that of the calling thread. */
struct flow_table {
	__u64 net;
	__u64 address;
	__u64 buckets;
};

SETTINGS(struct flow_settings)
MAP(ended, BPF_MAP_TYPE_HASH, 4096, struct flow_key, struct flow_figures); /* set by the loader */
MAP(open, BPF_MAP_TYPE_HASH, 4096, struct flow_key, struct flow_open); /* set by the loader */
MAP(datagrams, BPF_MAP_TYPE_HASH, 4096, struct flow_key, struct flow_figures); /* set by the loader */

/* Of a UDP socket as long as it is there: what else would be looked for with each datagram. */
struct datagram_socket {
	__u32 netns; /* 0: not known yet */
	__u32 netns_cookie;
	__u32 level; /* of its user namespace */
	__u32 bound; /* it has chosen its port */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct datagram_socket);
} datagram_sockets SEC(".maps");

/* Prefixes in which pods of this node are: there the whole address tells peers apart. Written by user space. */
MAP(whole, BPF_MAP_TYPE_HASH, 1024, struct flow_prefix, __u8);
MAP(chain, BPF_MAP_TYPE_ARRAY, PART *CHAIN_PARTS, __u32, struct flow_noted);
SHARED(tables, 1, struct flow_table);

static __always_inline bool is_open(__u32 state)
{
	return state < 16 && (1U << TCP_ESTABLISHED | 1U << TCP_FIN_WAIT1 | 1U << TCP_FIN_WAIT2 | 1U << TCP_CLOSE_WAIT |
			      1U << TCP_LAST_ACK | 1U << TCP_CLOSING) &
				     1U << state;
}

/*
 * What a listener made has its backlog, and has not chosen its port itself. Only where that was 0 the ports have to
 * tell. It must be the same as long as the connection is there.
 */
static __always_inline __u8 side_of(const struct sock *sk, __u16 local, __u16 peer)
{
	const struct sock___flow *more = (const void *)sk;

	if (BPF_CORE_READ(more, sk_max_ack_backlog))
		return SIDE_SERVER;
	if (BPF_CORE_READ_BITFIELD_PROBED(more, sk_userlocks) & SOCK_BINDPORT_LOCK)
		return SIDE_CLIENT;
	return local < FIRST_EPHEMERAL && peer >= FIRST_EPHEMERAL ? SIDE_SERVER : SIDE_CLIENT;
}

static __always_inline void mask(__u32 *words, int bits)
{
#pragma unroll
	for (int i = 0; i < 4; i++) {
		int left = bits - i * 32;

		if (left <= 0)
			words[i] = 0;
		else if (left < 32)
			words[i] &= bpf_htonl(~0U << (32 - left));
	}
}

/* The address, or what it has in common with others. */
static __always_inline void fill_peer(struct flow_key *key, const struct flow *flow)
{
	struct flow_settings *config = get_settings();
	struct flow_prefix prefix = { .family = flow->family };
	__u32 words[4], bits;

	if (!config)
		return;
	bits = flow->family == 4 ? config->bits4 : config->bits6;
	__builtin_memcpy(words, flow->daddr, sizeof(words));
	mask(words, bits & 255);
	__builtin_memcpy(&prefix.address, words, sizeof(words));
	key->family = flow->family;
	if (bpf_map_lookup_elem(&whole, &prefix)) {
		key->bits = flow->family == 4 ? 32 : 128;
		__builtin_memcpy(&key->peer, flow->daddr, sizeof(words));
	} else {
		key->bits = bits;
		__builtin_memcpy(&key->peer, words, sizeof(words));
	}
}

static __always_inline void fill_key(struct flow_key *key, const struct sock *sk)
{
	__be16 local = BPF_CORE_READ((const struct inet_sock *)sk, inet_sport);
	struct netns ns = netns_of_sock(sk);
	struct flow flow = {};

	flow_of_sock(&flow, sk, IPPROTO_TCP);
	if (!flow.family)
		return;
	key->netns = ns.inum;
	key->netns_cookie = ns.cookie;
	key->rootless = ns.rootless;
	key->protocol = IPPROTO_TCP;
	key->side = side_of(sk, bpf_ntohs(local), bpf_ntohs(flow.dport));
	key->port = key->side == SIDE_SERVER ? local : flow.dport;
	fill_peer(key, &flow);
}

static __always_inline void fill_figures(struct flow_figures *figures, const struct sock *sk)
{
	const struct tcp_sock *tp = (const void *)sk;
	__u32 rtt = BPF_CORE_READ(tp, srtt_us) >> 3;

	figures->connections = 1;
	figures->sent = BPF_CORE_READ(tp, bytes_acked);
	figures->received = BPF_CORE_READ(tp, bytes_received);
	figures->segments_out = BPF_CORE_READ(tp, segs_out);
	figures->segments_in = BPF_CORE_READ(tp, segs_in);
	figures->retransmitted = BPF_CORE_READ(tp, total_retrans);
	figures->rtt = rtt;
	figures->rtts = rtt ? 1 : 0;
}

static __always_inline void add_figures(struct flow_figures *to, const struct flow_figures *figures)
{
	add(&to->connections, figures->connections);
	add(&to->sent, figures->sent);
	add(&to->received, figures->received);
	add(&to->segments_out, figures->segments_out);
	add(&to->segments_in, figures->segments_in);
	add(&to->retransmitted, figures->retransmitted);
	add(&to->rtt, figures->rtt);
	add(&to->rtts, figures->rtts);
}

static __always_inline struct flow_key others_of(const struct flow_key *key)
{
	struct flow_key other = {
		.netns = key->netns,
		.netns_cookie = key->netns_cookie,
		.rootless = key->rootless,
		.protocol = key->protocol,
	};

	return other;
}

/*
 * Where there is no room for the key, all of the namespace that have none share one: but for what was told while it was
 * open, which must not count again.
 */
static __always_inline void count_ended(struct flow_key *key, const struct flow_figures *figures)
{
	struct flow_key other = others_of(key);
	struct flow_figures fresh = {}, *value;

	value = lookup_or_share(&ended, key, &fresh, key->rootless, SHARE_COUNTERS);
	if (!value) {
		lost(LOSS_ENTRY);
		if (bpf_map_lookup_elem(&open, key))
			return;
		value = lookup_or_share(&ended, &other, &fresh, key->rootless, SHARE_COUNTERS);
	}
	if (value)
		add_figures(value, figures);
}

/* SCTP, DCCP and MPTCP have the same states; a subflow of MPTCP is a TCP socket. */
static __always_inline bool is_tcp(const struct sock *sk)
{
	return BPF_CORE_READ_BITFIELD_PROBED((const struct sock___flow *)sk, sk_protocol) == IPPROTO_TCP;
}

/* It has left the table of connections by now. */
SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(set_state_raw, struct sock *sk, int before, int after)
{
	struct flow_figures figures;
	struct flow_key key = {};

	if (after != TCP_CLOSE || !is_open(before) || !is_tcp(sk))
		return 0;
	fill_key(&key, sk);
	if (!key.netns)
		return 0;
	fill_figures(&figures, sk);
	count_ended(&key, &figures);
	return 0;
}

/* Gives the next node; 0 where memory of a closed socket became another's meanwhile, which changes the hash. */
__noinline __u64 note_socket(__u64 node, __u32 at)
{
	const struct sock_common *common = socket_of(node);
	const struct sock_common___walk *link = (const void *)common;
	const struct sock *sk = (const void *)common;
	struct flow_noted *noted = bpf_map_lookup_elem(&chain, &at);
	__u32 hash;

	if (!noted)
		return 0;
	hash = BPF_CORE_READ(link, skc_hash);
	node = (__u64)BPF_CORE_READ(link, skc_nulls_node.next);
	__builtin_memset(noted, 0, sizeof(*noted));
	if (is_open(BPF_CORE_READ(common, skc_state))) {
		fill_figures(&noted->figures, sk);
		fill_key(&noted->key, sk);
	}
	return BPF_CORE_READ(link, skc_hash) == hash ? node : 0;
}

/* One that finds no room counts once it ends. */
__noinline int count_socket(__u32 at)
{
	struct flow_noted *noted = bpf_map_lookup_elem(&chain, &at);
	struct socket_walk *walk = get_walk();
	struct flow_open fresh = {}, *value;

	if (!noted || !walk || !noted->key.netns)
		return 0;
	value = lookup_or_share(&open, &noted->key, &fresh, noted->key.rootless, SHARE_OVERFLOW);
	if (!value) {
		walk->crowded++;
		return 0;
	}
	if (value->pass != walk->pass) {
		__builtin_memset(value, 0, sizeof(*value));
		value->pass = walk->pass;
	}
	add_figures(&value->figures, &noted->figures);
	return 0;
}

__noinline int count_part(__u32 from)
{
	struct socket_walk *walk = get_walk();

	if (!walk)
		return 0;
	for (__u32 i = 0; i < PART; i++) {
		if (from + i >= walk->noted)
			break;
		count_socket(from + i);
	}
	return 0;
}

static __always_inline bool take_single(struct socket_walk *walk, __u64 address, __u32 bucket)
{
	return false;
}

#include "established.h"

/* Both are run by user space and attached to nothing. */
SEC("raw_tp")
int walk_open(void *ctx)
{
	return walk_connections();
}

SEC("raw_tp")
int find_table(void *ctx)
{
	struct task_struct___flow *task = (void *)bpf_get_current_task();
	const struct inet_hashinfo *info;
	struct flow_table *found;
	__u32 zero = 0;

	found = bpf_map_lookup_elem(&tables, &zero);
	if (!found)
		return 1;
	info = tables_of(found->net ?: (__u64)BPF_CORE_READ(task, nsproxy, net_ns));
	found->address = (__u64)BPF_CORE_READ(info, ehash);
	found->buckets = BPF_CORE_READ(info, ehash_mask) + 1;
	return 0;
}

/*
 * Where UDP's header begins, and the peer by the packet; 0: it is no UDP. What IPv6 may have in between (options, a
 * route, fragments) the kernel has passed over; behind IPsec's headers is none that can be read.
 */
static __always_inline __u32 udp_of(struct __sk_buff *ctx, struct flow *flow, bool sent)
{
	const __u8 *ip = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct sk_buff *skb = (const void *)ctx;
	__u32 *peer = (void *)flow->daddr;
	const __u32 *address;

	if (ip + IPV4_HEADER + UDP_HEADER > end)
		return 0;
	flow->family = ip[0] >> 4;
	if (flow->family == 4) {
		if (ip[9] != IPPROTO_UDP)
			return 0;
		peer[0] = *(const __u32 *)(ip + (sent ? 16 : 12));
		return (ip[0] & 15) * 4;
	}
	if (flow->family != 6 || ip + IPV6_HEADER > end)
		return 0;
	if (ip[6] != IPPROTO_UDP && ip[6] != IPPROTO_HOPOPTS && ip[6] != IPPROTO_ROUTING && ip[6] != IPPROTO_FRAGMENT &&
	    ip[6] != IPPROTO_DSTOPTS)
		return 0;
	address = (const void *)(ip + (sent ? 24 : 8));
	peer[0] = address[0];
	peer[1] = address[1];
	peer[2] = address[2];
	peer[3] = address[3];
	if (ip[6] == IPPROTO_UDP)
		return IPV6_HEADER;
	return (__u16)(BPF_CORE_READ((const struct sk_buff___flow *)skb, transport_header) -
		       BPF_CORE_READ(skb, network_header));
}

static __always_inline bool is_mapped(struct bpf_sock *sk)
{
	return !sk->dst_ip6[0] && !sk->dst_ip6[1] && sk->dst_ip6[2] == bpf_htonl(0xffff);
}

/*
 * What is sent through a connected socket has the socket's peer, as what comes back has: rules of the namespace's own
 * may have changed it in the packet by now, which has passed them.
 */
static __always_inline bool fill_peer_of_socket(struct flow *flow, struct bpf_sock *sk)
{
	__u32 *peer = (void *)flow->daddr;

	/* One that is connected by one family may send by the other all the same. */
	if (sk->family == AF_INET ? flow->family != 4 : (flow->family == 4) != is_mapped(sk))
		return false;
	flow->dport = sk->dst_port;
	if (sk->family == AF_INET) {
		peer[0] = sk->dst_ip4;
	} else if (flow->family == 4) {
		peer[0] = sk->dst_ip6[3];
	} else {
		peer[0] = sk->dst_ip6[0];
		peer[1] = sk->dst_ip6[1];
		peer[2] = sk->dst_ip6[2];
		peer[3] = sk->dst_ip6[3];
	}
	return true;
}

static __always_inline void look_at_socket(struct datagram_socket *known, const struct sock *sk)
{
	const struct sock___flow *more = (const void *)sk;
	const struct net *net = BPF_CORE_READ(sk, __sk_common.skc_net.net);
	struct netns ns = netns_of_net(net, false);

	known->netns_cookie = ns.cookie;
	known->level = level_of(net, false);
	known->bound = BPF_CORE_READ_BITFIELD_PROBED(more, sk_userlocks) & SOCK_BINDPORT_LOCK;
	known->netns = ns.inum;
}

/* The end that has chosen its port is the server's, unless only the other one's is well-known. */
static __always_inline __u8 side_of_datagram(bool bound, __u16 local, __u16 peer)
{
	if (!bound)
		return SIDE_CLIENT;
	return local >= FIRST_UNPRIVILEGED && peer < FIRST_UNPRIVILEGED ? SIDE_CLIENT : SIDE_SERVER;
}

static __always_inline void fill_datagram_key(struct flow_key *key, const struct flow *flow,
					      const struct datagram_socket *from, __u16 port)
{
	key->netns = from->netns;
	key->netns_cookie = from->netns_cookie;
	key->rootless = from->level && !is_vouched(from->netns, from->netns_cookie);
	key->protocol = IPPROTO_UDP;
	key->side = side_of_datagram(from->bound, port, bpf_ntohs(flow->dport));
	key->port = key->side == SIDE_SERVER ? bpf_htons(port) : flow->dport;
	fill_peer(key, flow);
}

/* Before a namespace's first key comes that of all its others, so that it is there when the map is full. */
static __always_inline struct flow_figures *datagrams_of(const struct flow_key *key)
{
	struct flow_figures *value = bpf_map_lookup_elem(&datagrams, key), *rest;
	struct flow_key other = others_of(key);
	struct flow_figures fresh = {};

	if (value)
		return value;
	rest = lookup_or_share(&datagrams, &other, &fresh, key->rootless, SHARE_DATAGRAMS);
	value = lookup_or_share(&datagrams, key, &fresh, key->rootless, SHARE_DATAGRAMS);
	if (value)
		return value;
	lost(LOSS_ENTRY);
	return rest;
}

static __always_inline void add_datagrams(struct flow_figures *figures, struct __sk_buff *ctx, __u32 headers, bool sent)
{
	__u32 length = ctx->len, count = ctx->gso_segs;

	length -= length < headers ? length : headers;
	/* What the kernel cuts into datagrams later, or has put together, is as many as it says. */
	add(sent ? &figures->sent : &figures->received, length);
	add(sent ? &figures->segments_out : &figures->segments_in, count ?: 1);
}

/* Not for sockets that send or get packets of UDP as they are. */
static __always_inline void count_datagram(struct __sk_buff *ctx, bool sent)
{
	struct datagram_socket *known;
	struct flow_figures *figures;
	struct flow_key key = {};
	struct flow flow = {};
	struct bpf_sock *sk;
	__u32 header;

	header = udp_of(ctx, &flow, sent);
	if (!header)
		return;
	sk = ctx->sk;
	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk || sk->protocol != IPPROTO_UDP || sk->type != SOCK_DGRAM)
		return;
	known = bpf_sk_storage_get(&datagram_sockets, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!known) {
		lost(LOSS_ENTRY);
		return;
	}
	if (!known->netns)
		look_at_socket(known, BPF_CORE_READ((const struct sk_buff *)ctx, sk));
	if (!sent || !sk->dst_port || !fill_peer_of_socket(&flow, sk))
		bpf_skb_load_bytes(ctx, header + (sent ? 2 : 0), &flow.dport, 2);
	fill_datagram_key(&key, &flow, known, sk->src_port);
	figures = key.netns ? datagrams_of(&key) : NULL;
	if (figures)
		add_datagrams(figures, ctx, header + UDP_HEADER, sent);
}

/* Nothing is ever held back: 1 lets the packet go on. */
SEC("cgroup_skb/egress")
int datagram_sent(struct __sk_buff *ctx)
{
	count_datagram(ctx, true);
	return 1;
}

SEC("cgroup_skb/ingress")
int datagram_received(struct __sk_buff *ctx)
{
	count_datagram(ctx, false);
	return 1;
}
