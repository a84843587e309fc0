// SPDX-License-Identifier: Apache-2.0
// Goes after the C headers, and closes what xen_begin.hpp opened.
#pragma GCC diagnostic pop
// The numbers are macros of C, so their casts appear in the tables.
#pragma GCC diagnostic ignored "-Wold-style-cast"
