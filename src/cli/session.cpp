// SPDX-License-Identifier: Apache-2.0
// Where a tool's words go, and how it comes to its host.
#include <xenpp/base/printable.hpp>
#include <xenpp/cli/session.hpp>
#include <xenpp/host.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

namespace xenpp::cli {

unexpected<error> refuse(std::string line) {
    return unexpected(error{{}, 0, std::move(line)});
}

session::session(std::string program, std::FILE* out, std::FILE* err, host* h)
    : program_(std::move(program)), out_(out), err_(err), host_(h) {}

session::~session() = default;

void session::print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), out_);
}

void session::complain(std::string_view line) {
    std::string text;
    if (global.has_timestamps) {
        std::time_t const now = std::time(nullptr);
        text = fmt::format("{:%Y-%m-%d %H:%M:%S %Z} [{}] ", fmt::localtime(now), getpid());
    }
    text += printable(line);
    text += '\n';
    std::fflush(out_); // so that the two streams keep their order on a terminal
    std::fwrite(text.data(), 1, text.size(), err_);
    std::fflush(err_);
}

int session::fail(std::string_view line) {
    complain(fmt::format("{}: {}", program_, line));
    return exit_failure;
}

int session::fail(error const& e) {
    if (!e.operation.empty()) {
        return fail(e.message());
    }
    complain(e.detail);
    return exit_failure;
}

void session::log(unsigned level, std::string_view line) {
    if (global.verbose >= level) {
        complain(fmt::format("{}: {}", program_, line));
    }
}

result<host*> session::open(bool may_start) {
    if (host_ == nullptr) {
        host_options options;
        options.start = may_start;
        own_ = std::make_unique<host>(XENPP_TRY(host::open(options)));
        host_ = own_.get();
        if (global.verbose > 0) {
            log(1, XENPP_TRY(host_->info()).connection);
        }
    }
    return host_;
}

result<host*> session::open() {
    return open(true);
}

result<host*> session::open_running() {
    return open(false);
}

void session::close() noexcept {
    if (own_) {
        host_ = nullptr;
        own_.reset();
    }
}

int session::finish(int code) {
    if (std::fflush(out_) == 0 && std::ferror(out_) == 0) {
        return code;
    }
    auto const reason =
        fmt::format("cannot write: {}",
                    std::strerror(errno)); // NOLINT(concurrency-mt-unsafe): glibc's is per thread
    return code != exit_success ? code : fail(reason);
}

} // namespace xenpp::cli
