// SPDX-License-Identifier: Apache-2.0
// What one unprivileged domain may use of the store; the defaults are xenstored's.
#pragma once

#include <cstddef>

namespace xenpp::store {

/// Limits per unprivileged domain. The control domain has none. Exceeding `watches` answers
/// E2BIG, the others ENOSPC.
struct quotas {
    std::size_t nodes = 1000;                 ///< nodes it owns
    std::size_t watches = 128;                ///< watches it has registered
    std::size_t transactions = 10;            ///< transactions it has open
    std::size_t transaction_nodes = 1024;     ///< nodes it touches in one transaction
    std::size_t transaction_memory = 2 << 20; ///< bytes its open transactions hold
    std::size_t node_size = 2048; ///< bytes of value, child names and permissions of a node
    std::size_t permissions = 5;  ///< permission entries of a node
};

} // namespace xenpp::store
