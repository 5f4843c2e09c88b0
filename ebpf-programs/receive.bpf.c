// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// How long packets of TCP and UDP take from the device's stamp to the network layer, into the socket's queue, and until
// somebody reads them: a histogram per namespace, protocol and station, and the slow ones as events.
#include "event.h"
#include "flow.h"
#include "share.h"
#include "stamp.h"

#define MSG_PEEK 2
#define MSG_ERRQUEUE 0x2000

enum station {
	NETWORK, /* begins with it, after the CPU's backlog */
	SOCKET, /* in the socket's queue: after routing, rules and whoever held the socket */
	READ,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sk_buff_head {
	struct sk_buff *next;
	struct sk_buff *prev;
};

typedef struct {
	int owned;
} socket_lock_t;

struct sock___receive {
	socket_lock_t sk_lock;
	struct sk_buff_head sk_receive_queue;
	__u16 sk_protocol;
};

struct udp_sock___receive {
	struct sk_buff_head reader_queue;
};

struct tcp_sock___receive {
	__u32 copied_seq;
};

struct tcp_skb_cb {
	__u32 seq;
};

struct sk_buff___receive {
	char cb[48];
};

#pragma clang attribute pop

struct receive_settings {
	struct stamp_clock clock;
	__u64 slow; /* ns to the socket's queue above which there is an event */
	__u64 slow_read; /* ns to the read */
	__u64 least; /* the least of those and LEGACY_SLOW: below nothing but the histogram needs a look */
	__u32 burst; /* events per second, key and CPU; 0: no events */
	__u32 pad;
};

struct receive_key {
	__u32 netns;
	__u32 netns_cookie;
	__u16 protocol; /* IPPROTO_ */
	__u8 station;
	__u8 rootless;
};

struct receive_value {
	struct histogram histogram;
	__u64 slow;
	__u64 slower;
	struct limiter limiter;
};

struct receive_event {
	struct event_head head; /* without a task where the one that ran has nothing to do with the socket */
	struct flow flow;
	__u64 duration;
	__u32 station;
	__u32 pad;
};

/* The datagram that is read next from a socket. */
struct receive_next {
	__u64 stamp; /* 0: there is none, or it has none */
	struct flow flow;
};

SETTINGS(struct receive_settings)
EVENT(receive_event)
MAP(times, BPF_MAP_TYPE_PERCPU_HASH, 1024, struct receive_key, struct receive_value); /* set by the loader */
/* Too large for the stack: what a new value begins as. */
ONE(fresh, BPF_MAP_TYPE_ARRAY, struct receive_value, get_fresh)
/* By socket; one that is pushed out costs the age of a datagram. Namespaces of users push out each other's only. */
MAP(next_reads, BPF_MAP_TYPE_LRU_HASH, 2048, __u64, struct receive_next);
MAP(rootless_next_reads, BPF_MAP_TYPE_LRU_HASH, 512, __u64, struct receive_next);

/* A packet at a station. */
struct sight {
	const struct sk_buff *skb; /* NULL: it is gone, and flow is all that is left of it */
	const struct flow *flow;
	const struct sock *sk; /* whose it is; NULL: not known yet */
	__u64 stamp;
	__u64 noted; /* when it came, by the CPU's notes; 0: it is in none */
	__u8 station;
	__u8 protocol;
};

/* The task that runs has to do with it: it reads, or took what came while it held the socket (release_sock). */
static __always_inline bool is_of_task(const struct sight *sight)
{
	const struct sock___receive *sk = (const void *)sight->sk;

	return sight->station == READ || (sight->protocol == IPPROTO_TCP && BPF_CORE_READ(sk, sk_lock.owned));
}

/* Once in the object, for all programs: it is long. Hidden: verified with the programs, as if it were static. */
__hidden __noinline int fill_flow(struct flow *flow, const struct sk_buff *skb)
{
	flow_of_skb(flow, skb);
	return 0;
}

static __always_inline void report(void *ctx, const struct sight *sight, const struct receive_key *key,
				   const struct age *age)
{
	struct receive_event *event = begin_event(age->now, key->netns, key->netns_cookie, is_of_task(sight));

	if (!event)
		return;
	event->head.rootless = key->rootless;
	if (sight->skb)
		fill_flow(&event->flow, sight->skb);
	else if (sight->flow)
		event->flow = *sight->flow;
	event->duration = age->nanoseconds;
	event->station = sight->station;
	end_event(ctx, event, sizeof(*event));
}

/* One that takes longer than `least`. On the way to the network layer alone it is no event: the socket's tells. */
__hidden __noinline int slow(void *ctx, const struct sight *sight, const struct receive_key *key,
			     struct receive_value *value, const struct age *age)
{
	struct receive_settings *config = get_settings();
	__u64 limit;

