// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Freed packets: counted per namespace, reason, place and family; the first of each kind become events.
#include "flow.h"

#define ACTION_COUNT 1 /* count, no event */
#define ACTION_IGNORE 2 /* neither */
#define REASONS 256 /* of the core; those of subsystems (mac80211, openvswitch) are above 2^16 */
#define REASON_OTHER 0xffffffff /* counted without its reason and place: the map was full */
#define STACK_DEPTH 20

/*
 * Numbers of namespaces begin here (include/uapi/linux/nsfs.h, include/linux/proc_ns.h). Below: what was followed was
 * no device. TCP keeps tree links in that field while a segment is out of order.
 */
#define FIRST_INODE 0xeffffff0

struct packetloss_settings {
	__u32 burst; /* events per second, key and CPU; 0: no events */
	__u32 stack;
	__u8 actions[REASONS]; /* by reason: 0 count and report */
};

struct packetloss_key {
	__u64 location; /* return address in the function that freed it */
	__u32 netns;
	__u32 netns_cookie;
	__u32 reason; /* enum skb_drop_reason; 0 before 5.17 */
	__u32 family; /* 4, 6 or 0 */
};

struct packetloss_value {
	__u64 drops;
	struct limiter limiter;
	__u64 tick; /* jiffies when the clock was read last */
};


struct packetloss_event {
	struct event_head head;
	struct flow flow;
	__u64 location;
	__u32 reason;
	__u32 length;
	__u32 ifindex;
	__s32 stack_size; /* bytes of the addresses that follow */
};

struct packetloss_record {
	struct packetloss_event event;
	__u64 stack[STACK_DEPTH];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct packetloss_settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 8192); /* set by the loader */
	__type(key, struct packetloss_key);
	__type(value, struct packetloss_value);
} packetloss SEC(".maps");

/* Drops for which the map above had no room: by namespace and family only, and without namespace when full too. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024); /* set by the loader */
	__type(key, struct packetloss_key);
	__type(value, __u64);
} overflow SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32); /* family / 2 */
	__type(value, __u64);
} unattributed SEC(".maps");

struct packetloss_place {
	__u64 location;
	__u64 reason;
};

/* Places that user space does not want to hear of: it resolves symbols, we do not. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 512);
	__type(key, struct packetloss_place);
	__type(value, __u8);
} muted SEC(".maps");

SCRATCH(packetloss_record)

/*
 * Through typed pointers the verifier allows plain loads, which cost a fraction of the helper's. Not for sockets:
 * kernels from 6.12 want a test for NULL there in a form that the compiler does not keep.
 */
#define GET(typed, ptr, field) ((typed) ? (ptr)->field : BPF_CORE_READ(ptr, field))

static __always_inline bool to_netns(struct packetloss_key *key, struct net *net, bool typed)
{
	__u32 inum;

	if (!is_kernel_pointer(net))
		return false;
	inum = GET(typed, net, ns.inum);
	if (inum < FIRST_INODE)
		return false;
	key->netns = inum;
	if (bpf_core_field_exists(net->net_cookie))
		key->netns_cookie = (__u32)GET(typed, net, net_cookie);
	return true;
}

/*
 * The socket that is to receive it knows the namespace, then the device that it is on; a sender's socket may be in
 * another namespace by now, so it and the route come last.
 */
static __always_inline void set_netns(struct packetloss_key *key, const struct sk_buff *skb, struct net_device *dev,
				      const struct sock *rx_sk, bool typed)
{
	struct sock *sk;
	unsigned long dst;

	/* By helper: kernels before 6.13 believe that this argument is never NULL, and would not catch its fault. */
	if (rx_sk && to_netns(key, BPF_CORE_READ(rx_sk, __sk_common.skc_net.net), false))
		return;
	if (is_kernel_pointer(dev) && to_netns(key, GET(typed, dev, nd_net.net), typed))
		return;
	sk = BPF_CORE_READ(skb, sk);
	if (is_kernel_pointer(sk) && to_netns(key, BPF_CORE_READ(sk, __sk_common.skc_net.net), false))
		return;
	dst = GET(typed, skb, _skb_refdst) & ~1UL; /* SKB_DST_NOREF */
	if (!is_kernel_pointer((void *)dst))
		return;
	dev = BPF_CORE_READ((struct dst_entry *)dst, dev);
	if (is_kernel_pointer(dev))
		to_netns(key, BPF_CORE_READ(dev, nd_net.net), false);
}

/*
 * 4, 6, 0 for other packets, -1 for what is none: buffers of unix, netlink and vsock sockets have neither protocol nor
 * device. What an IP socket gives up before it has a header counts by the socket.
 */
static __always_inline int family_of(const struct sk_buff *skb, struct net_device *dev, bool typed)
{
	__be16 protocol = GET(typed, skb, protocol);
	struct sock *sk;

	if (protocol == bpf_htons(ETH_P_IP))
		return 4;
	if (protocol == bpf_htons(ETH_P_IPV6))
		return 6;
	if (protocol || is_kernel_pointer(dev))
		return 0;
	sk = BPF_CORE_READ(skb, sk);
	if (!is_kernel_pointer(sk))
		return -1;
	switch (BPF_CORE_READ(sk, __sk_common.skc_family)) {
	case AF_INET:
		return 4;
	case AF_INET6:
		return 6;
	default:
		return -1;
	}
}

