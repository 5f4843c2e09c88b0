// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Freed packets: counted per namespace, reason, place and family; the first of each kind become events.
#include "event.h"
#include "lost.h"
#include "share.h"
#include "trait.h"

/* Bits. */
#define ACTION_COUNT 1 /* count, no event */
#define ACTION_IGNORE 2 /* neither */
#define ACTION_LOOK 4 /* what it was tells whether somebody has lost it */
#define ACTION_REFUSED 8 /* the reason says that the sender was told */
#define ACTION_ORDERLY 16 /* the reason says that nothing is missing */
/* A reason is the number of its subsystem (core, mac80211, openvswitch, qdisc) and 16 bits. */
#define SUBSYSTEMS 8
#define REASONS 256 /* of each; user space looks after those that have no place here */
#define REASON_OTHER 0xffffffff /* counted without its reason and place: the map was full */

struct packetloss_settings {
	__u32 burst; /* events per second, key and CPU; 0: no events */
	__u32 stack;
	__u8 actions[SUBSYSTEMS * REASONS]; /* by reason: 0 count and report */
};

struct packetloss_key {
	__u64 location; /* return address in the function that freed it */
	__u32 netns;
	__u32 netns_cookie;
	__u32 reason; /* enum skb_drop_reason; 0 before 5.17 */
	__u8 family; /* 4, 6 or 0 */
	__u8 trait;
	__u8 rootless;
	__u8 received; /* it came in by a device of its namespace, else it began here */
};

struct packetloss_value {
	__u64 drops;
	struct limiter limiter;
	__u64 tick; /* jiffies when the clock was read last */
};

struct packetloss_place {
	__u64 location;
	__u64 reason;
};

struct packetloss_event {
	struct event_head head;
	struct flow flow;
	__u64 location;
	__u32 reason;
	__u32 length;
	__u32 ifindex;
	__u32 trait;
	struct stack stack;
};

SETTINGS(struct packetloss_settings)
EVENT(packetloss_event)
MAP(packetloss, BPF_MAP_TYPE_PERCPU_HASH, 8192, struct packetloss_key, struct packetloss_value); /* set by the loader */
/*
 * Drops for which the map above had no room: by namespace, family and outcome only, and without namespace and outcome
 * when full too.
 */
MAP(overflow, BPF_MAP_TYPE_PERCPU_HASH, 1024, struct packetloss_key, __u64);
MAP(unattributed, BPF_MAP_TYPE_PERCPU_ARRAY, 4, __u32, __u64); /* by family / 2 */

/* Places that user space does not want to hear of: it resolves symbols, we do not. */
MAP(muted, BPF_MAP_TYPE_HASH, 512, struct packetloss_place, __u8);

static __always_inline bool is_muted(const struct packetloss_key *key)
{
	return bpf_map_lookup_elem(&muted, &(struct packetloss_place){ key->location, key->reason });
}

/* One trait per outcome, for what loses its reason and place. Where only the place tells, it counts as lost. */
static __always_inline __u8 trait_of_outcome(__u8 trait, __u8 action)
{
	if (trait == ANSWERED || trait == CLOSING)
		return trait;
	if (trait == RESET || action & ACTION_ORDERLY)
		return CLOSING;
	return action & ACTION_REFUSED ? ANSWERED : PLAIN;
}

/* Exact even when every key is taken: the drop keeps its namespace and outcome as long as these have room. */
static __always_inline void count_overflow(struct packetloss_key *key, __u8 action)
{
	__u64 *drops, none = 0;
	__u32 index = key->family / 2;

	lost(LOSS_ENTRY);
	key->location = 0;
	key->reason = REASON_OTHER;
	key->trait = trait_of_outcome(key->trait, action);
	drops = lookup_or_share(&overflow, key, &none, key->rootless, SHARE_OVERFLOW);
	drops = drops ?: bpf_map_lookup_elem(&unattributed, &index);
	if (drops)
		add(drops, 1);
}

/* NULL: muted, or counted as overflow. */
static __always_inline struct packetloss_value *value_of(struct packetloss_key *key, __u8 action)
{
	struct packetloss_value *value = bpf_map_lookup_elem(&packetloss, key), fresh = {};

	if (value || is_muted(key))
		return value;
	value = lookup_or_share(&packetloss, key, &fresh, key->rootless, SHARE_COUNTERS);
	if (!value)
		count_overflow(key, action);
	return value;
}

