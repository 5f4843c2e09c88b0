// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// What TCP connections carried, by namespace, peer, server port and side. Nothing runs per packet: the kernel keeps
// these figures in each socket. Those of a connection that ends are added to what ended; those of all that are open are
// summed up by a walk over the kernel's table whenever user space asks. The sum of both is what was carried.
#include "flow.h"
#include "walk.h"

#define CHAIN_PARTS 16 /* of one bucket: 1024 sockets */
#define TCP_LAST_ACK 9
#define TCP_CLOSING 11
#define SOCK_BINDPORT_LOCK 8 /* include/linux/socket.h */
#define FIRST_EPHEMERAL 32768

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sock___flow {
	__u16 sk_protocol;
	__u32 sk_max_ack_backlog;
	__u8 sk_userlocks;
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
	__u8 pad[2];
};

struct flow_figures {
	__u64 connections;
	__u64 sent; /* bytes that the peer has acknowledged */
	__u64 received; /* bytes */
	__u64 segments_out;
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

/*
 * Where there is no room for the key, all of the namespace that have none share one: but for what was told while it was
 * open, which must not count again.
 */
static __always_inline void count_ended(struct flow_key *key, const struct flow_figures *figures)
{
	struct flow_key other = { .netns = key->netns, .netns_cookie = key->netns_cookie, .rootless = key->rootless };
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
