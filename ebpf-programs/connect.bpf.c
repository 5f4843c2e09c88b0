// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// TCP connects: how each ended, by cause and kind of port, and how long those that succeeded took; the slow and the
// failed ones as events.
#include "cause.h"
#include "event.h"
#include "nexthop.h"
#include "share.h"

enum port_class {
	DNS,
	HTTP,
	HTTPS,
	SYSTEM, /* others below 1024 */
	REGISTERED, /* to 32767 */
	DYNAMIC, /* from where Linux chooses for clients */
};

struct connect_settings {
	__u64 slow; /* ns above which one that succeeded or was given up makes an event */
	__u32 burst; /* events per second, key and CPU; 0: no events */
	__u32 pad;
};

struct connect_key {
	__u32 netns;
	__u32 netns_cookie;
	__u8 family; /* 4 or 6 */
	__u8 cause;
	__u8 port_class;
	__u8 rootless;
};

struct connect_value {
	__u64 connects;
	struct limiter limiter;
};

struct connect_times_key {
	__u32 netns;
	__u32 netns_cookie;
	__u32 rootless;
};

/* Of those that succeeded. */
struct connect_times {
	struct histogram histogram;
};

struct connect_event {
	struct event_head head; /* of who connects */
	struct flow flow;
	__u64 duration; /* 0: the start was not seen */
	__u8 next_hop[16];
	__u32 error; /* errno that the socket got; 0: none */
	__u8 next_hop_family; /* 4 or 6; 0: its address was known, or nobody can tell */
	__u8 neighbour; /* its last state, where its address was not known meanwhile */
	__u8 cause;
	__u8 port_class;
	__u8 retransmits; /* of the SYN */
	__u8 icmp_code;
	__u8 icmp; /* there was an ICMP error of that code */
	__u8 pad[5];
};

SETTINGS(struct connect_settings)
EVENT(connect_event)
MAP(connects, BPF_MAP_TYPE_PERCPU_HASH, 4096, struct connect_key, struct connect_value); /* set by the loader */
MAP(times, BPF_MAP_TYPE_HASH, 1024, struct connect_times_key, struct connect_times); /* a quarter of that */
/* Connects under way at once; those of namespaces that any user can make push out each other only. */
MAP(starts, BPF_MAP_TYPE_LRU_HASH, 16384, __u64, struct connect_start);
MAP(rootless_starts, BPF_MAP_TYPE_LRU_HASH, 4096, __u64, struct connect_start);

static __always_inline struct connect_start *start_of(const __u64 *key)
{
	return bpf_map_lookup_elem(&starts, key) ?: bpf_map_lookup_elem(&rootless_starts, key);
}

static __always_inline void forget(const __u64 *key)
{
	if (bpf_map_delete_elem(&starts, key))
		bpf_map_delete_elem(&rootless_starts, key);
}

static __always_inline __u8 class_of(__u16 port)
{
	switch (port) {
	case 53:
		return DNS;
	case 80:
		return HTTP;
	case 443:
		return HTTPS;
	}
	return port < 1024 ? SYSTEM : port < 32768 ? REGISTERED : DYNAMIC;
}

/* SCTP, DCCP and MPTCP have the same states; a subflow of MPTCP is a TCP socket. */
static __always_inline bool is_tcp(const struct sock *sk)
{
	return BPF_CORE_READ_BITFIELD_PROBED((const struct sock___connect *)sk, sk_protocol) == IPPROTO_TCP;
}

static __always_inline __u32 peer_of(const struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_daddr) ^ BPF_CORE_READ(sk, __sk_common.skc_dport) << 8;
}

static __always_inline void fill_caller(struct connect_start *start)
{
	__u64 id = bpf_get_current_pid_tgid();

	start->pid = id >> 32;
	start->tid = (__u32)id;
	start->cgroup = bpf_get_current_cgroup_id();
	bpf_get_current_comm(start->comm, sizeof(start->comm));
	start->time = bpf_ktime_get_ns();
}

static __always_inline void begun(const struct sock *sk)
{
	struct connect_start start = {};
	__u64 key = (__u64)sk;

	if (!is_tcp(sk))
		return;
	fill_caller(&start);
	start.peer = peer_of(sk);
	start.txhash = BPF_CORE_READ((const struct sock___connect *)sk, sk_txhash);
	start.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (netns_of_sock(sk).rootless ? bpf_map_update_elem(&rootless_starts, &key, &start, BPF_ANY)
				       : bpf_map_update_elem(&starts, &key, &start, BPF_ANY))
		lost(LOSS_ENTRY);
}

/* A connect that is over. */
struct ended {
	const struct sock *sk;
	const struct icmp_note *note; /* NULL: none, or none was seen */
	__u64 now;
	__u64 duration; /* 0: the start was not seen */
	struct connect_key key;
	__u32 error; /* errno that the socket got; 0: none */
	struct connect_start start;
	struct flow flow;
};

