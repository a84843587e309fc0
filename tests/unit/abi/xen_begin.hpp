// SPDX-License-Identifier: Apache-2.0
// Goes before the C headers: what they are told, and the warnings they are excused from.
// No include guard: it opens a bracket that xen_end.hpp closes.
// clang-format off
#ifndef __XEN_TOOLS__
#    define __XEN_TOOLS__ 1
#endif
#include <cstring>
// The C headers refuse to declare anonymous structures to a compiler that calls itself strict.
#undef __STRICT_ANSI__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wzero-length-array"
#pragma GCC diagnostic ignored "-Wgnu-anonymous-struct"
#pragma GCC diagnostic ignored "-Wnested-anon-types"
// clang-format on
