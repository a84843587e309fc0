// SPDX-License-Identifier: Apache-2.0
// The file that carries a server's state across the death of its process.
#pragma once

#include <xenpp/base/error.hpp>
#include <xenpp/store/server.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace xenpp::store {

/// An append-only file of changes. What `commit` has written survives SIGKILL at any moment (it is
/// in the page cache); it is not forced to disk. A record is its length, its CRC-32 and its
/// changes; one that is cut short at the end of the file never happened. When the file has grown
/// far beyond the state it describes, it is replaced by a snapshot, or, where that fails, some time
/// later.
class journal {
public:
    /// Opens or creates the file, brings `s`, which must be new, to the state it describes and
    /// starts the recording of changes; a state of earlier begins a new epoch. Errors: the file
    /// cannot be opened, is in use by another process, is no journal, or is damaged in its middle.
    static result<journal> open(std::string path, server& s);

    journal(journal&& other) noexcept;
    journal& operator=(journal&& other) noexcept;
    journal(journal const&) = delete;
    journal& operator=(journal const&) = delete;
    ~journal();

    /// Writes the changes of `s` since the last call that did. Nothing that depends on them may
    /// leave the process before. After an error the caller must not go on; if it does, they are
    /// written with the next ones, and never left out.
    result<void> commit(server& s);

    /// Bytes in the file.
    std::uint64_t size() const noexcept { return size_; }

    /// Was there a state to go on from?
    bool is_recovered() const noexcept { return is_recovered_; }

private:
    journal(int fd, std::string path) noexcept : fd_(fd), path_(std::move(path)) {}

    result<void> load(server& s);
    result<void> append(std::string_view changes);
    result<void> compact(server const& s);

    std::string new_file() const { return path_ + ".new"; }

    int fd_ = -1;
    std::string path_;
    std::string pending_; ///< changes that could not be written
    std::uint64_t size_ = 0;
    std::uint64_t compact_above_ = 0;
    bool is_recovered_ = false;
};

} // namespace xenpp::store