	if (!config)
		return 0;
	limit = sight->station == READ ? config->slow_read : config->slow;
	if (age->nanoseconds > LEGACY_SLOW)
		add(&value->slow, 1);
	if (age->nanoseconds > LEGACY_SLOWER)
		add(&value->slower, 1);
	if (sight->station == NETWORK || age->nanoseconds <= limit || !config->burst)
		return 0;
	if (admit(&value->limiter, age->now, config->burst) &&
	    (!key->rootless || admit_rootless(&value->limiter, age->now, config->burst)))
		report(ctx, sight, key, age);
	return 0;
}

static __always_inline void count(void *ctx, const struct sight *sight, struct netns ns)
{
	struct receive_key key = { .netns = ns.inum,
				   .netns_cookie = ns.cookie,
				   .protocol = sight->protocol,
				   .station = sight->station,
				   .rootless = ns.rootless };
	struct receive_settings *config = get_settings();
	struct receive_value *value, *none = get_fresh();
	struct age age;

	if (!config || !none || !measure(&age, &config->clock, sight->stamp, sight->noted, sight->skb))
		return;
	value = key.netns ? lookup_or_share(&times, &key, none, key.rootless, SHARE_COUNTERS) : NULL;
	if (!value) {
		lost(LOSS_ENTRY);
		return;
	}
	histogram_add_atomic(&value->histogram, age.nanoseconds);
	if (age.nanoseconds > config->least)
		slow(ctx, sight, &key, value, &age);
}

/* TCP, UDP or 0. The device's header is off already, the network header's place not set yet. */
static __always_inline __u8 protocol_of(const struct sk_buff *skb, bool typed)
{
	__be16 family = GET(typed, skb, protocol);
	__u8 protocol = 0;

	if (family != bpf_htons(ETH_P_IP) && family != bpf_htons(ETH_P_IPV6))
		return 0;
	bpf_probe_read_kernel(&protocol, 1, GET(typed, skb, data) + (family == bpf_htons(ETH_P_IP) ? 9 : 6));
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP ? protocol : 0;
}

/* Behind the header of IP; a segment behind headers in between is not noted again where it is looked for. */
static __always_inline const void *transport_of(const struct sk_buff *skb, bool typed)
{
	const void *data = GET(typed, skb, data);
	__u8 first = 0;

	bpf_probe_read_kernel(&first, 1, data);
	return data + (first >> 4 == 4 ? (first & 15) * 4 : 40);
}

static __always_inline void at_network(void *ctx, const struct sk_buff *skb, bool typed)
{
	struct sight sight = { .skb = skb, .station = NETWORK, .protocol = protocol_of(skb, typed) };
	const struct net_device *dev = GET(typed, skb, dev);
	struct receive_settings *config = get_settings();

	if (!sight.protocol || !config)
		return;
	sight.stamp = stamp_of(skb, typed);
	if (sight.protocol == IPPROTO_TCP && !is_wall_time(&config->clock, sight.stamp))
		note_arrival(skb, transport_of(skb, typed));
	count(ctx, &sight, netns_of_net(GET(typed, dev, nd_net.net), typed));
}

TRACEPOINT(network, netif_receive_skb, at_network(ctx, skb, typed), struct sk_buff *skb)

/* An established connection gets a segment, whose header is still on; one without data nobody waits for. */
static __always_inline void at_tcp(void *ctx, const struct sock *sk, const struct sk_buff *skb, bool typed)
{
	struct sight sight = { .skb = skb, .sk = sk, .station = SOCKET, .protocol = IPPROTO_TCP };
	__u8 words = 0;

	bpf_probe_read_kernel(&words, 1, GET(typed, skb, data) + 12);
	if (GET(typed, skb, len) <= (words >> 4) * 4U)
		return;
	sight.stamp = stamp_of(skb, typed);
	sight.noted = noted_arrival(skb, GET(typed, skb, data));
	count(ctx, &sight, netns_of_sock(sk));
}

TRACEPOINT(tcp, tcp_probe, at_tcp(ctx, sk, skb, typed), struct sock *sk, struct sk_buff *skb)

static __always_inline bool is_of(const struct sock *sk, __u32 protocol)
{
	return family_of_sock(sk) > 0 &&
	       BPF_CORE_READ_BITFIELD_PROBED((const struct sock___receive *)sk, sk_protocol) == protocol;
}

static __always_inline void at_udp(void *ctx, const struct sock *sk, const struct sk_buff *skb, enum station station)
{
	struct sight sight = { .skb = skb, .sk = sk, .station = station, .protocol = IPPROTO_UDP };

	sight.stamp = stamp_of(skb, false);
	count(ctx, &sight, netns_of_sock(sk));
}

FUNCTION_ENTRY(udp, __udp_enqueue_schedule_skb, at_udp(ctx, sk, skb, SOCKET), struct sock *sk, struct sk_buff *skb)

/* Of a queue; NULL: it is empty. The socket is where its struct sock is. */
static __always_inline const struct sk_buff *in_queue(const struct sock *sk, __u32 queue, bool last)
{
	const struct sk_buff_head *head = (const void *)sk + queue;
	const struct sk_buff *skb = last ? BPF_CORE_READ(head, prev) : BPF_CORE_READ(head, next);

	return (const void *)skb == head ? NULL : skb;
}

#define RECEIVE_QUEUE bpf_core_field_offset(struct sock___receive, sk_receive_queue)
#define READER_QUEUE bpf_core_field_offset(struct udp_sock___receive, reader_queue)

/* 6.6: data has just been queued. A reader that was there first has it already. */
SEC("raw_tp/sk_data_ready")
int BPF_PROG(udp_ready_raw, const struct sock *sk)
{
	const struct sk_buff *skb = is_of(sk, IPPROTO_UDP) ? in_queue(sk, RECEIVE_QUEUE, true) : NULL;

	if (skb)
		at_udp(ctx, sk, skb, SOCKET);
	return 0;
}

/* The rest of a packet that somebody has begun to read does not count again. */
static __always_inline void at_read(void *ctx, const struct sk_buff *skb, bool typed)
{
	const struct sock *sk = BPF_CORE_READ(skb, sk);
	struct sight sight = { .skb = skb, .sk = sk, .station = READ, .protocol = IPPROTO_TCP };
	const struct tcp_skb_cb *cb = (const void *)&((const struct sk_buff___receive *)skb)->cb;

	if (!is_kernel_pointer(sk) || !is_of(sk, IPPROTO_TCP) ||
	    BPF_CORE_READ((const struct tcp_sock___receive *)sk, copied_seq) != BPF_CORE_READ(cb, seq))
		return;
	sight.stamp = stamp_of(skb, typed);
	count(ctx, &sight, netns_of_sock(sk));
}

TRACEPOINT(read, skb_copy_datagram_iovec, at_read(ctx, skb, typed), struct sk_buff *skb)

/* Behind the copy: a datagram of one piece is in no tracepoint. The length of one only looked at is below 0. */
FUNCTION_ENTRY(udp_read, skb_consume_udp, if (len >= 0) at_udp(ctx, sk, skb, READ), struct sock *sk,
	       struct sk_buff *skb, int len)

/*
 * Without functions a read tells its socket only, when the datagram is gone: what is next in the queue is noted before,
 * when one comes and behind each read.
 */
static __always_inline struct receive_next *next_of(const struct sock *sk)
{
	__u64 key = (__u64)sk;

	return bpf_map_lookup_elem(&next_reads, &key) ?: bpf_map_lookup_elem(&rootless_next_reads, &key);
}

__hidden __noinline int note_next(const struct sock *sk)
{
	const struct sk_buff *skb = in_queue(sk, READER_QUEUE, false) ?: in_queue(sk, RECEIVE_QUEUE, false);
	struct receive_next next = {}, *known = next_of(sk);
	__u64 key = (__u64)sk;

	if (skb) {
		next.stamp = stamp_of(skb, false);
		fill_flow(&next.flow, skb);
	}
	if (known)
		*known = next;
	else if (netns_of_sock(sk).rootless)
		bpf_map_update_elem(&rootless_next_reads, &key, &next, BPF_ANY);
	else
		bpf_map_update_elem(&next_reads, &key, &next, BPF_ANY);
	return 0;
}

SEC("raw_tp/sk_data_ready")
int BPF_PROG(udp_next_raw, const struct sock *sk)
{
	if (is_of(sk, IPPROTO_UDP))
		note_next(sk);
	return 0;
}

SEC("raw_tp/sock_recv_length")
int BPF_PROG(udp_read_raw, const struct sock *sk, int result, int flags)
{
	struct sight sight = { .sk = sk, .station = READ, .protocol = IPPROTO_UDP };
	struct receive_next *next;
	struct flow flow;

	if (result < 0 || flags & (MSG_PEEK | MSG_ERRQUEUE) || !is_of(sk, IPPROTO_UDP))
		return 0;
	next = next_of(sk);
	if (next && next->stamp) {
		flow = next->flow;
		sight.flow = &flow;
		sight.stamp = next->stamp;
		count(ctx, &sight, netns_of_sock(sk));
	}
	note_next(sk);
	return 0;
}