/* Of the next hop only what happened to it since the connect began. */
static __always_inline void fill_neighbour(struct connect_event *event, const struct ended *ended)
{
	const struct sock___connect *sk = (const void *)ended->sk;
	struct neighbour_key hop = {};
	struct neighbour_note *note;
	__u8 family = 0;

	if (!find_next_hop(&hop, &family, BPF_CORE_READ(sk, sk_dst_cache), &ended->flow))
		return;
	note = note_of_neighbour(&hop);
	if (!note || !ended->start.time || note->time < ended->start.time)
		return;
	event->neighbour = note->state;
	event->next_hop_family = family;
	__builtin_memcpy(event->next_hop, hop.address, sizeof(event->next_hop));
}

static __always_inline void report(void *ctx, const struct ended *ended)
{
	struct connect_event *event = begin_event(ended->now, ended->key.netns, ended->key.netns_cookie, false);
	const struct tcp_sock *tp = (const void *)ended->sk;

	if (!event)
		return;
	event->head.rootless = ended->key.rootless;
	event->head.pid = ended->start.pid;
	event->head.tid = ended->start.tid;
	event->head.cgroup = ended->start.cgroup;
	__builtin_memcpy(event->head.comm, ended->start.comm, sizeof(event->head.comm));
	event->flow = ended->flow;
	event->duration = ended->duration;
	event->error = ended->error;
	event->cause = ended->key.cause;
	event->port_class = ended->key.port_class;
	event->retransmits = BPF_CORE_READ(tp, total_retrans);
	if (ended->note) {
		event->icmp = true;
		event->icmp_code = ended->note->code;
	}
	fill_neighbour(event, ended);
	end_event(ctx, event, sizeof(*event));
}

/* Who gives up at once has another address to try. */
static __always_inline bool is_event(const struct ended *ended, const struct connect_settings *config)
{
	if (ended->key.cause == ESTABLISHED || ended->key.cause == ABORTED)
		return ended->duration > config->slow;
	return true;
}

static __always_inline void count(void *ctx, struct ended *ended)
{
	struct connect_settings *config = get_settings();
	struct connect_value *value, fresh = {};

	ended->key.family = ended->flow.family;
	ended->key.port_class = class_of(bpf_ntohs(ended->flow.dport));
	value = ended->key.netns ? lookup_or_share(&connects, &ended->key, &fresh, ended->key.rootless, SHARE_COUNTERS)
				 : NULL;
	if (!value) {
		lost(LOSS_ENTRY);
		return;
	}
	add(&value->connects, 1);
	if (!config || !config->burst || !is_event(ended, config) || !admit(&value->limiter, ended->now, config->burst))
		return;
	if (!ended->key.rootless || admit_rootless(&value->limiter, ended->now, config->burst))
		report(ctx, ended);
}

static __always_inline void count_time(const struct ended *ended)
{
	struct connect_times_key key = { .netns = ended->key.netns,
					 .netns_cookie = ended->key.netns_cookie,
					 .rootless = ended->key.rootless };
	struct connect_times *value, fresh = {};

	value = key.netns ? lookup_or_share(&times, &key, &fresh, key.rootless, SHARE_OVERFLOW) : NULL;
	if (value)
		histogram_add_atomic(&value->histogram, ended->duration);
	else
		lost(LOSS_ENTRY);
}

/* The SYN of a fast open may wait for the first write: how long that was is no matter of the network. */
static __always_inline bool is_fast_open(const struct sock *sk)
{
	return BPF_CORE_READ_BITFIELD_PROBED((const struct tcp_sock *)sk, syn_fastopen);
}

/* A port given back already is still in inet_sport; one of an earlier connect, where this one got none. */
static __always_inline void fill_flow(struct flow *flow, const struct sock *sk)
{
	flow_of_sock(flow, sk, IPPROTO_TCP);
	if (!flow->sport)
		flow->sport = BPF_CORE_READ((const struct inet_sock *)sk, inet_sport);
}

static __always_inline void succeeded(void *ctx, struct ended *ended)
{
	ended->key.cause = ESTABLISHED;
	if (is_fast_open(ended->sk))
		ended->duration = 0;
	if (ended->duration)
		count_time(ended);
	count(ctx, ended);
}

static __always_inline void failed(void *ctx, struct ended *ended)
{
	const struct sock___connect *sk = (const void *)ended->sk;
	const struct tcp_sock *tp = (const void *)ended->sk;

	ended->error = BPF_CORE_READ(sk, sk_err);
	ended->note = note_of(&ended->flow);
	ended->key.cause = cause_of(ended->sk, &ended->start, ended->error, ended->note);
	/* A fast open that waited for a write, which never came. */
	if (ended->key.cause == ABORTED && !BPF_CORE_READ(tp, segs_out))
		ended->duration = 0;
	if (ended->key.cause == NO_FREE_PORT)
		ended->flow.sport = 0;
	count(ctx, ended);
}

