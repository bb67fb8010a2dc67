/* SPDX-License-Identifier: MIT */
/* Counts packets and bytes by IPv4 or IPv6 flow on a clsact hook, and lets everything pass. */
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include "bpf.h"

struct flow {
	__u8 source[16];
	__u8 destination[16];
	__u16 source_port;
	__u16 destination_port;
	__u8 protocol;
	__u8 version;
	__u16 unused;
};

struct flow_stats {
	__u64 packets;
	__u64 bytes;
	__u32 longest;
	__u32 shortest;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow);
	__type(value, struct flow_stats);
} flows SEC(".maps");

enum result { COUNTED, NEW_FLOW, TABLE_FULL, TOO_SHORT, NOT_IP, RESULTS };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RESULTS);
	__type(key, __u32);
	__type(value, __u64);
} results SEC(".maps");

static __noinline int note(enum result result)
{
	__u32 key = result;
	__u64 *count = bpf_map_lookup_elem(&results, &key);

	if (count)
		(*count)++;
	return TC_ACT_OK;
}

static __always_inline void add(struct flow_stats *stats, __u32 len)
{
	__sync_fetch_and_add(&stats->packets, 1);
	__sync_fetch_and_add(&stats->bytes, len);
	if (len > stats->longest)
		stats->longest = len;
	if (len < stats->shortest)
		stats->shortest = len;
}

SEC("tc")
int tc_count(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;
	struct flow flow = {};
	struct flow_stats *stats;
	struct flow_stats first = { 1, skb->len, skb->len, skb->len };
	__u16 *ports;

	if ((void *)(eth + 1) > end)
		return note(TOO_SHORT);
	if (eth->h_proto == htons(ETH_P_IP)) {
		struct iphdr *ip = (void *)(eth + 1);

		if ((void *)(ip + 1) > end || ip->ihl < 5)
			return note(TOO_SHORT);
		flow.version = 4;
		flow.protocol = ip->protocol;
		__builtin_memcpy(flow.source, &ip->saddr, 4);
		__builtin_memcpy(flow.destination, &ip->daddr, 4);
		ports = (void *)ip + ip->ihl * 4;
	} else if (eth->h_proto == htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = (void *)(eth + 1);

		if ((void *)(ip + 1) > end)
			return note(TOO_SHORT);
		flow.version = 6;
		flow.protocol = ip->nexthdr;
		__builtin_memcpy(flow.source, &ip->saddr, 16);
		__builtin_memcpy(flow.destination, &ip->daddr, 16);
		ports = (void *)(ip + 1);
	} else {
		return note(NOT_IP);
	}
	if (flow.protocol == IPPROTO_TCP || flow.protocol == IPPROTO_UDP) {
		if ((void *)(ports + 2) > end)
			return note(TOO_SHORT);
		flow.source_port = ntohs(ports[0]);
		flow.destination_port = ntohs(ports[1]);
	}

	stats = bpf_map_lookup_elem(&flows, &flow);
	if (stats) {
		add(stats, skb->len);
		return note(COUNTED);
	}
	if (bpf_map_update_elem(&flows, &flow, &first, BPF_NOEXIST))
		return note(TABLE_FULL);
	return note(NEW_FLOW);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
