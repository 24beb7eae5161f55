// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What the programs need of the kernel's interface, and nothing newer than Linux 4.14.
// The numbers are those of include/uapi/linux/bpf.h.
#pragma once

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static __attribute__((always_inline)) inline // calls need Linux 4.16

#define __uint(name, value) int(*name)[value]
#define __type(name, type) type *name

enum { MAP_ARRAY = 2, MAP_LRU_HASH = 9 };

static void *(*const map_lookup)(void *map, const void *key) = (void *)1;
static long (*const map_update)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*const probe_read)(void *to, u32 size, const void *from) = (void *)4;
static u64 (*const ktime)(void) = (void *)5; // CLOCK_MONOTONIC
static u32 (*const this_cpu)(void) = (void *)8;
static u64 (*const current_pid_tgid)(void) = (void *)14;
static long (*const skb_load)(const void *skb, u32 offset, void *to, u32 length) = (void *)26;
