// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Control commands of virtio-net devices: how long the driver spun for the answer, per device; the slow ones as events.
#include "flow.h"

#define LEGACY_SLOW 10000000ULL /* what KubeSkoop counts: 10 ms and 100 ms */
#define LEGACY_SLOWER 100000000ULL
#define NETDEV_ALIGN 32 /* include/linux/netdevice.h */

struct virtcmdlatency_settings {
	__u64 slow; /* ns above which there is an event */
	__u32 burst; /* events per second and device; 0: no events */
	__u32 pad;
};

/* A command under way, by thread. */
struct virtcmdlatency_start {
	__u64 time;
	void *vi; /* struct virtnet_info, the driver's part of the device */
	__u8 class;
	__u8 command;
	__u8 pad[6];
};

struct virtcmdlatency_key {
	__u32 netns;
	__u32 netns_cookie;
	__u32 ifindex;
};

/* Counted atomically: commands are rare, and the lock that orders those of a device is free when we count. */
struct virtcmdlatency_value {
	struct histogram histogram;
	__u64 slow;
	__u64 slower;
	struct limiter limiter;
	char name[16];
};

struct virtcmdlatency_event {
	struct event_head head;
	__u64 duration;
	__u32 ifindex;
	char name[16];
	__u8 class;
	__u8 command;
	__u8 pad[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct virtcmdlatency_settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct virtcmdlatency_start);
} starts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct virtcmdlatency_key);
	__type(value, struct virtcmdlatency_value);
} virtcmdlatency SEC(".maps");

SCRATCH(virtcmdlatency_event)

/*
 * struct virtnet_info is private to a module, and modules have no BTF before 5.11. It is what netdev_priv() gives for
 * the device, so the device is as far before it: by its size, rounded up, or since 6.11 by the offset of its last field.
 */
static __always_inline struct net_device *device_of(void *vi)
{
	__u64 distance;

	if (bpf_core_field_exists(struct net_device, priv))
		distance = bpf_core_field_offset(struct net_device, priv);
	else
		distance = (bpf_core_type_size(struct net_device) + NETDEV_ALIGN - 1) & ~(NETDEV_ALIGN - 1);
	return vi - distance;
}

static __always_inline void report(void *ctx, const struct virtcmdlatency_key *key,
				   const struct virtcmdlatency_start *start, const char *name, __u64 now)
{
	struct virtcmdlatency_event_scratch *place;
	struct virtcmdlatency_event *event;

	place = take_scratch();
	if (!place)
		return;
	event = &place->record;
	event->head.time = now;
	event->head.netns = key->netns;
	event->head.netns_cookie = key->netns_cookie;
	fill_task(&event->head);
	event->duration = now - start->time;
	event->ifindex = key->ifindex;
	event->class = start->class;
	event->command = start->command;
	__builtin_memcpy(event->name, name, sizeof(event->name));
	emit(ctx, event, sizeof(*event));
	place->busy = 0;
}

static __always_inline int begin(void *vi, __u8 class, __u8 command)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	struct virtcmdlatency_start start = { .vi = vi, .class = class, .command = command };

	start.time = bpf_ktime_get_ns();
	/* Over one whose end was missed, too: it must not be taken for this one's begin. */
	if (bpf_map_update_elem(&starts, &thread, &start, BPF_ANY))
		lost(LOSS_ENTRY);
	return 0;
}

static __always_inline struct virtcmdlatency_value *value_of(const struct virtcmdlatency_key *key)
{
	struct virtcmdlatency_value *value, fresh = {};

	value = bpf_map_lookup_elem(&virtcmdlatency, key);
	if (!value) {
		bpf_map_update_elem(&virtcmdlatency, key, &fresh, BPF_NOEXIST);
		value = bpf_map_lookup_elem(&virtcmdlatency, key);
		if (!value)
			lost(LOSS_ENTRY);
	}
	return value;
}

static __always_inline void measured(void *ctx, const struct virtcmdlatency_start *start, __u64 now)
{
	struct net_device *dev = device_of(start->vi);
	__u64 ns = now - start->time;
	__u64 slot = histogram_slot(ns);
	__u32 zero = 0;
	struct virtcmdlatency_settings *config;
	struct virtcmdlatency_key key = {};
	struct virtcmdlatency_value *value;
	struct netns ns_of_dev;

	ns_of_dev = netns_of_dev(dev);
	key.netns = ns_of_dev.inum;
	key.netns_cookie = ns_of_dev.cookie;
	key.ifindex = BPF_CORE_READ(dev, ifindex);
	value = value_of(&key);
	if (!value)
		return;
	BPF_CORE_READ_INTO(&value->name, dev, name);
	barrier_var(slot);
	if (slot < HISTOGRAM_SLOTS)
		add(&value->histogram.slots[slot], 1);
	add(&value->histogram.sum, ns);
	if (ns > LEGACY_SLOW)
		add(&value->slow, 1);
	if (ns > LEGACY_SLOWER)
		add(&value->slower, 1);
	config = bpf_map_lookup_elem(&settings, &zero);
	if (config && ns > config->slow && config->burst && admit(&value->limiter, now, config->burst))
		report(ctx, &key, start, value->name, now);
}

static __always_inline int end(void *ctx)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	struct virtcmdlatency_start *found, start;
	__u64 now = bpf_ktime_get_ns();

	/* None: it began before the probe did. */
	found = bpf_map_lookup_elem(&starts, &thread);
	if (!found)
		return 0;
	start = *found;
	bpf_map_delete_elem(&starts, &thread);
	if (start.time <= now)
		measured(ctx, &start, now);
	return 0;
}

/* 6.10: the function that waits; the one of the old name became a wrapper that compilers inline. */
SEC("fentry/virtnet_send_command_reply")
int BPF_PROG(reply_entry, void *vi, __u8 class, __u8 command)
{
	return begin(vi, class, command);
}

SEC("fexit/virtnet_send_command_reply")
int BPF_PROG(reply_exit)
{
	return end(ctx);
}

SEC("fentry/virtnet_send_command")
int BPF_PROG(command_entry, void *vi, __u8 class, __u8 command)
{
	return begin(vi, class, command);
}

SEC("fexit/virtnet_send_command")
int BPF_PROG(command_exit)
{
	return end(ctx);
}

SEC("kprobe/virtnet_send_command_reply")
int BPF_KPROBE(reply_kprobe, void *vi, __u8 class, __u8 command)
{
	return begin(vi, class, command);
}

SEC("kretprobe/virtnet_send_command_reply")
int BPF_KRETPROBE(reply_kretprobe)
{
	return end(ctx);
}

SEC("kprobe/virtnet_send_command")
int BPF_KPROBE(command_kprobe, void *vi, __u8 class, __u8 command)
{
	return begin(vi, class, command);
}

SEC("kretprobe/virtnet_send_command")
int BPF_KRETPROBE(command_kretprobe)
{
	return end(ctx);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