static __always_inline void report(void *ctx, const struct sk_buff *skb, const struct packetloss_key *key, __u64 now,
				   bool stack)
{
	struct packetloss_record_scratch *place;
	struct packetloss_event *event;
	struct net_device *dev;

	place = take_scratch();
	if (!place)
		return;
	event = &place->record.event;
	__builtin_memset(event, 0, sizeof(*event));
	event->head.time = now;
	event->head.netns = key->netns;
	event->head.netns_cookie = key->netns_cookie;
	fill_task(&event->head);
	if (BPF_CORE_READ(skb, protocol))
		flow_of_skb(&event->flow, skb);
	event->location = key->location;
	event->reason = key->reason;
	event->length = BPF_CORE_READ(skb, len);
	dev = BPF_CORE_READ(skb, dev);
	if (is_kernel_pointer(dev))
		event->ifindex = BPF_CORE_READ(dev, ifindex);
	if (stack) {
		event->stack_size = bpf_get_stack(ctx, place->record.stack, sizeof(place->record.stack), 0);
		emit(ctx, &place->record, sizeof(place->record));
	} else {
		emit(ctx, event, sizeof(*event));
	}
	place->busy = 0;
}

/* Exact even when every key is taken: the drop keeps its namespace as long as that has room. */
static __always_inline void count_overflow(struct packetloss_key *key)
{
	__u64 *drops, none = 0;
	__u32 index = key->family / 2;

	lost(LOSS_ENTRY);
	key->location = 0;
	key->reason = REASON_OTHER;
	drops = bpf_map_lookup_elem(&overflow, key);
	if (!drops) {
		bpf_map_update_elem(&overflow, key, &none, BPF_NOEXIST);
		drops = bpf_map_lookup_elem(&overflow, key);
	}
	if (!drops)
		drops = bpf_map_lookup_elem(&unattributed, &index);
	if (drops)
		add(drops, 1);
}

/* Since 5.6. */
enum bpf_func_id___netlens {
	BPF_FUNC_jiffies64___netlens = 118,
};

/*
 * Reading the clock costs half as much as all the rest. Under a flood it is read only when the kernel's tick has moved
 * on; in between the limiter would say the same.
 */
static __always_inline bool may_report(struct packetloss_value *value, __u32 burst, __u64 *now)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id___netlens, BPF_FUNC_jiffies64___netlens)) {
		__u64 tick = bpf_jiffies64();

		if (value->tick == tick && value->limiter.sent >= burst) {
			value->limiter.held++;
			return false;
		}
		value->tick = tick;
	}
	*now = bpf_ktime_get_ns();
	return admit(&value->limiter, *now, burst);
}

static __always_inline bool is_muted(const struct packetloss_key *key)
{
	struct packetloss_place place = { .location = key->location, .reason = key->reason };

	return bpf_map_lookup_elem(&muted, &place);
}

static __always_inline int drop(void *ctx, struct sk_buff *skb, void *location, __u32 reason, struct sock *rx_sk,
				bool typed)
{
	struct packetloss_key key = {};
	struct packetloss_value *value;
	struct packetloss_settings *config;
	struct net_device *dev;
	__u32 zero = 0;
	__u8 action;
	__u64 now;
	int family;

	config = bpf_map_lookup_elem(&settings, &zero);
	if (!config)
		return 0;
	action = reason < REASONS ? config->actions[reason] : 0;
	if (action == ACTION_IGNORE)
		return 0;
	dev = GET(typed, skb, dev);
	family = family_of(skb, dev, typed);
	if (family < 0)
		return 0;
	key.family = family;
	key.location = (__u64)location;
	key.reason = reason;
	set_netns(&key, skb, dev, rx_sk, typed);
	value = bpf_map_lookup_elem(&packetloss, &key);
	if (!value) {
		struct packetloss_value fresh = {};

		if (is_muted(&key))
			return 0;
		bpf_map_update_elem(&packetloss, &key, &fresh, BPF_NOEXIST);
		value = bpf_map_lookup_elem(&packetloss, &key);
		if (!value) {
			count_overflow(&key);
			return 0;
		}
	}
	add(&value->drops, 1);
	if (!config->burst || action == ACTION_COUNT)
		return 0;
	if (!may_report(value, config->burst, &now))
		return 0;
	if (!is_muted(&key))
		report(ctx, skb, &key, now, config->stack);
	return 0;
}

/* 6.11: with the socket that was to receive it. */
SEC("tp_btf/kfree_skb")
int BPF_PROG(kfree_skb_sk_btf, struct sk_buff *skb, void *location, __u32 reason, struct sock *rx_sk)
{
	return drop(ctx, skb, location, reason, rx_sk, true);
}

/* 5.17: with a reason. */
SEC("tp_btf/kfree_skb")
int BPF_PROG(kfree_skb_reason_btf, struct sk_buff *skb, void *location, __u32 reason)
{
	return drop(ctx, skb, location, reason, NULL, true);
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(kfree_skb_btf, struct sk_buff *skb, void *location)
{
	return drop(ctx, skb, location, 0, NULL, true);
}

SEC("raw_tp/kfree_skb")
int BPF_PROG(kfree_skb_reason_raw, struct sk_buff *skb, void *location, __u32 reason)
{
	return drop(ctx, skb, location, reason, NULL, false);
}

SEC("raw_tp/kfree_skb")
int BPF_PROG(kfree_skb_raw, struct sk_buff *skb, void *location)
{
	return drop(ctx, skb, location, 0, NULL, false);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