static __always_inline void over(void *ctx, const struct sock *sk, const struct connect_start *start, int after)
{
	struct ended ended = { .sk = sk, .start = *start, .now = bpf_ktime_get_ns() };
	struct netns ns = netns_of_sock(sk);

	ended.key.netns = ns.inum;
	ended.key.netns_cookie = ns.cookie;
	ended.key.rootless = ns.rootless;
	if (start->time && start->time < ended.now)
		ended.duration = ended.now - start->time;
	fill_flow(&ended.flow, sk);
	if (after == TCP_ESTABLISHED)
		succeeded(ctx, &ended);
	else
		failed(ctx, &ended);
}

static __always_inline void left(void *ctx, const struct sock *sk, int before, int after)
{
	__u64 key = (__u64)sk;
	struct connect_start *found = start_of(&key), start = {};

	/* Nearly all that were half open are those that a listener accepts. */
	if (before == TCP_SYN_RECV && !(found && found->half_open))
		return;
	/* Both ends connect to each other: it goes on. */
	if (after == TCP_SYN_RECV) {
		if (found)
			found->half_open = true;
		return;
	}
	if (!is_tcp(sk))
		return;
	if (found) {
		if (found->peer == peer_of(sk))
			start = *found;
		forget(&key);
	}
	over(ctx, sk, &start, after);
}

SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(set_state_raw, struct sock *sk, int before, int after)
{
	if (after == TCP_SYN_SENT)
		begun(sk);
	else if (before == TCP_SYN_SENT || before == TCP_SYN_RECV)
		left(ctx, sk, before, after);
	return 0;
}

/* A reset makes ECONNREFUSED of a connect, and so does an ICMP error. */
SEC("raw_tp/tcp_receive_reset")
int BPF_PROG(receive_reset_raw, struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct connect_start *found = start_of(&key);

	if (found)
		found->reset = true;
	return 0;
}

SEC("raw_tp/neigh_timer_handler")
int BPF_PROG(neighbour_raw, struct neighbour *neighbour)
{
	note_neighbour(neighbour);
	return 0;
}

FUNCTION_ENTRY(v4_error, tcp_v4_err, note_icmp4(skb), struct sk_buff *skb)

/* What a route of the kind "unreachable" or "prohibit" and a missing one make connect() fail with at once. */
static __always_inline bool is_of_route(__u32 error)
{
	return error == ENETUNREACH || error == EHOSTUNREACH || error == EACCES;
}

/* A socket that did not become one that connects; to: struct sockaddr_in or sockaddr_in6, both begin alike. */
static __always_inline void not_begun(void *ctx, const struct sock *sk, const void *to, __u32 error, struct flow *flow)
{
	struct ended ended = { .sk = sk, .error = error };
	struct netns ns = netns_of_sock(sk);

	fill_caller(&ended.start);
	ended.now = ended.start.time;
	ended.key.netns = ns.inum;
	ended.key.netns_cookie = ns.cookie;
	ended.key.rootless = ns.rootless;
	ended.key.cause = error == EACCES ? REJECTED : NO_ROUTE;
	ended.flow = *flow;
	ended.flow.protocol = IPPROTO_TCP;
	ended.flow.state = TCP_CLOSE;
	ended.flow.sport = bpf_htons(BPF_CORE_READ(sk, __sk_common.skc_num));
	bpf_probe_read_kernel(&ended.flow.dport, sizeof(ended.flow.dport), to + 2);
	count(ctx, &ended);
}

SEC("fexit/tcp_v4_connect")
int BPF_PROG(v4_connect_fexit, struct sock *sk, void *to, int length, int result)
{
	struct flow flow = { .family = 4 };

	if (!is_of_route(-result))
		return 0;
	bpf_probe_read_kernel(flow.daddr, 4, to + 4);
	BPF_CORE_READ_INTO((__be32 *)flow.saddr, sk, __sk_common.skc_rcv_saddr);
	not_begun(ctx, sk, to, -result, &flow);
	return 0;
}

/* One of an IPv4 address went the other way. */
SEC("fexit/tcp_v6_connect")
int BPF_PROG(v6_connect_fexit, struct sock *sk, void *to, int length, int result)
{
	struct flow flow = { .family = 6 };
	__u32 *words = (__u32 *)flow.daddr;

	if (!is_of_route(-result))
		return 0;
	bpf_probe_read_kernel(flow.daddr, sizeof(flow.daddr), to + 8);
	if (!words[0] && !words[1] && words[2] == bpf_htonl(0xffff))
		return 0;
	BPF_CORE_READ_INTO(&flow.saddr, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
	not_begun(ctx, sk, to, -result, &flow);
	return 0;
}
