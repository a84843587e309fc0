// SPDX-License-Identifier: Apache-2.0
// A tool's session whose two outputs are strings.
#pragma once

#include <xenpp/cli/session.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

namespace xenpp::fakes {

/// A stream into memory.
class text_stream {
public:
    text_stream() : file_(::open_memstream(&data_, &size_)) {}

    text_stream(text_stream const&) = delete;
    text_stream& operator=(text_stream const&) = delete;

    ~text_stream() {
        std::fclose(file_);
        std::free(data_);
    }

    std::FILE* file() const noexcept { return file_; }

    /// What was written since the last call.
    std::string take() {
        std::fflush(file_);
        auto const all = std::string(data_, size_);
        return all.substr(std::exchange(taken_, all.size()));
    }

private:
    char* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t taken_ = 0;
    std::FILE* file_;
};

struct captured_session {
    text_stream out;
    text_stream err;
    cli::session session;

    explicit captured_session(host* h = nullptr) : session("xl", out.file(), err.file(), h) {}
};

} // namespace xenpp::fakes
