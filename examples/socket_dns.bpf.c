/* SPDX-License-Identifier: MIT */
/*
 * A socket filter that accepts DNS queries and answers over UDP, cut to 512 bytes, and counts packet lengths in a
 * histogram of powers of two. It reads the packet with the classic load instructions, from the network header on: so
 * it works on packet sockets with and without the link header, and in BPF_PROG_TEST_RUN.
 */
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include "bpf.h"

/* The legacy packet loads: network byte order in, host order out; a load past the end ends the program with 0. */
unsigned long long load_byte(void *skb, unsigned long long offset) asm("llvm.bpf.load.byte");
unsigned long long load_half(void *skb, unsigned long long offset) asm("llvm.bpf.load.half");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 17);
	__type(key, __u32);
	__type(value, __u32);
} lengths SEC(".maps");

const volatile __u16 dns_port = 53;

static __noinline __u32 log2_of(__u32 value)
{
	__u32 bits = 0;

	for (int i = 0; i < 16; i++) {
		if (value <= 1)
			break;
		value >>= 1;
		bits++;
	}
	return bits;
}

SEC("socket")
int socket_dns(struct __sk_buff *skb)
{
	__u32 bucket = log2_of(skb->len);
	__u32 *count = bpf_map_lookup_elem(&lengths, &bucket);
	__u32 udp;

	if (count)
		__sync_fetch_and_add(count, 1);
	if (skb->protocol != htons(ETH_P_IP))
		return 0;
	if (load_byte(skb, SKF_NET_OFF + __builtin_offsetof(struct iphdr, protocol)) != IPPROTO_UDP)
		return 0;
	udp = SKF_NET_OFF + (load_byte(skb, SKF_NET_OFF) & 15) * 4;
	if (load_half(skb, udp + __builtin_offsetof(struct udphdr, source)) != dns_port &&
	    load_half(skb, udp + __builtin_offsetof(struct udphdr, dest)) != dns_port)
		return 0;
	return 512;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