static __always_inline void report(void *ctx, const struct sk_buff *skb, const struct packetloss_key *key, __u64 now,
				   bool stack)
{
	struct packetloss_event *event = begin_event(now, key->netns, key->netns_cookie, true);
	struct net_device *dev = BPF_CORE_READ(skb, dev);

	if (!event)
		return;
	if (BPF_CORE_READ(skb, protocol))
		flow_of_skb(&event->flow, skb);
	event->head.rootless = key->rootless;
	event->location = key->location;
	event->reason = key->reason;
	event->trait = key->trait;
	event->length = BPF_CORE_READ(skb, len);
	if (is_kernel_pointer(dev))
		event->ifindex = BPF_CORE_READ(dev, ifindex);
	end_event(ctx, event, offsetof(struct packetloss_event, stack) + fill_stack(ctx, &event->stack, stack));
}

static __always_inline __u8 action_of(const struct packetloss_settings *config, __u32 reason)
{
	__u32 subsystem = reason >> 16, number = reason & 0xffff, index;

	if (subsystem >= SUBSYSTEMS || number >= REASONS)
		return 0;
	index = subsystem * REASONS + number;
	/* The verifier of old kernels knows no bound of it. */
	barrier_var(index);
	return index < sizeof(config->actions) ? config->actions[index] : 0;
}

static __always_inline void drop(void *ctx, struct sk_buff *skb, void *location, __u32 reason, struct sock *rx_sk,
				 bool typed)
{
	struct packetloss_settings *config = get_settings();
	struct packetloss_key key = { .location = (__u64)location, .reason = reason };
	struct packetloss_value *value;
	struct netns ns;
	__u8 action;
	int family;
	__u64 now;

	if (!config)
		return;
	action = action_of(config, reason);
	if (action & ACTION_IGNORE)
		return;
	family = family_of_skb(skb, typed);
	if (family < 0 || is_blank(skb, typed))
		return;
	key.family = family;
	key.trait = trait_of(skb, rx_sk, family, action & ACTION_LOOK, typed);
	ns = netns_of_skb(skb, rx_sk, typed);
	key.netns = ns.inum;
	key.netns_cookie = ns.cookie;
	key.rootless = ns.rootless;
	/* Crossing into another namespace clears it. */
	key.received = GET(typed, skb, skb_iif) != 0;
	value = value_of(&key, action);
	if (family && key.trait != CLOSING && !(action & ACTION_ORDERLY) && (value || !is_muted(&key)))
		leave_lost(skb, family, (__u64)location, reason, &ns, typed);
	if (!value)
		return;
	add(&value->drops, 1);
	if (action & ACTION_COUNT || key.trait == CLOSING || !config->burst)
		return;
	if (!admit_flood(&value->limiter, &value->tick, config->burst, &now) || is_muted(&key))
		return;
	if (!key.rootless || admit_rootless(&value->limiter, now, config->burst))
		report(ctx, skb, &key, now, config->stack);
}

/* 6.11: with the socket that was to receive it. */
SEC("tp_btf/kfree_skb")
int BPF_PROG(kfree_skb_sk_btf, struct sk_buff *skb, void *location, __u32 reason, struct sock *rx_sk)
{
	drop(ctx, skb, location, reason, rx_sk, true);
	return 0;
}

/* 5.17: with a reason. */
TRACEPOINT(kfree_skb_reason, kfree_skb, drop(ctx, skb, location, reason, NULL, typed), struct sk_buff *skb,
	   void *location, __u32 reason)

TRACEPOINT(kfree_skb, kfree_skb, drop(ctx, skb, location, 0, NULL, typed), struct sk_buff *skb, void *location)

/* 6.10: also without a socket. */
SEC("raw_tp/tcp_send_reset")
int BPF_PROG(send_reset_reason_raw, struct sock *sk, struct sk_buff *skb, __u32 reason)
{
	answered(skb);
	return 0;
}

SEC("raw_tp/tcp_send_reset")
int BPF_PROG(send_reset_raw, struct sock *sk, struct sk_buff *skb)
{
	answered(skb);
	return 0;
}

/* 6.6: as soon as the limit of ICMP has let it through. */
SEC("raw_tp/icmp_send")
int BPF_PROG(icmp_send_raw, struct sk_buff *skb, int type)
{
	answered_by_icmp(skb, type);
	return 0;
}

FUNCTION_ENTRY(v4_send_reset, tcp_v4_send_reset, answered_by_reset(skb), struct sock *sk, struct sk_buff *skb)
FUNCTION_ENTRY(v6_send_reset, tcp_v6_send_reset, answered_by_reset(skb), struct sock *sk, struct sk_buff *skb)
FUNCTION_ENTRY(icmp_send, __icmp_send, answered_by_icmp(skb, type), struct sk_buff *skb, int type)
FUNCTION_ENTRY(icmp6_send, icmp6_send, answered(skb), struct sk_buff *skb)
FUNCTION_ENTRY(ct_attach, nf_ct_attach, answered_by_rule(answer, skb), struct sk_buff *answer, struct sk_buff *skb)
FUNCTION_ENTRY(time_wait, tcp_timewait_state_process, met_closing(skb), struct sock *tw, struct sk_buff *skb)
