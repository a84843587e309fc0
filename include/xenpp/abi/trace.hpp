// SPDX-License-Identifier: Apache-2.0
// Layout of the trace buffers and the classes of their records; public header trace.h.
#pragma once

#include <cstdint>

namespace xenpp::abi {

/// Words after a record's header.
inline constexpr std::uint32_t trace_extra_max = 7;
inline constexpr std::uint32_t trace_extra_shift = 28;

/// Where an event has its class.
inline constexpr std::uint32_t trc_cls_shift = 16;

/// Classes of events.
inline constexpr std::uint32_t trc_gen = 0x1f000;
inline constexpr std::uint32_t trc_sched = 0x2f000;
inline constexpr std::uint32_t trc_dom0op = 0x4f000;
inline constexpr std::uint32_t trc_hvm = 0x8f000;
inline constexpr std::uint32_t trc_mem = 0x10f000;
inline constexpr std::uint32_t trc_pv = 0x20f000;
inline constexpr std::uint32_t trc_shadow = 0x40f000;
inline constexpr std::uint32_t trc_hw = 0x80f000;
inline constexpr std::uint32_t trc_guest = 0x800f000;
inline constexpr std::uint32_t trc_all = 0xffff000;

/// In a record's header word: a time stamp follows.
inline constexpr std::uint32_t trc_hd_cycle_flag = 1u << 31;

/// Where an event has its sub-class.
inline constexpr std::uint32_t trc_subcls_shift = 12;

/// In an event: its words are 64 bits wide.
inline constexpr std::uint32_t trc_64_flag = 0x100;

/// The head of one CPU's trace buffer: byte positions that run to twice the buffer's size.
struct t_buf {
    std::uint32_t cons;
    std::uint32_t prod;
};

static_assert(sizeof(t_buf) == 8);

/// Where each CPU's buffer is: its pages, and the place of its list of frames after this.
struct t_info {
    std::uint16_t tbuf_size;
    // mfn_offset[]: as many as fit follow.
};

static_assert(sizeof(t_info) == 2);

} // namespace xenpp::abi
